# Is the disk that Windows runs from encrypted? 0: yes; 1: no; 2: it cannot be told.
$volume = New-Object -ComObject Shell.Application
$protection = $volume.NameSpace($env:SystemDrive).Self.ExtendedProperty('System.Volume.BitLockerProtection')
if ($null -eq $protection) { 'BitLocker is not known here'; exit 2 }
"BitLocker protection of $env:SystemDrive is $protection"
if ($protection -in 1, 3, 5) { exit 0 }
exit 1
