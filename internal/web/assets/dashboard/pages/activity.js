// Who did what, from the audit trail.
import { html } from '../preact.js';
import { useApp } from '../hooks.js';
import { count } from '../format.js';
import { Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Time } from '../ui/marks.js';

const pages = { deviceComplianceScript: 'scripts', managedDevice: 'devices', group: 'groups', assignmentFilter: 'filters', deviceAndAppManagementAssignmentFilter: 'filters' };

/** Where a resource can be looked at, or null. Those with a name have one because they are there.
 * @param {{type: string, resourceId: string, displayName: string|null}} resource */
function hrefOf(resource) {
  const page = pages[resource.type.replace(/^.*\./, '')];
  return page && (resource.displayName || page === 'devices') ? to(page, resource.resourceId) : null;
}

function Resource({ resource, gone }) {
  if (!resource?.resourceId) return null;
  const name = resource.displayName || resource.resourceId.slice(0, 8);
  const href = gone ? null : hrefOf(resource);
  if (href) return html`<a href=${href}><${Plain} text=${name} /></a>`;
  return resource.displayName ? html`<b><${Plain} text=${name} /></b>` : html`<code title=${resource.resourceId}>${name}</code>`;
}

/** Folds those of one kind that follow each other, by the same actor and about what the same
 * script has to do with devices, into the newest of them with their number. @param {any[]} events auditEvents, the newest first
 * @param {boolean} more whether there are older ones, so that the last number may be too low */
export function folded(events, more) {
  const found = [];
  for (const event of events) {
    const last = found.at(-1);
    if (last && kindOf(event) && kindOf(last) === kindOf(event)) last.times += 1;
    else found.push({ ...event, times: 1 });
  }
  if (more) found.at(-1).more = true;
  return found;
}

/** What events have in common that are told as one; null for those that stand alone. */
function kindOf({ activity, actor, resources }) {
  const [script, device] = resources ?? [];
  return device ? [activity, actor?.applicationId ?? actor?.userId ?? actor?.userPrincipalName, script.resourceId].join('\n') : null;
}

/** @param {{events: any[], without?: string, names?: Map<string, string>}} props auditEvents, the newest first, and what made like them; without the id of whom all
 * of them are about; with names, by id, of what the events may not name */
export function Activity({ events, without, names }) {
  const { me } = useApp();
  const actorOf = ({ actor }) => {
    const name = actor?.applicationDisplayName || actor?.userPrincipalName || actor?.applicationId;
    return name === me.id ? me.name || name : name; // whom the trail knows by an id alone
  };
  if (events.length === 0) return html`<p class="muted">${t.activity.none}</p>`;
  return html`<ol class="activity">${events.map((event) => {
    const others = (event.resources ?? []).filter((resource) => resource.resourceId !== without)
      .map((resource) => ({ ...resource, displayName: resource.displayName ?? names?.get(resource.resourceId) ?? null }));
    const did = event.said ?? t.activity.did[event.activity] ?? event.displayName;
    return html`<li key=${event.id}>
      <p>${others.length ? did : did.replace(/:$/, '')} <${Resource} resource=${others[0]} gone=${event.activityOperationType === 'Delete'} />${event.times > 1 && html` <span class="tag">${t.activity.times(count(event.times), event.more)}</span>`}</p>
      <p class="muted small"><${Time} at=${event.activityDateTime} />${actorOf(event) && html` · <${Plain} text=${actorOf(event)} />`}</p></li>`;
  })}</ol>`;
}
