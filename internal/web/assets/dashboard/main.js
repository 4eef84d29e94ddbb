// Shows the page of the place to whoever is signed in.
import { html, render, useEffect, useState } from './preact.js';
import { Api, Unreachable } from './api.js';
import { AppContext, useApp, useEvent } from './hooks.js';
import { Live } from './live.js';
import { changeOf, permissionsOf } from './permissions.js';
import { Router, usePlace } from './router.js';
import { t } from './texts.js';
import { Ended, Shell } from './shell.js';
import { Guarded } from './ui/guarded.js';
import { Button, Confirm, Head, Problem, Waiting } from './ui/parts.js';
import { Overview } from './pages/overview.js';

// All pages but the first are fetched when they are gone to, or some time after the first has shown.
const modules = {
  scripts: () => import('./pages/scripts.js'),
  script: () => import('./pages/script.js'),
  devices: () => import('./pages/devices.js'),
  device: () => import('./pages/device.js'),
  enrol: () => import('./pages/enrol.js'),
  groups: () => import('./pages/groups.js'),
  group: () => import('./pages/group.js'),
  filters: () => import('./pages/filters.js'),
  filter: () => import('./pages/filter.js'),
};
const settled = 10_000; // ms after which the first page is no longer waited for, whatever the line
const fetched = new Map(Object.entries({ overview: { Overview } }));

async function fetchModule(name) {
  const module = await modules[name]().catch(() => { throw new Unreachable(); });
  fetched.set(name, module);
}

/** Which component of which module a place is, and with what. @param {string[]} path
 * @returns {[string, string, Record<string, string>]|null} */
function pageOf([kind, id, tab]) {
  switch (kind) {
    case undefined: return ['overview', 'Overview', {}];
    case 'scripts':
      if (id === undefined) return ['scripts', 'Scripts', {}];
      return id === 'new' ? ['script', 'NewScript', {}] : ['script', 'Script', { key: id, id, tab: tab ?? 'summary' }];
    case 'devices': return id === undefined ? ['devices', 'Devices', {}] : ['device', 'Device', { key: id, id }];
    case 'enrol': return ['enrol', 'Enrol', {}];
    case 'groups': return id === undefined ? ['groups', 'Groups', {}] : ['group', 'Group', { key: id, id }];
    case 'filters': return id === undefined ? ['filters', 'Filters', {}] : ['filter', 'Filter', { key: id, id }];
    default: return null;
  }
}

function App({ parts }) {
  const [question, setQuestion] = useState(null);
  const [said, setSaid] = useState({ text: '', turn: 0 });
  const [me, setMe] = useState(parts.me);
  const ask = (asked) => new Promise((resolve) => setQuestion({ ...asked, resolve }));
  const say = (text) => setSaid((before) => ({ text, turn: before.turn + 1 }));
  const answer = (yes) => { question.resolve(yes); setQuestion(null); };
  const [permissions, setPermissions] = useState(parts.me.permissions); // as somebody knows them
  const renew = () => parts.readMe().then(setMe, () => {});
  const { session } = parts;
  const [ended, setEnded] = useState(null); // why nothing is shown
  useEvent(session, 'ended', () => setEnded(session.ended === 'expired' && isWriting() ? null : session.ended));
  useEvent(session, 'begun', () => { setEnded(null); renew(); });
  useEvent(parts.api, 'forbidden', renew);
  const app = { ...parts, me, changed: changeOf(permissions, me.permissions), known: () => setPermissions(me.permissions), ask, say };
  const kept = !ended || ended === 'expired'; // for the same user, who finds all as it was
  return html`<${AppContext.Provider} value=${app}>
    ${kept && html`<div hidden=${ended !== null}><${Shell} said=${said}><${Page} /><//></div>`}
    ${kept && question && html`<${Confirm} question=${question} answer=${answer} />`}
    ${ended && html`<${Ended} why=${ended} />`}
  <//>`;
}

/** Whether somebody is about to lose what they typed. */
const isWriting = () => router.guard !== null || document.querySelector('dialog[open]') !== null;

function Page() {
  const place = usePlace(router);
  const [, setTurn] = useState(0);
  const [error, setError] = useState(null);
  const [module, name, props] = pageOf(place.path) ?? [];
  const page = fetched.get(module); // as this look at it knows: it may be there before the effect runs
  const read = () => {
    setError(null);
    if (module && !page) fetchModule(module).then(() => setTurn((n) => n + 1), setError);
  };
  useEffect(read, [module]);
  useEvent(useApp().api, 'found', () => { if (error) read(); });
  if (!module) return html`<${Head} title=${t.errors.noPage} actions=${html`<a class="button" href="#/">${t.nav.overview}</a>`} />`;
  if (error) return html`<${Head} title=${t.errors.title} /><${Problem} error=${error} retry=${read} />`;
  if (!page) return html`<${Waiting} lines=${6} />`;
  return html`<${Guarded}><${page[name]} ...${props} /><//>`;
}

const router = new Router();

/** @param {Element} root */
export const wait = (root) => render(html`<main class="alone" role="status">${t.session.signingIn}</main>`, root);

/** @param {Element} root @param {Error} error of signing in */
export function fail(root, error) {
  render(html`<main class="alone"><${Problem} error=${error} /><${Button} kind="primary" onClick=${() => location.reload()}>${t.session.tryAgain}<//></main>`, root);
}

/** @param {Element} root @param {import('./auth.js').Session} session @param {import('./auth.js').Config} config */
export async function show(root, session, config) {
  router.reread(); // a sign-in may have changed the place
  const api = new Api(session);
  let reading = null;
  const readMe = (options) => {
    reading ??= api.get('/me', options).then(permissionsOf).finally(() => { reading = null; });
    return reading;
  };
  const me = await readMe({ once: true }); // before there is a page, nothing else could say what is wrong
  const live = new Live(api, session);
  live.begin();
  render(html`<${App} parts=${{ api, session, live, router, config, me, readMe }} />`, root);
  setTimeout(() => { for (const name of Object.keys(modules)) if (!fetched.has(name)) fetchModule(name).catch(() => {}); }, settled);
}
