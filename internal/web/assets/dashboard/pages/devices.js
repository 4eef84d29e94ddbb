// All devices, as a list.
import { html } from '../preact.js';
import { useAction, useApp, useEvent } from '../hooks.js';
import { withOptions } from '../api.js';
import { Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Icon } from '../ui/icon.js';
import { Compliance, Time } from '../ui/marks.js';
import { Button, Empty, Head, Narrow, Problem, Search } from '../ui/parts.js';
import { NothingFound, Table, useList } from '../ui/table.js';
import { useListing, useNews } from './listing.js';

const path = '/deviceManagement/managedDevices';
/** @param {'s'} [from] the width from which there is room for more than a name */
export const deviceColumns = (from) => [
  { key: 'name', title: t.devices.name, order: 'deviceName', show: (d) => html`<a href=${to('devices', d.id)}><${Plain} text=${d.deviceName} /></a>` },
  { key: 'compliance', title: t.devices.compliance, from, width: '10rem', show: (d) => html`<${Compliance} state=${d.complianceState} />` },
  { key: 'os', title: t.devices.system, from: 'm', width: '12rem', order: 'operatingSystem', show: (d) => html`<${Plain} text=${[d.operatingSystem, d.osVersion].filter(Boolean).join(' ')} />` },
  { key: 'model', title: t.devices.model, from: 'l', width: '14%', order: 'model', show: (d) => html`<${Plain} text=${[d.manufacturer, d.model].filter(Boolean).join(' ')} />` },
  { key: 'user', title: t.devices.user, from: 'l', width: '16%', order: 'userPrincipalName', show: (d) => html`<${Plain} text=${d.userPrincipalName} />` },
  { key: 'seen', title: t.devices.seen, from: 's', width: '9.5rem', order: 'lastSyncDateTime', show: (d) => html`<${Time} at=${d.lastSyncDateTime} />` },
];
export const deviceFields = 'id,deviceName,complianceState,operatingSystem,osVersion,manufacturer,model,userPrincipalName,lastSyncDateTime';

/** How long ago a filter's value is, as an instant of the hour, so that a page of the list and the next agree. */
const before = (days) => new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 - days * 86_400_000).toISOString().replace('.000', '');

const narrowed = { // by what, and to what
  system: [['', t.devices.allSystems], ['Linux', 'Linux'], ['macOS', 'macOS'], ['Windows', 'Windows']],
  compliance: [['', t.devices.allCompliance], ...Object.entries(t.compliance)],
  silent: Object.entries(t.devices.silences),
};

export function Devices() {
  const { api, live, me } = useApp();
  const listing = useListing('deviceName');
  const [system, compliance, silent] = Object.entries(narrowed).map(([name, options]) => listing.oneOf(name, options));
  const filter = [
    system && `operatingSystem eq '${system}'`, compliance && `complianceState eq '${compliance}'`, silent && `lastSyncDateTime lt ${before(Number(silent))}`,
  ].filter(Boolean).join(' and ');
  const list = useList({ path, search: listing.search, filter, orderby: listing.order, select: deviceFields });
  const [tell, news] = useNews(list);
  useEvent(live, 'devices', tell);
  const exporting = useAction(() => api.download(withOptions(path, { search: listing.search, filter, orderby: listing.order }), 'devices.csv', 'text/csv'));
  const enrol = me.can.writeDevices && html`<a class="button primary" href="#/enrol"><${Icon} name="add" /><span>${t.enrol.action}</span></a>`;
  return html`<${Head} title=${t.nav.devices} actions=${enrol} />
    ${news}<${Problem} error=${exporting.error} />
    <${Table} label=${t.nav.devices} columns=${deviceColumns()} list=${list} order=${listing.order} onOrder=${(order) => listing.set('order', order)} unit=${t.devices.unit}
      empty=${listing.narrowed ? html`<${NothingFound} clear=${listing.clear} />` : html`<${Empty} title=${t.devices.none} action=${enrol}>${t.devices.noneHint}<//>`}
      tools=${html`<${Search} label=${t.devices.search} value=${listing.words} onInput=${listing.setWords} />
        <${Narrow} label=${t.devices.system} value=${system} onInput=${(v) => listing.set('system', v)} options=${narrowed.system} />
        <${Narrow} label=${t.devices.compliance} value=${compliance} onInput=${(v) => listing.set('compliance', v)} options=${narrowed.compliance} />
        <${Narrow} label=${t.devices.silence} value=${silent} onInput=${(v) => listing.set('silent', v)} options=${narrowed.silent} />
        <${Button} icon="download" busy=${exporting.busy} onClick=${exporting.run}>${t.export}<//>`} />`;
}
