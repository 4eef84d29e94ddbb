// What pages have in common: the parts of the app, and reading from the API.
import { createContext, useCallback, useContext, useEffect, useRef, useState } from './preact.js';
import { plainly } from './plain.js';
import { t } from './texts.js';

/** @typedef {{api: import('./api.js').Api, session: import('./auth.js').Session, live: import('./live.js').Live,
 *   router: import('./router.js').Router, me: Me, config: import('./auth.js').Config,
 *   say: (text: string) => void, ask: (question: Question) => Promise<boolean>}} App */
/** @typedef {{id: string, name: string, permissions: string[], can: Record<string, boolean>}} Me */
/** @typedef {{title: string, body: any, action: string, danger?: boolean}} Question */

export const AppContext = createContext(null);

/** @returns {App} */
export const useApp = () => useContext(AppContext);

/** What a read gave, kept while it is read again. @template T
 * @param {(signal: AbortSignal) => Promise<T>} read @param {any[]} inputs it is read anew when one of them changes
 * @returns {{data: T|undefined, error: Error|null, loading: boolean, reload: () => void, set: (data: T) => void}} */
export function useRead(read, inputs) {
  const { api } = useApp();
  const [state, setState] = useState({ data: undefined, error: null, loading: true, of: inputs.join('\n') });
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const of = inputs.join('\n');
  useEffect(() => {
    const stop = new AbortController();
    setState((before) => ({ data: before.of === of ? before.data : undefined, error: null, loading: true, of }));
    read(stop.signal).then(
      (data) => { if (!stop.signal.aborted) setState({ data, error: null, loading: false, of }); },
      (error) => { if (!stop.signal.aborted) setState((before) => ({ ...before, error, loading: false })); },
    );
    return () => stop.abort();
  }, [of, turn]);
  useEvent(api, 'found', () => { if (state.error) reload(); });
  const set = useCallback((data) => setState((before) => ({ ...before, data })), []);
  return { ...state, data: state.of === of ? state.data : undefined, reload, set };
}

/** Hears of an event for as long as the component is there. */
export function useEvent(target, name, handle) {
  const latest = useRef(handle);
  latest.current = handle;
  useEffect(() => {
    const hear = (event) => latest.current(event);
    target.addEventListener(name, hear);
    return () => target.removeEventListener(name, hear);
  }, [target, name]);
}

/** Does something that costs the server a query when there is news: at once, and then
 * not again for a while, however much news there is. @param {() => void} run @param {number} pause in ms */
export function useSparingly(run, pause) {
  const state = useRef({ timer: 0, wanted: false });
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => () => clearTimeout(state.current.timer), []);
  return useCallback(() => {
    const now = state.current;
    now.wanted = true;
    const next = () => {
      now.timer = 0;
      if (!now.wanted) return;
      now.wanted = false;
      latest.current();
      now.timer = setTimeout(next, pause);
    };
    if (!now.timer) next();
  }, []);
}

/** Does something every so often while the page is seen, and at once where that was due while it was hidden.
 * @param {() => void} run @param {number} pause in ms */
export function useWhileSeen(run, pause) {
  const latest = useRef(run);
  latest.current = run;
  const state = useRef({ timer: 0, due: false });
  const begin = () => { state.current = { timer: setTimeout(act, pause), due: false }; };
  const act = () => {
    state.current.due = document.hidden;
    if (document.hidden) return;
    latest.current();
    begin();
  };
  useEffect(() => {
    begin();
    return () => clearTimeout(state.current.timer);
  }, []);
  useEvent(document, 'visibilitychange', () => { if (state.current.due) act(); });
}

/** A value once it has rested, for what is asked while somebody types. */
export function useRested(value, pause = 300) {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), pause);
    return () => clearTimeout(timer);
  }, [value, pause]);
  return rested;
}

/** The time, at least every half a minute, so that "2 minutes ago" does not grow old. */
export function useNow() {
  const [, setTurn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTurn((n) => n + 1), 30_000);
    return () => clearInterval(timer);
  }, []);
  return Date.now();
}

/** The document's title, which says where a tab is. @param {string} [title] */
export function useTitle(title) {
  useEffect(() => { document.title = title ? `${plainly(title)} – ${t.product}` : t.product; }, [title]);
}

/** The newest numbers of a script, or of all: read again as they come. */
export function useSummaries() {
  const { live } = useApp();
  const [, setTurn] = useState(0);
  useEvent(live, 'summaries', () => setTurn((n) => n + 1));
  return live.summaries;
}

/** Asks before a page is left where something was typed. @param {boolean} changed */
export function useUnsaved(changed) {
  const { router, ask, session } = useApp();
  useEffect(() => {
    if (!changed) return undefined;
    const guard = () => ask({ title: t.unsaved.title, body: t.unsaved.body, action: t.unsaved.leave, danger: true });
    const warn = (event) => { if (!session.ended || session.ended === 'expired') event.preventDefault(); }; // else it is put away
    router.guard = guard;
    window.addEventListener('beforeunload', warn);
    return () => {
      if (router.guard === guard) router.guard = null;
      window.removeEventListener('beforeunload', warn);
    };
  }, [changed]);
}

/** Something that is done on a click: busy while it runs, and what went wrong.
 * @param {(...args: any[]) => Promise<any>} work */
export function useAction(work) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const run = async (...args) => {
    if (busy) return undefined;
    setBusy(true);
    setError(null);
    try {
      return await work(...args);
    } catch (failure) {
      setError(failure);
      return undefined;
    } finally {
      setBusy(false);
    }
  };
  return { run, busy, error, setError };
}
