package plimsoll

// ComplianceState is what a device's scripts say of it (Graph's complianceState).
type ComplianceState string

// The compliance states.
const (
	ComplianceUnknown       ComplianceState = "unknown"      // no script has run in its latest revision
	ComplianceCompliant     ComplianceState = "compliant"    // those that ran found no issue
	ComplianceNoncompliant  ComplianceState = "noncompliant" // one found an issue
	ComplianceConflict      ComplianceState = "conflict"     // two machines use the device's key
	ComplianceError         ComplianceState = "error"        // one could not tell, and none found an issue
	ComplianceInGracePeriod ComplianceState = "inGracePeriod"
	ComplianceConfigManager ComplianceState = "configManager"
)

// ComplianceStates gives every compliance state, in Graph's order.
func ComplianceStates() []ComplianceState {
	return []ComplianceState{
		ComplianceUnknown, ComplianceCompliant, ComplianceNoncompliant, ComplianceConflict,
		ComplianceError, ComplianceInGracePeriod, ComplianceConfigManager,
	}
}
