// Choosing one of many by its name: the server searches (ARIA's combobox pattern).
import { html, useEffect, useRef, useState } from '../preact.js';
import { useApp, useRested } from '../hooks.js';
import { literal, withOptions } from '../api.js';
import { Plain } from '../plain.js';
import { t } from '../texts.js';
import { Field, useId } from './parts.js';

/** @param {{label: string, path: string, name?: string, value: {id: string, name: string}|null, hint?: any, error?: string,
 *   onChoose: (chosen: {id: string, name: string}|null) => void, clear?: boolean, optional?: boolean}} props where clear empties it
 *   after each choice, and who empties an optional one chooses none */
export function Picker({ label, path, name = 'displayName', value, hint, error, onChoose, clear, optional }) {
  const { api } = useApp();
  const list = useId();
  const [text, setText] = useState(value?.name ?? '');
  const [open, setOpen] = useState(false);
  const [found, setFound] = useState({ of: null, rows: [], error: null });
  const [at, setAt] = useState(0); // -1 where Enter takes none
  const entered = useRef(false); // Enter, before there was what the text finds
  const rested = useRested(text, 200);
  const typedOf = (words) => (words === value?.name ? '' : words.trim());
  const { rows } = found;
  const current = found.of === typedOf(text); // else they are what an earlier text found
  useEffect(() => { setText(value?.name ?? ''); }, [value?.id]);
  useEffect(() => {
    if (!open) return undefined;
    const stop = new AbortController();
    const of = typedOf(rested);
    const filter = of ? `contains(tolower(${name}),${literal(of.toLowerCase())})` : '';
    setFound((before) => ({ ...before, error: null }));
    api.get(withOptions(path, { filter, orderby: name, select: `id,${name}`, top: 20 }), { signal: stop.signal }).then((page) => {
      if (stop.signal.aborted) return;
      setFound({ of, rows: page.value.map((row) => ({ id: row.id, name: row[name] })), error: null });
      setAt(optional && !of ? -1 : 0);
    }, (failure) => { if (!stop.signal.aborted) setFound({ of: null, rows: [], error: failure }); });
    return () => stop.abort();
  }, [rested, open, path]);

  const choose = (one) => {
    setOpen(false);
    setText(clear ? '' : one?.name ?? '');
    onChoose(one);
  };
  const enter = () => {
    entered.current = open && !current && !found.error;
    if (!open || !current) return;
    if (rows[at]) choose(rows[at]);
    else if (optional && !text) setOpen(false);
  };
  useEffect(() => { if (entered.current) enter(); }, [found]);
  const type = (words) => {
    entered.current = false;
    setText(words);
    setOpen(true);
    if (optional && !words && value) onChoose(null);
  };
  const key = (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setOpen(true);
      setAt((n) => Math.min(Math.max(n + (event.key === 'ArrowDown' ? (open ? 1 : 0) : -1), 0), Math.max(rows.length - 1, 0)));
    } else if (event.key === 'Enter' && open) {
      event.preventDefault();
      enter();
    } else if (event.key === 'Escape' && open) {
      event.preventDefault();
      event.stopPropagation();
      entered.current = false;
      setOpen(false);
    }
  };
  const left = () => {
    entered.current = false;
    setOpen(false);
    if (!clear) setText(value?.name ?? '');
  };
  return html`<${Field} label=${label} hint=${hint} error=${error}>${(attributes) => html`<div class="picker">
    <input ...${attributes} type="text" role="combobox" autocomplete="off" aria-expanded=${open ? 'true' : 'false'} aria-controls=${list}
      aria-autocomplete="list" aria-activedescendant=${open && rows[at] ? `${list}-${at}` : undefined} placeholder=${t.picker.placeholder}
      value=${text} onInput=${(e) => type(e.target.value)} onFocus=${() => setOpen(true)} onClick=${() => setOpen(true)}
      onBlur=${left} onKeyDown=${key} />
    <ul id=${list} role="listbox" aria-label=${label} hidden=${!open}>
      ${rows.map((one, i) => html`<li key=${one.id} id="${list}-${i}" role="option" aria-selected=${i === at ? 'true' : 'false'}
        onMouseDown=${(e) => { e.preventDefault(); choose(one); }}><${Plain} text=${one.name} /></li>`)}
      ${rows.length === 0 && html`<li class="muted" role="option" aria-disabled="true" aria-selected="false">${found.error ? found.error.message : current ? t.picker.nothing : t.loading}</li>`}
    </ul></div>`}<//>`;
}
