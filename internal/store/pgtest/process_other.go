//go:build !unix

package pgtest

import (
	"errors"
	"os/exec"
)

var errNotUnix = errors.New("pgtest starts PostgreSQL on Unix only: set PLIMSOLL_TEST_POSTGRES to the URL of a server")

func demote(*exec.Cmd) error { return errNotUnix }
func handOver(string) error  { return errNotUnix }
func detach(*exec.Cmd)       {}
