// How a script's numbers went: a trend, and every summary that was ever reported.
import { html, useState } from '../preact.js';
import { useApp, useEvent, useRead, useSparingly } from '../hooks.js';
import { literal, withOptions } from '../api.js';
import { count } from '../format.js';
import { Plain, plainly } from '../plain.js';
import { t } from '../texts.js';
import { Trend } from '../ui/chart.js';
import { Time, counts } from '../ui/marks.js';
import { Loaded, Section } from '../ui/parts.js';
import { Table, useList } from '../ui/table.js';
import { scriptPath } from './script.js';

const spans = { day: 1, week: 7, month: 30, all: 0 };
const points = 1000; // of a trend: as many as a page holds

/** Names by id, as far as the API tells them: the history has ids alone, but the audit trail
 * names who changed the script, and each knows themselves. @param {string} scriptId */
function useReporters(scriptId) {
  const { api, me } = useApp();
  const { data } = useRead((signal) => api.get(withOptions('/deviceManagement/auditEvents', {
    filter: `resourceId eq ${literal(scriptId)}`, orderby: 'activityDateTime desc', top: 200,
  }), { signal }), [scriptId]);
  const actors = (data?.value ?? []).map(({ actor }) => [actor.applicationId ?? actor.userId, actor.applicationDisplayName ?? actor.userPrincipalName]);
  return new Map([...actors, [me.id, me.name]]);
}

const Reporter = ({ id, names }) => (names.get(id) ? html`<span title=${plainly(id)}><${Plain} text=${names.get(id)} /></span>` : html`<${Plain} text=${id} />`);

/** @param {{script: any}} props */
export function History({ script }) {
  const { api, live } = useApp();
  const names = useReporters(script.id);
  const [span, setSpan] = useState('week');
  const path = `${scriptPath(script.id)}/plimsoll.runSummaryHistory()`;
  const trend = useRead(async (signal) => {
    const since = spans[span] && new Date(Date.now() - spans[span] * 86_400_000).toISOString();
    const page = await api.get(withOptions(path, { top: points, filter: since && `recordedDateTime ge ${since} and removedDateTime eq null` }), { signal });
    return page.value;
  }, [script.id, span]);
  const list = useList({ path, counted: false });
  const anew = useSparingly(trend.reload, 20_000); // the server keeps an entry a minute
  useEvent(live, 'summaries', (e) => { if (e.detail.includes(script.id)) anew(); });
  const columns = [
    { key: 'at', title: t.history.at, width: '11rem', show: (row) => html`<${Time} at=${row.recordedDateTime} exact />` },
    ...counts.map(({ kind, property }) => ({ key: kind, title: t.kinds[kind], numeric: true, from: kind === 'healthy' || kind === 'issue' ? undefined : 's', show: (row) => count(row[property]) })),
    { key: 'by', title: t.history.by, from: 'm', show: (row) => (row.recordedBy === 'plimsoll' ? html`<span class="muted">${t.history.computed}</span>` : html`<${Reporter} id=${row.recordedBy} names=${names} />`) },
    { key: 'removed', title: t.history.removed, from: 'l', show: (row) => html`<${Time} at=${row.removedDateTime} absent="–" />` },
  ];
  return html`
    <${Section} title=${t.trend.title} aside=${html`<fieldset class="choices"><legend class="unseen">${t.trend.span}</legend>${Object.keys(spans).map((name) => html`
      <label key=${name}><input type="radio" name="span" checked=${span === name} onChange=${() => setSpan(name)} /><span>${t.trend.spans[name]}</span></label>`)}</fieldset>`}>
      <${Loaded} of=${trend}>${(entries) => (entries.length === 0 ? html`<p class="muted">${t.trend.nothing}</p>` : html`<${Trend} entries=${entries} days=${spans[span]} />`)}<//>
    <//>
    <${Section} title=${t.history.title}>
      <${Table} label=${t.history.title} columns=${columns} list=${list} order="" onOrder=${() => {}} height=${40} unit=${() => ''}
        empty=${html`<p class="muted">${t.trend.nothing}</p>`} />
    <//>`;
}
