package auth

import "slices"

// Permission is a permission of Microsoft Graph, by its name there. Names
// compare exactly, case included.
type Permission string

// The permissions of Microsoft Graph that mean something here.
const (
	ConfigurationRead       Permission = "DeviceManagementConfiguration.Read.All"
	ConfigurationReadWrite  Permission = "DeviceManagementConfiguration.ReadWrite.All"
	ManagedDevicesRead      Permission = "DeviceManagementManagedDevices.Read.All"
	ManagedDevicesReadWrite Permission = "DeviceManagementManagedDevices.ReadWrite.All"
	ManagedDevicesOperate   Permission = "DeviceManagementManagedDevices.PrivilegedOperations.All"
	ScriptsRead             Permission = "DeviceManagementScripts.Read.All"
	ScriptsReadWrite        Permission = "DeviceManagementScripts.ReadWrite.All"
	GroupRead               Permission = "Group.Read.All"
	GroupReadWrite          Permission = "Group.ReadWrite.All"
	DirectoryRead           Permission = "Directory.Read.All"
	DirectoryReadWrite      Permission = "Directory.ReadWrite.All"
)

// Permissions gives every permission that is known, those of one subject
// together.
func Permissions() []Permission {
	return []Permission{
		ConfigurationRead, ConfigurationReadWrite,
		ManagedDevicesRead, ManagedDevicesReadWrite, ManagedDevicesOperate,
		ScriptsRead, ScriptsReadWrite,
		GroupRead, GroupReadWrite,
		DirectoryRead, DirectoryReadWrite,
	}
}

// Known says whether the name is that of a permission.
func Known(name string) bool {
	return slices.Contains(Permissions(), Permission(name))
}

// Read gives the permissions of which any one allows reading scripts, their
// assignments, run states and summaries.
func Read() []Permission {
	return []Permission{
		ConfigurationRead, ConfigurationReadWrite,
		ManagedDevicesRead, ManagedDevicesReadWrite,
		ScriptsRead, ScriptsReadWrite,
	}
}

// ReadAudit gives the permissions of which any one allows reading who changed what:
// it names groups, users and clients too, which those of [Read] alone may not see.
func ReadAudit() []Permission { return []Permission{ConfigurationRead, ConfigurationReadWrite} }

// Write gives the permissions of which any one allows changing what those of
// [Read] allow reading.
func Write() []Permission {
	return []Permission{ConfigurationReadWrite, ManagedDevicesReadWrite, ScriptsReadWrite}
}

// ReadDevices gives the permissions of which any one allows reading devices and
// the tokens by which they enrol.
func ReadDevices() []Permission {
	return []Permission{ConfigurationRead, ConfigurationReadWrite, ManagedDevicesRead, ManagedDevicesReadWrite}
}

// WriteDevices gives the permissions of which any one allows changing what those
// of [ReadDevices] allow reading.
func WriteDevices() []Permission {
	return []Permission{ConfigurationReadWrite, ManagedDevicesReadWrite}
}

// OperateDevices gives the permissions of which any one allows having a device do
// something at once.
func OperateDevices() []Permission {
	return append(WriteDevices(), ManagedDevicesOperate)
}

// ReadGroups gives the permissions of which any one allows reading groups and
// who is in them.
func ReadGroups() []Permission {
	return []Permission{GroupRead, GroupReadWrite, DirectoryRead, DirectoryReadWrite}
}

// WriteGroups gives the permissions of which any one allows changing what those
// of [ReadGroups] allow reading.
func WriteGroups() []Permission { return []Permission{GroupReadWrite, DirectoryReadWrite} }
