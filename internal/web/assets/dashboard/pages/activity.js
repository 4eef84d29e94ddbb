// Who did what, from the audit trail.
import { html } from '../preact.js';
import { Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Time } from '../ui/marks.js';

const pages = { deviceComplianceScript: 'scripts', managedDevice: 'devices', group: 'groups', assignmentFilter: 'filters', deviceAndAppManagementAssignmentFilter: 'filters' };

const actorOf = ({ actor }) => actor?.userPrincipalName || actor?.applicationDisplayName || actor?.applicationId || actor?.userId;

/** Where a resource of an event can be looked at, or null. */
function hrefOf(resource, operation) {
  const type = (resource?.type ?? '').replace(/^.*\./, '');
  const page = pages[type];
  return page && resource.resourceId && operation !== 'Delete' ? to(page, resource.resourceId) : null;
}

/** @param {{events: any[]}} props auditEvents, the newest first */
export function Activity({ events }) {
  if (events.length === 0) return html`<p class="muted">${t.activity.none}</p>`;
  return html`<ol class="activity">${events.map((event) => {
    const resource = event.resources?.[0];
    const href = hrefOf(resource, event.activityOperationType);
    const name = resource?.displayName || resource?.resourceId;
    return html`<li key=${event.id}>
      <p>${event.displayName || event.activity} ${name && (href ? html`<a href=${href}><${Plain} text=${name} /></a>` : html`<b><${Plain} text=${name} /></b>`)}</p>
      <p class="muted small"><${Time} at=${event.activityDateTime} />${actorOf(event) && html` · <${Plain} text=${actorOf(event)} />`}</p></li>`;
  })}</ol>`;
}
