// All groups, as a list.
import { html } from '../preact.js';
import { useApp } from '../hooks.js';
import { Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Icon } from '../ui/icon.js';
import { Tag, Time } from '../ui/marks.js';
import { Empty, Head, Search } from '../ui/parts.js';
import { NothingFound, Table, useList } from '../ui/table.js';
import { useListing } from './listing.js';

export const kindOf = (group) => (!group.membershipRule ? t.groups.assigned : group.membershipRuleProcessingState === 'Paused' ? t.groups.paused : t.groups.dynamic);

export function Groups() {
  const { me } = useApp();
  return me.can.readGroups ? html`<${List} />` : html`<${Head} title=${t.nav.groups} /><${Empty} title=${t.errors.notAllowed}>${t.errors.noGroups}<//>`;
}

function List() {
  const { me } = useApp();
  const listing = useListing('displayName');
  const list = useList({ path: '/groups', search: listing.search, orderby: listing.order });
  const columns = [
    { key: 'name', title: t.groups.name, order: 'displayName', show: (g) => html`<a href=${to('groups', g.id)}><${Plain} text=${g.displayName} /></a>` },
    { key: 'kind', title: t.groups.kind, width: '9rem', show: (g) => html`<${Tag}>${kindOf(g)}<//>` },
    { key: 'rule', title: t.groups.rule, from: 'm', show: (g) => (g.membershipRule ? html`<code><${Plain} text=${g.membershipRule} /></code>` : html`<${Plain} text=${g.description} />`) },
    { key: 'made', title: t.groups.created, from: 'l', width: '11rem', order: 'createdDateTime', show: (g) => html`<${Time} at=${g.createdDateTime} />` },
  ];
  const create = me.can.writeGroups && html`<a class="button primary" href="#/groups/new"><${Icon} name="add" /><span>${t.groups.create}</span></a>`;
  return html`<${Head} title=${t.nav.groups} actions=${create} />
    <${Table} label=${t.nav.groups} columns=${columns} list=${list} order=${listing.order} onOrder=${(order) => listing.set('order', order)} unit=${t.groups.unit}
      empty=${listing.narrowed ? html`<${NothingFound} clear=${listing.clear} />` : html`<${Empty} title=${t.groups.none} action=${create}>${t.groups.noneHint}<//>`}
      tools=${html`<${Search} label=${t.groups.search} value=${listing.words} onInput=${listing.setWords} />`} />`;
}
