// What lists have in common: search, order and filters stand in the address, so
// that a reload, a bookmark and the way back lead to what was seen.
import { useEffect, useRef, useState } from '../preact.js';
import { useApp, useRested } from '../hooks.js';
import { usePlace } from '../router.js';

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

/** Words as $search wants them: each in quotes, so that none is an operator. @param {string} words */
export const searchOf = (words) => words.split(/\s+/).map((word) => word.replace(/["\\]/g, '')).filter(Boolean).slice(0, 20).map((word) => `"${word}"`).join(' ');
