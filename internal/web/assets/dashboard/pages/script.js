// One script: its numbers, its source, whom it reaches, and what it found.
import { html, useEffect, useRef, useState } from '../preact.js';
import { useAction, useApp, useEvent, useRead, useSummaries } from '../hooks.js';
import { segment } from '../api.js';
import { count } from '../format.js';
import { Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Bar, Figures, Tag, Time, totalOf } from '../ui/marks.js';
import { Button, Empty, Gone, Head, Loaded, Problem, Tabs } from '../ui/parts.js';
import { Source } from '../ui/code.js';
import { Assignments } from './assignments.js';
import { Errors } from './errors.js';
import { History } from './history.js';
import { ScriptForm, decoded } from './scriptform.js';
import { States } from './states.js';

export const scriptPath = (id) => `/deviceManagement/deviceComplianceScripts/${segment(id)}`;

const tabNames = ['summary', 'devices', 'errors', 'source', 'assignments', 'edit'];

/** @param {{id: string, tab: string}} props */
export function Script({ id, tab }) {
  const { api, live, me } = useApp();
  const read = useRead((signal) => api.get(`${scriptPath(id)}?$expand=runSummary`, { signal }), [id]);
  const missed = useRef(false); // while somebody edits, what they began with stays
  useEvent(live, 'scripts', () => { if (tab === 'edit') missed.current = true; else read.reload(); });
  useEffect(() => {
    if (tab === 'edit' || !missed.current) return;
    missed.current = false;
    read.reload();
  }, [tab]);
  if (read.error?.status === 404) return html`<${Gone} title=${t.script.gone} up=${up} />`;
  const tabs = tabNames.filter((name) => name !== 'edit' || me.can.writeScripts).map((name) => ({ id: name, text: t.script.tabs[name] }));
  return html`<${Loaded} of=${read} lines=${6} up=${up}>${(script) => html`
    <${Head} up=${up} name=${script.displayName} title=${html`<${Plain} text=${script.displayName} />`} actions=${me.can.writeScripts && html`<${Remove} script=${script} />`}>
      <p class="about">${script.platform && html`<${Tag}>${t.platforms[script.platform]}<//>`}
        ${script.publisher && html`<span class="muted"><${Plain} text=${script.publisher} /></span>`}
        ${script.description && html`<span><${Plain} text=${script.description} /></span>`}</p>
    <//>
    <${Tabs} label=${t.script.tabsLabel} tabs=${tabs} current=${tab} href=${(name) => (name === 'summary' ? to('scripts', id) : to('scripts', id, name))} />
    ${tabOf(tab, script, read)}`}<//>`;
}

const up = { href: '#/scripts', text: t.nav.scripts };

function tabOf(tab, script, read) {
  switch (tab) {
    case 'devices': return html`<${States} script=${script} />`;
    case 'errors': return html`<${Errors} script=${script} />`;
    case 'source': return html`<${Reading} script=${script} />`;
    case 'assignments': return html`<${Assignments} script=${script} />`;
    case 'edit': return html`<${Editing} script=${script} saved=${read.set} />`;
    default: return html`<${Summary} script=${script} />`;
  }
}

/** The form, which stays with what was typed where the permission is lost meanwhile. */
function Editing({ script, saved }) {
  const { me } = useApp();
  const [could] = useState(me.can.writeScripts);
  return could || me.can.writeScripts ? html`<${ScriptForm} script=${script} saved=${saved} />` : html`<${Empty} title=${t.errors.notAllowed} />`;
}

function Summary({ script }) {
  const summary = useSummaries().get(script.id) ?? script.runSummary;
  if (!summary) return html`<${NoNumbers} script=${script} />`;
  return html`<section class="totals" aria-label=${t.script.tabs.summary}>
      <${Bar} summary=${summary} />
      <${Figures} summary=${summary} href=${summary.computed && ((state) => `${to('scripts', script.id, 'devices')}?state=${state}`)} />
      <p class="muted small">${t.script.counted(count(totalOf(summary)), totalOf(summary))} ${t.script.lastRun} <${Time} at=${summary.lastScriptRunDateTime} /></p>
    </section>
    <${History} script=${script} />`;
}

/** A script without numbers now, which may have had some. */
function NoNumbers({ script }) {
  const { api, me } = useApp();
  const had = useRead((signal) => api.get(`${scriptPath(script.id)}/plimsoll.runSummaryHistory()?$top=1`, { signal }), [script.id]);
  return html`<${Empty} title=${t.script.noNumbers} action=${me.can.writeScripts && html`<a class="button primary" href=${to('scripts', script.id, 'assignments')}>${t.script.assign}</a>`}>
      ${t.script.noNumbersHint}<//>
    ${had.data?.value.length > 0 && html`<${History} script=${script} />`}`;
}

function Reading({ script }) {
  const { me } = useApp();
  const source = decoded(script.detectionScriptContent);
  if (!source) {
    return html`<${Empty} title=${t.source.none} action=${me.can.writeScripts && html`<a class="button primary" href=${to('scripts', script.id, 'edit')}>${t.source.write}</a>`}>${t.source.noneHint}<//>`;
  }
  return html`<${Source} source=${source} platform=${script.platform} />`;
}

/** Deletes, after it said what that does. */
function Remove({ script }) {
  const { api, ask, router, say } = useApp();
  const summary = useSummaries().get(script.id) ?? script.runSummary;
  const { run, busy, error } = useAction(async () => {
    const n = totalOf(summary);
    const sure = await ask({ title: t.script.deleteTitle(script.displayName), body: t.script.deleteBody(count(n), n), action: t.script.delete, danger: true });
    if (!sure) return;
    await api.delete(scriptPath(script.id));
    say(t.script.deleted(script.displayName));
    router.replace('/scripts');
  });
  return html`<${Button} icon="remove" busy=${busy} onClick=${run}>${t.script.delete}<//><${Problem} error=${error} />`;
}

export function NewScript() {
  const { me } = useApp();
  return html`<${Head} title=${t.scripts.create} up=${up} />
    ${me.can.writeScripts ? html`<${ScriptForm} />` : html`<${Empty} title=${t.errors.notAllowed} />`}`;
}
