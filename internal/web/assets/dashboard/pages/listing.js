// What lists have in common: search, order and filters stand in the address, so
// that a reload, a bookmark and the way back lead to what was seen.
import { html, useEffect, useRef, useState } from '../preact.js';
import { useApp, useRested, useSparingly } from '../hooks.js';
import { usePlace } from '../router.js';
import { t } from '../texts.js';
import { Button } from '../ui/parts.js';

/** @param {string} order the one that holds where none was chosen
 * @returns {{get: (name: string) => string, oneOf: (name: string, options: Array<[string, string]>) => string, set: (name: string, value: string) => void,
 *   words: string, setWords: (words: string) => void, search: string, order: string, narrowed: boolean, clear: () => void}} where oneOf gives
 *   the value that a select offers, and none for any other that an address may have */
export function useListing(order) {
  const { router } = useApp();
  const { query } = usePlace(router);
  const search = query.get('search') ?? '';
  const [words, setWords] = useState(search);
  const written = useRef(search); // any other came by a link, or by the way back
  const rested = useRested(words);
  useEffect(() => {
    if (search === written.current) return;
    written.current = search;
    setWords(search);
  }, [search]);
  useEffect(() => {
    if (rested !== words || rested === search) return;
    written.current = rested;
    router.setQuery({ search: rested });
  }, [rested, words]);
  const names = [...query.keys()].filter((name) => name !== 'order');
  const get = (name) => query.get(name) ?? '';
  return {
    get, oneOf: (name, options) => (options.some(([value]) => value === get(name)) ? get(name) : ''),
    set: (name, value) => router.setQuery({ [name]: value === order && name === 'order' ? '' : value }),
    words, setWords, search: searchOf(search), order: query.get('order') ?? order,
    narrowed: names.length > 0 || words !== '',
    clear: () => { setWords(''); router.setQuery(Object.fromEntries(names.map((name) => [name, '']))); },
  };
}

const anewAfter = 5000; // ms: a list's number may take long, and each reading ends the one before
const short = 100; // rows: with more, somebody has read on, and would lose their place

/** What becomes of a list where there is news: a short one is read again, of others it is said that they are old.
 * @param {ReturnType<typeof import('../ui/table.js').useList>} list @param {boolean} [still] whether it is only said
 * @returns {[() => void, any]} what tells it of news, and what it says */
export function useNews(list, still = list.rows.length > short) {
  const [stale, setStale] = useState(false);
  useEffect(() => setStale(false), [list.key]);
  const show = () => { setStale(false); list.reload(); };
  return [useSparingly(() => (still ? setStale(true) : show()), anewAfter),
    stale && html`<p class="banner quiet-banner">${t.table.stale} <${Button} kind="quiet" onClick=${show}>${t.table.refresh}<//></p>`];
}

/** Words as $search wants them: each in quotes, so that none is an operator. @param {string} words */
export const searchOf = (words) => words.split(/\s+/).map((word) => word.replace(/["\\]/g, '')).filter(Boolean).slice(0, 20).map((word) => `"${word}"`).join(' ');
