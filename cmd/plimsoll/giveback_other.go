//go:build !linux

package main

import "runtime/debug"

// giveBack returns memory that a process at rest has no use for.
func giveBack() { debug.FreeOSMemory() }
