package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"plimsoll"
)

const (
	askWithin = 10 * time.Second // of a directory, which may be away
	maxAnswer = 1 << 20          // bytes: the numbers of 65536 groups, the most there are
	notKnown  = 2                // exit code of getent(1) for who is not found
)

// named gives the account of a user of this machine or of a directory of it, such as
// LDAP. A program without cgo knows those of /etc/passwd alone, so the system's own
// are asked; where there are none, neither is there a directory.
func named(ctx context.Context, name string) (Account, error) {
	if name == "" || strings.ContainsAny(name[:1], "-+") { // an option, or a number (id(1))
		return Account{}, plimsoll.Errorf(plimsoll.Invalid, "%q is no name of a user", name)
	}
	var groups string
	entry, err := ask(ctx, "getent", "passwd", name)
	if err == nil {
		groups, err = ask(ctx, "id", "-G", name)
	}
	if errors.Is(err, exec.ErrNotFound) {
		return local(name)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && entry == "" && exit.ExitCode() == notKnown {
		return Account{}, plimsoll.Errorf(plimsoll.Invalid, "neither this machine nor a directory of it knows the user %q", name)
	}
	if err != nil {
		return Account{}, err
	}
	return parseAccount(name, entry, groups)
}

// ask gives what a program of the system prints.
func ask(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	answer, complaint := limitedBuffer{limit: maxAnswer + 1}, limitedBuffer{limit: 1 << 10}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"PATH=" + searchPath, "LC_ALL=C"}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &answer, &complaint, time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s did not answer: %w", program, ctx.Err())
	case err != nil:
		return "", fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(complaint.text.Bytes()))
	case answer.text.Len() > maxAnswer:
		return "", plimsoll.Errorf(plimsoll.Invalid, "%s printed more than %d bytes", program, maxAnswer)
	}
	return answer.text.String(), nil
}

// parseAccount reads the account of a user from its entry, as passwd(5) has it, and
// the numbers of its groups, of which the entry's own is one, as id -G prints them.
func parseAccount(name, entry, groups string) (Account, error) {
	entry = strings.TrimSuffix(entry, "\n")
	fields, ids := strings.Split(entry, ":"), strings.Fields(groups)
	if len(fields) != 7 || fields[0] != name || strings.ContainsAny(entry, "\n\x00") || !slices.Contains(ids, fields[3]) {
		return Account{}, plimsoll.Errorf(plimsoll.Invalid, "getent and id give no account of the user %q, but %.200q and %.200q", name, entry, groups)
	}
	return numbered(Account{Name: name, Home: fields[5]}, append(fields[2:4:4], ids...))
}
