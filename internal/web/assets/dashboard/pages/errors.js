// Why a script could not run, those reasons that are alike together.
import { html } from '../preact.js';
import { useApp, useEvent, useRead, useSparingly } from '../hooks.js';
import { count } from '../format.js';
import { Output, Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Empty, Loaded } from '../ui/parts.js';
import { scriptPath } from './script.js';

/** @param {{script: any}} props */
export function Errors({ script }) {
  const { api, live } = useApp();
  const read = useRead((signal) => api.get(`${scriptPath(script.id)}/plimsoll.errorGroups()`, { signal }), [script.id]);
  const anew = useSparingly(read.reload, 10_000);
  useEvent(live, 'summaries', (e) => { if (e.detail.includes(script.id)) anew(); });
  return html`<${Loaded} of=${read}>${(told) => {
    if (told.value.length === 0) return html`<${Empty} title=${t.errorGroups.none}>${t.errorGroups.noneHint}<//>`;
    const most = Math.max(...told.value.map((group) => group.count));
    return html`<p class="muted">${t.errorGroups.lead(count(told.value.length), count(told['plimsoll.counted']))}
        ${told['plimsoll.complete'] === false && t.errorGroups.incomplete}</p>
      <ol class="error-groups">${told.value.map((group, i) => html`<li key=${i}>
        <p class="amount"><b>${count(group.count)}</b> ${t.errorGroups.devices(group.count)}<meter min="0" max=${most} value=${group.count} aria-label=${t.errorGroups.share(count(group.count))} /></p>
        <${Output} label=${t.output.error} text=${group.text} />
        ${group.exampleDeviceId && html`<p class="small">${t.errorGroups.example} <a href=${to('devices', group.exampleDeviceId)}><${Plain} text=${group.exampleDeviceName} /></a></p>`}
      </li>`)}</ol>`;
  }}<//>`;
}
