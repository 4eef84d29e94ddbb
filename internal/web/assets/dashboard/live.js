// What changes while the page is open: the server's stream of events, begun again
// whenever it ends. Nobody looks at a hidden page, so that it lets its stream go.
const path = '/deviceManagement/plimsoll.changes';
const longest = 30_000;
const quiet = 45_000; // ms without even a sign of life
const hiddenFor = 10_000;

/** @typedef {{scriptId: string, noIssueDetectedDeviceCount: number, issueDetectedDeviceCount: number,
 *   detectionScriptErrorDeviceCount: number, detectionScriptPendingDeviceCount: number, lastScriptRunDateTime: string}} Summary */

/** Events: "summaries" with the ids that changed, "scripts", "devices", "state". */
export class Live extends EventTarget {
  /** @type {Map<string, Summary>} by script */
  summaries = new Map();
  devices = null;
  connected = false;
  #api;
  #session;
  #stop = null;
  #pause = 1000;
  #whole = false; // whether the next event has every script
  #missed = false; // whether scripts may have changed while nobody listened
  #timer = 0;

  /** @param {import('./api.js').Api} api @param {import('./auth.js').Session} session */
  constructor(api, session) {
    super();
    this.#api = api;
    this.#session = session;
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.#timer);
      if (document.hidden) this.#timer = setTimeout(() => this.#stop?.abort(), hiddenFor);
      else if (!this.#stop) this.#run();
    });
    api.addEventListener('found', () => { if (!this.#stop) this.#run(); });
    session.addEventListener('begun', () => { if (!this.#stop) this.#run(); });
    session.addEventListener('ended', () => {
      this.#stop?.abort();
      if (session.ended !== 'expired') this.summaries.clear();
    });
  }

  begin() { this.#run(); }

  async #run() {
    clearTimeout(this.#timer);
    if (document.hidden || this.#session.ended) return;
    const stop = new AbortController();
    this.#stop = stop;
    try {
      const answer = await this.#api.request('GET', path, undefined, { headers: { Accept: 'text/event-stream' }, signal: stop.signal });
      this.#pause = 1000;
      this.#whole = true;
      this.#connect(true);
      if (this.#missed) this.dispatchEvent(new CustomEvent('scripts')); // of which a stream tells only what comes
      this.#missed = true;
      await this.#read(answer.body, stop);
    } catch (error) {
      if (error.status === 403 || error.status === 404) return; // a page without news; the refusal is told elsewhere
      this.#pause = Math.min(this.#pause * 2, longest);
    } finally {
      stop.abort(); // or the connection stays taken, of which a browser has few
      this.#stop = null;
      this.#connect(false);
    }
    if (!document.hidden && !this.#session.ended) this.#timer = setTimeout(() => this.#run(), this.#pause * (0.5 + Math.random()));
  }

  /** Reads events (HTML, section 9.2.6), as far as they are used here. */
  async #read(body, stop) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const watch = setTimeout(() => stop.abort(), quiet);
      const { value, done } = await reader.read().catch((error) => {
        if (error instanceof TypeError) this.#api.noticeLoss(); // in mid-stream
        throw error;
      }).finally(() => clearTimeout(watch));
      if (done) return;
      const events = (rest + value).split(/\r?\n\r?\n/);
      rest = events.pop();
      for (const event of events) this.#take(event);
    }
  }

  #take(event) {
    let [name, data] = ['', ''];
    for (const line of event.split(/\r?\n/)) {
      if (line.startsWith('event:')) name = line.slice(6).trim();
      if (line.startsWith('data:')) data += line.slice(5).trim();
    }
    if (!name) return;
    const told = data ? JSON.parse(data) : {};
    if (name === 'devices') this.devices = told.count;
    const detail = name === 'summaries' ? this.#takeSummaries(told) : told;
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** The first event of a stream has every script, most of which are as they were.
   * @returns {string[]} the ids of those that are not */
  #takeSummaries({ value, removed }) {
    const same = (a, b) => a !== undefined && Object.keys(b).every((name) => a[name] === b[name]);
    const changed = (value ?? []).filter((summary) => !same(this.summaries.get(summary.scriptId), summary));
    for (const summary of changed) this.summaries.set(summary.scriptId, summary);
    const gone = this.#whole ? [...this.summaries.keys()].filter((id) => !value?.some((summary) => summary.scriptId === id)) : removed ?? [];
    for (const id of gone) this.summaries.delete(id);
    this.#whole = false;
    return [...changed.map((summary) => summary.scriptId), ...gone];
  }

  #connect(connected) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.dispatchEvent(new Event('state'));
  }
}
