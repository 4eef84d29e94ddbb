// What lists have in common: search, order and filters stand in the address, so
// that a reload, a bookmark and the way back lead to what was seen.
import { useState, useEffect } from '../preact.js';
import { useApp, useRested } from '../hooks.js';
import { usePlace } from '../router.js';

/** @param {string} order the one that holds where none was chosen
 * @returns {{get: (name: string) => string, set: (name: string, value: string) => void, words: string, setWords: (words: string) => void,
 *   search: string, order: string, narrowed: boolean, clear: () => void}} */
export function useListing(order) {
  const { router } = useApp();
  const { query } = usePlace(router);
  const [words, setWords] = useState(query.get('search') ?? '');
  const rested = useRested(words);
  useEffect(() => { if (rested !== (query.get('search') ?? '')) router.setQuery({ search: rested }); }, [rested]);
  const names = [...query.keys()].filter((name) => name !== 'order');
  return {
    get: (name) => query.get(name) ?? '',
    set: (name, value) => router.setQuery({ [name]: value === order && name === 'order' ? '' : value }),
    words, setWords, search: searchOf(rested), order: query.get('order') ?? order,
    narrowed: names.length > 0 || words !== '',
    clear: () => { setWords(''); router.setQuery(Object.fromEntries(names.map((name) => [name, '']))); },
  };
}

/** Words as $search wants them: each in quotes, so that none is an operator. @param {string} words */
export const searchOf = (words) => words.split(/\s+/).map((word) => word.replace(/["\\]/g, '')).filter(Boolean).slice(0, 20).map((word) => `"${word}"`).join(' ');
