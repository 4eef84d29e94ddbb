package runner

import (
	"context"
	"os/user"

	"plimsoll"
)

// Account is whom a script runs as.
type Account struct {
	Name   string   `json:"name"`
	Home   string   `json:"home"`
	Switch bool     `json:"switch"` // it is another than that of the agent
	UID    uint32   `json:"uid"`    // this and the next are for Unix
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups"`
}

// AccountFor gives whom a script runs as, of which it is said so; signedIn gives who
// sits at the machine, or its own NotFound, which is this one's, while nobody does: as
// another, the script might tell something else. An agent that has not the rights of
// the system runs all as itself. A directory that is away may hold it up for some 20 s.
func AccountFor(ctx context.Context, as plimsoll.RunAsAccount, signedIn func(context.Context) (name string, err error)) (Account, error) {
	if as != plimsoll.RunAsUser || !MayRunAsOthers() {
		return own()
	}
	name, err := signedIn(ctx)
	if err != nil {
		return Account{}, err
	}
	return named(ctx, name)
}

// own gives the agent's own account.
func own() (Account, error) {
	current, err := user.Current()
	if err != nil {
		return Account{}, err
	}
	return Account{Name: current.Username, Home: current.HomeDir}, nil
}
