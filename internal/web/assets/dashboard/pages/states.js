// What a script found on each device: up to a million rows.
import { html, useState } from '../preact.js';
import { useAction, useApp, useEvent } from '../hooks.js';
import { literal, withOptions } from '../api.js';
import { Output, Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Status, Time } from '../ui/marks.js';
import { Button, Dialog, Empty, Facts, Narrow, Problem, Search } from '../ui/parts.js';
import { NothingFound, Table, useList } from '../ui/table.js';
import { useListing, useNews } from './listing.js';
import { RunAll, runNowRequest } from './runall.js';
import { scriptPath } from './script.js';

const states = [['', t.findings.all], ...['success', 'fail', 'scriptError', 'pending', 'notApplicable'].map((name) => [name, t.states[name]])];

/** @param {{script: any}} props */
export function States({ script }) {
  const { api, live, me } = useApp();
  const listing = useListing('lastStateUpdateDateTime desc');
  const [shown, setShown] = useState(null);
  const state = listing.oneOf('state', states);
  const name = listing.get('search').trim();
  const filter = [
    state && `detectionState eq '${state}'`, name && `contains(tolower(managedDevice/deviceName),${literal(name.toLowerCase())})`,
  ].filter(Boolean).join(' and ');
  const path = `${scriptPath(script.id)}/deviceRunStates`;
  const list = useList({ path, filter, orderby: listing.order, expand: 'managedDevice($select=id,deviceName,operatingSystem)' });
  const [tell, news] = useNews(list, true);
  useEvent(live, 'summaries', (e) => { if (e.detail.includes(script.id)) tell(); });
  const exporting = useAction(() => api.download(withOptions(path, { filter, orderby: listing.order }), `${script.displayName}.csv`, 'text/csv'));
  const columns = [
    { key: 'device', title: t.findings.device, order: 'managedDevice/deviceName', show: (row) => html`<a href=${to('devices', deviceOf(row).id)}><${Plain} text=${deviceOf(row).deviceName} /></a>` },
    { key: 'state', title: t.findings.state, width: '9rem', order: 'detectionState', show: (row) => html`<${Status} state=${row.detectionState} />` },
    { key: 'said', title: t.findings.said, from: 's', show: (row) => html`<button class="text" onClick=${() => setShown(row)}><${Plain} text=${row.scriptError || row.scriptOutput || t.findings.details} /></button>` },
    { key: 'at', title: t.findings.at, from: 'm', width: '11rem', order: 'lastStateUpdateDateTime', show: (row) => html`<${Time} at=${row.lastStateUpdateDateTime} />` },
    me.can.operate && { key: 'run', title: t.run.now, hidden: true, from: 'l', width: '9rem', show: (row) => html`<${RunNow} device=${deviceOf(row)} script=${script.id} />` },
  ].filter(Boolean);
  return html`
    ${news}<${Problem} error=${exporting.error} />
    <${Table} label=${t.script.tabs.devices} columns=${columns} list=${list} order=${listing.order} onOrder=${(order) => listing.set('order', order)} unit=${t.devices.unit}
      empty=${listing.narrowed ? html`<${NothingFound} clear=${listing.clear} />` : html`<${Empty} title=${t.findings.none} action=${me.can.writeScripts && html`<a class="button primary" href=${to('scripts', script.id, 'assignments')}>${t.script.assign}</a>`}>${t.findings.noneHint}<//>`}
      tools=${html`<${Search} label=${t.findings.search} value=${listing.words} onInput=${listing.setWords} />
        <${Narrow} label=${t.findings.state} value=${state} onInput=${(v) => listing.set('state', v)} options=${states} />
        <${Button} icon="download" busy=${exporting.busy} onClick=${exporting.run}>${t.export}<//>
        ${me.can.operate && list.rows.length > 0 && html`<${RunAll} script=${script.id} filter=${filter} disabled=${!list.fresh || listing.words !== listing.get('search')} />`}`} />
    ${shown && html`<${Details} row=${shown} script=${script.id} onClose=${() => setShown(null)} />`}`;
}

const deviceOf = (row) => row.managedDevice ?? { id: row.id.split(':')[1], deviceName: row.id.split(':')[1] };

function Details({ row, script, onClose }) {
  const { me } = useApp();
  return html`<${Dialog} wide title=${html`<${Plain} text=${deviceOf(row).deviceName} />`} onClose=${onClose} actions=${html`
      ${me.can.operate && html`<${RunNow} device=${deviceOf(row)} script=${script} />`}
      <a class="button" href=${to('devices', deviceOf(row).id)} onClick=${onClose}>${t.findings.toDevice}</a>`}>
    <${Facts} rows=${[
      [t.findings.state, html`<${Status} state=${row.detectionState} />`], [t.findings.at, html`<${Time} at=${row.lastStateUpdateDateTime} exact />`],
      [t.findings.expected, html`<${Time} at=${row.expectedStateUpdateDateTime} exact absent="–" />`],
    ]} />
    <${Output} label=${t.output.error} text=${row.scriptError} /><${Output} label=${t.output.out} text=${row.scriptOutput} />
    ${!row.scriptError && !row.scriptOutput && html`<p class="muted">${t.output.none}</p>`}<//>`;
}

/** @param {{device: {id: string, deviceName: string}, script: string}} props */
export function RunNow({ device, script }) {
  const { api, say } = useApp();
  const { run, busy, error } = useAction(async () => {
    const { url, body } = runNowRequest(device.id, script);
    await api.post(url, body);
    say(t.run.askedOne(device.deviceName));
  });
  return html`<${Button} icon="run" busy=${busy} onClick=${run} label=${t.run.on(device.deviceName)}>${t.run.now}<//>${error && html`<span class="wrong small" role="alert">${error.message}</span>`}`;
}
