// Has every device of a list run a script, however long the list is: it is read page by
// page, and asked in batches of which a few are under way at once.
import { html, useEffect, useRef, useState } from '../preact.js';
import { useAction, useApp } from '../hooks.js';
import { segment, withOptions } from '../api.js';
import { count } from '../format.js';
import { Plain } from '../plain.js';
import { t } from '../texts.js';
import { Button, Dialog, Problem } from '../ui/parts.js';
import { scriptPath } from './script.js';

const inBatch = 20;
const batchesAtOnce = 3;
const inPage = 200;
const longest = 30; // s between two tries

export const runNowRequest = (device, script) => ({
  method: 'POST', url: `/deviceManagement/managedDevices/${segment(device)}/initiateOnDemandProactiveRemediation`, body: { scriptPolicyId: script },
});

/** The ids of the list's devices, as many at a time as a batch takes. A run state's id is script:device. */
async function* devicesOf(api, path, filter, signal) {
  const found = [];
  for (let next = withOptions(path, { filter, select: 'id', top: inPage }); next;) {
    const page = await patiently(() => api.get(next, { signal }), signal);
    next = api.next(page['@odata.nextLink']);
    found.push(...page.value.map(({ id }) => id.split(':')[1]));
    while (found.length >= inBatch || !next && found.length > 0) yield found.splice(0, inBatch);
  }
}

/** @typedef {{asked: number, refused: Map<string, number>}} Result how many were asked, and how many were refused why */

/** Asks until all were, or until it is stopped, or something is wrong with all of them.
 * @param {import('../api.js').Api} api @param {{path: string, filter: string, script: string}} what
 * @param {Result} result counts on while it runs @param {() => void} tell @param {AbortSignal} stopped what is under way then is still heard of */
export async function runOnAll(api, { path, filter, script }, result, tell, stopped) {
  const failed = new AbortController();
  const signal = AbortSignal.any([stopped, failed.signal]);
  const batches = devicesOf(api, path, filter, signal);
  const work = async () => {
    for (let next = await batches.next(); !next.done && !signal.aborted; next = await batches.next()) {
      await askAll(api, next.value, script, result, tell, signal);
    }
  };
  const fail = (error) => { failed.abort(error); throw error; };
  await Promise.all(Array.from({ length: batchesAtOnce }, () => work().catch(fail)));
}

/** Asks some devices; those for which it is too soon, as the server says, again later. */
async function askAll(api, devices, script, result, tell, signal) {
  for (let pause = 1; devices.length > 0; pause = Math.min(pause * 2, longest)) {
    const answers = await patiently(() => api.batchOf(devices.map((device) => runNowRequest(device, script))), signal);
    const errors = answers.map(({ error }) => error);
    for (const [i, error] of errors.entries()) {
      if (!error) result.asked += 1;
      else if (!isTooSoon(error)) {
        const why = error.message.replaceAll(devices[i], '…');
        result.refused.set(why, (result.refused.get(why) ?? 0) + 1);
      }
    }
    tell();
    const denied = errors.find((error) => error?.status === 403);
    if (denied) throw denied; // as will be all that follow
    devices = devices.filter((_, i) => errors[i] && isTooSoon(errors[i]));
    if (devices.length > 0) await rest(Math.max(pause, ...errors.map((error) => error?.retryAfter ?? 0)), signal);
  }
}

const isTooSoon = ({ status }) => status === 429 || status === 503;

/** Asks until it is not too soon. @template T @param {() => Promise<T>} ask @returns {Promise<T>} */
async function patiently(ask, signal) {
  for (let pause = 1; ; pause = Math.min(pause * 2, longest)) {
    try {
      return await ask();
    } catch (error) {
      if (!isTooSoon(error)) throw error;
      await rest(Math.max(pause, error.retryAfter), signal);
    }
  }
}

/** @param {number} seconds */
const rest = (seconds, signal) => new Promise((resolve, reject) => {
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  setTimeout(() => { signal.removeEventListener('abort', stop); resolve(); }, seconds * 1000);
});

/** @param {{script: string, filter: string, disabled: boolean}} props with the filter of the list; disabled while that shows another */
export function RunAll({ script, filter, disabled }) {
  const { api, ask, say } = useApp();
  const [asked, setAsked] = useState(null); // what was asked for, and of how many devices
  const path = `${scriptPath(script)}/deviceRunStates`;
  const { run, busy, error } = useAction(async () => {
    const what = { path, script, filter: [filter, "detectionState ne 'notApplicable'"].filter(Boolean).join(' and ') };
    const n = Number(await api.get(withOptions(`${path}/$count`, { filter: what.filter }), { headers: { Accept: 'text/plain' } }));
    if (n === 0) say(t.run.nobody);
    else if (await ask({ title: t.run.allTitle(count(n), n), body: t.run.allBody(count(n), n), action: t.run.allAction(count(n), n) })) setAsked((before) => ({ what, n, turn: (before?.turn ?? 0) + 1 }));
  });
  return html`<${Button} icon="run" busy=${busy} disabled=${disabled} onClick=${run}>${t.run.all}<//><${Problem} error=${error} />
    ${asked && html`<${Asking} key=${asked.turn} what=${asked.what} total=${asked.n} onClose=${() => setAsked(null)} />`}`;
}

/** How far it is, and what came of it. */
function Asking({ what, total, onClose }) {
  const { api } = useApp();
  const [, setTurn] = useState(0);
  const [end, setEnd] = useState(null); // {error?: Error}
  const { current: result } = useRef({ asked: 0, refused: new Map() });
  const { current: stop } = useRef(new AbortController());
  useEffect(() => {
    runOnAll(api, what, result, () => setTurn((n) => n + 1), stop.signal).then(() => setEnd({}), (error) => setEnd({ error: error === stop.signal.reason ? null : error }));
    return () => stop.abort();
  }, []);
  const refused = [...result.refused.values()].reduce((sum, n) => sum + n, 0);
  const halt = () => { stop.abort(); setTurn((n) => n + 1); };
  return html`<${Dialog} title=${end ? t.run.over : t.run.asking} onClose=${end ? onClose : halt} actions=${end ? html`<${Button} kind="primary" onClick=${onClose}>${t.close}<//>`
    : html`<${Button} busy=${stop.signal.aborted} onClick=${halt}>${t.run.stop}<//>`}>
    ${!end && html`<progress aria-label=${t.run.asking} max=${total} value=${result.asked + refused} />
      <p>${t.run.progress(count(result.asked + refused), count(total))}</p>`}
    <div role="status" class="stack">${end && html`<p>${t.run.asked(count(result.asked), result.asked)}${stop.signal.aborted && ` ${t.run.stopped}`}</p>
      ${refused > 0 && html`<p>${t.run.refused(count(refused), refused)}</p><ul class="plain-list">${[...result.refused].map(([why, n]) => html`
        <li key=${why}><${Plain} text=${why} most=${500} /><span class="muted">${t.devices.unit(count(n), n)}</span></li>`)}</ul>`}`}</div>
    <${Problem} error=${end?.error} /><//>`;
}
