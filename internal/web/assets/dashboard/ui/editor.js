// A field for source text, with line numbers that go along.
import { html, useRef } from '../preact.js';
import { count } from '../format.js';
import { t } from '../texts.js';
import { Field } from './parts.js';

/** @param {{label: string, value: string, onInput: (value: string) => void, hint?: any, error?: string}} props */
export function Editor({ label, value, onInput, hint, error }) {
  const numbers = useRef(null);
  const lines = value.split('\n').length;
  const keys = (event) => { // Tab leaves the field, as everywhere, unless it is asked to indent
    if (event.key !== 'Enter' || event.isComposing) return;
    const { selectionStart, value: text } = event.target;
    const indent = /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', selectionStart - 1) + 1, selectionStart))[0];
    if (!indent) return;
    event.preventDefault();
    document.execCommand('insertText', false, `\n${indent}`);
  };
  return html`<${Field} label=${label} hint=${hint} error=${error} wide>${(attributes) => html`<div class="editor">
    <pre ref=${numbers} aria-hidden="true">${Array.from({ length: lines }, (_, i) => i + 1).join('\n')}</pre>
    <textarea ...${attributes} value=${value} rows=${Math.min(Math.max(lines + 1, 12), 32)} wrap="off" spellcheck=${false} autocapitalize="off" autocomplete="off"
      onInput=${(e) => onInput(e.target.value)} onKeyDown=${keys} onScroll=${(e) => { numbers.current.scrollTop = e.target.scrollTop; }} />
    <p class="small muted counted">${t.form.lines(count(lines), lines)}</p></div>`}<//>`;
}
