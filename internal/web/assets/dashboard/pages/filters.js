// All assignment filters, as a list.
import { html } from '../preact.js';
import { useApp } from '../hooks.js';
import { Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Icon } from '../ui/icon.js';
import { Time } from '../ui/marks.js';
import { Empty, Head, Search } from '../ui/parts.js';
import { NothingFound, Table, useList } from '../ui/table.js';
import { useListing } from './listing.js';

export function Filters() {
  const { me } = useApp();
  const listing = useListing('displayName');
  const list = useList({ path: '/deviceManagement/assignmentFilters', search: listing.search, orderby: listing.order });
  const columns = [
    { key: 'name', title: t.filters.name, order: 'displayName', show: (f) => html`<a href=${to('filters', f.id)}><${Plain} text=${f.displayName} /></a>` },
    { key: 'rule', title: t.filters.rule, from: 's', width: '50%', show: (f) => html`<code><${Plain} text=${f.rule} /></code>` },
    { key: 'changed', title: t.scripts.changed, from: 'l', width: '11rem', order: 'lastModifiedDateTime', show: (f) => html`<${Time} at=${f.lastModifiedDateTime} />` },
  ];
  const create = me.can.writeScripts && html`<a class="button primary" href="#/filters/new"><${Icon} name="add" /><span>${t.filters.create}</span></a>`;
  return html`<${Head} title=${t.nav.filters} actions=${create} />
    <${Table} label=${t.nav.filters} columns=${columns} list=${list} order=${listing.order} onOrder=${(order) => listing.set('order', order)} unit=${t.filters.unit}
      empty=${listing.narrowed ? html`<${NothingFound} clear=${listing.clear} />` : html`<${Empty} title=${t.filters.none} action=${create}>${t.filters.noneHint}<//>`}
      tools=${html`<${Search} label=${t.filters.search} value=${listing.words} onInput=${listing.setWords} />`} />`;
}
