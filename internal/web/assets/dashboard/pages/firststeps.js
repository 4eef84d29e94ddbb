// A fresh server: three steps to the first number.
import { html } from '../preact.js';
import { useApp } from '../hooks.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Icon } from '../ui/icon.js';
import { samples } from '../samples.js';

/** @param {{scripts: any[], devices: number|undefined}} props */
export function FirstSteps({ scripts, devices }) {
  const { me } = useApp();
  const haveScript = scripts.length > 0;
  const haveDevice = devices > 0;
  const now = haveScript ? (haveDevice ? 3 : 2) : 1;
  return html`<section class="steps" aria-label=${t.first.title}>
    <h2>${t.first.title}</h2><p class="lead">${t.first.lead}</p>
    <ol>
      <${Step} n="1" now=${now === 1} done=${haveScript} title=${t.first.script} body=${t.first.scriptBody}>
        ${haveScript ? html`<a class="button" href=${to('scripts', scripts[0].id)}>${t.first.seeScript}</a>` : html`
        <div class="samples">${samples.map((sample) => html`<a key=${sample.id} class="sample" href="#/scripts/new?sample=${sample.id}">
          <b>${sample.name}</b><span class="muted">${sample.description}</span></a>`)}</div>
        <a class="button" href="#/scripts/new">${t.first.own}</a>`}
      <//>
      <${Step} n="2" now=${now === 2} done=${haveDevice} title=${t.first.device} body=${t.first.deviceBody}>
        ${me.can.writeDevices && html`<a class="button ${now === 2 ? 'primary' : ''}" href="#/enrol">${t.enrol.action}</a>`}
      <//>
      <${Step} n="3" now=${now === 3} title=${t.first.result} body=${t.first.resultBody}>
        ${haveScript && html`<a class="button ${now === 3 ? 'primary' : ''}" href=${to('scripts', scripts[0].id, 'assignments')}>${t.script.assign}</a>`}
      <//>
    </ol></section>`;
}

const Step = ({ n, now, done, title, body, children }) => html`<li class=${done ? 'done' : now ? 'now' : ''} aria-current=${now ? 'step' : undefined}>
  <span class="number">${done ? html`<${Icon} name="healthy" />` : n}</span>
  <div><h3>${title}${done && html` <span class="muted small">${t.first.done}</span>`}</h3><p>${body}</p>${children}</div></li>`;
