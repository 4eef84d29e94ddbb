// A rule, and whom it selects while it is written. What is wrong is shown where it is.
import { html, useRef } from '../preact.js';
import { useApp, useRead, useRested } from '../hooks.js';
import { count } from '../format.js';
import { Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';
import { Field } from './parts.js';

const examples = 5; // devices that are named

/** Where a refusal says the fault is: a character, counted from 1 (docs/rules.md). @param {Error|null} error @returns {{at: number, message: string}|null} */
function faultOf(error) {
  const place = /^\w+, character (\d+): ([^]*)$/.exec(error?.message ?? '');
  return place && { at: Number(place[1]) - 1, message: place[2] };
}

/** @param {{label: string, value: string, onInput: (value: string) => void, disabled?: boolean}} props */
export function RuleEditor({ label, value, onInput, disabled }) {
  const { api } = useApp();
  const rested = useRested(value.trim(), 350);
  const tried = useRead((signal) => (rested ? api.post(`/deviceManagement/plimsoll.matchingDevices?$top=${examples}&$select=id,deviceName`, { rule: rested }, { signal }) : Promise.resolve(null)), [rested]);
  const mirror = useRef(null);
  const current = rested === value.trim();
  const fault = current ? faultOf(tried.error) : null;
  const lead = value.length - value.trimStart().length;
  const chars = [...value]; // the server counts characters, not units of UTF-16
  const at = fault ? Math.min(fault.at + lead, chars.length) : 0;
  const error = !fault ? (current && tried.error?.message) || undefined : t.rule.at(count(fault.at + 1), fault.message);
  return html`<div class="rule"><${Field} label=${label} hint=${t.rule.hint} error=${error} wide>${(attributes) => html`<div class="marked">
      <pre ref=${mirror} aria-hidden="true">${fault && html`${chars.slice(0, at).join('')}<mark>${chars[at] ?? ' '}</mark>${wordAfter(chars, at)}`}${'\n'}</pre>
      <textarea ...${attributes} rows="4" value=${value} disabled=${disabled} spellcheck=${false} autocapitalize="off" maxlength="3072"
        onInput=${(e) => onInput(e.target.value)} onScroll=${(e) => { mirror.current.scrollTop = e.target.scrollTop; }} /></div>`}<//>
    <${Selected} tried=${tried} empty=${!rested} /></div>`;
}

/** The rest of the word at fault, underlined with it. */
function wordAfter(chars, at) {
  const rest = chars.slice(at + 1).join('');
  const word = /^[\w.]*/.exec(/[\w.-]/.test(chars[at] ?? '') ? rest : '')[0];
  return html`<mark>${word}</mark>${rest.slice(word.length)}`;
}

function Selected({ tried, empty }) {
  const n = tried.data?.['@odata.count'];
  return html`<p class="reached" role="status"><${Icon} name="devices" />${empty ? t.rule.empty : tried.error ? t.rule.wrong : n === undefined ? t.rule.trying : html`<span>
    <b>${t.rule.selects(count(n), n)}</b>${n > 0 && html` <span class="muted">${tried.data.value.map((device, i) => html`${i > 0 ? ', ' : ''}<a href=${to('devices', device.id)}><${Plain} text=${device.deviceName} /></a>`)}${n > examples ? t.rule.others(count(n - examples)) : ''}</span>`}</span>`}</p>`;
}
