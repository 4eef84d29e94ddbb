// The beginning: signs in while the page itself is still being fetched.
import { Session } from './auth.js';

const page = import('./main.js');
const root = document.getElementById('app');

async function begin() {
  const answer = await fetch('/dashboard/config.json');
  const config = await answer.json();
  const session = new Session(config);
  await session.begin();
  const { show } = await page;
  await show(root, session, config);
}

let done = false;
begin().catch(async (error) => (await page).fail(root, error)).catch((error) => { root.textContent = error.message; }).finally(() => { done = true; });
setTimeout(() => page.then(({ wait }) => { if (!done) wait(root); }, () => {}), 1000);
