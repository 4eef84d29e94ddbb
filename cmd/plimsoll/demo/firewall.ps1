# Does the firewall guard this machine on every network? 0: yes; 1: no; 2: it cannot be told.
try { $profiles = Get-NetFirewallProfile -ErrorAction Stop } catch { "$_"; exit 2 }
$profiles | ForEach-Object { "$($_.Name): $($_.Enabled)" }
if ($profiles | Where-Object { -not $_.Enabled }) { exit 1 }
exit 0
