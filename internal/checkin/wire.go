// Package checkin is the device protocol: its types on the wire, the server's
// handler and the agent's client, side by side. docs/agent-protocol.md describes
// it for those who write another agent.
package checkin

import (
	"time"

	"plimsoll"
)

// The paths of the protocol.
const (
	Root         = "/agent/v1/"
	EnrollPath   = "/agent/v1/enroll"
	CheckInPath  = "/agent/v1/check-in"
	WaitPath     = "/agent/v1/wait"
	UnenrollPath = "/agent/v1/unenroll"
	contentPath  = "/agent/v1/scripts/{id}/content"
)

// Scope is what a device asks the token endpoint for.
const Scope = "api://plimsoll-agent/.default"

// timeLimit is how long a script may run on a device.
const timeLimit = 5 * time.Minute

// Inventory is what an agent tells of its machine. What it leaves out is unknown.
type Inventory struct {
	DeviceName        string `json:"deviceName"`                // required
	OperatingSystem   string `json:"operatingSystem,omitempty"` // Linux, macOS or Windows
	OSVersion         string `json:"osVersion,omitempty"`
	Manufacturer      string `json:"manufacturer,omitempty"`
	Model             string `json:"model,omitempty"`
	SerialNumber      string `json:"serialNumber,omitempty"`
	EthernetMAC       string `json:"ethernetMacAddress,omitempty"`
	WiFiMAC           string `json:"wiFiMacAddress,omitempty"`
	UserID            string `json:"userId,omitempty"`
	UserPrincipalName string `json:"userPrincipalName,omitempty"`
	UserDisplayName   string `json:"userDisplayName,omitempty"`
	EmailAddress      string `json:"emailAddress,omitempty"`
	IsEncrypted       bool   `json:"isEncrypted,omitempty"`
	PhysicalMemory    int64  `json:"physicalMemoryInBytes,omitempty"`
	TotalStorage      int64  `json:"totalStorageSpaceInBytes,omitempty"`
	FreeStorage       int64  `json:"freeStorageSpaceInBytes,omitempty"`
}

// EnrollRequest asks to be one of the fleet.
type EnrollRequest struct {
	Token         string    `json:"token"`     // the secret of an enrolment token
	PublicKey     []byte    `json:"publicKey"` // the 32 bytes of an Ed25519 public key, in base64
	Inventory     Inventory `json:"inventory"`
	InventoryHash string    `json:"inventoryHash,omitempty"` // what the agent calls this inventory
}

// EnrollResponse says who the device is from now on.
type EnrollResponse struct {
	DeviceID       string `json:"deviceId"`
	TenantID       string `json:"tenantId"`
	TokenEndpoint  string `json:"tokenEndpoint"`  // a path on the same server
	CheckInSeconds int64  `json:"checkInSeconds"` // how often to check in
}

// CheckInRequest is what an agent brings.
type CheckInRequest struct { //nolint:revive // it stands beside those of enrolment
	Instance      string     `json:"instance"`                // random, of this process of the agent
	ETag          string     `json:"etag,omitempty"`          // of the last answer; left out at first
	InventoryHash string     `json:"inventoryHash,omitempty"` // of the inventory as it is now
	Inventory     *Inventory `json:"inventory,omitempty"`     // where it changed, or was wanted
	Results       []Result   `json:"results,omitempty"`       // at most 100
}

// Result is one run of a script.
type Result struct {
	ScriptID string    `json:"scriptId"`
	Revision int64     `json:"revision"`                 // of the script that ran
	Sequence int64     `json:"sequence"`                 // above that of the script's last run here
	State    string    `json:"state"`                    // success, fail or scriptError
	RanAt    time.Time `json:"ranDateTime"`              // RFC 3339
	DueAt    time.Time `json:"nextRunDateTime,omitzero"` // left out where it is not known
	Output   string    `json:"output,omitempty"`
	Error    string    `json:"error,omitempty"`
}

// CheckInResponse is what the agent is told. What it brought is durable.
type CheckInResponse struct { //nolint:revive // it stands beside those of enrolment
	ETag               string    `json:"etag"`
	NextCheckInSeconds int64     `json:"nextCheckInSeconds"`
	InventoryWanted    bool      `json:"inventoryWanted"`  // send the inventory with the next check-in
	Scripts            []Script  `json:"scripts,omitzero"` // all that the device has to run; left out where the etag is the request's
	Results            []Outcome `json:"results"`          // one for each result, in the order sent

	// Refused are those of Scripts that the client does not take. They are told to be
	// run in a way that it does not know, and so must not be run at all.
	Refused []RefusedScript `json:"-"`
}

// RefusedScript is a script that a client was told to run and cannot, as it was told.
// Of what tells which it is, what could not be read is zero.
type RefusedScript struct {
	ID                     string
	Revision, LastSequence int64
	Err                    error // [plimsoll.Invalid], with the member at fault
}

// Outcome is what became of a result.
type Outcome struct {
	Code    plimsoll.Outcome `json:"code"`
	Message string           `json:"message,omitempty"` // where it is refused
}

// Script is a script that the device has to run.
type Script struct {
	ID                    string   `json:"id"`
	DisplayName           string   `json:"displayName,omitempty"`
	Revision              int64    `json:"revision"`
	ContentHash           string   `json:"contentHash"`  // SHA-256, in hex
	RunAsAccount          string   `json:"runAsAccount"` // system or user
	EnforceSignatureCheck bool     `json:"enforceSignatureCheck"`
	RunAs32Bit            bool     `json:"runAs32Bit"`
	TimeLimitSeconds      int64    `json:"timeLimitSeconds"`
	Schedule              Schedule `json:"schedule"`
	LastSequence          int64    `json:"lastSequence"`        // of the latest run that the server knows; 0 for none
	RunRequest            int64    `json:"runRequest,omitzero"` // rises with every request to run it at once; 0 for none
}

// Schedule says when a script runs.
type Schedule struct {
	Kind     string `json:"kind"`               // hourly, daily or once
	Interval int32  `json:"interval,omitempty"` // hours of an hourly schedule, days of a daily one
	UseUTC   bool   `json:"useUtc"`             // Time and Date are in UTC, and else in the device's own zone
	Time     string `json:"time,omitempty"`     // HH:MM:SS; of a daily schedule and one that runs once
	Date     string `json:"date,omitempty"`     // YYYY-MM-DD; of one that runs once
}

// The kinds of schedules.
const (
	Hourly = "hourly"
	Daily  = "daily"
	Once   = "once"
)
