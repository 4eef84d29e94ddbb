// What a state looks like: a sign, a word and a colour, never the colour alone.
import { html } from '../preact.js';
import { ago, bothTimes, count, dateTime, instant, percent } from '../format.js';
import { useNow } from '../hooks.js';
import { plainly } from '../plain.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';

/** The four counts of a summary, in the order in which they are shown. */
export const counts = [
  { kind: 'healthy', property: 'noIssueDetectedDeviceCount', state: 'success' },
  { kind: 'issue', property: 'issueDetectedDeviceCount', state: 'fail' },
  { kind: 'error', property: 'detectionScriptErrorDeviceCount', state: 'scriptError' },
  { kind: 'pending', property: 'detectionScriptPendingDeviceCount', state: 'pending' },
];

const kinds = { success: 'healthy', fail: 'issue', scriptError: 'error', pending: 'pending', unknown: 'pending', notApplicable: 'none' };

/** @param {{state: string}} props a run state */
export function Status({ state }) {
  const kind = kinds[state] ?? 'none';
  return html`<span class="status ${kind}"><${Icon} name=${kind} />${t.states[state] ?? state}</span>`;
}

const compliances = { compliant: 'healthy', noncompliant: 'issue', error: 'error', conflict: 'issue' };

/** @param {{state: string}} props what all scripts say of a device, as the API has it */
export function Compliance({ state }) {
  const kind = compliances[state] ?? 'none';
  return html`<span class="status ${kind}"><${Icon} name=${kind} />${t.compliance[state] ?? state}</span>`;
}

/** @param {Record<string, number>} summary @returns {number} of devices that count */
export const totalOf = (summary) => counts.reduce((sum, { property }) => sum + Math.max(summary?.[property] ?? 0, 0), 0);

/** One bar of a summary. @param {{summary: any, label?: string}} props */
export function Bar({ summary, label }) {
  const all = totalOf(summary);
  const said = all === 0 ? t.bar.nothing
    : counts.map(({ kind, property }) => t.bar.part(t.kinds[kind], count(summary[property]), percent(summary[property], all))).join(', ');
  return html`<div class="bar" role="img" aria-label=${label ? `${plainly(label)}: ${said}` : said}>
    ${counts.map(({ kind, property }) => summary?.[property] > 0 && html`<div key=${kind} class="part ${kind}"
      style=${{ flexGrow: summary[property] / all }} title=${t.bar.part(t.kinds[kind], count(summary[property]), percent(summary[property], all))} />`)}
  </div>`;
}

/** The numbers of a bar, with their signs. @param {{summary: any, format?: (n: number) => string, href?: (state: string) => string}} props */
export function Figures({ summary, href }) {
  const all = totalOf(summary);
  return html`<dl class="figures">${counts.map(({ kind, property, state }) => {
    const n = summary?.[property] ?? 0;
    return html`<div key=${kind} class=${kind}>
      <dt><${Icon} name=${kind} />${t.kinds[kind]}</dt>
      <dd>${href ? html`<a href=${href(state)}>${count(n)}</a>` : count(n)}<small>${percent(n, all)}</small></dd>
    </div>`;
  })}</dl>`;
}

/** A time in words, with the exact one in both zones to be had.
 * @param {{at: string|null|undefined, absent?: string, exact?: boolean, coming?: boolean}} props where coming is of what is yet to be */
export function Time({ at, absent = t.time.never, exact = false, coming = false }) {
  const now = useNow();
  const date = instant(at);
  if (!date) return html`<span class="muted">${absent}</span>`;
  return html`<time datetime=${date.toISOString()} title=${bothTimes(date)}>${exact ? dateTime(date) : ago(date, now, coming)}</time>`;
}

/** @param {{kind?: string, children: any}} props */
export const Tag = ({ children }) => html`<span class="tag">${children}</span>`;
