package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"plimsoll"
	"plimsoll/internal/simulate"
)

type simulateCommand struct {
	connection

	Devices         int           `default:"1000" env:"-" help:"How many devices to play."`
	Scripts         int           `default:"3" env:"-" help:"How many scripts each of them runs, from 1 to 100."`
	Duration        time.Duration `default:"1m" env:"-" help:"How long they run, beside what enrolling them takes."`
	Interval        time.Duration `default:"0s" env:"-" help:"How often each checks in, whatever the server says; 0s is a fifth of --duration."`
	Connections     int           `default:"64" env:"-" help:"Connections at once."`
	EnrollmentToken string        `env:"-" help:"The token by which they enrol; without it, one is made."`
	Seed            uint64        `env:"-" help:"Of what the devices do by chance; 0 takes the time."`
	Keep            bool          `env:"-" help:"Leave the devices, the scripts and the group there."`
}

func (c *simulateCommand) check() error {
	switch {
	case c.Devices < 1 || c.Devices > 10_000_000:
		return plimsoll.Errorf(plimsoll.Invalid, "--devices must be from 1 to 10000000")
	case c.Scripts < 1 || c.Scripts > plimsoll.MaxResults:
		return plimsoll.Errorf(plimsoll.Invalid, "--scripts must be from 1 to %d", plimsoll.MaxResults)
	case c.Connections < 1 || c.Connections > 10_000:
		return plimsoll.Errorf(plimsoll.Invalid, "--connections must be from 1 to 10000")
	case c.Duration < time.Second || c.Interval < 0:
		return plimsoll.Errorf(plimsoll.Invalid, "--duration must be 1s or more, and --interval not negative")
	}
	return nil
}

// Run plays a fleet, and prints what came of it.
func (c *simulateCommand) Run(ctx context.Context, a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Interval == 0 {
		c.Interval = max(c.Duration/5, time.Second)
	}
	if c.Seed == 0 {
		c.Seed = uint64(a.now().UnixNano())
	}
	api, err := c.dial(ctx, a)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport
	if api.http.Transport != nil {
		transport = api.http.Transport
	}
	many := transport.(*http.Transport).Clone() //nolint:forcetypeassert // connection makes no other
	many.MaxIdleConnsPerHost, many.MaxConnsPerHost = c.Connections, c.Connections
	api.http = &http.Client{Timeout: api.http.Timeout, Transport: many}
	root := strings.TrimSuffix(api.base, "/deviceManagement")
	fmt.Fprintf(a.stderr, "seed %d\n", c.Seed)
	report, err := simulate.Run(ctx, simulate.Config{
		Server: strings.TrimSuffix(c.Server, "/"), Devices: c.Devices, Scripts: c.Scripts, Duration: c.Duration, Interval: c.Interval,
		Connections: c.Connections, Token: c.EnrollmentToken, Keep: c.Keep, Seed: c.Seed,
		API: func(ctx context.Context, method, target string, body, answer any) error {
			return api.call(ctx, method, root+target, body, answer)
		},
		HTTP: api.http, Now: a.now, Random: a.random,
		Progress: func(p simulate.Progress) { fmt.Fprintln(a.stderr, progressLine(p)) },
	})
	if err != nil {
		return err
	}
	err = a.print(report, simulated(&report))
	if report.Mismatches > 0 || report.Undelivered > 0 {
		err = errors.Join(err, errSimulation)
	}
	return err
}

// errSimulation is the outcome of a simulation that found something.
var errSimulation = fmt.Errorf("%w: its summaries are not what the simulated devices reported", errDifference)

func progressLine(p simulate.Progress) string {
	elapsed := p.Elapsed.Round(time.Second)
	switch p.Phase {
	case "enrol", "assign":
		return fmt.Sprintf("%-8s %d of %d devices, %s", p.Phase, p.Done, p.Report.Devices, elapsed)
	case "run", "deliver":
		return fmt.Sprintf("%-8s %s, %d reports, %d results, %d retries, %d offline spells, %d answers lost",
			p.Phase, elapsed, p.Report.Reports, p.Report.Results, p.Report.Retries, p.Report.OfflineSpells, p.Report.LostAnswers)
	default:
		return p.Phase
	}
}

func simulated(r *simulate.Report) string {
	var text strings.Builder
	text.WriteString(table(
		[]string{"devices", fmt.Sprint(r.Devices)},
		[]string{"scripts", fmt.Sprint(r.Scripts)},
		[]string{"reports", fmt.Sprintf("%d with %d results, %g a second", r.Reports, r.Results, r.ReportsPerSecond)},
		[]string{"took", fmt.Sprintf("p50 %g ms, p99 %g ms", r.P50Milliseconds, r.P99Milliseconds)},
		[]string{"retries", fmt.Sprint(r.Retries)},
		[]string{"offline spells", fmt.Sprint(r.OfflineSpells)},
		[]string{"answers lost", fmt.Sprint(r.LostAnswers)},
		[]string{"results refused", fmt.Sprint(r.Refused)},
		[]string{"undelivered", fmt.Sprintf("%d devices", r.Undelivered)},
		[]string{"mismatches", fmt.Sprint(r.Mismatches)},
	))
	for _, d := range r.Differences {
		fmt.Fprintf(&text, "script %s: %s is %s, and must be %s\n", d.ScriptID, d.Property, d.Actual, d.Expected)
	}
	return text.String()
}
