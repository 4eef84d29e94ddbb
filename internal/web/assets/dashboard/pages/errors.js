// Why a script could not run, those reasons that are alike together.
import { html } from '../preact.js';
import { useApp, useEvent, useRead, useSparingly } from '../hooks.js';
import { count } from '../format.js';
import { Output, Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Empty, Loaded, Waiting } from '../ui/parts.js';
import { useOrigin } from './reported.js';
import { scriptPath } from './script.js';

/** @param {{script: any}} props */
export function Errors({ script }) {
  const { api, live } = useApp();
  const read = useRead((signal) => api.get(`${scriptPath(script.id)}/plimsoll.errorGroups()`, { signal }), [script.id]);
  const anew = useSparingly(read.reload, 10_000);
  useEvent(live, 'summaries', (e) => { if (e.detail.includes(script.id)) anew(); });
  return html`<${Loaded} of=${read}>${(told) => {
    if (told.value.length === 0) return html`<${NoErrors} script=${script} />`;
    const most = Math.max(...told.value.map((group) => group.count));
    return html`<div class="row between wrap"><p class="muted">${t.errorGroups.lead(count(told.value.length), told.value.length, count(told['plimsoll.counted']), told['plimsoll.counted'])}
        ${told['plimsoll.complete'] === false && t.errorGroups.incomplete}</p>
        <a href=${`${to('scripts', script.id, 'devices')}?state=scriptError`}>${t.errorGroups.toDevices}</a></div>
      <ol class="error-groups">${told.value.map((group, i) => html`<li key=${i}>
        <p class="amount"><span><b>${count(group.count)}</b> ${t.errorGroups.devices(group.count)}</span><meter min="0" max=${most} value=${group.count} aria-label=${t.errorGroups.share(count(group.count))} /></p>
        <${Output} label=${t.output.error} text=${group.text} />
        ${group.exampleDeviceId && html`<p class="small">${t.errorGroups.example} <a href=${to('devices', group.exampleDeviceId)}><${Plain} text=${group.exampleDeviceName} /></a></p>`}
      </li>`)}</ol>`;
  }}<//>`;
}

/** Reported numbers may have errors, of which nobody told the texts. */
function NoErrors({ script }) {
  const origin = useOrigin(script);
  if (!origin) return html`<${Waiting} />`;
  return origin.reported ? html`<${Empty} title=${t.errorGroups.noTexts}>${t.errorGroups.noTextsHint}<//>`
    : html`<${Empty} title=${t.errorGroups.none}>${t.errorGroups.noneHint}<//>`;
}
