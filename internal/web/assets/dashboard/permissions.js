// What somebody may do, by the permissions of the API (docs/tokens.md). The server
// decides; the page leaves out what it would refuse.

const of = (...names) => (held) => names.some((name) => held.has(name));
const configuration = 'DeviceManagementConfiguration';
const devices = 'DeviceManagementManagedDevices';
const scripts = 'DeviceManagementScripts';
const [read, write] = ['.Read.All', '.ReadWrite.All'];

const writeDevices = [configuration + write, devices + write];
const rules = {
  readScripts: of(...[configuration, devices, scripts].flatMap((name) => [name + read, name + write])),
  writeScripts: of(configuration + write, devices + write, scripts + write),
  readDevices: of(...[configuration, devices].flatMap((name) => [name + read, name + write])),
  writeDevices: of(...writeDevices),
  operate: of(...writeDevices, `${devices}.PrivilegedOperations.All`),
  readGroups: of(...['Group', 'Directory'].flatMap((name) => [name + read, name + write])),
  writeGroups: of(`Group${write}`, `Directory${write}`),
};

/** @param {any} told the answer of /me @returns {import('./hooks.js').Me} */
export function permissionsOf(told) {
  const permissions = told['plimsoll.permissions'] ?? told.permissions ?? [];
  const held = new Set(permissions);
  return {
    id: told.id, name: told.displayName || told.userPrincipalName || '', permissions,
    can: Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, rule(held)])),
  };
}

/** What became of somebody's permissions. @param {string[]} before @param {string[]} now @returns {'taken'|'given'|null} */
export function changeOf(before, now) {
  if (before.some((name) => !now.includes(name))) return 'taken';
  return now.some((name) => !before.includes(name)) ? 'given' : null;
}
