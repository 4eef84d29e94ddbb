package plimsoll

// FleetState is what those who watch the fleet are told of.
type FleetState struct {
	Summaries     []RunSummaryRecord // the current one of each script that has one, by the scripts' ids
	ScriptChanges int64              // rises with each script or assignment that is created, changed or deleted
	Devices       int64              // that are enrolled
}

// ScriptSummary is a script with its run summary, and what that was at an earlier
// time.
type ScriptSummary struct {
	ID, DisplayName  string
	Platform         Platform
	Current, Earlier *RunSummaryRecord // nil where there was none
}
