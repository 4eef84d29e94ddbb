package plimsoll

import (
	"hash/fnv"
	"time"
)

// Buckets is how many parts the fleet is split into: rows that are written often
// are spread over them, and one database machine may hold some of them.
const Buckets = 64

// DeviceBucket gives the bucket of a device, from 0 to Buckets - 1. It never
// changes: rows are stored by it.
func DeviceBucket(deviceID string) int64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(deviceID)) // never fails
	return int64(hash.Sum32() % Buckets)
}

// OwnerType is whose a device is (Graph's managedDeviceOwnerType).
type OwnerType string

// The owner types.
const (
	OwnerUnknown  OwnerType = "unknown"
	OwnerCompany  OwnerType = "company"
	OwnerPersonal OwnerType = "personal"
)

// OwnerTypes gives every owner type, in Graph's order.
func OwnerTypes() []OwnerType { return []OwnerType{OwnerUnknown, OwnerCompany, OwnerPersonal} }

// Inventory is what a device's agent tells of it. An empty text is unknown.
type Inventory struct {
	DeviceName        string // never empty
	OperatingSystem   string // "Linux", "macOS" or "Windows", as in Graph
	OSVersion         string
	Manufacturer      string
	Model             string
	SerialNumber      string
	EthernetMAC       string
	WiFiMAC           string
	UserID            string
	UserPrincipalName string
	UserDisplayName   string
	EmailAddress      string
	IsEncrypted       bool
	PhysicalMemory    int64 // in bytes
	TotalStorage      int64 // in bytes
	FreeStorage       int64 // in bytes
}

// MaxInventoryText is the longest text of an inventory, in characters.
const MaxInventoryText = 256

// Validate refuses an inventory that cannot be kept.
func (i *Inventory) Validate() error {
	if i.DeviceName == "" {
		return Invalidf("deviceName", "deviceName must not be empty: it is how people find the device.")
	}
	for property, text := range map[string]string{
		"deviceName": i.DeviceName, "operatingSystem": i.OperatingSystem, "osVersion": i.OSVersion,
		"manufacturer": i.Manufacturer, "model": i.Model, "serialNumber": i.SerialNumber,
		"ethernetMacAddress": i.EthernetMAC, "wiFiMacAddress": i.WiFiMAC, "userId": i.UserID,
		"userPrincipalName": i.UserPrincipalName, "userDisplayName": i.UserDisplayName, "emailAddress": i.EmailAddress,
	} {
		if err := checkText(property, text, MaxInventoryText); err != nil {
			return err
		}
	}
	for property, size := range map[string]int64{
		"physicalMemoryInBytes": i.PhysicalMemory, "totalStorageSpaceInBytes": i.TotalStorage, "freeStorageSpaceInBytes": i.FreeStorage,
	} {
		if size < 0 {
			return Invalidf(property, "%s must not be negative.", property)
		}
	}
	return nil
}

// Device is a machine whose agent runs the scripts (Graph's managedDevice).
type Device struct {
	Inventory

	ID                string // a GUID in lower case, given by the service
	Changes           int64  // from 1; rises with every change that people or the inventory make
	PublicKey         []byte // Ed25519, 32 bytes: the device proves itself with the other half
	EnrollmentTokenID string // by which it came
	InventoryHash     string // what the agent calls the inventory that it sent last

	ManagedDeviceName string    // what people call it
	Category          string    // deviceCategoryDisplayName
	Notes             string    //
	OwnerType         OwnerType //
	RoleScopeTagIDs   []string  //

	EnrolledAt time.Time       // UTC
	LastSyncAt time.Time       // UTC: when the agent last spoke to the service; a minute late at most
	Compliance ComplianceState // what its scripts say of it
	ClonedAt   time.Time       // when two agents were found to use its key; zero if they were not
}

// Validate refuses what cannot be kept.
func (d *Device) Validate() error {
	if err := d.Inventory.Validate(); err != nil {
		return err
	}
	if err := checkText("managedDeviceName", d.ManagedDeviceName, MaxName); err != nil {
		return err
	}
	if err := checkText("deviceCategoryDisplayName", d.Category, MaxInventoryText); err != nil {
		return err
	}
	if err := checkText("notes", d.Notes, MaxDescription); err != nil {
		return err
	}
	return checkTags("roleScopeTagIds", d.RoleScopeTagIDs)
}

// EnrollmentToken lets devices enrol. Who has the secret may use it, until it
// expires, is used up or is revoked.
type EnrollmentToken struct {
	ID        string // a GUID in lower case
	Name      string
	Hash      []byte // SHA-256 of the secret, which has 256 random bits
	GroupID   string // a group with static members that devices join; "" for none
	MaxUses   int64  // 0 is no limit
	Uses      int64
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero: it is not
}

// Validate refuses a token that cannot be kept.
func (t *EnrollmentToken) Validate() error {
	if t.MaxUses < 0 {
		return Invalidf("maximumUses", "maximumUses must be 1 or more, or 0 for no limit.")
	}
	return checkText("displayName", t.Name, MaxName)
}

// CheckLife refuses a token that is of no use any more at the time now, also to
// ask again for the answer to an enrolment: one that was revoked or has expired.
// A nil token is one that is not known.
func (t *EnrollmentToken) CheckLife(now time.Time) error {
	switch {
	case t == nil:
		return Errorf(Unauthenticated, "The enrolment token is not known here.")
	case !t.RevokedAt.IsZero():
		return Errorf(Forbidden, "The enrolment token was revoked.")
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		return Errorf(Forbidden, "The enrolment token has expired.")
	}
	return nil
}

// CheckUses refuses a token that lets no further device enrol.
func (t *EnrollmentToken) CheckUses() error {
	if t.MaxUses > 0 && t.Uses >= t.MaxUses {
		return Errorf(Forbidden, "The enrolment token is used up: it was for %d devices.", t.MaxUses)
	}
	return nil
}

// Enrollment is a device that asks to be one of the fleet.
type Enrollment struct {
	TokenHash []byte // SHA-256 of the enrolment token's secret
	Device    Device // with its id, its key and its inventory
}

// RuleFacts gives what rules may ask about the device.
func (d *Device) RuleFacts() RuleFacts {
	return RuleFacts{
		ID: d.ID, DeviceName: d.DeviceName, OperatingSystem: d.OperatingSystem, OSVersion: d.OSVersion,
		Manufacturer: d.Manufacturer, Model: d.Model, SerialNumber: d.SerialNumber, Category: d.Category,
		OwnerType: string(d.OwnerType), UserPrincipalName: d.UserPrincipalName, IsEncrypted: d.IsEncrypted,
		PhysicalMemory: d.PhysicalMemory, TotalStorage: d.TotalStorage, FreeStorage: d.FreeStorage,
	}
}
