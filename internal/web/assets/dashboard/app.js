// The beginning: signs in, learns what may be done, and shows the page of the place.
import { html, render, useState } from './preact.js';
import { Api } from './api.js';
import { Session } from './auth.js';
import { AppContext, useEvent } from './hooks.js';
import { Live } from './live.js';
import { permissionsOf } from './permissions.js';
import { Router, usePlace } from './router.js';
import { t } from './texts.js';
import { Shell } from './shell.js';
import { Button, Confirm, Empty, Problem } from './ui/parts.js';
import { Overview } from './pages/overview.js';
import { Scripts } from './pages/scripts.js';
import { NewScript, Script } from './pages/script.js';
import { Devices } from './pages/devices.js';
import { Device } from './pages/device.js';
import { Enrol } from './pages/enrol.js';
import { Groups } from './pages/groups.js';
import { Group } from './pages/group.js';
import { Filters } from './pages/filters.js';
import { Filter } from './pages/filter.js';

/** @param {string[]} path */
function pageOf([kind, id, tab]) {
  switch (kind) {
    case undefined: return html`<${Overview} />`;
    case 'scripts': return id === undefined ? html`<${Scripts} />` : id === 'new' ? html`<${NewScript} />` : html`<${Script} key=${id} id=${id} tab=${tab ?? 'summary'} />`;
    case 'devices': return id === undefined ? html`<${Devices} />` : html`<${Device} key=${id} id=${id} />`;
    case 'enrol': return html`<${Enrol} />`;
    case 'groups': return id === undefined ? html`<${Groups} />` : html`<${Group} key=${id} id=${id} />`;
    case 'filters': return id === undefined ? html`<${Filters} />` : html`<${Filter} key=${id} id=${id} />`;
    default: return html`<${Empty} title=${t.errors.noPage} action=${html`<a class="button" href="#/">${t.nav.overview}</a>`} />`;
  }
}

function App({ parts }) {
  const [question, setQuestion] = useState(null);
  const [said, setSaid] = useState({ text: '', turn: 0 });
  const [me, setMe] = useState(parts.me);
  const ask = (asked) => new Promise((resolve) => setQuestion({ ...asked, resolve }));
  const say = (text) => setSaid((before) => ({ text, turn: before.turn + 1 }));
  const answer = (yes) => { question.resolve(yes); setQuestion(null); };
  useEvent(parts.session, 'begun', () => parts.readMe().then(setMe, () => {}));
  useEvent(parts.api, 'forbidden', () => parts.readMe().then(setMe, () => {}));
  const app = { ...parts, me, ask, say };
  return html`<${AppContext.Provider} value=${app}>
    <${Shell} said=${said}><${Page} /><//>
    ${question && html`<${Confirm} question=${question} answer=${answer} />`}
  <//>`;
}

function Page() {
  const place = usePlace(router);
  return pageOf(place.path);
}

const router = new Router();

function Failed({ error }) {
  const anew = () => { history.replaceState(null, '', '/'); location.reload(); };
  return html`<main class="alone"><${Problem} error=${error} /><${Button} kind="primary" onClick=${anew}>${t.session.tryAgain}<//></main>`;
}

async function begin(root) {
  render(html`<main class="alone" role="status">${t.session.signingIn}</main>`, root);
  const answer = await fetch('/dashboard/config.json');
  const config = await answer.json();
  const session = new Session(config);
  await session.begin();
  router.look(); // a sign-in of the whole page comes back to the place that it left
  const api = new Api(session);
  let reading = null;
  const readMe = () => {
    reading ??= api.get('/me').then((told) => permissionsOf(told)).finally(() => { reading = null; });
    return reading;
  };
  const me = await readMe();
  const live = new Live(api);
  live.begin();
  render(html`<${App} parts=${{ api, session, live, router, config, me, readMe }} />`, root);
}

const root = document.getElementById('app');
begin(root).catch((error) => render(html`<${Failed} error=${error} />`, root));
