# Do security updates wait to be installed? 0: no; 1: yes; 2: it cannot be told.
try {
	$searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
	$searcher.Online = $false
	$found = $searcher.Search("IsInstalled=0 and IsHidden=0").Updates
} catch { "$_"; exit 2 }
$waiting = $found | Where-Object { $_.Categories | Where-Object { $_.CategoryID -eq '0FA1201D-4330-4FA8-8AE9-B877473B6441' } }
if (-not $waiting) { 'none'; exit 0 }
$waiting | ForEach-Object { $_.Title }
exit 1
