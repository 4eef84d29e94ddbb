// One assignment filter: a rule that narrows an assignment, or holds devices out of it.
import { html, useState } from '../preact.js';
import { useAction, useApp, useRead, useUnsaved } from '../hooks.js';
import { segment } from '../api.js';
import { Plain } from '../plain.js';
import { t } from '../texts.js';
import { Button, Choice, Empty, Gone, Head, Loaded, Problem, TextField } from '../ui/parts.js';
import { RuleEditor } from '../ui/rule.js';
import { Uses, namesOf, readUses } from './uses.js';

const path = '/deviceManagement/assignmentFilters';
const pathOf = (id) => `${path}/${segment(id)}`;
const up = { href: '#/filters', text: t.nav.filters };
const texts = ['displayName', 'description'];

/** @param {{id: string}} props where "new" makes one */
export function Filter({ id }) {
  const { api, me } = useApp();
  const read = useRead((signal) => (id === 'new' ? Promise.resolve({}) : api.get(pathOf(id), { signal })), [id]);
  if (id === 'new') return html`<${Head} title=${t.filters.create} up=${up} />${me.can.writeScripts ? html`<${Form} filter=${{}} />` : html`<${Empty} title=${t.errors.notAllowed} />`}`;
  if (read.error?.status === 404) return html`<${Gone} title=${t.filters.gone} up=${up} />`;
  return html`<${Loaded} of=${read} up=${up}>${(filter) => html`
    <${Head} up=${up} name=${filter.displayName} title=${html`<${Plain} text=${filter.displayName} />`} actions=${me.can.writeScripts && html`<${Remove} filter=${filter} />`} />
    <${Form} filter=${filter} saved=${read.set} />
    <${Uses} id=${filter.id} />`}<//>`;
}

const formOf = (f) => ({ displayName: f.displayName ?? '', description: f.description ?? '', platform: f.platform ?? 'unknown', rule: f.rule ?? '' });

function Form({ filter, saved }) {
  const { api, me, router, say } = useApp();
  const [form, setForm] = useState(formOf(filter));
  const before = formOf(filter);
  const changed = Object.keys(form).some((name) => form[name] !== before[name]);
  useUnsaved(changed);
  const set = (name) => (value) => setForm((now) => ({ ...now, [name]: value }));
  const saving = useAction(async () => {
    const body = { displayName: form.displayName, description: form.description || null, rule: form.rule.trim(), ...(form.platform === before.platform && filter.id ? {} : { platform: form.platform }) };
    if (filter.id) {
      const answer = await api.patch(pathOf(filter.id), body, filter['@odata.etag']);
      setForm(formOf(answer));
      saved(answer);
      say(t.form.saved);
    } else {
      const made = await api.post(path, body);
      say(t.filters.made(made.displayName));
      router.replace(`/filters/${encodeURIComponent(made.id)}`);
    }
  });
  const wrong = (name) => (saving.error?.target === name ? saving.error.message : undefined);
  const may = me.can.writeScripts;
  return html`<form class="form" onSubmit=${(e) => { e.preventDefault(); saving.run(); }}><fieldset class="bare" disabled=${!may}><legend class="unseen">${t.filters.settings}</legend><div class="grid">
      <${TextField} label=${t.filters.name} value=${form.displayName} onInput=${set('displayName')} error=${wrong('displayName')} required />
      <${Choice} label=${t.scripts.platform} hint=${t.filters.platformHint} value=${form.platform} onInput=${set('platform')} options=${Object.entries(t.filters.platforms)} />
      <${TextField} label=${t.form.description} value=${form.description} onInput=${set('description')} error=${wrong('description')} wide /></div>
      <${RuleEditor} label=${t.filters.rule} value=${form.rule} onInput=${set('rule')} disabled=${!may} /></fieldset>
    <${Problem} error=${saving.error && !texts.includes(saving.error.target) ? saving.error : null} />
    ${may && html`<footer class="actions"><${Button} type="submit" kind="primary" busy=${saving.busy} disabled=${!changed}>${filter.id ? t.form.save : t.filters.make}<//>
      ${!filter.id && html`<a class="button" href="#/filters">${t.cancel}</a>`}
      ${filter.id && changed && html`<${Button} onClick=${() => setForm(before)}>${t.form.revert}<//>`}</footer>`}</form>`;
}

function Remove({ filter }) {
  const app = useApp();
  const { api, ask, router, say } = app;
  const { run, busy, error } = useAction(async () => {
    const uses = await readUses(app, filter.id);
    const users = namesOf(uses, 'include', 'exclude');
    if (users) throw new Error(t.filters.used(users));
    if (!await ask({ title: t.filters.deleteTitle(filter.displayName), body: t.filters.deleteBody(uses.complete), action: t.filters.delete, danger: true })) return;
    await api.delete(pathOf(filter.id));
    say(t.filters.deleted(filter.displayName));
    router.replace('/filters');
  });
  return html`<${Button} icon="remove" busy=${busy} onClick=${run}>${t.filters.delete}<//><${Problem} error=${error} />`;
}
