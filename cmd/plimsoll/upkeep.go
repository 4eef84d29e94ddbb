package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"plimsoll/internal/store"
)

type auditCommand struct {
	Limit int `default:"100" env:"-" help:"How many of the latest changes to show."`
}

type verifyCommand struct {
	Wait time.Duration `default:"30s" env:"-" help:"How long to wait at first while servers are at work on what devices have to run."`
}

type versionCommand struct{}

// withStore runs work on the store that is there.
func (a *app) withStore(ctx context.Context, work func(*store.Store) error) (err error) {
	s, err := a.openExisting(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return work(s)
}

// Run shows the audit trail.
func (c *auditCommand) Run(ctx context.Context, a *app) error {
	type listed struct {
		At       time.Time `json:"activityDateTime"`
		Actor    string    `json:"actor"`
		Activity string    `json:"activity"`
		ObjectID string    `json:"objectId"`
	}
	return a.withStore(ctx, func(s *store.Store) error {
		events, err := s.AuditEvents(ctx, c.Limit)
		if err != nil {
			return err
		}
		all := make([]listed, 0, len(events))
		rows := [][]string{{"WHEN", "WHO", "WHAT", "OBJECT"}}
		for _, e := range events {
			all = append(all, listed{e.At, e.Actor, e.Activity, e.ObjectID})
			rows = append(rows, []string{stamp(e.At), e.Actor, e.Activity, e.ObjectID})
		}
		return a.print(all, table(rows...))
	})
}

// Run recounts the store.
func (c *verifyCommand) Run(ctx context.Context, a *app) error {
	type outcome struct {
		Scripts      int64    `json:"scripts"`
		RunSummaries int64    `json:"runSummaries"`
		Devices      int64    `json:"devices"`
		RunStates    int64    `json:"runStates"`
		Settled      int64    `json:"settledDevices"`
		Unsettled    int64    `json:"unsettledDevices"`
		Differences  []string `json:"differences"`
	}
	return a.withStore(ctx, func(s *store.Store) error {
		if err := c.await(ctx, a, s); err != nil {
			return err
		}
		v, err := s.Verify(ctx)
		if err != nil {
			return err
		}
		var text strings.Builder
		fmt.Fprintf(&text, "Counted %d scripts, %d run summaries, %d devices and %d run states: %d differences.\n",
			v.Scripts, v.RunSummaries, v.Devices, v.RunStates, len(v.Differences))
		if v.Settled > 0 {
			fmt.Fprintf(&text, "Held the groups and run states of %d devices to the rules and assignments.\n", v.Settled)
		}
		if v.Unsettled > 0 {
			fmt.Fprintf(&text, "The background is at work on what %d further devices have to run: look again when it is done.\n", v.Unsettled)
		}
		for _, difference := range v.Differences {
			fmt.Fprintln(&text, " ", difference)
		}
		found := outcome{v.Scripts, v.RunSummaries, v.Devices, v.RunStates, v.Settled, v.Unsettled, append([]string{}, v.Differences...)}
		if err := a.print(found, text.String()); err != nil || len(v.Differences) == 0 {
			return err
		}
		return errDifference
	})
}

// await waits for the background, for as long as it may.
func (c *verifyCommand) await(ctx context.Context, a *app, s *store.Store) error {
	for deadline := a.now().Add(c.Wait); ; {
		working, err := s.HasWork(ctx)
		if err != nil || !working || !a.now().Before(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// build describes the program: its version, and the commit it was built from.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	System  string `json:"system"`
}

// version is set by the linker, which sets package variables only: -X
// main.version=1.2.3.
var version = "dev"

func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				b.Commit = setting.Value
			}
		}
	}
	return b
}

// Run prints the version.
func (c *versionCommand) Run(a *app) error {
	b := thisBuild()
	return a.print(b, strings.Join(strings.Fields(fmt.Sprintf("plimsoll %s %s %s %s",
		b.Version, b.Commit, b.Go, b.System)), " ")+"\n")
}
