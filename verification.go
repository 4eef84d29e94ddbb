package plimsoll

// Verification is what a recount of a whole store found.
type Verification struct {
	Scripts      int64    // scripts that were looked at
	RunSummaries int64    // entries of their histories that were counted
	Devices      int64    // devices that there are
	RunStates    int64    // run states that were counted
	Settled      int64    // devices whose groups and run states were held to the rules and the assignments
	Unsettled    int64    // devices where they were not, as the background was at work: look again later
	Differences  []string // what does not agree, one sentence each; empty is as it should be
}
