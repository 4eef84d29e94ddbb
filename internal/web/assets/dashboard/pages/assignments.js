// Whom a script reaches, and when it runs there.
import { html, useEffect, useState } from '../preact.js';
import { useAction, useApp, useRead, useRested, useUnsaved } from '../hooks.js';
import { withOptions } from '../api.js';
import { count } from '../format.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Icon } from '../ui/icon.js';
import { Button, Choice, Empty, Loaded, Problem, TextField } from '../ui/parts.js';
import { Picker } from '../ui/picker.js';
import { readOrigin } from './reported.js';
import { scriptPath } from './script.js';

const graph = '#microsoft.graph.';
const targets = { all: 'allDevicesAssignmentTarget', group: 'groupAssignmentTarget', exclusion: 'exclusionGroupAssignmentTarget' };
const schedules = { hourly: 'deviceHealthScriptHourlySchedule', daily: 'deviceHealthScriptDailySchedule', once: 'deviceHealthScriptRunOnceSchedule' };
const keyOf = (map, type) => Object.keys(map).find((key) => graph + map[key] === type);

let lastKey = 0;

/** What the server makes of no schedule (docs/scripts.md). */
const isDefault = (schedule, when) => when === 'daily' && schedule.interval === 1 && !schedule.useUtc && /^00:00:00(\.0*)?$/.test(schedule.time);

/** An assignment as the form has it. One of a kind that is not offered here stays as it is. */
function rowOf({ target, runSchedule, runRemediationScript }, names) {
  const kind = keyOf(targets, target['@odata.type']);
  const when = runSchedule ? keyOf(schedules, runSchedule['@odata.type']) : 'none';
  const filterId = target.deviceAndAppManagementAssignmentFilterId;
  return {
    key: ++lastKey, to: kind ?? 'other', group: target.groupId ? { id: target.groupId, name: names.get(target.groupId) ?? target.groupId } : null,
    filterType: target.deviceAndAppManagementAssignmentFilterType ?? 'none', filter: filterId ? { id: filterId, name: names.get(filterId) ?? filterId } : null,
    when: isDefault(runSchedule, when) ? 'none' : when ?? 'other', interval: `${runSchedule?.interval ?? 1}`, time: (runSchedule?.time ?? '09:00').slice(0, 5), utc: runSchedule?.useUtc ?? false,
    date: runSchedule?.date ?? '', asIs: { target, runSchedule, runRemediationScript },
  };
}

const newRow = () => ({ ...rowOf({ target: { '@odata.type': graph + targets.all } }, new Map()), when: 'daily' });

function bodyOf(rows) {
  return { deviceHealthScriptAssignments: rows.map((row) => ({
    target: row.to === 'other' ? row.asIs.target : {
      '@odata.type': graph + targets[row.to], ...(row.to === 'all' ? {} : { groupId: row.group?.id }),
      deviceAndAppManagementAssignmentFilterId: row.filterType === 'none' || row.to === 'exclusion' ? null : row.filter?.id,
      deviceAndAppManagementAssignmentFilterType: row.to === 'exclusion' ? 'none' : row.filterType,
    },
    ...(row.to === 'exclusion' || row.when === 'none' ? {} : { runSchedule: scheduleOf(row) }),
    ...(row.asIs.runRemediationScript ? { runRemediationScript: true } : {}),
  })) };
}

function scheduleOf(row) {
  const type = { '@odata.type': graph + schedules[row.when] };
  const time = { useUtc: row.utc, time: `${row.time}:00.0000000` };
  switch (row.when) {
    case 'hourly': return { ...type, interval: Number(row.interval) };
    case 'daily': return { ...type, interval: Number(row.interval), ...time };
    case 'once': return { ...type, interval: 1, date: row.date, ...time };
    default: return row.asIs.runSchedule;
  }
}

/** What is missing in a row, by field. */
function gapsOf(row) {
  const gaps = {};
  if ((row.to === 'group' || row.to === 'exclusion') && !row.group) gaps.group = t.assign.groupMissing;
  if (row.to !== 'exclusion' && row.filterType !== 'none' && !row.filter) gaps.filter = t.assign.filterMissing;
  if (row.when === 'once' && !row.date) gaps.date = t.assign.dateMissing;
  if ((row.when === 'hourly' || row.when === 'daily') && !/^([1-9]|1\d|2[0-3])$/.test(row.interval)) gaps.interval = t.assign.intervalWrong;
  return gaps;
}

async function readAssignments(api, me, id, signal) {
  const { value } = await api.get(`${scriptPath(id)}/assignments`, { signal });
  const names = new Map();
  const wanted = [
    ['/groups', value.map((a) => a.target.groupId), me.can.readGroups],
    ['/deviceManagement/assignmentFilters', value.map((a) => a.target.deviceAndAppManagementAssignmentFilterId), true],
  ];
  await Promise.all(wanted.map(async ([path, ids, allowed]) => {
    const some = [...new Set(ids.filter(Boolean))];
    if (!allowed || some.length === 0) return;
    const page = await api.get(withOptions(path, { filter: `id in (${some.map((one) => `'${one}'`).join(',')})`, select: 'id,displayName', top: 500 }), { signal });
    for (const one of page.value) names.set(one.id, one.displayName);
  }));
  return value.map((assignment) => rowOf(assignment, names));
}

/** @param {{script: any}} props */
export function Assignments({ script }) {
  const { api, me } = useApp();
  const read = useRead((signal) => readAssignments(api, me, script.id, signal), [script.id]);
  return html`<${Loaded} of=${read}>${(rows) => html`<${Editing} script=${script} stored=${rows} saved=${read.set} />`}<//>`;
}

/** Whether two are the same assignments, in whatever order. */
const isSame = (some, others) => String(partsOf(some)) === String(partsOf(others));
const partsOf = (rows) => bodyOf(rows).deviceHealthScriptAssignments.map((one) => JSON.stringify(one)).sort();

function Editing({ script, stored, saved }) {
  const { api, ask, live, me, say } = useApp();
  const [rows, setRows] = useState(stored);
  const [tried, setTried] = useState(false);
  useEffect(() => setRows(stored), [stored]);
  const body = JSON.stringify(bodyOf(rows));
  const changed = body !== JSON.stringify(bodyOf(stored));
  const incomplete = rows.some((row) => Object.keys(gapsOf(row)).length > 0);
  useUnsaved(changed);
  const set = (key, values) => setRows((now) => now.map((row) => (row.key === key ? { ...row, ...values } : row)));
  const [newer, setNewer] = useState(null); // what somebody else made of what is edited here
  const saving = useAction(async (known) => {
    setTried(true);
    if (incomplete) return;
    if (rows.length === 0 && !await ask({ title: t.assign.nobodyTitle, body: t.assign.nobodyBody, action: t.assign.save, danger: true })) return;
    if (known.length === 0 && (await readOrigin(api, live, script)).reported
      && !await ask({ title: t.assign.reportedTitle, body: t.assign.reportedBody, action: t.assign.save, danger: true })) return;
    const now = await readAssignments(api, me, script.id); // /assign replaces them all, whoever made them
    setNewer(isSame(now, known) ? null : now);
    if (!isSame(now, known)) return;
    await api.post(`${scriptPath(script.id)}/assign`, bodyOf(rows));
    saved(rows);
    say(t.assign.saved);
  });
  const may = me.can.writeScripts;
  return html`<form class="form" novalidate onSubmit=${(e) => { e.preventDefault(); saving.run(stored); }}>
    <fieldset class="bare" disabled=${!may}>
    <legend class="unseen">${t.script.tabs.assignments}</legend>
    ${!script.detectionScriptContent && html`<p class="consequence">${t.assign.noSource} ${may && html`<a href=${to('scripts', script.id, 'edit')}>${t.source.write}</a>`}</p>`}
    ${rows.length === 0 && html`<${Empty} title=${t.assign.none}>${t.assign.noneHint}<//>`}
    ${rows.map((row, i) => html`<${Row} key=${row.key} n=${i + 1} row=${row} gaps=${tried ? gapsOf(row) : { interval: gapsOf(row).interval }} set=${(values) => set(row.key, values)}
      remove=${() => setRows((now) => now.filter(({ key }) => key !== row.key))} may=${may} />`)}
    </fieldset>
    ${may && html`<p><${Button} icon="add" onClick=${() => setRows((now) => [...now, newRow()])}>${t.assign.add}<//></p>`}
    <${Problem} error=${saving.error} />
    ${newer && html`<${Conflict} newer=${newer} force=${() => saving.run(newer)} load=${() => { saved(newer); setNewer(null); setTried(false); }} />`}
    <footer class="actions sticky"><${Reached} script=${script} body=${body} ready=${!incomplete} />${may && html`
      <${Button} type="submit" kind="primary" busy=${saving.busy} disabled=${!changed}>${t.assign.save}<//>
      ${changed && html`<${Button} onClick=${() => { setRows(stored); setNewer(null); setTried(false); }}>${t.form.revert}<//>`}`}
    </footer></form>`;
}

const Conflict = ({ newer, force, load }) => html`<div class="problem" role="alert"><div><p><b>${t.assign.conflict}</b></p><p>${t.assign.conflictBody(count(newer.length), newer.length)}</p>
  <div class="actions"><${Button} kind="danger" onClick=${force}>${t.form.overwrite}<//><${Button} onClick=${load}>${t.assign.load}<//></div></div></div>`;

function Row({ n, row, gaps, set, remove, may }) {
  const { me } = useApp();
  const grouped = row.to === 'group' || row.to === 'exclusion';
  return html`<section class="assignment" aria-label=${t.assign.nth(n)}>
    <div class="grid">
      <${Choice} label=${t.assign.whom} value=${row.to} onInput=${(v) => set({ to: v })} options=${options(t.assign.targets, row.to)} />
      ${grouped && me.can.readGroups && html`<${Picker} label=${t.assign.group} path="/groups" value=${row.group} error=${gaps.group} onChoose=${(group) => set({ group })} />`}
      ${grouped && !me.can.readGroups && html`<p class="muted">${row.group?.id ?? t.errors.notAllowed}</p>`}
      ${row.to !== 'exclusion' && row.to !== 'other' && html`
        <${Choice} label=${t.assign.filtered} value=${row.filterType} onInput=${(v) => set({ filterType: v })} options=${Object.entries(t.assign.filterTypes)} />
        ${row.filterType !== 'none' && html`<${Picker} label=${t.assign.filter} path="/deviceManagement/assignmentFilters" value=${row.filter} error=${gaps.filter} onChoose=${(filter) => set({ filter })} />`}`}
      ${row.to !== 'exclusion' && html`<${Schedule} row=${row} gaps=${gaps} set=${set} />`}
    </div>
    ${may && html`<${Button} kind="quiet" icon="remove" label=${t.assign.remove(n)} onClick=${remove} />`}
  </section>`;
}

const options = (texts, current) => Object.entries(texts).filter(([key]) => key !== 'other' || current === 'other');

function Schedule({ row, gaps, set }) {
  return html`
    <${Choice} label=${t.assign.when} value=${row.when} hint=${t.assign.scheduleHints[row.when]} onInput=${(v) => set({ when: v })} options=${options(t.assign.schedules, row.when)} />
    ${(row.when === 'hourly' || row.when === 'daily') && html`<${TextField} type="number" min="1" max="23" label=${row.when === 'hourly' ? t.assign.hours : t.assign.days}
      value=${row.interval} error=${gaps.interval} onInput=${(v) => set({ interval: v })} />`}
    ${row.when === 'once' && html`<${TextField} type="date" label=${t.assign.date} value=${row.date} error=${gaps.date} onInput=${(v) => set({ date: v })} />`}
    ${(row.when === 'daily' || row.when === 'once') && html`<${TextField} type="time" label=${t.assign.time} value=${row.time} onInput=${(v) => set({ time: v })} />
      <${Choice} label=${t.assign.zone} value=${row.utc ? 'utc' : 'local'} onInput=${(v) => set({ utc: v === 'utc' })} options=${Object.entries(t.assign.zones)} />`}`;
}

/** Who would be reached, as the server counts it now. Nothing is stored. */
function Reached({ script, body, ready }) {
  const { api } = useApp();
  const rested = useRested(ready ? body : null, 400);
  const read = useRead((signal) => (rested ? api.post(`${scriptPath(script.id)}/plimsoll.reachedDevices`, JSON.parse(rested), { signal }) : Promise.resolve(null)), [script.id, rested]);
  return html`<p class="reached" role="status"><${Icon} name="devices" />${read.error ? read.error.message
    : !ready ? t.assign.incomplete : !read.data ? t.assign.counting : html`<${Count} of=${read.data} />`}</p>`;
}

/** Those of another platform are reached too, as the server counts, but do not run the script. */
function Count({ of: { deviceCount, notApplicableCount } }) {
  const n = deviceCount - notApplicableCount;
  return html`<span><b>${t.assign.reached(count(n), n)}</b>${notApplicableCount > 0 && html`<span class="muted">${t.assign.notApplicable(count(notApplicableCount), notApplicableCount)}</span>`}</span>`;
}
