// One device: what it is, what every script found on it, and what was done.
import { html, useEffect, useRef, useState } from '../preact.js';
import { useAction, useApp, useEvent, useRead, useSparingly } from '../hooks.js';
import { literal, segment, withOptions } from '../api.js';
import { bytes } from '../format.js';
import { Output, Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Compliance, Status, Tag, Time } from '../ui/marks.js';
import { Button, Choice, Dialog, Empty, Facts, Gone, Head, Loaded, Problem, Section, TextField } from '../ui/parts.js';
import { Activity } from './activity.js';
import { RunNow } from './states.js';

const pathOf = (id) => `/deviceManagement/managedDevices/${segment(id)}`;
const keptAfter = 35_000; // ms
const up = { href: '#/devices', text: t.nav.devices };

/** @param {{id: string}} props */
export function Device({ id }) {
  const { api, live, me } = useApp();
  const read = useRead((signal) => api.get(pathOf(id), { signal }), [id]);
  const [editing, setEditing] = useState(false);
  const later = useRef(0); // what the server has by then: it keeps every half a minute who spoke
  useEffect(() => () => clearTimeout(later.current), []);
  const states = useRead((signal) => (me.can.readScripts ? api.get(`${pathOf(id)}/plimsoll.runStates()?$top=1000`, { signal }) : Promise.resolve({ value: [] })), [id]);
  const all = () => { states.reload(); read.reload(); };
  const anew = useSparingly(all, 2000);
  const news = () => {
    anew();
    clearTimeout(later.current);
    later.current = setTimeout(all, keptAfter);
  };
  const elsewhere = useRef(new Set()); // scripts that had news, after which they were still not among this device's
  const matters = (script) => {
    if (states.data?.value.some((row) => row.scriptId === script)) return true;
    const unheard = !elsewhere.current.has(script);
    elsewhere.current.add(script);
    return unheard;
  };
  useEvent(live, 'summaries', (e) => { if (e.detail.filter(matters).length > 0) news(); });
  useEvent(live, 'scripts', () => { // of which one may run here from now on
    elsewhere.current.clear();
    news();
  });
  if (read.error?.status === 404) return html`<${Gone} title=${t.device.gone} up=${up} />`;
  return html`<${Loaded} of=${read} lines=${6} up=${up}>${(device) => html`
    <${Head} up=${up} name=${device.deviceName} title=${html`<${Plain} text=${device.deviceName} />`} actions=${me.can.writeDevices && html`
        <${Button} icon="edit" onClick=${() => setEditing(true)}>${t.device.edit}<//><${Remove} device=${device} />`}>
      <p class="about"><${Tag}><${Plain} text=${[device.operatingSystem, device.osVersion].filter(Boolean).join(' ')} /><//>
        <${Compliance} state=${device.complianceState} /><span class="muted">${t.device.seen} <${Time} at=${device.lastSyncDateTime} /></span>
        ${device.managedDeviceName && html`<span><${Plain} text=${device.managedDeviceName} /></span>`}</p>
    <//>
    <div class="columns">
      ${me.can.readScripts && html`<${States} device=${device} read=${states} />`}
      <div class="stack"><${Inventory} device=${device} /><${Timeline} device=${device} states=${states.data?.value ?? []} /></div>
    </div>
    ${editing && html`<${Edit} device=${device} saved=${(saved) => { read.set(saved); setEditing(false); }} onClose=${() => setEditing(false)} />`}`}<//>`;
}

function States({ device, read }) {
  return html`<${Section} title=${t.device.scripts}><${Loaded} of=${read} lines=${5}>${({ value }) => (value.length === 0
    ? html`<${Empty} title=${t.device.noScripts}>${t.device.noScriptsHint}<//>`
    : html`<ul class="findings">${value.map((row) => html`<${Finding} key=${row.id} row=${row} device=${device} />`)}</ul>`)}<//><//>`;
}

function Finding({ row, device }) {
  const { me } = useApp();
  const script = row.scriptId;
  const said = row.scriptError || row.scriptOutput;
  return html`<li>
    <div class="row between"><a href=${to('scripts', script)}><${Plain} text=${row.scriptName || script} /></a><${Status} state=${row.detectionState} /></div>
    <div class="row between"><p class="muted small">${t.device.ran} <${Time} at=${row.lastStateUpdateDateTime} />${row.expectedStateUpdateDateTime && html` · ${t.device.next} <${Time} at=${row.expectedStateUpdateDateTime} coming />`}</p>
      ${me.can.operate && row.detectionState !== 'notApplicable' && html`<${RunNow} device=${device} script=${script} />`}</div>
    ${said && html`<details open=${row.detectionState === 'fail' || row.detectionState === 'scriptError'}><summary>${t.device.said}</summary>
      <${Output} label=${t.output.error} text=${row.scriptError} /><${Output} label=${t.output.out} text=${row.scriptOutput} /></details>`}</li>`;
}

const Inventory = ({ device: d }) => html`<${Section} title=${t.device.inventory}><${Facts} rows=${[
  [t.device.maker, html`<${Plain} text=${[d.manufacturer, d.model].filter(Boolean).join(' ')} />`], [t.device.serial, html`<${Plain} text=${d.serialNumber} />`],
  [t.devices.user, html`<${Plain} text=${d.userPrincipalName || d.userDisplayName} />`], [t.device.encrypted, d.isEncrypted ? t.yes : t.no],
  [t.device.memory, bytes(d.physicalMemoryInBytes)], [t.device.storage, d.totalStorageSpaceInBytes ? t.device.free(bytes(d.freeStorageSpaceInBytes), bytes(d.totalStorageSpaceInBytes)) : '–'],
  [t.device.ethernet, html`<${Plain} text=${d.ethernetMacAddress} />`], [t.device.wifi, html`<${Plain} text=${d.wiFiMacAddress} />`],
  [t.device.owner, t.device.owners[d.managedDeviceOwnerType] ?? d.managedDeviceOwnerType], [t.device.category, html`<${Plain} text=${d.deviceCategoryDisplayName} />`],
  [t.device.notes, html`<${Plain} text=${d.notes} most=${5000} />`], [t.device.enrolled, html`<${Time} at=${d.enrolledDateTime} exact />`], [t.device.id, html`<code>${d.id}</code>`],
]} /><//>`;

/** What was done to the device, and what ran on it last. */
function Timeline({ device, states }) {
  const { api } = useApp();
  const read = useRead((signal) => api.get(withOptions('/deviceManagement/auditEvents', {
    filter: `resourceId eq ${literal(device.id)}`, orderby: 'activityDateTime desc', top: 20,
  }), { signal }), [device.id]);
  const runs = states.filter((row) => row.lastStateUpdateDateTime).map((row) => ({
    id: row.id, activityDateTime: row.lastStateUpdateDateTime, said: t.activity.did.ran(t.states[row.detectionState]),
    resources: [{ type: 'deviceComplianceScript', resourceId: row.scriptId, displayName: row.scriptName }],
  }));
  const begin = { id: 'enrolled', activityDateTime: device.enrolledDateTime, said: t.activity.did.enrolled };
  const all = (audited) => [...audited, ...runs, begin].sort((a, b) => Date.parse(b.activityDateTime) - Date.parse(a.activityDateTime)).slice(0, 30);
  return html`<${Section} title=${t.device.timeline}><${Loaded} of=${read.error?.status === 403 ? { data: { value: [] } } : read}>${({ value }) => html`
    <${Activity} events=${all(value)} without=${device.id} />`}<//><//>`;
}

function Edit({ device: opened, saved, onClose }) {
  const { api, say } = useApp();
  const [device] = useState(opened); // as it was when somebody began to type
  const names = ['managedDeviceName', 'deviceCategoryDisplayName', 'managedDeviceOwnerType', 'notes'];
  const [form, setForm] = useState(Object.fromEntries(names.map((name) => [name, device[name] ?? ''])));
  const set = (name) => (value) => setForm((now) => ({ ...now, [name]: value }));
  const saving = useAction(async () => {
    const body = Object.fromEntries(names.filter((name) => form[name] !== (device[name] ?? '')).map((name) => [name, form[name] || null]));
    saved(await api.patch(pathOf(device.id), body, device['@odata.etag']));
    say(t.form.saved);
  });
  const wrong = (name) => (saving.error?.target === name ? saving.error.message : undefined);
  return html`<${Dialog} title=${t.device.edit} onClose=${onClose} actions=${html`<${Button} onClick=${onClose}>${t.cancel}<//>
      <${Button} kind="primary" busy=${saving.busy} onClick=${saving.run}>${t.form.save}<//>`}>
    <div class="grid">
      <${TextField} label=${t.device.label} hint=${t.device.labelHint} value=${form.managedDeviceName} onInput=${set('managedDeviceName')} error=${wrong('managedDeviceName')} />
      <${TextField} label=${t.device.category} value=${form.deviceCategoryDisplayName} onInput=${set('deviceCategoryDisplayName')} error=${wrong('deviceCategoryDisplayName')} />
      <${Choice} label=${t.device.owner} value=${form.managedDeviceOwnerType} onInput=${set('managedDeviceOwnerType')} options=${Object.entries(t.device.owners)} />
      <${TextField} label=${t.device.notes} value=${form.notes} onInput=${set('notes')} error=${wrong('notes')} lines=${4} wide />
    </div><${Problem} error=${saving.error && !names.includes(saving.error.target) ? saving.error : null} /><//>`;
}

function Remove({ device }) {
  const { api, ask, router, say } = useApp();
  const { run, busy, error } = useAction(async () => {
    if (!await ask({ title: t.device.deleteTitle(device.deviceName), body: t.device.deleteBody, action: t.device.delete, danger: true })) return;
    await api.delete(pathOf(device.id));
    say(t.device.deleted(device.deviceName));
    router.replace('/devices');
  });
  return html`<${Button} icon="remove" busy=${busy} onClick=${run}>${t.device.delete}<//><${Problem} error=${error} />`;
}
