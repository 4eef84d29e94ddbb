// Signing in by OpenID Connect: the authorization code flow with PKCE (RFC 7636).
// The token is in this page's memory and nowhere else; a reload, and each renewal,
// ask the provider again, which knows its people by its own cookie.
import { challengeOf, claimsOf, faultOf, random } from './pkce.js';
import { t } from './texts.js';

const pendingKey = 'plimsoll.sign-in'; // what a sign-in of the whole page must come back to
const returnedKey = 'plimsoll.signed-in';
const silence = 15_000; // ms after which a frame that says nothing will not
const unseen = 5 * 60_000; // ms after which a hidden page no longer keeps its session alive
// What a provider answers where it would have to show a page (OpenID Connect Core,
// section 3.1.2.6): nobody is signed in as far as it is concerned. All else passes.
const over = ['login_required', 'interaction_required', 'consent_required', 'account_selection_required'];

/** @typedef {{authority: string, clientId: string, scope: string, version: string}} Config */

/** A sign-in that the provider refused, in its words. */
export class SignInError extends Error {
  constructor(code, description) {
    super(description || code);
    this.name = 'SignInError';
    this.code = code;
  }
}

export class SessionEnded extends Error {}

/** There is no new token now, which does not say that the session is over. */
export class NotRenewed extends Error {}

const isOver = (error) => error instanceof SignInError && over.includes(error.code);

/** Who is signed in: the same in all of a browser's tabs, which tell each other. Events: "ended"
 * when the session is over, "begun" when it is there (again), "refused" with why a sign-in again
 * did not succeed, "away" where it cannot be renewed now: somebody has to try again. */
export class Session extends EventTarget {
  #token = '';
  #idToken = '';
  #goodUntil = 0; // ms, of performance.now(): the clock of the machine may be wrong
  #due = 0; // when to renew, by the same clock
  #hiddenAt = 0;
  #renewing = null;
  #timer = 0;
  #config;
  #provider;
  #again = null; // a sign-in that is prepared, for a click

  /** @type {{subject: string, name: string}|null} */
  user = null;
  /** @type {null|'expired'|'signedOut'|'another'} why it is over: after all but the first, it is for good */
  ended = null;
  away = false; // whether the last try to renew came to nothing

  /** @param {Config} config */
  constructor(config) {
    super();
    this.#config = config;
    this.channel = new BroadcastChannel(pendingKey);
    this.channel.addEventListener('message', ({ data }) => this.#hear(data));
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#hiddenAt = performance.now();
      else this.#renewIfDue(); // timers sleep with the machine
    });
    window.addEventListener('pageshow', ({ persisted }) => { // back from where no other tab was heard
      if (persisted && this.user && !this.ended) this.renew().catch(() => {});
    });
  }

  /** What another tab tells, or the page to which the provider sends people back. */
  #hear({ ended, signedIn, state, ...answer }) {
    if (ended) this.#end(ended);
    else if (signedIn && this.user && signedIn !== this.user.subject) this.#end('another');
    else if (signedIn && this.ended === 'expired') this.renew().catch(() => {});
    else if (state && state === this.#again?.state) this.#returned(answer);
  }

  /** Signs in, or leaves the page for the provider's and never returns. */
  async begin() {
    const returned = take(returnedKey);
    const pending = take(pendingKey);
    if (returned && pending && returned.state === pending.state) {
      history.replaceState(null, '', `/${pending.fragment}`);
      return this.#redeem(returned, pending);
    }
    // A frame is blind to cookies of another site, so that only our own issuer is asked in one.
    if (new URL(this.#config.authority).origin === location.origin) {
      try {
        return await this.#silently();
      } catch (error) {
        if (!isOver(error)) throw error;
      }
    }
    return this.leave();
  }

  /** Leaves for the provider's page. */
  async leave() {
    const { url, ...pending } = await this.#prepare({});
    sessionStorage.setItem(pendingKey, JSON.stringify({ ...pending, fragment: location.hash }));
    window.addEventListener('pageshow', ({ persisted }) => { if (persisted) location.reload(); }); // back, without a sign-in
    location.assign(url);
    return new Promise(() => {});
  }

  /** A token that is good now. @returns {Promise<string>} */
  async token() {
    if (this.ended) throw new SessionEnded();
    if (performance.now() > this.#goodUntil) await this.renew();
    return this.#token;
  }

  /** Renews in time, but for a page that nobody has looked at for long: each renewal is a
   * use of the session, which would never be idle. */
  #renewIfDue() {
    const now = performance.now();
    const seen = !document.hidden || now - this.#hiddenAt < unseen;
    if (seen && this.user && !this.ended && now >= this.#due) this.renew().catch(() => {});
  }

  /** Gets a new token, once for all who ask. Ends the session where the provider says that it is over. */
  renew() {
    this.#renewing ??= this.#silently(this.user?.subject)
      .catch((error) => {
        if (isOver(error)) this.#end('expired', { ended: 'expired' });
        this.away = !this.ended;
        if (!this.away) throw new SessionEnded();
        this.dispatchEvent(new Event('away'));
        throw new NotRenewed(error.message);
      })
      .finally(() => { this.#renewing = null; });
    return this.#renewing;
  }

  /** Resolves once the same user is signed in again. @param {AbortSignal} [signal] */
  whenBegun(signal) {
    if (!this.ended) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (signal?.aborted) reject(signal.reason);
      this.addEventListener('begun', () => resolve(), { once: true, signal });
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  }

  /** Opens the sign-in beside this page, which stays as it is. Needs a click. @returns {boolean} whether it opened */
  signInAgain() {
    const opened = window.open(this.#again?.url ?? '/', 'plimsoll-sign-in', 'popup,width=520,height=720');
    return opened !== null;
  }

  /** Signs out, here and at the provider. */
  async signOut() {
    const { end_session_endpoint: end } = await this.#discover();
    this.#end('signedOut', { ended: 'signedOut' });
    if (!end) return undefined;
    const parameters = { id_token_hint: this.#idToken, client_id: this.#config.clientId, post_logout_redirect_uri: `${location.origin}/` };
    const url = new URL(end);
    if (url.origin === location.origin) return post(url.href, parameters);
    // With a form from here a provider of another site does not get its cookie, which is
    // mostly SameSite=Lax: its session would stay. And form-action, which holds on its
    // redirects too, would keep it from sending people on to where it took them from.
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return location.replace(url);
  }

  /** Where people of the built-in issuer change their password, or null. */
  get passwordPage() {
    return new URL(this.#config.authority).origin === location.origin ? '/sign-in/password' : null;
  }

  async #discover() {
    if (!this.#provider) {
      const answer = await fetch(`${this.#config.authority}/.well-known/openid-configuration`, { cache: 'no-cache' });
      if (!answer.ok) throw new Error(`${this.#config.authority}: ${answer.status}`);
      const provider = await answer.json();
      // OpenID Connect Discovery, section 4.3. A slash at the end is left out of the page's settings.
      if (provider.issuer?.replace(/\/$/, '') !== this.#config.authority) throw new Error(t.session.otherIssuer(this.#config.authority, provider.issuer));
      this.#provider = provider;
    }
    return this.#provider;
  }

  /** @param {Record<string, string>} more parameters of the request */
  async #prepare(more) {
    const provider = await this.#discover();
    const [state, nonce, verifier] = [random(), random(), random()];
    const url = new URL(provider.authorization_endpoint);
    const parameters = {
      response_type: 'code', client_id: this.#config.clientId, redirect_uri: redirectURI(), scope: this.#config.scope,
      state, nonce, code_challenge: await challengeOf(verifier), code_challenge_method: 'S256', ...more,
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return { url: url.href, state, nonce, verifier };
  }

  /** Asks the provider in a frame that nobody sees. @param {string} [subject] whom it must know its browser as */
  async #silently(subject) {
    const request = { ...await this.#prepare({ prompt: 'none' }), subject };
    const frame = document.createElement('iframe');
    frame.hidden = true;
    frame.title = 'sign-in';
    const answered = new Promise((resolve, reject) => {
      const timer = setTimeout(() => done(reject, new SignInError('timeout', t.session.noAnswer)), silence);
      const hear = ({ data }) => { if (data.state === request.state) done(resolve, data); };
      const done = (settle, value) => {
        clearTimeout(timer);
        this.channel.removeEventListener('message', hear);
        frame.remove();
        settle(value);
      };
      this.channel.addEventListener('message', hear);
    });
    frame.src = request.url;
    document.body.append(frame);
    await this.#redeem(await answered, request);
  }

  async #returned(data) {
    try {
      await this.#redeem(data, { ...this.#again, subject: this.user.subject });
    } catch (error) {
      if (error instanceof SessionEnded) return;
      this.dispatchEvent(new CustomEvent('refused', { detail: error }));
      this.#again = await this.#prepare({});
    }
  }

  /** Turns a code into a token. */
  async #redeem({ code, error, description }, { verifier, nonce, subject }) {
    if (error || !code) throw new SignInError(error ?? 'no code', description);
    const { token_endpoint: endpoint, issuer } = await this.#discover();
    const answer = await fetch(endpoint, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code', client_id: this.#config.clientId, code, redirect_uri: redirectURI(), code_verifier: verifier,
      }),
    });
    const tokens = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new SignInError(tokens.error ?? `${answer.status}`, tokens.error_description);
    const claims = claimsOf(tokens.id_token);
    const now = Date.parse(answer.headers.get('Date') ?? '') || Date.now(); // its own site's clock, where that is told
    const fault = faultOf(claims, { issuer, clientId: this.#config.clientId, nonce, now });
    if (fault) throw new SignInError('id_token', t.session.badToken(fault));
    if (subject !== undefined && claims.sub !== subject) this.#end('another', { signedIn: claims.sub });
    if (this.ended && this.ended !== 'expired') throw new SessionEnded();
    this.#begun(tokens, claims);
  }

  #begun(tokens, claims) {
    const life = Math.max(tokens.expires_in ?? 300, 30) * 1000;
    const early = Math.min(60_000, life / 3);
    const anew = !this.user || this.ended !== null;
    this.#token = tokens.access_token;
    this.#idToken = tokens.id_token;
    this.#due = performance.now() + life - early;
    this.#goodUntil = this.#due + early / 2;
    this.user = { subject: claims.sub, name: claims.name ?? claims.preferred_username ?? claims.sub };
    this.ended = null;
    this.away = false;
    this.#again = null;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#renewIfDue(), life - early + 1);
    if (anew) this.channel.postMessage({ signedIn: claims.sub });
    this.dispatchEvent(new Event('begun'));
  }

  /** @param {'expired'|'signedOut'|'another'} why @param {object} [told] what other tabs are told */
  async #end(why, told) {
    if (!this.user || this.ended && (this.ended !== 'expired' || why === 'expired')) return;
    this.ended = why;
    if (told) this.channel.postMessage(told);
    this.#token = '';
    clearTimeout(this.#timer);
    this.dispatchEvent(new Event('ended'));
    this.#again = why === 'expired' ? await this.#prepare({}).catch(() => null) : null;
  }
}

const redirectURI = () => `${location.origin}/signed-in.html`;

/** Leaves for another page by a form: an address is kept in histories and logs.
 * @param {string} action @param {Record<string, string>} fields */
function post(action, fields) {
  const form = Object.assign(document.createElement('form'), { method: 'post', action, hidden: true });
  for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement('input'), { name, value }));
  document.body.append(form);
  form.submit();
}

function take(key) {
  const text = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  try { return text && JSON.parse(text); } catch { return null; }
}
