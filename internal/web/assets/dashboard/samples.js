// Scripts to begin with. Each says what it looks for by its exit code: 0 is
// healthy, 1 is an issue, anything else is an error.
import { t } from './texts.js';

const sh = (...lines) => ['#!/bin/sh', ...lines, ''].join('\n');

export const samples = [
  {
    id: 'disk-space', platform: null, ...t.samples.diskSpace,
    source: sh(
      '# Healthy while at least 10 % of the system disk is free.',
      "used=$(df -P / | awk 'NR == 2 { sub(\"%\", \"\", $5); print $5 }')",
      '[ -n "$used" ] || { echo "df tells nothing of /" >&2; exit 2; }',
      'echo "$used % used"', '[ "$used" -le 90 ]',
    ),
  },
  {
    id: 'reboot', platform: 'linux', ...t.samples.reboot,
    source: sh(
      '# An issue where an update waits for the system to start anew.',
      'if [ -e /var/run/reboot-required ]; then', '\techo "waits for a restart"', '\texit 1', 'fi', 'echo "up to date"',
    ),
  },
  {
    id: 'firewall', platform: 'windows10', ...t.samples.firewall,
    source: [
      '# Healthy where the firewall guards every network profile.',
      '$open = Get-NetFirewallProfile | Where-Object { -not $_.Enabled }',
      'if ($open) {', '    "off for: " + ($open.Name -join ", ")', '    exit 1', '}', '"on for all profiles"', 'exit 0', '',
    ].join('\n'),
  },
];
