// One group: who is in it, by name or by a rule.
import { html, useState } from '../preact.js';
import { useAction, useApp, useRead, useUnsaved } from '../hooks.js';
import { segment } from '../api.js';
import { count } from '../format.js';
import { Plain } from '../plain.js';
import { t } from '../texts.js';
import { Tag } from '../ui/marks.js';
import { Button, Check, Choice, Empty, Gone, Head, Loaded, Problem, Section, TextField } from '../ui/parts.js';
import { Picker } from '../ui/picker.js';
import { RuleEditor } from '../ui/rule.js';
import { Table, useList } from '../ui/table.js';
import { deviceColumns, deviceFields } from './devices.js';
import { kindOf } from './groups.js';
import { Uses, namesOf, readUses } from './uses.js';

const pathOf = (id) => `/groups/${segment(id)}`;
const up = { href: '#/groups', text: t.nav.groups };

/** @param {{id: string}} props where "new" makes one */
export function Group({ id }) {
  const { api, me } = useApp();
  const read = useRead((signal) => (id === 'new' ? Promise.resolve({}) : api.get(pathOf(id), { signal })), [id]);
  if (id === 'new') return html`<${Head} title=${t.groups.create} up=${up} />${me.can.writeGroups ? html`<${Form} group=${{}} />` : html`<${Empty} title=${t.errors.notAllowed} />`}`;
  if (read.error?.status === 404) return html`<${Gone} title=${t.groups.gone} up=${up} />`;
  if (!me.can.readGroups) return html`<${Head} title=${t.nav.groups} /><${Empty} title=${t.errors.notAllowed}>${t.errors.noGroups}<//>`;
  return html`<${Loaded} of=${read} lines=${6} up=${up}>${(group) => html`
    <${Head} up=${up} name=${group.displayName} title=${html`<${Plain} text=${group.displayName} />`} actions=${me.can.writeGroups && html`<${Remove} group=${group} />`}>
      <p class="about"><${Tag}>${kindOf(group)}<//>${group.description && html`<span><${Plain} text=${group.description} /></span>`}</p><//>
    <${Members} key=${group.membershipRule ?? ''} group=${group} />
    <${Uses} id=${group.id} />
    ${me.can.writeGroups && html`<${Section} title=${t.groups.settings}><${Form} group=${group} saved=${read.set} /><//>`}`}<//>`;
}

function Form({ group, saved }) {
  const { api, router, say } = useApp();
  const formOf = (g) => ({ displayName: g.displayName ?? '', description: g.description ?? '', kind: g.membershipRule ? 'dynamic' : 'assigned', rule: g.membershipRule ?? '', paused: g.membershipRuleProcessingState === 'Paused' });
  const [form, setForm] = useState(formOf(group));
  const before = formOf(group);
  const changed = Object.keys(form).some((name) => form[name] !== before[name]);
  useUnsaved(changed);
  const set = (name) => (value) => setForm((now) => ({ ...now, [name]: value }));
  const saving = useAction(async () => {
    const dynamic = form.kind === 'dynamic';
    const body = {
      displayName: form.displayName, description: form.description || null, groupTypes: dynamic ? ['DynamicMembership'] : [],
      ...(dynamic ? { membershipRule: form.rule.trim(), membershipRuleProcessingState: form.paused ? 'Paused' : 'On' } : {}),
    };
    if (group.id) {
      const answer = await api.patch(pathOf(group.id), body, group['@odata.etag']);
      setForm(formOf(answer));
      saved(answer);
      say(t.form.saved);
    } else {
      const made = await api.post('/groups', body);
      say(t.groups.made(made.displayName));
      router.replace(`/groups/${encodeURIComponent(made.id)}`);
    }
  });
  const wrong = (name) => (saving.error?.target === name ? saving.error.message : undefined);
  return html`<form class="form" onSubmit=${(e) => { e.preventDefault(); saving.run(); }}><div class="grid">
      <${TextField} label=${t.groups.name} value=${form.displayName} onInput=${set('displayName')} error=${wrong('displayName')} required />
      <${Choice} label=${t.groups.kind} value=${form.kind} onInput=${set('kind')} options=${Object.entries(t.groups.kinds)} />
      <${TextField} label=${t.form.description} value=${form.description} onInput=${set('description')} error=${wrong('description')} wide />
    </div>
    ${form.kind === 'dynamic' ? html`<${RuleEditor} label=${t.groups.rule} value=${form.rule} onInput=${set('rule')} />
      <${Check} label=${t.groups.pause} hint=${t.groups.pauseHint} value=${form.paused} onInput=${set('paused')} />` : group.membershipRule && html`<p class="consequence">${t.groups.ruleGoes}</p>`}
    <${Problem} error=${saving.error && !['displayName', 'description'].includes(saving.error.target) ? saving.error : null} />
    <footer class="actions"><${Button} type="submit" kind="primary" busy=${saving.busy} disabled=${!changed}>${group.id ? t.form.save : t.groups.make}<//>
      ${!group.id && html`<a class="button" href="#/groups">${t.cancel}</a>`}
      ${group.id && changed && html`<${Button} onClick=${() => setForm(before)}>${t.form.revert}<//>`}</footer></form>`;
}

function Members({ group }) {
  const { api, me, say } = useApp();
  const [order, setOrder] = useState('deviceName');
  const path = `${pathOf(group.id)}/members`;
  const list = useList({ path, orderby: order, select: deviceFields });
  const may = me.can.writeGroups && !group.membershipRule;
  const adding = useAction(async (device) => {
    if (!device) return;
    await api.post(`${path}/$ref`, { '@odata.id': `${location.origin}/beta/deviceManagement/managedDevices/${device.id}` });
    say(t.groups.added(device.name));
    list.reload();
  });
  const removing = useAction(async (device) => {
    await api.delete(`${path}/${segment(device.id)}/$ref`);
    say(t.groups.tookOut(device.deviceName));
    list.reload();
  });
  const columns = [...deviceColumns('s'), may && { key: 'out', title: t.groups.takeOut, hidden: true, width: '8rem', show: (d) => html`<${Button} kind="quiet" onClick=${() => removing.run(d)} label=${t.groups.takeOutNamed(d.deviceName)}>${t.groups.takeOut}<//>` }].filter(Boolean);
  return html`<${Section} title=${t.groups.members} aside=${list.total !== null && html`<small class="muted">${t.devices.unit(count(list.total), list.total)}</small>`}>
    ${may && me.can.readDevices && html`<${Picker} label=${t.groups.add} path="/deviceManagement/managedDevices" name="deviceName" value=${null} clear onChoose=${adding.run} error=${adding.error?.message} />`}
    <${Problem} error=${removing.error} />
    <${Table} label=${t.groups.members} columns=${columns} list=${list} order=${order} onOrder=${setOrder} unit=${() => ''}
      empty=${html`<p class="muted">${group.membershipRule ? t.groups.noneSelected : t.groups.noMembers}</p>`} /><//>`;
}

function Remove({ group }) {
  const app = useApp();
  const { api, ask, router, say } = app;
  const { run, busy, error } = useAction(async () => {
    const uses = await readUses(app, group.id);
    if (!await ask({ title: t.groups.deleteTitle(group.displayName), body: t.groups.deleteBody(namesOf(uses, 'assigned'), namesOf(uses, 'excluded')), action: t.groups.delete, danger: true })) return;
    await api.delete(pathOf(group.id));
    say(t.groups.deleted(group.displayName));
    router.replace('/groups');
  });
  return html`<${Button} icon="remove" busy=${busy} onClick=${run}>${t.groups.delete}<//><${Problem} error=${error} />`;
}
