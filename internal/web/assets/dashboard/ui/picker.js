// Choosing one of many by its name: the server searches (ARIA's combobox pattern).
import { html, useEffect, useState } from '../preact.js';
import { useApp, useRested } from '../hooks.js';
import { literal, withOptions } from '../api.js';
import { Plain } from '../plain.js';
import { t } from '../texts.js';
import { Field, useId } from './parts.js';

/** @param {{label: string, path: string, name?: string, value: {id: string, name: string}|null, hint?: any, error?: string,
 *   onChoose: (chosen: {id: string, name: string}|null) => void, clear?: boolean}} props where clear empties it after each choice */
export function Picker({ label, path, name = 'displayName', value, hint, error, onChoose, clear }) {
  const { api } = useApp();
  const list = useId();
  const [text, setText] = useState(value?.name ?? '');
  const [open, setOpen] = useState(false);
  const [found, setFound] = useState([]);
  const [at, setAt] = useState(0);
  const rested = useRested(text, 200);
  useEffect(() => { setText(value?.name ?? ''); }, [value?.id]);
  useEffect(() => {
    if (!open) return undefined;
    const stop = new AbortController();
    const typed = rested === value?.name ? '' : rested.trim();
    const filter = typed ? `contains(tolower(${name}),${literal(typed.toLowerCase())})` : '';
    api.get(withOptions(path, { filter, orderby: name, select: `id,${name}`, top: 20 }), { signal: stop.signal })
      .then((page) => { setFound(page.value.map((row) => ({ id: row.id, name: row[name] }))); setAt(0); }, () => {});
    return () => stop.abort();
  }, [rested, open, path]);

  const choose = (one) => {
    setOpen(false);
    setText(clear ? '' : one?.name ?? '');
    onChoose(one);
  };
  const key = (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setOpen(true);
      setAt((n) => Math.min(Math.max(n + (event.key === 'ArrowDown' ? (open ? 1 : 0) : -1), 0), Math.max(found.length - 1, 0)));
    } else if (event.key === 'Enter' && open && found[at]) {
      event.preventDefault();
      choose(found[at]);
    } else if (event.key === 'Escape' && open) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    }
  };
  const left = () => {
    setOpen(false);
    if (!clear) setText(value?.name ?? '');
  };
  return html`<${Field} label=${label} hint=${hint} error=${error}>${(attributes) => html`<div class="picker">
    <input ...${attributes} type="text" role="combobox" autocomplete="off" aria-expanded=${open ? 'true' : 'false'} aria-controls=${list}
      aria-autocomplete="list" aria-activedescendant=${open && found[at] ? `${list}-${at}` : undefined} placeholder=${t.picker.placeholder}
      value=${text} onInput=${(e) => { setText(e.target.value); setOpen(true); }} onFocus=${() => setOpen(true)} onClick=${() => setOpen(true)}
      onBlur=${left} onKeyDown=${key} />
    <ul id=${list} role="listbox" aria-label=${label} hidden=${!open}>
      ${found.map((one, i) => html`<li key=${one.id} id="${list}-${i}" role="option" aria-selected=${i === at ? 'true' : 'false'}
        onMouseDown=${(e) => { e.preventDefault(); choose(one); }}><${Plain} text=${one.name} /></li>`)}
      ${found.length === 0 && html`<li class="muted" role="option" aria-disabled="true" aria-selected="false">${t.picker.nothing}</li>`}
    </ul></div>`}<//>`;
}
