// Which scripts name a group or a filter in their assignments.
import { html } from '../preact.js';
import { useApp, useEvent, useRead, useSparingly } from '../hooks.js';
import { count } from '../format.js';
import { Plain, plainly } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Tag } from '../ui/marks.js';
import { Loaded, Section } from '../ui/parts.js';

const mostPages = 50; // of 20 scripts, as a list with their assignments has
const anewAfter = 10_000; // ms: that is many requests, one after the other
const named = 5; // scripts that a sentence names

/** @typedef {{scripts: Array<{id: string, name: string, how: 'assigned'|'excluded'|'include'|'exclude'}>, complete: boolean}} Uses */

/** @param {string} id of a group or a filter @returns {Promise<Uses>} of the scripts that may be read */
export async function readUses({ api, me }, id, signal) {
  const uses = { scripts: [], complete: true };
  let next = me.can.readScripts ? '/deviceManagement/deviceComplianceScripts?$select=id,displayName&$expand=assignments&$orderby=displayName' : null;
  for (let pages = 0; next; pages++) {
    if (pages === mostPages) return { ...uses, complete: false };
    const page = await api.get(next, { signal });
    for (const script of page.value) {
      for (const how of new Set(script.assignments.map(({ target }) => howOf(target, id)).filter(Boolean))) uses.scripts.push({ id: script.id, name: script.displayName, how });
    }
    next = api.next(page['@odata.nextLink']);
  }
  return uses;
}

function howOf(target, id) {
  if (target.groupId === id) return target['@odata.type'].includes('exclusion') ? 'excluded' : 'assigned';
  return target.deviceAndAppManagementAssignmentFilterId === id ? target.deviceAndAppManagementAssignmentFilterType : null;
}

/** The names of those that use it so, as a sentence has them. @param {Uses} uses @param {string[]} hows */
export function namesOf({ scripts, complete }, ...hows) {
  const names = [...new Set(scripts.filter(({ how }) => hows.includes(how)).map(({ name }) => plainly(name)))];
  const more = names.length - named;
  return more > 0 || (!complete && names.length > 0) ? t.uses.andMore(names.slice(0, named), complete ? count(more) : '') : t.uses.all(names);
}

/** @param {{id: string}} props of a group or a filter */
export function Uses({ id }) {
  const app = useApp();
  const read = useRead((signal) => readUses(app, id, signal), [id]);
  useEvent(app.live, 'scripts', useSparingly(read.reload, anewAfter));
  if (!app.me.can.readScripts) return null;
  return html`<${Section} title=${t.uses.title}><${Loaded} of=${read} lines=${1}>${({ scripts, complete }) => html`
    ${scripts.length === 0 ? complete && html`<p class="muted">${t.uses.none}</p>` : html`<ul class="plain-list">${scripts.map((script) => html`<li key=${script.id + script.how}>
      <a href=${to('scripts', script.id, 'assignments')}><${Plain} text=${script.name} /></a><${Tag}>${t.uses.how[script.how]}<//></li>`)}</ul>`}
    ${!complete && html`<p class="muted">${t.uses.incomplete}</p>`}`}<//><//>`;
}
