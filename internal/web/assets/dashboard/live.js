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
  #stop = null;
  #pause = 1000;
  #timer = 0;

  /** @param {import('./api.js').Api} api */
  constructor(api) {
    super();
    this.#api = api;
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.#timer);
      if (document.hidden) this.#timer = setTimeout(() => this.#stop?.abort(), hiddenFor);
      else if (!this.#stop) this.#run();
    });
    api.addEventListener('found', () => { if (!this.#stop) this.#run(); });
  }

  begin() { this.#run(); }

  async #run() {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    const stop = new AbortController();
    this.#stop = stop;
    try {
      const answer = await this.#api.request('GET', path, undefined, { headers: { Accept: 'text/event-stream' }, signal: stop.signal });
      this.#pause = 1000;
      this.#connect(true);
      await this.#read(answer.body, stop);
    } catch (error) {
      if (error.status === 403 || error.status === 404) return; // a page without news; the refusal is told elsewhere
      this.#pause = Math.min(this.#pause * 2, longest);
    } finally {
      stop.abort(); // or the connection stays taken, of which a browser has few
      this.#stop = null;
      this.#connect(false);
    }
    if (!document.hidden) this.#timer = setTimeout(() => this.#run(), this.#pause * (0.5 + Math.random()));
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
    if (name === 'summaries') this.#takeSummaries(told);
    else if (name === 'devices') this.devices = told.count;
    this.dispatchEvent(new CustomEvent(name, { detail: name === 'summaries' ? (told.value ?? []).map((s) => s.scriptId) : told }));
  }

  #takeSummaries({ value, removed }) {
    for (const summary of value ?? []) this.summaries.set(summary.scriptId, summary);
    for (const id of removed ?? []) this.summaries.delete(id);
  }

  #connect(connected) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.dispatchEvent(new Event('state'));
  }
}
