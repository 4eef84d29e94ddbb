// Where the page is: its place is the URL's fragment, /scripts/{id}?tab=source.
import { useEffect, useState } from './preact.js';

/** @typedef {{path: string[], query: URLSearchParams, text: string}} Place */

/** @returns {Place} */
function read() {
  const text = location.hash.replace(/^#/, '') || '/';
  const [path, query = ''] = text.split('?');
  return { path: path.split('/').filter(Boolean).map(decodeSafely), query: new URLSearchParams(query), text };
}

function decodeSafely(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

export class Router extends EventTarget {
  /** @type {null|(() => Promise<boolean>)} asks whether what was typed may be left */
  guard = null;

  constructor() {
    super();
    this.place = read();
    window.addEventListener('hashchange', () => this.look());
  }

  /** Takes up what the address has become. */
  async look() {
    const next = read();
    if (next.text === this.place.text) return;
    if (this.guard && next.path.join('/') !== this.place.path.join('/')) {
      history.pushState(null, '', `#${this.place.text}`);
      if (!(await this.guard())) return;
      this.guard = null;
      location.hash = next.text;
      return;
    }
    this.place = next;
    this.dispatchEvent(new Event('moved'));
  }

  /** @param {string} to such as /devices */
  go(to) { location.hash = to; }

  /** Goes on without a way back, such as from a form to what it made. @param {string} to */
  replace(to) {
    this.guard = null;
    history.replaceState(null, '', `#${to}`);
    this.look();
  }

  /** Keeps a list's filters in the address, without leaving the page.
   * @param {Record<string, string>} values where "" takes one away */
  setQuery(values) {
    const query = new URLSearchParams(this.place.query);
    for (const [name, value] of Object.entries(values)) {
      if (value) query.set(name, value); else query.delete(name);
    }
    const text = this.place.text.split('?')[0] + (query.size ? `?${query}` : '');
    history.replaceState(null, '', `#${text}`);
    this.place = read();
    this.dispatchEvent(new Event('moved'));
  }
}

/** @param {Router} router */
export function usePlace(router) {
  const [place, setPlace] = useState(router.place);
  useEffect(() => {
    const moved = () => setPlace(router.place);
    router.addEventListener('moved', moved);
    return () => router.removeEventListener('moved', moved);
  }, [router]);
  return place;
}

/** A link's address, of parts that may hold anything. @param {...string} parts */
export const to = (...parts) => `#/${parts.map(encodeURIComponent).join('/')}`;
