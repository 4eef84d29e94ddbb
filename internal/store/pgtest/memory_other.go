//go:build !linux

package pgtest

import "os"

func fastDir() string { return os.TempDir() }
