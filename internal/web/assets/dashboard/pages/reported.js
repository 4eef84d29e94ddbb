// Whose numbers a script has: counted from its devices, or reported by somebody else's
// runner, which holds while it has neither an assignment nor a run state (docs/api.md).
import { useApp, useEvent, useRead } from '../hooks.js';
import { scriptPath } from './script.js';

/** @returns {Promise<{assigned: boolean, reported: boolean}>} reported where it has numbers, too */
export async function readOrigin(api, live, script, signal) {
  const path = scriptPath(script.id);
  const answers = await api.batch([`${path}/assignments?$select=id`, `${path}/deviceRunStates?$top=1&$select=id`], { signal });
  const refused = answers.find(({ error }) => error);
  if (refused) throw refused.error;
  const [assigned, counted] = answers.map(({ value }) => value.value.length > 0);
  return { assigned, reported: !assigned && !counted && Boolean(live.summaries.get(script.id) ?? script.runSummary) };
}

/** The same, while a part of the page shows. @returns {{assigned: boolean, reported: boolean}|undefined} until it is known */
export function useOrigin(script) {
  const { api, live } = useApp();
  const read = useRead((signal) => readOrigin(api, live, script, signal), [script.id]);
  useEvent(live, 'scripts', read.reload);
  return read.data;
}
