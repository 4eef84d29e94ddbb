package plimsoll

import (
	"bytes"
	"slices"
	"time"
)

// Limits of a script's properties. MaxContent is in bytes, the others in
// characters or members.
const (
	MaxContent          = 1 << 20
	MaxName             = 1024
	MaxDescription      = 16384
	MaxRoleScopeTags    = 100
	MaxRoleScopeTagChar = 256
)

// RunAsAccount is the account a script runs as (Graph's runAsAccountType).
type RunAsAccount string

// The accounts.
const (
	RunAsSystem RunAsAccount = "system"
	RunAsUser   RunAsAccount = "user"
)

// RunAsAccounts gives every account, in Graph's order.
func RunAsAccounts() []RunAsAccount { return []RunAsAccount{RunAsSystem, RunAsUser} }

// Platform is the kind of device a script is for (Graph's
// deviceComplianceScriptPlatformType). The empty Platform means that none was
// given and the content decides.
type Platform string

// The platforms. PlatformUnknownFuture is Graph's sentinel for members to come.
const (
	PlatformWindows10     Platform = "windows10"
	PlatformLinux         Platform = "linux"
	PlatformMacOS         Platform = "macOS"
	PlatformUnknownFuture Platform = "unknownFutureValue"
)

// Platforms gives every platform, in Graph's order.
func Platforms() []Platform {
	return []Platform{PlatformWindows10, PlatformLinux, PlatformMacOS, PlatformUnknownFuture}
}

// Script is a detection script (Graph's deviceComplianceScript).
type Script struct {
	ID       string // a GUID in lower case, given by the service
	Revision int64  // from 1; rises when what runs on a device changes
	Changes  int64  // from 1; rises with every change of any property

	// A nil text was never given, and reads as null.
	Publisher, Version, Description *string
	DisplayName                     string // never empty

	Content               []byte // nil where there is none, or where a list leaves it out
	RunAsAccount          RunAsAccount
	EnforceSignatureCheck bool
	RunAs32Bit            bool
	Platform              Platform
	RoleScopeTagIDs       []string

	CreatedAt, ModifiedAt time.Time // UTC
}

// NewScript gives a script with the values Intune gives to what is left out:
// it runs as system and carries the default scope tag "0".
func NewScript() Script {
	return Script{RunAsAccount: RunAsSystem, RoleScopeTagIDs: []string{"0"}}
}

// Create completes a new script with its id and the time, in UTC.
func (s *Script) Create(id string, now time.Time) error {
	s.ID, s.Revision, s.Changes = id, 1, 1
	s.CreatedAt, s.ModifiedAt = now, now
	return s.validate()
}

// Change applies edit at the time now. The revision rises when what runs on a
// device changes: content, account, architecture or signature setting. On an
// error s is left as it was.
func (s *Script) Change(edit func(*Script), now time.Time) error {
	changed := *s
	edit(&changed)
	if err := changed.validate(); err != nil {
		return err
	}
	if changed.runsOtherwiseThan(s) {
		changed.Revision++
	}
	changed.Changes++
	changed.ModifiedAt = now
	*s = changed
	return nil
}

func (s *Script) runsOtherwiseThan(old *Script) bool {
	return !bytes.Equal(s.Content, old.Content) ||
		s.RunAsAccount != old.RunAsAccount ||
		s.RunAs32Bit != old.RunAs32Bit ||
		s.EnforceSignatureCheck != old.EnforceSignatureCheck
}

// validate refuses what cannot be kept, and gives what can one form.
func (s *Script) validate() error {
	if s.DisplayName == "" {
		return Invalidf("displayName", "displayName must not be empty: it is how people find the script.")
	}
	texts := []struct {
		property string
		text     *string
		limit    int
	}{
		{"displayName", &s.DisplayName, MaxName},
		{"publisher", s.Publisher, MaxName},
		{"version", s.Version, MaxName},
		{"description", s.Description, MaxDescription},
	}
	for _, t := range texts {
		if t.text == nil {
			continue
		}
		if err := checkText(t.property, *t.text, t.limit); err != nil {
			return err
		}
	}
	if len(s.Content) == 0 {
		s.Content = nil // an empty script is none
	}
	if len(s.Content) > MaxContent {
		return Invalidf("detectionScriptContent",
			"detectionScriptContent has %d bytes; a script has at most %d (1 MiB).", len(s.Content), MaxContent)
	}
	return s.validateChoices()
}

func (s *Script) validateChoices() error {
	if !slices.Contains(RunAsAccounts(), s.RunAsAccount) {
		return Invalidf("runAsAccount", "runAsAccount must be one of %v.", RunAsAccounts())
	}
	if s.Platform == PlatformUnknownFuture || s.Platform != "" && !slices.Contains(Platforms(), s.Platform) {
		return Invalidf("platform", "platform must be windows10, linux or macOS, or be left out.")
	}
	return checkTags("roleScopeTagIds", s.RoleScopeTagIDs)
}

func checkTags(property string, tags []string) error {
	if len(tags) > MaxRoleScopeTags {
		return Invalidf(property, "%s has %d members; at most %d are kept.", property, len(tags), MaxRoleScopeTags)
	}
	for _, tag := range tags {
		if err := checkText(property, tag, MaxRoleScopeTagChar); err != nil {
			return err
		}
	}
	return nil
}

// RunsOn tells whether a script can run on a device with the operating system,
// by its platform or, where none was given, by its content: what begins with #!
// is for Linux and macOS, and anything else for Windows.
func (s *Script) RunsOn(operatingSystem string) bool {
	switch s.Platform {
	case PlatformLinux:
		return operatingSystem == "Linux"
	case PlatformMacOS:
		return operatingSystem == "macOS"
	case PlatformWindows10:
		return operatingSystem == "Windows"
	}
	if bytes.HasPrefix(s.Content, []byte("#!")) {
		return operatingSystem == "Linux" || operatingSystem == "macOS"
	}
	return operatingSystem == "Windows"
}

// ListedScript is a script as it is read, with its current run summary or nil.
// What was not asked for is left out: the content, and the summary.
type ListedScript struct {
	Script

	RunSummary *RunSummaryRecord
}
