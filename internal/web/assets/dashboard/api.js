// The public API, as this page uses it.
import { NotRenewed, SessionEnded } from './auth.js';
import { t } from './texts.js';

const root = '/beta';

/** A refusal, in the API's words. */
export class ApiError extends Error {
  /** @param {number} status @param {any} body @param {Headers} headers */
  constructor(status, body, headers) {
    const told = body?.error ?? {};
    super(told.message || t.errors.status(status));
    this.name = 'ApiError';
    this.status = status;
    this.code = told.code ?? '';
    this.target = told.target ?? '';
    this.requestId = told.innerError?.['request-id'] ?? headers.get('request-id') ?? '';
    this.retryAfter = Number(headers.get('Retry-After')) || 0; // s
  }
}

/** The server was not reached. */
export class Unreachable extends Error {
  constructor() {
    super(t.errors.unreachable);
    this.name = 'Unreachable';
  }
}

/** Events: "lost" and "found" of the connection, "forbidden" with the refusal. */
export class Api extends EventTarget {
  #session;
  lost = false;
  #probe = 0;

  /** @param {import('./auth.js').Session} session */
  constructor(session) {
    super();
    this.#session = session;
    window.addEventListener('online', () => this.#look());
    session.addEventListener('away', () => this.noticeLoss());
  }

  get(path, options) { return this.#json('GET', path, undefined, options); }
  post(path, body, options) { return this.#json('POST', path, body, options); }
  delete(path, options) { return this.#json('DELETE', path, undefined, options); }

  /** Changes what is still as it was read. @param {string} [etag] */
  patch(path, body, etag) {
    return this.#json('PATCH', path, body, { headers: etag ? { 'If-Match': etag } : {} });
  }

  async #json(method, path, body, options = {}) {
    const answer = await this.request(method, path, body, options);
    if (answer.status === 204) return null;
    if (answer.headers.get('Content-Type')?.startsWith('text/')) return answer.text();
    return answer.json();
  }

  /** Sends a request, and waits with it while nobody is signed in. In nobody else's name it is sent.
   * @param {{headers?: Record<string, string>, signal?: AbortSignal, once?: boolean}} [options] once: a token that the server
   * refuses is told, and no other is asked for @returns {Promise<Response>} */
  async request(method, path, body, options = {}) {
    for (let renewed = false; ; ) {
      try {
        const token = await this.#session.token();
        const answer = await this.#send(method, path, body, options, token);
        if (answer.status !== 401 || renewed || options.once) return await this.#check(answer);
        renewed = true;
        await this.#session.renew();
      } catch (error) {
        if (!(error instanceof SessionEnded) || options.once) throw this.#explain(error);
        await this.#session.whenBegun(options.signal);
        renewed = false;
      }
    }
  }

  async #send(method, path, body, { headers = {}, signal }, token) {
    const answer = await fetch(path.startsWith('/') ? root + path : path, {
      method, signal, cache: 'no-store',
      headers: {
        Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers, Authorization: `Bearer ${token}`,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    this.#found();
    return answer;
  }

  async #check(answer) {
    if (answer.ok) return answer;
    const error = new ApiError(answer.status, await answer.json().catch(() => null), answer.headers);
    if (error.status === 403) this.dispatchEvent(new CustomEvent('forbidden', { detail: error }));
    throw error;
  }

  /** fetch tells a lost network by a TypeError, of which nothing else is known. */
  #explain(error) {
    if (!(error instanceof TypeError || error instanceof NotRenewed)) return error;
    this.noticeLoss();
    return new Unreachable();
  }

  /** Several reads in one request, at most 20. @param {string[]} paths
   * @returns {Promise<Array<{value: any, error: ApiError|null}>>} in their order */
  async batch(paths, options) {
    return this.#batch(paths.map((url) => ({ method: 'GET', url })), options);
  }

  /** @param {Array<{method: string, url: string, body?: any}>} requests at most 20 */
  async batchOf(requests) {
    return this.#batch(requests.map((r) => ({ ...r, headers: { 'Content-Type': 'application/json' } })));
  }

  async #batch(requests, options) {
    const numbered = requests.map((request, i) => ({ id: `${i}`, ...request }));
    const { responses } = await this.post('/$batch', { requests: numbered }, options);
    const byId = new Map(responses.map((r) => [r.id, r]));
    return requests.map((_, i) => {
      const { status, body, headers } = byId.get(`${i}`);
      const fine = status < 400;
      return { value: fine ? body : null, error: fine ? null : new ApiError(status, body, new Headers(headers)) };
    });
  }

  /** The path of a next link, which must lead to this server. @param {string|undefined} link */
  next(link) {
    if (!link) return null;
    const url = new URL(link, location.origin);
    return url.pathname.startsWith(root) ? url.pathname.slice(root.length) + url.search : null;
  }

  /** Hands a file to the browser's downloads. */
  async download(path, name, accept) {
    const answer = await this.request('GET', path, undefined, { headers: { Accept: accept } });
    const url = URL.createObjectURL(await answer.blob());
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  /** The server is gone, or who renews its tokens: looks for both until they are back. */
  noticeLoss() {
    if (this.lost) return;
    this.lost = true;
    this.dispatchEvent(new Event('lost'));
    this.#probe = setTimeout(() => this.#look(), 1000);
  }

  async #look(pause = 1000) {
    if (!this.lost) return;
    clearTimeout(this.#probe);
    try {
      const answer = await fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
      if (answer.ok && this.#session.away) await this.#session.renew();
      if (answer.ok) this.#found();
    } catch { /* still away */ }
    const longer = Math.min(pause * 1.5, 10_000);
    if (this.lost) this.#probe = setTimeout(() => this.#look(longer), longer);
  }

  #found() {
    if (!this.lost || this.#session.away) return;
    this.lost = false;
    clearTimeout(this.#probe);
    this.dispatchEvent(new Event('found'));
  }
}

/** An address with its query options, those that are empty left out.
 * @param {string} path @param {Record<string, string|number|boolean|null|undefined>} options by name without $ */
export function withOptions(path, options) {
  const wanted = Object.entries(options).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  return wanted.length === 0 ? path : `${path}?${wanted.map(([name, value]) => `$${name}=${encodeURIComponent(value)}`).join('&')}`;
}

/** Text as a literal of $filter. @param {string} text */
export const literal = (text) => `'${text.replace(/'/g, "''")}'`;

/** @param {string} id as a segment of a path */
export const segment = (id) => encodeURIComponent(id);
