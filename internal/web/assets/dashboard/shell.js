// What stands around every page: where one can go, who one is, and how the
// connection and the session are.
import { html, useEffect, useLayoutEffect, useRef, useState } from './preact.js';
import { useApp, useEvent } from './hooks.js';
import { Plain } from './plain.js';
import { usePlace } from './router.js';
import { t } from './texts.js';
import { rememberFocus } from './ui/focus.js';
import { Icon, Mark } from './ui/icon.js';
import { Button, kept } from './ui/parts.js';

/** @param {{said: {text: string, turn: number}, children: any}} props */
export function Shell({ said, children }) {
  const { router, me } = useApp();
  const place = usePlace(router);
  const main = useRef(null);
  const page = place.path.slice(0, 2).join('/');
  const before = useRef(page);
  useEffect(() => { // who navigates by keyboard or ear is taken to the new page
    if (before.current !== page) main.current.querySelector('h1')?.focus({ preventScroll: true });
    before.current = page;
    window.scrollTo(0, 0);
  }, [page]);
  const links = [
    ['overview', '#/', true], ['scripts', '#/scripts', me.can.readScripts], ['devices', '#/devices', me.can.readDevices],
    ['groups', '#/groups', me.can.readGroups], ['filters', '#/filters', me.can.readScripts],
  ].filter(([, , allowed]) => allowed);
  const [kind = 'overview'] = place.path;
  return html`
    <a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); main.current.focus(); }}>${t.nav.skip}</a>
    <header class="top">
      <a class="home" href="#/" aria-label=${t.nav.home}><${Mark} /><b>${t.product}</b></a>
      <nav class="pages" aria-label=${t.nav.label}>${links.map(([name, href]) => html`<a key=${name} href=${href}
        aria-current=${(kind === 'enrol' ? 'devices' : kind) === name ? 'page' : undefined}><${Icon} name=${name} /><span>${t.nav[name]}</span></a>`)}</nav>
      <${Account} />
    </header>
    <main id="main" tabindex="-1" ref=${main}><${Connection} />${children}</main>
    <${SessionNotice} />
    <${Toast} said=${said} />`;
}

function Account() {
  const { session, me, config, router, say } = useApp();
  const signOut = async () => {
    if (!router.guard || await router.guard()) await session.signOut().catch(() => say(t.errors.unreachable));
  };
  const [open, setOpen] = useState(false);
  const box = useRef(null);
  useEvent(document, 'click', (e) => { if (open && !box.current.contains(e.target)) setOpen(false); });
  const key = (event) => {
    if (event.key !== 'Escape' || !open) return;
    setOpen(false);
    box.current.querySelector('button').focus();
  };
  return html`<div class="account" ref=${box} onKeyDown=${key}>
    <button class="quiet" aria-expanded=${open ? 'true' : 'false'} title=${t.account.label} onClick=${() => setOpen(!open)}>
      <${Icon} name="user" /><span class="name"><${Plain} text=${me.name || session.user?.name} /></span></button>
    ${open && html`<div class="menu">
      <p><b><${Plain} text=${me.name || session.user?.name} /></b><br /><small>${me.can.writeScripts || me.can.writeDevices || me.can.writeGroups ? t.account.mayChange : t.account.readOnly}</small></p>
      <${Theme} />
      ${session.passwordPage && html`<a class="button quiet" href=${session.passwordPage}>${t.account.password}</a>`}
      <${Button} kind="quiet" onClick=${signOut}>${t.account.signOut}<//>
      <p class="small muted">${t.account.version(config.version)}</p>
    </div>`}</div>`;
}

function Theme() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? 'system');
  const choose = (chosen) => {
    setTheme(chosen);
    if (chosen === 'system') {
      localStorage.removeItem('plimsoll.theme');
      delete document.documentElement.dataset.theme;
    } else {
      localStorage.setItem('plimsoll.theme', chosen);
      document.documentElement.dataset.theme = chosen;
    }
    window.dispatchEvent(new Event('plimsoll-theme'));
  };
  return html`<fieldset class="choices"><legend>${t.account.theme}</legend>${[['system', 'system'], ['light', 'sun'], ['dark', 'moon']].map(([name, icon]) => html`
    <label key=${name}><input type="radio" name="theme" checked=${theme === name} onChange=${() => choose(name)} /><span><${Icon} name=${icon} />${t.account.themes[name]}</span></label>`)}</fieldset>`;
}

/** Says that the server is away, or that what is shown is not moved by it. */
function Connection() {
  const { api, live, me, changed, known, session } = useApp();
  const [lost, setLost] = useState(api.lost);
  const [still, setStill] = useState(false);
  useEvent(api, 'lost', () => setLost(true));
  useEvent(api, 'found', () => setLost(false));
  const timer = useRef(0);
  useEvent(live, 'state', () => {
    clearTimeout(timer.current);
    if (live.connected) setStill(false);
    else timer.current = setTimeout(() => setStill(!live.connected && !document.hidden && !session.ended), 4000);
  });
  useEvent(document, 'visibilitychange', () => { if (document.hidden) setStill(false); });
  return html`<div role="status">
    ${(lost || still && me.can.readScripts) && html`<p class="banner"><${Icon} name="offline" />${lost ? t.connection.lost : t.connection.notLive}</p>`}
    ${changed && html`<p class="banner"><${Icon} name="user" />${t.session.permissions[changed]} <${Button} kind="quiet" icon="close" label=${t.close} onClick=${known} /></p>`}</div>`;
}

/** How somebody signs in beside the page, and why that failed. */
function useSignInAgain() {
  const { session } = useApp();
  const [told, setTold] = useState('');
  useEvent(session, 'refused', (e) => setTold(e.detail.message));
  const open = () => setTold(session.signInAgain() ? '' : t.session.blocked);
  return [open, told && html`<p class="wrong"><${Plain} text=${told} /></p>`];
}

/** The session has expired while somebody writes: all stays in sight, and goes on once they
 * signed in beside. */
function SessionNotice() {
  const { session, say } = useApp();
  const [ended, setEnded] = useState(false);
  const [open, told] = useSignInAgain();
  const box = useRef(null);
  const giveBack = useRef(null); // the focus, to who was typing
  useEvent(session, 'ended', () => { giveBack.current ??= rememberFocus(); setEnded(true); });
  useEvent(session, 'begun', () => { if (ended) say(t.session.again); setEnded(false); });
  useLayoutEffect(() => { // above a dialog, which else would keep people from it; but who types is left at that
    if (ended && document.querySelector('dialog:modal')) { box.current.close(); box.current.showModal(); }
    if (ended) return;
    if (document.activeElement === document.body) giveBack.current?.(); // who typed on beside the notice is left at that
    giveBack.current = null;
  }, [ended]);
  if (!ended) return null;
  return html`<dialog class="notice" open ref=${box} role="alertdialog" aria-labelledby="ended-title" aria-describedby="ended-body" ...${kept()}>
    <h2 id="ended-title" tabindex="-1">${t.session.ended}</h2><p id="ended-body">${t.session.endedBody}</p>${told}
    <${Button} kind="primary" onClick=${open}>${t.session.signInAgain}<//></dialog>`;
}

/** In the place of everything, where a session is over. @param {{why: 'expired'|'signedOut'|'another'}} props */
export function Ended({ why }) {
  const [open, told] = useSignInAgain();
  const heading = useRef(null);
  const { title, body, action } = t.session.over[why];
  useEffect(() => {
    const before = document.title;
    document.title = `${title} – ${t.product}`;
    heading.current.focus();
    return () => { document.title = before; };
  }, [title]);
  return html`<main class="alone"><h1 tabindex="-1" ref=${heading}>${title}</h1><p>${body}</p>${told}
    <${Button} kind="primary" onClick=${why === 'expired' ? open : () => location.reload()}>${action}<//></main>`;
}

function Toast({ said }) {
  const [shown, setShown] = useState('');
  useEffect(() => {
    if (!said.text) return undefined;
    setShown(said.text);
    const timer = setTimeout(() => setShown(''), 6000);
    return () => clearTimeout(timer);
  }, [said]);
  return html`<div class="toast" role="status" aria-live="polite">${shown && html`<p><${Plain} text=${shown} /></p>`}</div>`;
}
