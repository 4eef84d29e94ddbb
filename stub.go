package plimsoll

type ScriptChange struct {
	Script
	Sequence int64
	Removed  bool
}
