package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"plimsoll"
	"plimsoll/internal/agent"
	"plimsoll/internal/query"
	"plimsoll/internal/server"
	"plimsoll/internal/service"
)

//go:embed demo
var demoScripts embed.FS

// demo shows all of the product at once: it gives a server scripts to run, makes
// this machine a device of it, and runs its agent.
type demo struct {
	*app

	service  *service.Service
	server   *server.Server
	tenantID string
	log      *slog.Logger
}

const (
	demoActor     = "plimsoll serve --demo" // in the audit trail
	demoPublisher = "Plimsoll demo"         // marks the scripts of the demonstration
	demoFolder    = "demo-agent"            // in the server's own folder
	demoPatience  = time.Minute             // for the first results
)

// run works until ctx ends. What is there from an earlier run is used again.
func (d *demo) run(ctx context.Context) error {
	scripts, err := d.provide(ctx)
	if err != nil {
		return err
	}
	folder := filepath.Join(d.Data, demoFolder)
	if err := d.enroll(ctx, folder); err != nil {
		return err
	}
	agents := *d.app
	agents.commandLine = &commandLine{Data: folder}
	config, err := agents.agentConfig(d.log.With("part", "agent"))
	if err != nil {
		return err
	}
	works, err := agent.Open(config)
	if err != nil {
		return err
	}
	shown := make(chan error, 1)
	go func() { shown <- d.show(ctx, scripts) }()
	err = works.Run(ctx)
	return errors.Join(err, works.Close(), <-shown)
}

// provide gives the demonstration's scripts, and assigns new ones to every device.
func (d *demo) provide(ctx context.Context) (ids []plimsoll.Script, err error) {
	extension := ".sh"
	if runtime.GOOS == "windows" {
		extension = ".ps1"
	}
	for _, sample := range []struct{ name, file, description string }{
		{"Disk encryption", "disk-encryption", "The disk that the system runs from is encrypted."},
		{"Firewall", "firewall", "A firewall guards the device."},
		{"Security updates", "security-updates", "No security update waits to be installed."},
	} {
		content, err := demoScripts.ReadFile("demo/" + sample.file + extension)
		if err != nil {
			return nil, err
		}
		script, err := d.find(ctx, sample.name)
		if err != nil {
			return nil, err
		}
		if script == nil {
			if script, err = d.create(ctx, sample.name, sample.description, content); err != nil {
				return nil, err
			}
		}
		ids = append(ids, *script)
	}
	return ids, nil
}

func (d *demo) create(ctx context.Context, name, description string, content []byte) (*plimsoll.Script, error) {
	var script plimsoll.Script
	err := d.service.Atomically(ctx, func(s *service.Service) (err error) {
		publisher := demoPublisher
		script, err = s.CreateScript(ctx, demoActor, func(new *plimsoll.Script) {
			new.DisplayName, new.Publisher, new.Description, new.Content = name, &publisher, &description, content
		})
		if err != nil {
			return err
		}
		return s.Assign(ctx, demoActor, script.ID, []plimsoll.Assignment{{
			Target: plimsoll.Target{Kind: plimsoll.TargetAllDevices}, Schedule: plimsoll.Schedule{Kind: plimsoll.ScheduleHourly, Interval: 1},
		}})
	})
	return &script, err
}

// find gives the demonstration's script of a name, or nil.
func (d *demo) find(ctx context.Context, name string) (*plimsoll.Script, error) {
	is := func(property, text string) *query.Expr {
		return &query.Expr{Op: query.Eq, Args: []*query.Expr{
			{Op: query.Field, Name: property, Type: query.Type{Kind: query.String, Nullable: true}},
			{Op: query.Literal, Value: text, Type: query.Type{Kind: query.String}},
		}}
	}
	found, err := d.service.Scripts(ctx, query.Page{
		Filter: &query.Expr{Op: query.And, Args: []*query.Expr{is("displayName", name), is("publisher", demoPublisher)}}, Limit: 1,
	})
	if err != nil || len(found.Rows) == 0 {
		return nil, err
	}
	return &found.Rows[0].Script, nil
}

// enroll makes this machine a device, unless it is one of this server already, which
// may have another address by now.
func (d *demo) enroll(ctx context.Context, folder string) (err error) {
	var authority []byte
	if file := d.server.CAFile(); file != "" {
		if authority, err = os.ReadFile(file); err != nil {
			return err
		}
	}
	if known, err := agent.LoadIdentity(folder); err == nil && known.TenantID == d.tenantID {
		known.Server, known.Authority = d.server.URL(), string(authority)
		return known.Save(folder)
	}
	token, secret, err := d.service.CreateEnrollmentToken(ctx, demoActor, func(t *plimsoll.EnrollmentToken) {
		t.Name, t.MaxUses, t.ExpiresAt = demoPublisher, 1, d.now().Add(demoPatience)
	})
	if err != nil {
		return err
	}
	defer func() { _ = d.service.RevokeEnrollmentToken(context.WithoutCancel(ctx), demoActor, token.ID) }()
	_, err = agent.Enroll(ctx, &agent.Enrolment{
		Folder: folder, Server: d.server.URL(), Token: secret, Authority: authority, Again: true,
		Now: d.now, Random: d.random, Inventory: machineInventory,
	})
	return err
}

// show prints the run summaries once all scripts have run on this machine.
func (d *demo) show(ctx context.Context, scripts []plimsoll.Script) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for end := d.now().Add(demoPatience); ; {
		rows := [][]string{{"SCRIPT", "HEALTHY", "ISSUE", "ERROR", "PENDING"}}
		done := true
		for i := range scripts {
			summary, err := d.service.RunSummary(ctx, scripts[i].ID)
			if err != nil && ctx.Err() == nil {
				return err
			}
			done = done && summary.DetectionScriptPending == 0 && summary.NoIssueDetected+summary.IssueDetected+summary.DetectionScriptError > 0
			row := []string{scripts[i].DisplayName}
			for _, n := range []int32{summary.NoIssueDetected, summary.IssueDetected, summary.DetectionScriptError, summary.DetectionScriptPending} {
				row = append(row, strconv.Itoa(int(n)))
			}
			rows = append(rows, row)
		}
		if done || d.now().After(end) {
			_, err := fmt.Fprintf(d.stderr, "\nThis machine ran the demonstration's scripts; these are their run summaries now:\n\n%s\n"+
				"What they found here:  plimsoll agent status --data %s\n", table(rows...), filepath.Join(d.Data, demoFolder))
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
