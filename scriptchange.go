package plimsoll

// ScriptChange is the latest change of one script: what it became, or that it
// was removed.
type ScriptChange struct {
	Script // only its ID where it was removed

	Sequence int64 // orders the changes of all scripts; numbers may be left out
	Removed  bool
}
