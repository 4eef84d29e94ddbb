// The fleet at a glance: one request, and then whatever the server tells.
import { html, useState } from '../preact.js';
import { useApp, useEvent, useRead, useSparingly, useSummaries, useWhileSeen } from '../hooks.js';
import { withOptions } from '../api.js';
import { change, compact, count, percent } from '../format.js';
import { Plain, plainly } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Icon } from '../ui/icon.js';
import { Bar, Figures, Tag, Time, counts, totalOf } from '../ui/marks.js';
import { Button, Empty, Head, Loaded, Narrow, Problem, Search, Section } from '../ui/parts.js';
import { Activity, folded } from './activity.js';
import { FirstSteps } from './firststeps.js';

const day = 86_400_000;
const eventsRead = 200;
const eventsShown = 10;
const oldAfter = 300_000; // ms: "in the last 24 hours" moves on, also where nothing happens
const atFirst = 50; // scripts; a click shows the rest

const dayAgo = () => new Date(Date.now() - day).toISOString().replace(/\.\d+Z$/, 'Z');

async function readOverview(api, me, signal) {
  const since = dayAgo();
  const wanted = {
    scripts: me.can.readScripts && `/deviceManagement/deviceComplianceScripts/plimsoll.summaries(since=${since})`,
    devices: me.can.readDevices && withOptions('/deviceManagement/managedDevices', {
      orderby: 'lastSyncDateTime', top: 5, count: true, select: 'id,deviceName,operatingSystem,lastSyncDateTime',
    }),
    activity: withOptions('/deviceManagement/auditEvents', { filter: `activityDateTime ge ${since} and not (activity in ('user.signIn','user.signOut'))`, orderby: 'activityDateTime desc', top: eventsRead }),
  };
  const names = Object.keys(wanted).filter((name) => wanted[name]);
  const answers = await api.batch(names.map((name) => wanted[name]), { signal });
  return Object.fromEntries(names.map((name, i) => [name, answers[i]]));
}

export function Overview() {
  const { api, me, live } = useApp();
  const read = useRead((signal) => readOverview(api, me, signal), [me.permissions.join()]);
  useEvent(live, 'scripts', useSparingly(read.reload, 2000));
  const silentAnew = useSparingly(read.reload, 30_000);
  useEvent(live, 'devices', () => { if (read.data) silentAnew(); }); // the first tells what was just read
  useWhileSeen(read.reload, oldAfter);
  return html`<${Head} title=${t.overview.title} name=${t.nav.overview} />
    <${Loaded} of=${read} lines=${6}>${(data) => html`<${Fleet} data=${data} reload=${read.reload} />`}<//>`;
}

function Fleet({ data, reload }) {
  const { me, live } = useApp();
  const summaries = useSummaries();
  const scripts = (data.scripts?.value?.value ?? []).map((script) => ({ ...script, now: summaries.get(script.id) ?? script.current }));
  const devices = live.devices ?? data.devices?.value?.['@odata.count'];
  const failed = [data.scripts, data.devices, data.activity].find((part) => part?.error && part.error.status !== 403)?.error;
  const begun = scripts.some(({ now }) => totalOf(now) > 0); // also where somebody else's runner reports, and no device is here
  if (!failed && me.can.writeScripts && !begun) return html`<${FirstSteps} scripts=${scripts} devices=${devices} />`;
  const all = Object.fromEntries(counts.map(({ property }) => [property, scripts.reduce((sum, { now }) => sum + Math.max(now?.[property] ?? 0, 0), 0)]));
  if (!me.can.readScripts && !me.can.readDevices) return html`<${Empty} title=${t.errors.notAllowed}>${t.errors.noPermission}<//>`;
  return html`
    <${Problem} error=${failed} retry=${reload} />
    ${data.scripts?.value && html`<section class="totals" aria-label=${t.overview.totals}>
      <p class="share"><b>${percent(all.noIssueDetectedDeviceCount, totalOf(all))}</b> ${t.overview.healthy}</p>
      <${Bar} summary=${all} label=${t.overview.totals} />
      <${Figures} summary=${all} />
      <p class="muted small">${t.overview.counted(count(scripts.length), scripts.length, devices === undefined ? null : count(devices), devices)}</p>
    </section>`}
    <div class="columns">
      ${data.scripts?.value && html`<${ScriptBars} scripts=${scripts} />`}
      <div class="stack">
        ${data.activity?.value && html`<${Section} title=${t.overview.changed} aside=${html`<small class="muted">${t.overview.lastDay}</small>`}>
          <${Activity} events=${folded(data.activity.value.value, '@odata.nextLink' in data.activity.value).slice(0, eventsShown)} names=${new Map(scripts.map((script) => [script.id, script.displayName]))} /><//>`}
        ${data.devices?.value && html`<${Section} title=${t.overview.silent} aside=${html`<a href="#/devices?order=lastSyncDateTime">${t.overview.allDevices}</a>`}>
          <${Silent} devices=${data.devices.value.value} /><//>`}
      </div>
    </div>`;
}

const orders = {
  attention: (a, b) => attention(b) - attention(a) || totalOf(b.now) - totalOf(a.now) || a.displayName.localeCompare(b.displayName),
  name: (a, b) => a.displayName.localeCompare(b.displayName),
  change: (a, b) => Math.abs(moved(b)) - Math.abs(moved(a)) || orders.attention(a, b),
};

/** The share of devices that have the issue or could not tell. */
function attention({ now }) {
  const all = totalOf(now);
  return all === 0 ? 0 : (now.issueDetectedDeviceCount + now.detectionScriptErrorDeviceCount) / all;
}

const moved = ({ now, earlier }) => (now && earlier ? now.issueDetectedDeviceCount - earlier.issueDetectedDeviceCount : 0);

function ScriptBars({ scripts }) {
  const { me } = useApp();
  const [order, setOrder] = useState('attention');
  const [words, setWords] = useState('');
  const [all, setAll] = useState(false);
  const wanted = words.trim().toLowerCase();
  const found = scripts.filter((script) => script.displayName.toLowerCase().includes(wanted)).sort(orders[order]);
  const seen = all ? found : found.slice(0, atFirst);
  return html`<${Section} title=${t.overview.scripts} aside=${me.can.writeScripts && html`<a class="button" href="#/scripts/new"><${Icon} name="add" /><span>${t.scripts.create}</span></a>`}>
    ${scripts.length > 5 && html`<div class="tools">
      <${Search} label=${t.overview.find} value=${words} onInput=${setWords} />
      <${Narrow} label=${t.overview.order} value=${order} onInput=${setOrder} options=${Object.entries(t.overview.orders)} /></div>`}
    ${found.length === 0 ? html`<${Empty} title=${scripts.length ? t.table.nothingFound : t.scripts.none} />` : html`
    <ul class="bars">${seen.map((script) => html`<${ScriptBar} key=${script.id} script=${script} />`)}</ul>`}
    ${found.length > seen.length && html`<${Button} onClick=${() => setAll(true)}>${t.overview.showAll(count(found.length))}<//>`}
  <//>`;
}

function ScriptBar({ script }) {
  const { now } = script;
  const difference = moved(script);
  return html`<li><div class="what"><a class="name" href=${to('scripts', script.id)}><${Plain} text=${script.displayName} /></a>
    <span class="said">${script.platform && html`<${Tag}>${t.platforms[script.platform] ?? script.platform}<//>`}
      ${difference !== 0 && html`<span class="moved ${difference > 0 ? 'worse' : 'better'}"><${Icon} name=${difference > 0 ? 'up' : 'down'} />${t.overview.moved(change(difference))}</span>`}</span></div>
    ${now ? html`<${Bar} summary=${now} label=${script.displayName} />
      <span class="numbers">${counts.map((one) => html`<${Count} key=${one.kind} of=${one} script=${script} />`)}</span>`
      : html`<span class="muted small">${t.overview.noNumbers}</span>`}
  </li>`;
}

/** One number of a script, which leads to those that it counts, where they are devices here. */
function Count({ of: { kind, property, state }, script }) {
  const n = script.now[property];
  const said = html`<${Icon} name=${kind} />${compact(n)}`;
  if (n > 0 && !script.now.computed) return html`<span class=${kind} title=${t.kinds[kind]}>${said}<span class="unseen">${t.kinds[kind]}</span></span>`;
  return n > 0 ? html`<a class=${kind} href=${`${to('scripts', script.id, 'devices')}?state=${state}`} title=${t.kinds[kind]}
    aria-label=${t.overview.toDevices(plainly(script.displayName), t.kinds[kind], count(n))}>${said}</a>`
    : html`<span class="${kind} nil" aria-hidden="true" title=${t.kinds[kind]}>${said}</span>`;
}

const Silent = ({ devices }) => (devices.length === 0 ? html`<p class="muted">${t.devices.none}</p>` : html`<ul class="plain-list">${devices.map((device) => html`
  <li key=${device.id}><a href=${to('devices', device.id)}><${Plain} text=${device.deviceName} /></a><${Time} at=${device.lastSyncDateTime} /></li>`)}</ul>`);
