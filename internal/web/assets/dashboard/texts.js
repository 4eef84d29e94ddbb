// Every English text of the dashboard. Those with a number or a name in them are
// functions; numbers come formatted, with the bare one behind where the words depend on it.

const s = (n, one, many) => (n === 1 ? one : many);
const all = (names) => new Intl.ListFormat('en').format(names);

export const t = {
  product: 'Plimsoll',
  loading: 'Loading',
  cancel: 'Cancel',
  close: 'Close',
  copy: 'Copy',
  copied: 'Copied.',
  export: 'Export CSV',
  yes: 'Yes',
  no: 'No',

  nav: {
    label: 'Pages', skip: 'Skip to the content', home: 'Plimsoll, overview', up: 'Where this is',
    all: (name) => `All ${name.toLowerCase()}`,
    overview: 'Overview', scripts: 'Scripts', devices: 'Devices', groups: 'Groups', filters: 'Filters',
  },
  account: {
    label: 'Account and appearance', theme: 'Appearance', themes: { system: 'System', light: 'Light', dark: 'Dark' },
    mayChange: 'May make changes', readOnly: 'May read, not change', password: 'Change password', signOut: 'Sign out', version: (v) => `Plimsoll ${v}`,
  },
  session: {
    signingIn: 'Signing in…', tryAgain: 'Sign in again', ended: 'Your session has ended',
    endedBody: 'Sign in again to go on. What you typed on this page stays as it is.', signInAgain: 'Sign in again',
    again: 'You are signed in again.',
    over: {
      expired: { title: 'Your session has ended', body: 'Sign in again to go on where you were.', action: 'Sign in again' },
      signedOut: { title: 'You are signed out', body: 'What this page showed is put away.', action: 'Sign in' },
      another: { title: 'Somebody else has signed in', body: 'This browser is signed in as another user now. What this page showed is put away.', action: 'Go on as that user' },
    },
    permissions: {
      taken: 'Your permissions have changed. What this page no longer shows or offers needs one that you do not have now.',
      given: 'You have more permissions now. What they let you see and do is here from now on.',
    },
    blocked: 'The browser did not let a window open. Allow windows of this page, then try again.',
    noAnswer: 'The provider did not answer. Try again.',
    badToken: (claim) => `The provider’s answer is not one for this page: its ID token has a wrong ${claim}. Try again${claim === 'exp' ? ', once this machine’s clock is right' : ''}; if it stays so, tell whoever runs the server.`,
    otherIssuer: (asked, told) => `The provider at ${asked} calls itself ${told}. Whoever runs the server has to set --oidc-issuer to that.`,
    popupDone: 'You are signed in. You can close this window.', popupRefused: 'The sign-in did not succeed. Close this window and try again.',
  },
  connection: {
    lost: 'The server, or its sign-in, does not answer. This page goes on as soon as it can.',
    notLive: 'Live updates are interrupted. The numbers may be out of date until they are back.',
  },
  errors: {
    unreachable: 'The server cannot be reached.',
    status: (n) => `The server answered with status ${n}.`, requestId: 'Request id', title: 'This could not be shown', retry: 'Try again',
    gone: 'It was deleted, or its address is wrong.', noGroups: 'To see groups takes Group.Read.All. An administrator can give it to you; sign in again then.',
    noPage: 'There is no such page', notAllowed: 'You do not have the permission for this',
    noPermission: 'To see scripts and devices takes DeviceManagementConfiguration.Read.All. An administrator can give it to you; sign in again then.',
  },
  unsaved: { title: 'Leave without saving?', body: 'What you changed on this page is not saved. It is lost when you leave.', leave: 'Leave' },
  time: { never: 'never', justNow: 'just now', soon: 'in a moment' },

  kinds: { healthy: 'Healthy', issue: 'Issue', error: 'Error', pending: 'Pending' },
  states: { success: 'Healthy', fail: 'Issue', scriptError: 'Error', pending: 'Pending', unknown: 'Pending', notApplicable: 'Not applicable' },
  compliance: { compliant: 'Compliant', noncompliant: 'Not compliant', error: 'Error', conflict: 'Cloned', unknown: 'Unknown' },
  platforms: { linux: 'Linux', macOS: 'macOS', windows10: 'Windows', windows: 'Windows', any: 'By its first line', all: 'All platforms' },
  bar: { nothing: 'no device counts', part: (kind, n, share) => `${kind} ${n} (${share})` },
  output: {
    error: 'Error', out: 'Output', none: 'It said nothing.', less: 'Show less', more: (n) => `Show ${n} more characters`,
  },
  table: {
    goingOn: 'Loading more…', nothingFound: 'Nothing matches', nothingFoundHint: 'Try other words, or fewer conditions.', clear: 'Show all',
    stale: 'New results came in.', refresh: 'Show them',
  },
  picker: { placeholder: 'Type to search', nothing: 'Nothing matches' },
  diff: { label: 'What changes in the source', added: 'added', removed: 'removed' },
  activity: {
    none: 'Nothing.', times: (n, more) => `${n} times${more ? ' or more' : ''}`,
    did: {
      'deviceComplianceScript.create': 'Script made:', 'deviceComplianceScript.update': 'Script changed:', 'deviceComplianceScript.delete': 'Script deleted:', 'deviceComplianceScript.assign': 'Script assigned:',
      'deviceHealthScriptAssignment.create': 'Assignment added:', 'deviceHealthScriptAssignment.update': 'Assignment changed:', 'deviceHealthScriptAssignment.delete': 'Assignment removed:',
      'deviceComplianceScriptDeviceState.create': 'Run state reported:', 'deviceComplianceScriptDeviceState.update': 'Run state changed:', 'deviceComplianceScriptDeviceState.delete': 'Run state forgotten:',
      'managedDevice.update': 'Device changed:', 'managedDevice.delete': 'Device deleted:', 'managedDevice.unenroll': 'Device left:', 'managedDevice.initiateOnDemandProactiveRemediation': 'Run asked for:',
      'group.create': 'Group made:', 'group.update': 'Group changed:', 'group.delete': 'Group deleted:', 'group.addMember': 'Member added:', 'group.removeMember': 'Member taken out:',
      'assignmentFilter.create': 'Filter made:', 'assignmentFilter.update': 'Filter changed:', 'assignmentFilter.delete': 'Filter deleted:',
      'enrollmentToken.create': 'Enrolment command made', 'enrollmentToken.revoke': 'Enrolment command revoked',
      'client.create': 'Client made:', 'client.rotate': 'Client’s secret changed:', 'client.delete': 'Client deleted:',
      'user.create': 'User made:', 'user.invite': 'User invited:', 'user.delete': 'User deleted:', 'user.signIn': 'Signed in:', 'user.signOut': 'Signed out:', 'user.changePassword': 'Password changed:', 'user.setPassword': 'Password set:', 'user.update': 'User changed:',
      'installation.create': 'Installed', enrolled: 'Enrolled', ran: (state) => `${state}:`,
    },
  },

  overview: {
    title: 'The fleet', totals: 'All scripts on all devices', healthy: 'healthy',
    counted: (scripts, n, devices, d) => `${scripts} ${s(n, 'script', 'scripts')}${devices === null ? '' : ` on ${devices} ${s(d, 'device', 'devices')}`}`,
    scripts: 'Scripts', find: 'Find a script', order: 'Order', orders: { attention: 'What needs attention', change: 'What changed most', name: 'Name' },
    moved: (n) => `${n} issues in a day`, toDevices: (script, kind, n) => `${script}: ${kind} ${n}`, noNumbers: 'No numbers yet', showAll: (n) => `Show all ${n}`,
    changed: 'What changed', lastDay: 'in the last 24 hours', silent: 'Silent for longest', allDevices: 'All devices',
  },
  first: {
    title: 'Three steps to the first number', lead: 'A script says whether a device is as it should be. Plimsoll runs it on every device you choose, and counts.',
    script: 'Write a first script', scriptBody: 'Begin with one of these, or with your own. Exit code 0 means healthy, 1 an issue, anything else an error.',
    own: 'Start from nothing', seeScript: 'Look at the script', done: 'done',
    device: 'Enrol a first device', deviceBody: 'One command on a machine makes it a device. The machine you sit at will do.',
    result: 'See the result', resultBody: 'Assign the script to all devices. Its first result shows here, seconds later.',
  },
  samples: {
    diskSpace: { name: 'Disk space', description: 'Linux, macOS: at least 10 % of the system disk is free.' },
    reboot: { name: 'Waiting for a restart', description: 'Linux: no update waits for a restart.' },
    firewall: { name: 'Firewall', description: 'Windows: the firewall is on for every network.' },
  },

  scripts: {
    create: 'New script', make: 'Create script', created: (name) => `${name} was made. Now say which devices run it.`, none: 'No scripts yet', noneHint: 'A script says whether a device is as it should be.',
    name: 'Name', state: 'State', platform: 'Platform', changed: 'Changed', search: 'Search name, publisher, description', unit: (n, c) => `${n} ${s(c, 'script', 'scripts')}`,
  },
  script: {
    gone: 'This script is gone', tabsLabel: 'Parts of this script',
    tabs: { summary: 'Summary', devices: 'Devices', errors: 'Errors', source: 'Source', assignments: 'Assignments', edit: 'Edit' },
    noNumbers: 'No numbers yet', noNumbersHint: 'They come once it is assigned to devices, or once somebody reports a summary through the API.', assign: 'Assign it',
    counted: (n, c) => `${n} ${s(c, 'device', 'devices')} in all.`, lastRun: 'Last run:',
    delete: 'Delete', deleted: (name) => `${name} was deleted.`, deleteTitle: (name) => `Delete ${name}?`,
    deleteBody: (n, c) => `The script, its assignments, its history${c > 0 ? ` and what it found on ${n} ${s(c, 'device', 'devices')}` : ''} are deleted. Devices stop running it. This cannot be undone.`,
  },
  trend: {
    title: 'Trend', span: 'Time span', spans: { day: 'Day', week: 'Week', month: 'Month', all: 'All' }, time: 'Time', nothing: 'Nothing was recorded in this time.',
    label: (latest) => `Devices over time by state; latest entry ${latest}. The numbers are in the history below.`,
  },
  history: { title: 'History', at: 'Recorded', by: 'By', computed: 'computed', removed: 'Removed' },
  source: {
    label: 'Source of the script', none: 'This script has no source', noneHint: 'Its numbers are reported by somebody else’s runner. With a source, devices run it themselves.', write: 'Write it',
    all: (n) => `Show all ${n} lines`,
  },
  findings: {
    device: 'Device', state: 'State', said: 'What it said', at: 'Last run', expected: 'Next run expected', details: 'Details', search: 'Device name contains', all: 'All states',
    none: 'No devices yet', noneHint: 'Devices show here once the script is assigned to them.', toDevice: 'Open the device',
  },
  run: {
    now: 'Run now', on: (device) => `Run now on ${device}`, askedOne: (device) => `${device} was asked to run it.`, all: 'Run now on all listed',
    nobody: 'None of the devices that are listed runs this script.', allTitle: (n, c) => `Run now on ${n} ${s(c, 'device', 'devices')}?`, allAction: (n, c) => `Run now on ${n} ${s(c, 'device', 'devices')}`,
    allBody: (n, c) => `Every device that is listed, ${n} in all, is asked to run the script at once, whatever its schedule says. ${s(c, 'If it is off, it runs it', 'Those that are off run it')} when ${s(c, 'it is', 'they are')} on again.`,
    asking: 'Asking the devices', progress: (n, of) => `${n} of ${of}`, stop: 'Stop', over: 'Run now', asked: (n, c) => `${n} ${s(c, 'device was', 'devices were')} asked to run it.`,
    stopped: 'Then you stopped it.', refused: (n, c) => `${n} ${s(c, 'was', 'were')} refused:`,
  },
  errorGroups: {
    none: 'No errors', noneHint: 'The script could run wherever it was tried.', lead: (groups, g, n, c) => `${n} ${s(c, 'error', 'errors')}, by what they have in common: ${groups} ${s(g, 'kind', 'kinds')}.`,
    noTexts: 'No error texts', noTextsHint: 'They come from devices. This script’s numbers are reported by somebody else’s runner.', toDevices: 'All devices with errors',
    incomplete: 'There are more: this is a part of them.', devices: (n) => s(n, 'device', 'devices'), share: (n) => `${n} devices`, example: 'For example on',
  },
  form: {
    samples: 'Begin with', replaceTitle: 'Replace what you typed?', replaceBody: 'The sample takes the place of all that stands in this form.', replace: 'Replace', name: 'Name', nameMissing: 'A script needs a name.', description: 'Description', publisher: 'Publisher', version: 'Version', source: 'Source',
    sourceHint: 'Exit code 0 is healthy, 1 an issue, anything else an error. What it prints is kept, up to 32 KiB.', platformHint: 'By its first line: with #! it is for Linux and macOS, else for Windows.',
    lines: (n, c) => `${n} ${s(c, 'line', 'lines')}`, more: 'More settings', runAs: 'Runs as', system: 'The system', user: 'The user who is signed in',
    signed: 'Must be signed', signedHint: 'Devices run it with a valid signature only.', thirtyTwo: 'Run in 32 bits', thirtyTwoHint: 'In 32-bit PowerShell, on 64-bit Windows.',
    preview: 'Preview changes', revert: 'Undo changes', save: 'Save', saved: 'Saved.', unchanged: 'Nothing is changed yet.',
    conflict: 'Somebody else changed it meanwhile', overwrite: 'Save mine over it', rebase: 'Compare with what is there now',
    names: { displayName: 'Name', description: 'Description', publisher: 'Publisher', version: 'Version', platform: 'Platform', runAsAccount: 'Runs as', enforceSignatureCheck: 'Must be signed', runAs32Bit: 'Run in 32 bits' },
  },
  preview: {
    title: 'What changes', back: 'Back', stays: 'Devices keep the states they have.',
    moves: (now, before) => `It runs on ${all(now)} then, until now on ${all(before)}.`,
    counted: (out, o, into, i) => `${out} ${s(o, 'device drops', 'devices drop')} out of its numbers; ${into} ${s(i, 'comes', 'come')} in, pending until ${s(i, 'it has', 'they have')} run it.`,
    uncounted: (now) => `Devices of other systems drop out of its numbers; those of ${all(now)} that it is assigned to come in, pending until they have run it.`,
    pendingThose: 'This makes a new version: devices that have run the last one go back to pending until they have run it.',
    reported: 'This makes a new version. Its numbers stay: somebody else’s runner reports them.',
    pending: (n, c) => (c === 0 ? 'This makes a new version of the script.' : `This makes a new version: ${s(c, 'the one device goes', `all ${n} devices go`)} back to pending until ${s(c, 'it has', 'they have')} run it.`),
  },
  assign: {
    none: 'Assigned to nobody', noneHint: 'No device runs this script.', add: 'Add an assignment', nth: (n) => `Assignment ${n}`, remove: (n) => `Remove assignment ${n}`,
    whom: 'Assigned to', targets: { all: 'All devices', group: 'Members of a group', exclusion: 'Never members of a group', other: 'Another target (kept as it is)' }, group: 'Group', groupMissing: 'Choose a group.',
    filtered: 'Filter', filterTypes: { none: 'None', include: 'Only devices of a filter', exclude: 'Not the devices of a filter' }, filter: 'Which filter', filterMissing: 'Choose a filter.',
    when: 'When', schedules: { none: 'Every day at midnight', hourly: 'Every few hours', daily: 'Every day or every few days', once: 'Once', other: 'Another schedule (kept as it is)' },
    scheduleHints: {
      none: 'By the device’s clock, up to ten minutes later.', hourly: 'At a minute that differs from device to device.',
      daily: 'Up to ten minutes later, so that not all devices come at once.', once: 'Up to ten minutes later; at once where that time is over.',
    },
    hours: 'Hours between', days: 'Days between', intervalWrong: 'A whole number from 1 to 23.', date: 'Date', dateMissing: 'Choose a date.', time: 'At', zone: 'Time zone', zones: { local: 'Of each device', utc: 'UTC' },
    conflict: 'Somebody else changed the assignments meanwhile', conflictBody: (n, c) => `What you chose is still here, and not saved. ${c === 0 ? 'Nobody is assigned now.' : `${n} ${s(c, 'assignment is', 'assignments are')} there now.`}`, load: 'Load what is there now',
    save: 'Save assignments', saved: 'The assignments are saved. Devices hear of them within seconds.',
    noSource: 'This script has no source: it finds nothing on the devices that it is assigned to.',
    reportedTitle: 'Count it from its devices?', reportedBody: 'So far somebody else’s runner reports this script’s numbers. Once it is assigned they are counted from its devices, which all begin as pending. What was reported stays in the history; what that runner reports from then on is refused.',
    nobodyTitle: 'Assign it to nobody?', nobodyBody: 'No device runs the script any more, and what it found there leaves its numbers.',
    reached: (n, c) => `${n} ${s(c, 'device is', 'devices are')} reached`, notApplicable: (n, c) => `; ${n} more ${s(c, 'is of another platform and does', 'are of another platform and do')} not run it`, counting: 'Counting devices…', incomplete: 'Complete the assignments to see whom they reach.',
  },

  devices: {
    name: 'Name', system: 'System', model: 'Model', user: 'User', seen: 'Last seen', none: 'No devices yet', noneHint: 'A machine becomes a device with one command.',
    search: 'Search name, user, serial number', allSystems: 'All systems', compliance: 'Compliance', allCompliance: 'Compliant or not', silence: 'Last seen', silences: { '': 'Seen at any time', 1: 'Silent for a day', 7: 'Silent for a week', 30: 'Silent for 30 days' }, unit: (n, c) => `${n} ${s(c, 'device', 'devices')}`,
  },
  device: {
    gone: 'This device is gone', seen: 'Last seen', edit: 'Edit', scripts: 'Scripts', noScripts: 'No scripts run here', noScriptsHint: 'Assign a script to all devices, or to a group that this one is in.',
    ran: 'Last run', next: 'next expected', said: 'What it said', inventory: 'Inventory', maker: 'Model', serial: 'Serial number', encrypted: 'Encrypted', memory: 'Memory', storage: 'Storage', free: (free, all) => `${free} free of ${all}`,
    ethernet: 'Ethernet', wifi: 'Wi-Fi', owner: 'Owned by', owners: { unknown: 'Unknown', company: 'Company', personal: 'Person' }, category: 'Category', notes: 'Notes', enrolled: 'Enrolled', id: 'Id', timeline: 'Timeline',
    label: 'Name in management', labelHint: 'Beside the name that the machine gives itself.',
    delete: 'Delete', deleteTitle: (name) => `Delete ${name}?`, deleteBody: 'The device leaves the fleet, with all that scripts found on it, and its agent is turned away. The machine itself is not touched. To come back it has to enrol anew.', deleted: (name) => `${name} was deleted.`,
  },
  enrol: {
    action: 'Enrol a device', title: 'Enrol devices', lead: 'Make a command, paste it on a machine, and see the machine come in.', name: 'Name', nameHint: 'To tell it from others, such as “Berlin office”.', uses: 'Machines it is good for', expires: 'Good for',
    lives: [['1', 'A day'], ['7', 'A week'], ['30', '30 days'], ['', 'Until it is revoked']], group: 'Group', groupHint: 'Which they join. Optional.', make: 'Make the command',
    systems: { linux: 'Linux', macOS: 'macOS', windows: 'Windows' }, command: 'Command to paste', once: 'The command holds a secret that is shown only now.', another: 'Make another',
    paste: {
      linux: 'Copy plimsoll, the same program as the server’s, to /usr/local/bin on the machine. Then paste this into a shell:',
      macOS: 'Copy plimsoll, the same program as the server’s but built for macOS, to /usr/local/bin on the machine. Then paste this into Terminal:',
      windows: 'Copy plimsoll.exe, the same program as the server’s but built for Windows, to a folder of the machine. There, paste this into a PowerShell that runs as administrator:',
    },
    onlyHere: (host) => `Only this machine can reach ${host}. For others the server needs an address in the network.`,
    authority: 'The server’s certificate is from its own authority', authorityHint: 'Copy the CA file that the server names when it starts to the machine, as ca.pem.',
    waiting: 'Waiting for the first machine…', tokens: 'Commands that were made', unnamed: 'Without a name', used: (n, of) => `${n} of ${of} used`, usedOften: (n) => `${n} used`, until: 'expires', forever: 'when revoked',
    revoke: 'Revoke', revoked: 'Revoked', revokeTitle: 'Revoke this command?', revokeBody: 'No further machine can enrol with it. The devices that came by it stay.',
  },

  rule: {
    hint: 'Such as device.operatingSystem -eq "Linux" and device.osVersion -startsWith "12."', at: (n, message) => `Character ${n}: ${message}`, empty: 'Write a rule to see which devices it selects.', wrong: 'Not a rule yet.',
    trying: 'Trying the rule…', selects: (n, c) => `Selects ${n} ${s(c, 'device', 'devices')}`, others: (n) => ` and ${n} more`,
  },
  groups: {
    create: 'New group', make: 'Create group', made: (name) => `${name} was made.`, none: 'No groups yet', noneHint: 'A group holds devices that you name, or those that a rule selects.', gone: 'This group is gone', search: 'Search name, description', unit: (n, c) => `${n} ${s(c, 'group', 'groups')}`,
    name: 'Name', kind: 'Members', kinds: { assigned: 'Chosen by hand', dynamic: 'Selected by a rule' }, assigned: 'By hand', dynamic: 'By rule', paused: 'Rule paused', rule: 'Rule', created: 'Created', settings: 'Settings',
    pause: 'Pause the rule', pauseHint: 'Members stay as they are until it goes on.', ruleGoes: 'The rule is taken away. The members it selected stay, until you take them out.', members: 'Members', add: 'Add a device', added: (name) => `${name} was added.`,
    takeOut: 'Take out', takeOutNamed: (name) => `Take out ${name}`, tookOut: (name) => `${name} was taken out.`, noMembers: 'Nobody yet.', noneSelected: 'The rule selects no device now.',
    delete: 'Delete', deleteTitle: (name) => `Delete ${name}?`, deleteBody: (reach, spare) => `The group is deleted; its devices stay.${reach && ` They are no longer reached by ${reach}.`}${spare && ` They are no longer held out of ${spare}.`}`, deleted: (name) => `${name} was deleted.`,
  },
  uses: {
    title: 'Used by', none: 'No script’s assignments name it.', incomplete: 'There may be more: only the first 1,000 scripts were looked at.', all,
    andMore: (names, n) => all([...names, n ? `${n} more` : 'perhaps others']),
    how: { assigned: 'Runs on its members', excluded: 'Not on its members', include: 'Only on its devices', exclude: 'Not on its devices' },
  },
  filters: {
    create: 'New filter', make: 'Create filter', made: (name) => `${name} was made.`, none: 'No filters yet', noneHint: 'A filter narrows an assignment to the devices that its rule selects, or holds those out.', gone: 'This filter is gone', search: 'Search name, description', unit: (n, c) => `${n} ${s(c, 'filter', 'filters')}`,
    name: 'Name', rule: 'Rule', settings: 'Settings', platformHint: 'A note for people: it selects nothing. Only the rule does, such as by device.operatingSystem.', platforms: { unknown: 'None', linux: 'Linux', macOS: 'macOS', windows10AndLater: 'Windows' },
    delete: 'Delete', deleteTitle: (name) => `Delete ${name}?`, deleteBody: (all) => `The filter is deleted. ${all ? 'No assignment uses it.' : 'No assignment of the first 1,000 scripts uses it; the others were not looked at.'}`, used: (scripts) => `It cannot be deleted: assignments of ${scripts} use it. Take it out of them first.`, deleted: (name) => `${name} was deleted.`,
  },
};
