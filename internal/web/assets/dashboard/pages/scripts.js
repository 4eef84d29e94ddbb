// All scripts, as a list.
import { html } from '../preact.js';
import { useApp, useEvent, useSummaries } from '../hooks.js';
import { Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { count } from '../format.js';
import { Icon } from '../ui/icon.js';
import { Bar, Time, counts } from '../ui/marks.js';
import { Empty, Head, Narrow, Search } from '../ui/parts.js';
import { NothingFound, Table, useList } from '../ui/table.js';
import { useListing, useNews } from './listing.js';

const from = { healthy: 'l', issue: 's', error: 'm', pending: 'l' }; // the room that a count needs
const path = '/deviceManagement/deviceComplianceScripts';

const platforms = [['', t.platforms.all], ...['linux', 'macOS', 'windows10'].map((name) => [name, t.platforms[name]])];

export function Scripts() {
  const { me, live } = useApp();
  const summaries = useSummaries();
  const listing = useListing('displayName');
  const platform = listing.oneOf('platform', platforms);
  const list = useList({
    path, search: listing.search, orderby: listing.order, filter: platform && `platform eq '${platform}'`,
    select: 'id,displayName,platform,publisher,lastModifiedDateTime', expand: 'runSummary',
  });
  const [tell, news] = useNews(list);
  useEvent(live, 'scripts', tell);
  const numbers = (script) => summaries.get(script.id) ?? script.runSummary;
  const columns = [
    { key: 'name', title: t.scripts.name, order: 'displayName', show: (s) => html`<a href=${to('scripts', s.id)}><${Plain} text=${s.displayName} /></a>` },
    { key: 'bar', title: t.scripts.state, width: 'clamp(7rem, 15vw, 14rem)', show: (s) => (numbers(s) ? html`<${Bar} summary=${numbers(s)} label=${s.displayName} />` : html`<span class="muted">–</span>`) },
    ...counts.map(({ kind, property }) => ({
      key: kind, title: t.kinds[kind], numeric: true, from: from[kind], width: '6.75rem', order: `runSummary/${property}`, show: (s) => number(numbers(s)?.[property]),
    })),
    { key: 'platform', title: t.scripts.platform, from: 'm', width: '9.5rem', show: (s) => t.platforms[s.platform] ?? t.platforms.any },
    { key: 'changed', title: t.scripts.changed, from: 'l', width: '9.5rem', order: 'lastModifiedDateTime', show: (s) => html`<${Time} at=${s.lastModifiedDateTime} />` },
  ];
  const create = me.can.writeScripts && html`<a class="button primary" href="#/scripts/new"><${Icon} name="add" /><span>${t.scripts.create}</span></a>`;
  return html`<${Head} title=${t.nav.scripts} actions=${create} />
    ${news}<${Table} label=${t.nav.scripts} columns=${columns} list=${list} order=${listing.order} onOrder=${(order) => listing.set('order', order)} unit=${t.scripts.unit}
      empty=${listing.narrowed ? html`<${NothingFound} clear=${listing.clear} />` : html`<${Empty} title=${t.scripts.none} action=${create}>${t.scripts.noneHint}<//>`}
      tools=${html`<${Search} label=${t.scripts.search} value=${listing.words} onInput=${listing.setWords} />
        <${Narrow} label=${t.scripts.platform} value=${platform} onInput=${(v) => listing.set('platform', v)} options=${platforms} />`} />`;
}

const number = (n) => (n === undefined || n === null ? html`<span class="muted">–</span>` : count(n));
