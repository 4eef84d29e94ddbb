// A command to paste on a machine, which makes it a device.
import { html, useState } from '../preact.js';
import { useAction, useApp, useEvent, useRead, useSparingly } from '../hooks.js';
import { segment, withOptions } from '../api.js';
import { count } from '../format.js';
import { Plain } from '../plain.js';
import { to } from '../router.js';
import { t } from '../texts.js';
import { Icon } from '../ui/icon.js';
import { Tag, Time } from '../ui/marks.js';
import { Button, Check, Choice, Command, Empty, Head, Loaded, Problem, Section, TextField } from '../ui/parts.js';
import { Picker } from '../ui/picker.js';

const path = '/deviceManagement/enrollmentTokens';
const up = { href: '#/devices', text: t.nav.devices };

const program = '/usr/local/bin/plimsoll'; // in full: root's PATH may not have its folder

/** Whether the page's address is one that no other machine can reach the server at. */
const onlyHere = () => /^(localhost|.*\.localhost|127\..*|\[::1\])$/.test(location.hostname);

function commandOf(system, token, authority) {
  const flags = `--server ${location.origin} --token ${token}${authority ? ' --ca ca.pem' : ''}`;
  return system === 'windows' ? `.\\plimsoll.exe agent enroll ${flags}\n.\\plimsoll.exe agent install`
    : `sudo ${program} agent enroll ${flags}\nsudo ${program} agent install`;
}

export function Enrol() {
  const { me } = useApp();
  const [token, setToken] = useState(null);
  const [turn, setTurn] = useState(0);
  if (!me.can.writeDevices) return html`<${Head} title=${t.enrol.title} up=${up} /><${Empty} title=${t.errors.notAllowed} />`;
  return html`<${Head} title=${t.enrol.title} up=${up}><p class="lead">${t.enrol.lead}</p><//>
    ${token ? html`<${Ready} token=${token} again=${() => setToken(null)} />` : html`<${Make} made=${(made) => { setToken(made); setTurn(turn + 1); }} />`}
    <${Tokens} turn=${turn} />`;
}

function Make({ made }) {
  const { api, me } = useApp();
  const [form, setForm] = useState({ name: '', uses: '1', days: '7', group: null });
  const set = (name) => (value) => setForm((now) => ({ ...now, [name]: value }));
  const making = useAction(async () => made(await api.post(path, {
    displayName: form.name || null, maximumUses: Number(form.uses) || 0, groupId: form.group?.id ?? null,
    expirationDateTime: form.days ? new Date(Date.now() + Number(form.days) * 86_400_000).toISOString() : null,
  })));
  const wrong = (name) => (making.error?.target === name ? making.error.message : undefined);
  return html`<form class="form card" onSubmit=${(e) => { e.preventDefault(); making.run(); }}><div class="grid">
      <${TextField} label=${t.enrol.name} hint=${t.enrol.nameHint} value=${form.name} onInput=${set('name')} error=${wrong('displayName')} />
      <${TextField} label=${t.enrol.uses} type="number" min="1" value=${form.uses} onInput=${set('uses')} error=${wrong('maximumUses')} />
      <${Choice} label=${t.enrol.expires} value=${form.days} onInput=${set('days')} error=${wrong('expirationDateTime')} options=${t.enrol.lives} />
      ${me.can.readGroups && html`<${Picker} label=${t.enrol.group} hint=${t.enrol.groupHint} path="/groups" optional value=${form.group} onChoose=${set('group')} error=${wrong('groupId')} />`}
    </div><${Problem} error=${making.error && !['displayName', 'maximumUses', 'expirationDateTime', 'groupId'].includes(making.error.target) ? making.error : null} />
    <footer class="actions"><${Button} type="submit" kind="primary" busy=${making.busy}>${t.enrol.make}<//></footer></form>`;
}

function Ready({ token, again }) {
  const [system, setSystem] = useState(/Win/.test(navigator.platform) ? 'windows' : /Mac/.test(navigator.platform) ? 'macOS' : 'linux');
  const [authority, setAuthority] = useState(false);
  return html`<section class="card stack">
    <fieldset class="choices"><legend class="unseen">${t.devices.system}</legend>${Object.entries(t.enrol.systems).map(([name, text]) => html`
      <label key=${name}><input type="radio" name="system" checked=${system === name} onChange=${() => setSystem(name)} /><span>${text}</span></label>`)}</fieldset>
    ${onlyHere() && html`<p class="consequence">${t.enrol.onlyHere(location.host)}</p>`}
    <p>${t.enrol.paste[system]}</p>
    <${Command} label=${t.enrol.command} text=${commandOf(system, token.token, authority)} />
    ${location.protocol === 'https:' && html`<${Check} label=${t.enrol.authority} hint=${t.enrol.authorityHint} value=${authority} onInput=${setAuthority} />`}
    <p class="muted"><${Icon} name="info" /> ${t.enrol.once}</p>
    <${Arrivals} since=${token.createdDateTime} />
    <div class="actions"><${Button} onClick=${again}>${t.enrol.another}<//></div></section>`;
}

/** Those that came since the token was made. */
function Arrivals({ since }) {
  const { api, live } = useApp();
  const read = useRead((signal) => api.get(withOptions('/deviceManagement/managedDevices', {
    filter: `enrolledDateTime ge ${since}`, orderby: 'enrolledDateTime desc', select: 'id,deviceName,enrolledDateTime', top: 10,
  }), { signal }), [since]);
  useEvent(live, 'devices', useSparingly(read.reload, 2000));
  const found = read.data?.value ?? [];
  return html`<div class="arrivals" role="status">${found.length === 0 ? html`<p><span class="pulse" aria-hidden="true" />${t.enrol.waiting}</p>`
    : html`<ul class="plain-list">${found.map((device) => html`<li key=${device.id}><span class="status healthy"><${Icon} name="healthy" /><a href=${to('devices', device.id)}><${Plain} text=${device.deviceName} /></a></span><${Time} at=${device.enrolledDateTime} /></li>`)}</ul>`}</div>`;
}

function Tokens({ turn }) {
  const { api, live } = useApp();
  const read = useRead((signal) => api.get(withOptions(path, { orderby: 'createdDateTime desc', top: 50 }), { signal }), [turn]);
  useEvent(live, 'devices', useSparingly(read.reload, 2000));
  return html`<${Loaded} of=${read}>${({ value }) => value.length > 0 && html`<${Section} title=${t.enrol.tokens}><ul class="plain-list">${value.map((token) => html`
    <li key=${token.id}><span><${Plain} text=${token.displayName || t.enrol.unnamed} /> <span class="muted small">${token.maximumUses ? t.enrol.used(count(token.uses), count(token.maximumUses)) : t.enrol.usedOften(count(token.uses))}</span></span>
      <span class="row">${token.revokedDateTime ? html`<${Tag}>${t.enrol.revoked}<//>` : html`<span class="muted small">${t.enrol.until} <${Time} at=${token.expirationDateTime} absent=${t.enrol.forever} coming /></span>
      <${Revoke} token=${token} done=${read.reload} />`}</span></li>`)}</ul><//>`}<//>`;
}

function Revoke({ token, done }) {
  const { api, ask } = useApp();
  const { run, busy, error } = useAction(async () => {
    if (!await ask({ title: t.enrol.revokeTitle, body: t.enrol.revokeBody, action: t.enrol.revoke, danger: true })) return;
    await api.delete(`${path}/${segment(token.id)}`);
    done();
  });
  return html`<${Button} busy=${busy} onClick=${run}>${t.enrol.revoke}<//>${error && html`<span class="wrong small" role="alert">${error.message}</span>`}`;
}
