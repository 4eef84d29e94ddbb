// Where the provider sends people back to: this hands what it said on to the page
// that asked, which may be this window's past, its frame's owner, or another window.
import { t } from './texts.js';

const query = new URLSearchParams(location.search);
const answer = {
  state: query.get('state'), code: query.get('code'), error: query.get('error'), description: query.get('error_description'),
};
history.replaceState(null, '', location.pathname); // a code has no place in the history

function pendingState() {
  try { return JSON.parse(sessionStorage.getItem('plimsoll.sign-in'))?.state; } catch { return undefined; }
}

if (window === window.top && answer.state && answer.state === pendingState()) {
  sessionStorage.setItem('plimsoll.signed-in', JSON.stringify(answer));
  location.replace('/');
} else {
  new BroadcastChannel('plimsoll.sign-in').postMessage(answer);
  document.getElementById('told').textContent = answer.error ? t.session.popupRefused : t.session.popupDone;
  if (window === window.top && !answer.error) window.close();
}
