// The small parts that pages are made of.
import { html, useEffect, useLayoutEffect, useRef, useState } from '../preact.js';
import { useApp, useTitle } from '../hooks.js';
import { Plain, plainly } from '../plain.js';
import { t } from '../texts.js';
import { rememberFocus } from './focus.js';
import { Icon } from './icon.js';

/** @param {{kind?: 'primary'|'danger'|'quiet', icon?: string, busy?: boolean, disabled?: boolean, onClick?: any, type?: string, children: any}} props */
export function Button({ kind = '', icon, busy, disabled, children, type = 'button', label, ...rest }) {
  return html`<button type=${type} class=${kind} disabled=${disabled} aria-busy=${busy ? 'true' : undefined}
    aria-label=${label && plainly(label)} title=${label && plainly(label)} ...${rest}>
    ${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}</button>`;
}

/** A page's top: where it is, what it is, what can be done.
 * @param {{title: any, name?: string, up?: {href: string, text: string}, actions?: any, children?: any}} props */
export function Head({ title, name, up, actions, children }) {
  useTitle(name ?? (typeof title === 'string' ? title : undefined));
  return html`<header class="head">
    ${up && html`<nav aria-label=${t.nav.up}><a href=${up.href}>${up.text}</a></nav>`}
    <div class="row between"><h1 tabindex="-1">${title}</h1>${actions && html`<div class="actions">${actions}</div>`}</div>
    ${children}
  </header>`;
}

/** What went wrong, in the API's words, with the id that leads to it in the log.
 * @param {{error: Error|null, retry?: () => void}} props */
export function Problem({ error, retry }) {
  if (!error) return null;
  return html`<div class="problem" role="alert">
    <${Icon} name="issue" />
    <div><p><${Plain} text=${error.message} most=${2000} /></p>${error.requestId && html`<p class="small">${t.errors.requestId} <code>${error.requestId}</code></p>`}</div>
    ${retry && html`<${Button} onClick=${retry}>${t.errors.retry}<//>`}
  </div>`;
}

/** What is there while something is read, was not to be read, or is read.
 * @param {{of: any, children: (data: any) => any, lines?: number, up?: {href: string, text: string}}} props with up, it is all of a page */
export function Loaded({ of, children, lines = 3, up }) {
  if (of.data !== undefined) {
    return html`${of.error && html`<${Problem} error=${of.error} retry=${of.reload} />`}${children(of.data)}`;
  }
  if (of.error) return html`${up && html`<${Head} title=${t.errors.title} up=${up} />`}<${Problem} error=${of.error} retry=${of.reload} />`;
  return html`<${Waiting} lines=${lines} />`;
}

export function Waiting({ lines = 3 }) {
  return html`<div class="waiting" role="status" aria-label=${t.loading}>${Array.from({ length: lines }, (_, i) => html`<i key=${i} />`)}</div>`;
}

/** @param {{title: string, children?: any, action?: any}} props */
export const Empty = ({ title, children, action }) => html`<div class="empty">
  <h2>${title}</h2>${children && html`<p>${children}</p>`}${action && html`<div class="actions">${action}</div>`}</div>`;

/** A page of something that is not there. @param {{title: string, up: {href: string, text: string}}} props */
export const Gone = ({ title, up }) => html`<${Head} title=${title} up=${up} />
  <div class="empty"><p>${t.errors.gone}</p><div class="actions"><a class="button" href=${up.href}>${t.nav.all(up.text)}</a></div></div>`;

/** @param {{tabs: Array<{id: string, text: string, count?: number}>, current: string, href: (id: string) => string, label: string}} props */
export function Tabs({ tabs, current, href, label }) {
  const now = useRef(null);
  useEffect(() => {
    const list = now.current?.parentElement;
    if (list && list.scrollWidth > list.clientWidth) list.scrollLeft = now.current.offsetLeft - list.clientWidth / 3;
  }, [current]);
  return html`<nav class="tabs" aria-label=${label}>${tabs.map((tab) => html`
    <a key=${tab.id} href=${href(tab.id)} ref=${tab.id === current ? now : undefined}
      aria-current=${tab.id === current ? 'page' : undefined}>${tab.text}</a>`)}</nav>`;
}

let lastId = 0;
/** An id that no other element has. */
export const useId = () => useState(() => `f${++lastId}`)[0];

/** A control with its label, hint and error. @param {{label: string, hint?: any, error?: string, wide?: boolean,
 *   children: (attributes: {id: string, 'aria-describedby'?: string, 'aria-invalid'?: string}) => any}} props */
export function Field({ label, hint, error, wide, children }) {
  const id = useId();
  const describedBy = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
  return html`<div class="field ${wide ? 'wide' : ''}">
    <label for=${id}>${label}</label>
    ${children({ id, 'aria-describedby': describedBy, 'aria-invalid': error ? 'true' : undefined })}
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${error && html`<p class="wrong" id="${id}-error"><${Icon} name="issue" />${error}</p>`}
  </div>`;
}

/** @param {{label: string, value: string, onInput: (value: string) => void}} props */
export const TextField = ({ label, hint, error, value, onInput, wide, lines, type = 'text', ...rest }) => html`
  <${Field} label=${label} hint=${hint} error=${error} wide=${wide}>${(attributes) => (lines
    ? html`<textarea ...${attributes} ...${rest} rows=${lines} value=${value} onInput=${(e) => onInput(e.target.value)} />`
    : html`<input ...${attributes} ...${rest} type=${type} value=${value} onInput=${(e) => onInput(e.target.value)} />`)}<//>`;

/** @param {{label: string, value: string, options: Array<[string, string]>, onInput: (value: string) => void}} props */
export const Choice = ({ label, hint, error, value, options, onInput, ...rest }) => html`
  <${Field} label=${label} hint=${hint} error=${error}>${(attributes) => html`
    <select ...${attributes} ...${rest} onChange=${(e) => onInput(e.target.value)}>
      ${options.map(([key, text]) => html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`)}
    </select>`}<//>`;

/** @param {{label: string, value: boolean, onInput: (value: boolean) => void}} props */
export function Check({ label, hint, value, onInput, disabled }) {
  const id = useId();
  return html`<div class="check"><input type="checkbox" id=${id} checked=${value} disabled=${disabled}
    aria-describedby=${hint ? `${id}-hint` : undefined} onChange=${(e) => onInput(e.target.checked)} />
    <div><label for=${id}>${label}</label>${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}</div></div>`;
}

/** A search that says what it searches. */
export function Search({ label, value, onInput }) {
  return html`<div class="search"><${Icon} name="search" /><input type="search" aria-label=${label} placeholder=${label} value=${value}
    onInput=${(e) => onInput(e.target.value)} /></div>`;
}

/** @param {{label: string, value: string, options: Array<[string, string]>, onInput: (value: string) => void}} props */
export const Narrow = ({ label, value, options, onInput }) => html`<select class="narrow" aria-label=${label} onChange=${(e) => onInput(e.target.value)}>
  ${options.map(([key, text]) => html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`)}</select>`;

/** Something to paste elsewhere. @param {{text: string, label: string}} props */
export function Command({ text, label }) {
  const { say } = useApp();
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    say(t.copied);
  };
  return html`<div class="command"><pre tabindex="0" aria-label=${label}><code>${text}</code></pre>
    <${Button} icon="copy" onClick=${copy}>${t.copy}<//></div>`;
}

/** What a dialog needs to stay until its page takes it away: the browser lets a page refuse to
 * have one closed only once between two clicks or keys (HTML, "close watcher"), so that Escape
 * is heard before, where the focus is, and what is closed all the same is opened again.
 * @param {() => void} [escape] what Escape does */
export const kept = (escape = () => {}) => ({
  onKeyDown: (event) => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    event.preventDefault();
    escape();
  },
  onClick: ({ currentTarget: dialog }) => { // on a text, which takes the focus to nowhere
    if (dialog.isConnected && document.activeElement === document.body) dialog.querySelector('h2').focus({ preventScroll: true });
  },
  onCancel: (event) => { event.preventDefault(); escape(); },
  onClose: ({ currentTarget: dialog }) => { if (dialog.isConnected && !dialog.open) dialog.showModal(); },
});

/** A dialog over the page: the browser keeps the focus in it, and Escape closes it.
 * @param {{title: string, onClose: () => void, children: any, actions: any, wide?: boolean}} props */
export function Dialog({ title, onClose, children, actions, wide }) {
  const element = useRef(null);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = element.current;
    const giveBack = rememberFocus();
    dialog.showModal();
    (dialog.querySelector('[data-first]') ?? dialog.querySelector('h2')).focus();
    return () => {
      dialog.close(); // while it is open, nothing behind it takes the focus
      giveBack();
    };
  }, []);
  return html`<dialog ref=${element} class=${wide ? 'wide' : ''} aria-labelledby=${id} ...${kept(onClose)}>
    <header class="row between"><h2 id=${id} tabindex="-1">${typeof title === 'string' ? html`<${Plain} text=${title} />` : title}</h2><${Button} kind="quiet" icon="close" label=${t.close} onClick=${onClose} /></header>
    <div class="body">${children}</div>
    <footer class="actions">${actions}</footer>
  </dialog>`;
}

/** Asks once, and says what will be done. @param {{question: import('../hooks.js').Question, answer: (yes: boolean) => void}} props */
export function Confirm({ question, answer }) {
  return html`<${Dialog} title=${question.title} onClose=${() => answer(false)} actions=${html`
    <${Button} data-first onClick=${() => answer(false)}>${t.cancel}<//>
    <${Button} kind=${question.danger ? 'danger' : 'primary'} onClick=${() => answer(true)}>${question.action}<//>`}>
    ${typeof question.body === 'string' ? html`<p>${question.body}</p>` : question.body}<//>`;
}

/** Facts, by name. @param {{rows: Array<[string, any]>}} props */
export const Facts = ({ rows }) => html`<dl class="facts">${rows.filter(Boolean).map(([name, value]) => html`
  <div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

/** @param {{title: string, aside?: any, children: any}} props */
export const Section = ({ title, aside, children, plain }) => html`<section class="section ${plain ? 'plain' : ''}">
  <header class="row between"><h2>${title}</h2>${aside}</header>${children}</section>`;
