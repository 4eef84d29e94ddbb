# What only PowerShell tells of the machine, in one answer, for it takes a second to
# start. It is given as an argument, so there is no double quote in it; and it keeps to
# commands, which are all that a machine with application control lets it use.
$ErrorActionPreference = 'SilentlyContinue'
$ProgressPreference = 'SilentlyContinue'
try { [Console]::OutputEncoding = [Text.Encoding]::UTF8 } catch { $Error.Clear() }
$system = Get-CimInstance -ClassName Win32_ComputerSystem
$bios = Get-CimInstance -ClassName Win32_BIOS
$volume = Get-CimInstance -Namespace root/cimv2/security/MicrosoftVolumeEncryption -ClassName Win32_EncryptableVolume -Filter ('DriveLetter=''' + $env:SystemDrive + '''')
$adapters = @(Get-NetAdapter -Physical | Select-Object -Property Name, PermanentAddress, MacAddress, NdisPhysicalMedium)
ConvertTo-Json -Depth 4 -Compress -InputObject @{
    manufacturer = [string]$system.Manufacturer
    model = [string]$system.Model
    serialNumber = [string]$bios.SerialNumber
    physicalMemory = [uint64]$system.TotalPhysicalMemory
    protectionStatus = $volume.ProtectionStatus
    adapters = $adapters
    faults = @($Error | ForEach-Object { [string]$_ })
}
