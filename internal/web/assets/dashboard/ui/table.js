// Lists of any length: the server pages and sorts, and of what was read only the
// rows in sight are in the document.
import { html, useCallback, useEffect, useLayoutEffect, useRef, useState } from '../preact.js';
import { useApp, useEvent } from '../hooks.js';
import { withOptions } from '../api.js';
import { count } from '../format.js';
import { t } from '../texts.js';
import { Icon } from './icon.js';
import { Button, Empty, Problem, Waiting } from './parts.js';

const pageSize = 100;
const beyond = 8; // rows above and below those in sight

/** @typedef {{path: string, filter?: string, search?: string, orderby?: string, select?: string, expand?: string, counted?: boolean}} Wanted */

/** Reads a list page by page. The number of all rows is asked for beside: it may take longer than the first of them.
 * @param {Wanted} wanted */
export function useList(wanted) {
  const { api } = useApp();
  const key = JSON.stringify(wanted);
  const [state, setState] = useState({ rows: [], next: null, total: null, loading: true, error: null, key: '' });
  const [turn, setTurn] = useState(0);
  const round = useRef(null); // what is read now: nothing that an earlier one asked for is waited for, or taken
  const { path, counted = true, ...options } = wanted;

  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const mine = { signal, busy: true, asked: null }; // the page asked for last: what it brought may not be drawn yet
    round.current = mine;
    setState((before) => ({ ...before, loading: true, error: null }));
    api.get(withOptions(path, { ...options, top: pageSize }), { signal }).then((page) => {
      if (signal.aborted) return undefined;
      mine.busy = false;
      const next = api.next(page['@odata.nextLink']);
      setState((before) => ({
        rows: page.value, next, loading: false, error: null, key,
        total: next ? (before.key === key ? before.total : null) : page.value.length,
      }));
      if (next && counted) {
        return api.get(withOptions(`${path}/$count`, { filter: options.filter, search: options.search }), { signal, headers: { Accept: 'text/plain' } })
          .then((total) => { if (!signal.aborted) setState((before) => ({ ...before, total: Number(total) })); });
      }
      return undefined;
    }).catch((error) => {
      if (signal.aborted) return;
      mine.busy = false;
      setState((before) => ({ ...before, loading: false, error }));
    });
    return () => stop.abort();
  }, [key, turn]);

  const more = useCallback(() => {
    const mine = round.current;
    if (state.key !== key || mine.busy || !state.next || state.next === mine.asked || state.error) return;
    mine.busy = true;
    mine.asked = state.next;
    api.get(state.next, { signal: mine.signal }).then((page) => {
      if (mine.signal.aborted) return;
      mine.busy = false;
      setState((before) => ({ ...before, rows: before.rows.concat(page.value), next: api.next(page['@odata.nextLink']) }));
    }).catch((error) => {
      if (mine.signal.aborted) return;
      mine.busy = false;
      setState((before) => ({ ...before, error }));
    });
  }, [key, state.key, state.next, state.error]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);
  useEvent(api, 'found', () => { if (state.error) reload(); });
  return { ...state, fresh: state.key === key, more, reload };
}

/** @typedef {{key: string, title: string, show: (row: any) => any, order?: string, from?: 's'|'m'|'l', numeric?: boolean, width?: string}} Column */

/** @param {{label: string, columns: Column[], list: ReturnType<typeof useList>, order: string, onOrder: (order: string) => void,
 *   empty: any, height?: number, id?: (row: any) => string, unit: (n: string) => string, tools?: any}} props */
export function Table({ label, columns, list, order, onOrder, empty, height = 48, id = (row) => row.id, unit, tools }) {
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => { observer.disconnect(); element.removeEventListener('scroll', look); };
  }, [list.rows.length > 0]);

  const first = Math.max(0, Math.floor(view.top / height) - beyond);
  const last = Math.min(list.rows.length, Math.ceil((view.top + view.height) / height) + beyond);
  useEffect(() => { if (last > list.rows.length - 30) list.more(); }, [last, list.rows.length, list.more]);
  useEffect(() => { if (box.current) box.current.scrollTop = 0; }, [list.key]);
  const held = useRef(null); // what had the focus last, of a row that may be out of sight by now
  useLayoutEffect(() => {
    if (held.current?.isConnected !== false || document.activeElement !== document.body) return;
    held.current = null;
    box.current?.focus({ preventScroll: true });
  });

  if (list.rows.length === 0 && list.fresh && !list.error) return html`${tools && html`<div class="tools">${tools}</div>`}${empty}`;
  const known = list.total ?? (list.next ? null : list.rows.length);
  return html`
    <div class="tools">${tools}<p class="counted" role="status">${list.fresh && known !== null ? unit(count(known), known) : ''}</p></div>
    ${list.error && html`<${Problem} error=${list.error} retry=${list.reload} />`}
    ${list.rows.length === 0 ? !list.error && html`<${Waiting} lines=${8} />` : html`
    <div class="table" ref=${box} tabindex="0" role="region" aria-label=${label} aria-busy=${list.loading ? 'true' : undefined}>
      <table aria-rowcount=${known === null ? -1 : known + 1} onKeyDown=${moveFocus} onFocusCapture=${(e) => { held.current = e.target; }}>
        <thead><tr aria-rowindex="1">${columns.map((column) => html`<${Heading} key=${column.key} column=${column} order=${order} onOrder=${onOrder} />`)}</tr></thead>
        <tbody>
          ${first > 0 && html`<tr class="gap" aria-hidden="true" key="above"><td style=${{ height: `${first * height}px` }} /></tr>`}
          ${list.rows.slice(first, last).map((row, i) => html`<tr key=${id(row)} aria-rowindex=${first + i + 2} style=${{ height: `${height}px` }}>
            ${columns.map((column, n) => (n === 0
              ? html`<th key=${column.key} scope="row"><div class="cell">${column.show(row)}</div></th>`
              : html`<td key=${column.key} class=${classOf(column)}><div class="cell">${column.show(row)}</div></td>`))}</tr>`)}
          ${last < list.rows.length && html`<tr class="gap" aria-hidden="true" key="below"><td style=${{ height: `${(list.rows.length - last) * height}px` }} /></tr>`}
        </tbody>
      </table>
      ${list.next && html`<p class="muted going-on">${t.table.goingOn}</p>`}
    </div>`}`;
}

const classOf = (column) => [column.from && `from-${column.from}`, column.numeric && 'numeric'].filter(Boolean).join(' ');

function Heading({ column, order, onOrder }) {
  const [by, direction] = order.split(' ');
  const sorted = column.order !== undefined && by === column.order;
  const down = direction === 'desc';
  const text = column.hidden ? html`<span class="unseen">${column.title}</span>` : column.title;
  return html`<th scope="col" class=${classOf(column)} aria-sort=${sorted ? (down ? 'descending' : 'ascending') : undefined}
    style=${column.width ? { width: column.width } : undefined}>
    ${column.order === undefined ? text : html`<button class="sort" onClick=${() => onOrder(sorted && !down ? `${by} desc` : column.order)}>
      ${text}${sorted && html`<${Icon} name=${down ? 'down' : 'up'} />`}</button>`}</th>`;
}

/** The arrow keys go from row to row. */
function moveFocus(event) {
  const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
  const row = event.target.closest('tbody tr');
  if (!step || !row || event.target.matches('input, select, textarea')) return;
  const next = row[step]?.querySelector('a, button');
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** @param {{text: string, action?: any}} props */
export const NothingFound = ({ clear }) => html`<${Empty} title=${t.table.nothingFound} action=${clear && html`<${Button} onClick=${clear}>${t.table.clear}<//>`}>
  ${t.table.nothingFoundHint}<//>`;
