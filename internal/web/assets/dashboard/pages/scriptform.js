// Writing a script: what is typed is checked by the API, and what would change is
// shown before it does.
import { html, useMemo, useState } from '../preact.js';
import { useAction, useApp, useRead, useSummaries, useUnsaved } from '../hooks.js';
import { withOptions } from '../api.js';
import { count } from '../format.js';
import { Plain } from '../plain.js';
import { to, usePlace } from '../router.js';
import { samples } from '../samples.js';
import { t } from '../texts.js';
import { Diff } from '../ui/code.js';
import { totalOf } from '../ui/marks.js';
import { Button, Check, Choice, Dialog, Problem, TextField } from '../ui/parts.js';
import { Editor } from '../ui/editor.js';
import { useOrigin } from './reported.js';
import { scriptPath } from './script.js';

const byteOrderMark = '\uFEFF';
const textOf = (base64) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(atob(base64 ?? ''), (c) => c.charCodeAt(0)));

/** A source as a text field has it: without a byte order mark, and with \n alone. @param {string|null} base64 @returns {string} */
export const decoded = (base64) => textOf(base64).replace(byteOrderMark, '').replaceAll('\r\n', '\n');

/** The text in the bytes of what it was made from: Windows PowerShell reads a source by its mark, and a signature holds for its line ends.
 * @param {string} text @param {string|null|undefined} like what it was, in base64 @returns {string|null} */
function encoded(text, like) {
  if (!text) return null;
  const was = textOf(like);
  const ends = /\r\n/.test(was) && !/(^|[^\r])\n/.test(was) ? text.replaceAll('\n', '\r\n') : text;
  let binary = '';
  for (const byte of new TextEncoder().encode((was.startsWith(byteOrderMark) ? byteOrderMark : '') + ends)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

const texts = ['displayName', 'description', 'publisher', 'version'];
const settings = ['platform', 'runAsAccount', 'enforceSignatureCheck', 'runAs32Bit'];
// What raises the revision, so that every device has to run the script anew (docs/api.md).
const raising = ['source', 'runAsAccount', 'enforceSignatureCheck', 'runAs32Bit'];

const formOf = (script) => ({
  ...Object.fromEntries(texts.map((name) => [name, script[name] ?? ''])), platform: script.platform ?? '',
  runAsAccount: script.runAsAccount ?? 'system', enforceSignatureCheck: script.enforceSignatureCheck ?? false, runAs32Bit: script.runAs32Bit ?? false,
  source: script.source ?? decoded(script.detectionScriptContent),
});

/** What the API is told: of a text that was null and is empty, nothing. */
function bodyOf(like, now, names) {
  const body = {};
  for (const name of names) {
    if (name === 'source') body.detectionScriptContent = encoded(now.source, like);
    else body[name] = now[name] === '' && name !== 'displayName' ? null : now[name];
  }
  return body;
}

/** @param {{script?: any, saved?: (script: any) => void}} props without script, it makes a new one */
export function ScriptForm({ script, saved }) {
  const { api, ask, router, say } = useApp();
  const { query } = usePlace(router);
  const sample = script ? undefined : samples.find(({ id }) => id === query.get('sample'));
  const [base, setBase] = useState(script);
  const before = useMemo(() => formOf(base ?? {}), [base]);
  const start = useMemo(() => (sample ? formOf({ ...sample, displayName: sample.name }) : before), [before, sample]);
  const [form, setForm] = useState(start);
  const [preview, setPreview] = useState(false);
  const changed = Object.keys(before).filter((name) => form[name] !== before[name]);
  const [begun, setBegun] = useState(null); // the sample that was chosen here
  const typed = Object.keys(form).some((name) => form[name] !== (begun ?? start)[name]);
  useUnsaved(typed);
  const begin = async (one) => {
    if (typed && !await ask({ title: t.form.replaceTitle, body: t.form.replaceBody, action: t.form.replace, danger: true })) return;
    const chosen = formOf({ ...one, displayName: one.name });
    setBegun(chosen);
    setForm(chosen);
  };
  const set = (name) => (value) => setForm((now) => ({ ...now, [name]: value }));

  const saving = useAction(async (force) => {
    const like = base?.detectionScriptContent;
    const body = bodyOf(like, form, script ? changed : [...texts, ...settings, 'source'].filter((name) => form[name] !== ''));
    setPreview(false);
    if (script) {
      const answer = await api.patch(scriptPath(script.id), body, force ? undefined : base['@odata.etag']);
      setBase({ ...answer, detectionScriptContent: encoded(form.source, like) });
      setForm(formOf({ ...answer, source: form.source }));
      saved({ ...script, ...answer, detectionScriptContent: encoded(form.source, like) });
      say(t.form.saved);
    } else {
      const made = await api.post('/deviceManagement/deviceComplianceScripts', body);
      say(t.scripts.created(made.displayName));
      router.replace(`/scripts/${encodeURIComponent(made.id)}/assignments`);
    }
  });
  const rebase = useAction(async () => { // what was typed stays, and is compared with what is there now
    setBase(await api.get(scriptPath(script.id)));
    saving.setError(null);
  });
  const wrong = (name) => (saving.error?.target === name ? saving.error.message : undefined);
  const conflict = saving.error?.status === 412;
  const known = [...texts, ...settings, 'detectionScriptContent'].includes(saving.error?.target);
  const submit = (event) => {
    event.preventDefault();
    if (!form.displayName.trim()) saving.setError(Object.assign(new Error(t.form.nameMissing), { target: 'displayName' }));
    else if (script) setPreview(true);
    else saving.run();
  };
  return html`<form class="form" onSubmit=${submit}>
    ${!script && html`<p class="row wrap"><span class="muted">${t.form.samples}</span>${samples.map((one) => html`
      <${Button} key=${one.id} onClick=${() => begin(one)}>${one.name}<//>`)}</p>`}
    <div class="grid">
      <${TextField} label=${t.form.name} value=${form.displayName} onInput=${set('displayName')} error=${wrong('displayName')} required maxlength="1024" />
      <${Choice} label=${t.scripts.platform} value=${form.platform} onInput=${set('platform')} hint=${t.form.platformHint}
        options=${[['', t.platforms.any], ['linux', t.platforms.linux], ['macOS', t.platforms.macOS], ['windows10', t.platforms.windows10]]} />
      <${TextField} label=${t.form.description} value=${form.description} onInput=${set('description')} error=${wrong('description')} lines=${2} wide />
    </div>
    <${Editor} label=${t.form.source} value=${form.source} onInput=${set('source')} platform=${form.platform} hint=${t.form.sourceHint} error=${wrong('detectionScriptContent')} />
    <details><summary>${t.form.more}</summary><div class="grid">
      <${Choice} label=${t.form.runAs} value=${form.runAsAccount} onInput=${set('runAsAccount')} options=${[['system', t.form.system], ['user', t.form.user]]} />
      <${TextField} label=${t.form.publisher} value=${form.publisher} onInput=${set('publisher')} error=${wrong('publisher')} />
      <${TextField} label=${t.form.version} value=${form.version} onInput=${set('version')} error=${wrong('version')} />
      <${Check} label=${t.form.signed} hint=${t.form.signedHint} value=${form.enforceSignatureCheck} onInput=${set('enforceSignatureCheck')} />
      <${Check} label=${t.form.thirtyTwo} hint=${t.form.thirtyTwoHint} value=${form.runAs32Bit} onInput=${set('runAs32Bit')} />
    </div></details>
    ${conflict ? html`<${Conflict} error=${saving.error} force=${() => saving.run(true)} reread=${rebase.run} />`
      : !known && html`<${Problem} error=${saving.error} />`}
    <footer class="actions sticky">
      <${Button} type="submit" kind="primary" busy=${saving.busy} disabled=${script && changed.length === 0}>${script ? t.form.preview : t.scripts.make}<//>
      ${!script && html`<a class="button" href="#/scripts">${t.cancel}</a>`}
      ${script && changed.length > 0 && html`<${Button} onClick=${() => setForm(before)}>${t.form.revert}<//>`}
      ${script && changed.length === 0 && html`<span class="muted small">${t.form.unchanged}</span>`}
    </footer>
    ${preview && html`<${Preview} script=${script} before=${before} now=${form} changed=${changed} busy=${saving.busy} save=${() => saving.run()} onClose=${() => setPreview(false)} />`}
  </form>`;
}

/** What will be another than it is, and what that does to the devices. */
function Preview({ script, before, now, changed, busy, save, onClose }) {
  return html`<${Dialog} wide title=${t.preview.title} onClose=${onClose} actions=${html`<${Button} onClick=${onClose}>${t.preview.back}<//>
      <${Button} kind="primary" busy=${busy} onClick=${save}>${t.form.save}<//>`}>
    <${Consequence} script=${script} before=${before} now=${now} anew=${changed.some((name) => raising.includes(name))} />
    ${changed.some((name) => name !== 'source') && html`<dl class="changes">${changed.filter((name) => name !== 'source').map((name) => html`<div key=${name}>
      <dt>${t.form.names[name]}</dt><dd><del><${Plain} text=${word(name, before[name])} /></del> <span aria-hidden="true">→</span> <ins><${Plain} text=${word(name, now[name])} /></ins></dd></div>`)}</dl>`}
    ${changed.includes('source') && html`<${Diff} before=${before.source} after=${now.source} />`}<//>`;
}

/** A setting's value as the form says it. */
function word(name, value) {
  if (typeof value === 'boolean') return value ? t.yes : t.no;
  if (name === 'platform') return t.platforms[value || 'any'];
  return name === 'runAsAccount' ? t.form[value] : value;
}

/** The operating systems that a script runs on, as the server decides it (docs/scripts.md). */
function systemsOf({ platform, source }) {
  if (platform) return [{ linux: 'Linux', macOS: 'macOS', windows10: 'Windows' }[platform]];
  return source.startsWith('#!') ? ['Linux', 'macOS'] : ['Windows'];
}

/** What saving does to the devices. Those of other systems count nowhere, so that another
 * platform, or a first line that says another, takes devices out and lets others in. */
function Consequence({ script, before, now, anew }) {
  const summary = useSummaries().get(script.id) ?? script.runSummary;
  const origin = useOrigin(script);
  const n = totalOf(summary);
  const [from, to] = [systemsOf(before), systemsOf(now)];
  const moves = String(from) !== String(to);
  if (!origin) return html`<p role="status">${t.loading}</p>`;
  const all = moves && origin.assigned ? t.preview.pendingThose : origin.reported ? t.preview.reported : t.preview.pending(count(n), n);
  return html`<div class=${moves || (anew && n > 0) ? 'consequence' : ''}>
    ${moves && html`<p><b>${t.preview.moves(to, from)}</b> ${origin.assigned && html`<${Moved} script=${script} to=${to} />`}</p>`}
    ${(anew || !moves) && html`<p><b>${anew ? all : t.preview.stays}</b></p>`}</div>`;
}

/** How many devices go and come, where the server can count them in time. */
function Moved({ script, to }) {
  const { api } = useApp();
  const isTo = `managedDevice/operatingSystem in (${to.map((system) => `'${system}'`).join(',')})`;
  const read = useRead((signal) => Promise.all([`detectionState ne 'notApplicable' and not (${isTo})`, `detectionState eq 'notApplicable' and ${isTo}`]
    .map((filter) => api.get(withOptions(`${scriptPath(script.id)}/deviceRunStates/$count`, { filter }), { signal, headers: { Accept: 'text/plain' } }).then(Number))), [script.id, isTo]);
  return read.data ? t.preview.counted(...read.data.flatMap((n) => [count(n), n])) : t.preview.uncounted(to);
}

const Conflict = ({ error, force, reread }) => html`<div class="problem" role="alert"><div><p><b>${t.form.conflict}</b></p><p>${error.message}</p>
  <div class="actions"><${Button} kind="danger" onClick=${force}>${t.form.overwrite}<//><${Button} onClick=${reread}>${t.form.rebase}<//></div></div></div>`;
