package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/kardianos/service"

	"plimsoll"
	"plimsoll/internal/agent"
	"plimsoll/internal/agent/inventory"
	"plimsoll/internal/agent/runner"
)

type agentCommands struct {
	Enroll   agentEnroll   `cmd:"" help:"Make this machine a device of a server's fleet."`
	Run      agentRun      `cmd:"" help:"Run the scripts that the server gives this device, and report what they find."`
	Status   agentStatus   `cmd:"" help:"Show which device this machine is, what it has to run, and what it found."`
	Install  agentInstall  `cmd:"" help:"Have the system run the agent, now and whenever it starts."`
	Start    agentStart    `cmd:"" help:"Start the agent that is installed."`
	Stop     agentStop     `cmd:"" help:"Stop the agent that is installed."`
	Remove   agentRemove   `cmd:"" name:"uninstall" help:"Have the system run the agent no more. The machine stays a device; --unenroll ends that too."`
	Unenroll agentUnenroll `cmd:"" help:"Take this machine out of the fleet: the server forgets it, and it the server."`

	Supervise agentSupervise `cmd:"" hidden:"" help:"Run one script for the agent."`
}

type agentEnroll struct {
	Server         string `required:"" help:"The server's address." placeholder:"URL"`
	Token          string `required:"" help:"Secret of an enrolment token; - reads it from standard input."`
	CA             string `name:"ca" help:"PEM file of the authorities that the server's certificate may come from. The default is the one that it comes from now, if the system trusts it." placeholder:"FILE" type:"path"`
	AllowedSigners string `help:"File of those whose signed scripts run here, in the format of ssh-keygen's ALLOWED SIGNERS." placeholder:"FILE" type:"path" env:"-"`
	SignedOnly     bool   `help:"Run no script that has no signature of an allowed signer (on Windows, one that the machine trusts), whatever the server says." env:"-"`
	Again          bool   `help:"Make another device of a machine that is one. What it has not reported yet is dropped." env:"-"`
}

// agentFolder is where the agent keeps what it has, unless --data says otherwise.
func agentFolder() string {
	const name = "plimsoll-agent"
	switch root := os.Geteuid() == 0; {
	case runtime.GOOS == "windows":
		return filepath.Join(cmp.Or(os.Getenv("ProgramData"), `C:\ProgramData`), name)
	case runtime.GOOS == "darwin" && root:
		return "/Library/Application Support/" + name
	case root:
		return "/var/lib/" + name
	case runtime.GOOS == "darwin":
		return filepath.Join(os.Getenv("HOME"), "Library", "Application Support", name)
	default:
		return filepath.Join(cmp.Or(os.Getenv("XDG_STATE_HOME"), filepath.Join(os.Getenv("HOME"), ".local", "state")), name)
	}
}

// Run enrols the machine.
func (c *agentEnroll) Run(ctx context.Context, a *app) error {
	server, err := agent.NormalServer(c.Server)
	if err != nil {
		return err
	}
	e := &agent.Enrolment{
		Folder: a.Data, Server: server, Token: c.Token, SignedOnly: c.SignedOnly, Again: c.Again, Now: a.now, Random: a.random,
		Inventory: machineInventory,
	}
	if c.Token == "-" {
		text, err := io.ReadAll(io.LimitReader(a.stdin, 1<<10))
		if err != nil {
			return err
		}
		e.Token = strings.TrimSpace(string(text))
	}
	for file, into := range map[string]*[]byte{c.CA: &e.Authority, c.AllowedSigners: &e.AllowedSigners} {
		if file == "" {
			continue
		}
		if *into, err = os.ReadFile(file); err != nil {
			return plimsoll.Errorf(plimsoll.Invalid, "%v", err)
		}
	}
	identity, err := agent.Enroll(ctx, e)
	if err != nil {
		return err
	}
	shown := map[string]string{"deviceId": identity.DeviceID, "tenantId": identity.TenantID, "server": identity.Server, "folder": a.Data}
	data := ""
	if a.Data != agentFolder() {
		data = " --data " + a.Data
	}
	return a.print(shown, fmt.Sprintf(`This machine is device %s of %s now.
  folder  %s

To run its agent in this shell:       plimsoll agent run%s
To have the system run it, for good:  plimsoll agent install%s
`, identity.DeviceID, identity.Server, a.Data, data, data))
}

type agentRun struct {
	Once      bool       `help:"Check in, run what is due, report, and end." env:"-"`
	LogFormat string     `default:"text" enum:"text,json" help:"Form of the log on standard error: text or json."`
	LogLevel  slog.Level `default:"info" help:"Least level to log: debug, info, warn or error."`
}

// Run runs the agent until it is told to stop: by a signal, or by the services of
// Windows.
func (c *agentRun) Run(ctx context.Context, a *app) error {
	if runtime.GOOS == "windows" && !service.Interactive() {
		return a.runAsService(func(ctx context.Context, log io.Writer) error { return c.run(ctx, a, log) })
	}
	return c.run(ctx, a, a.stderr)
}

const watchEvery = time.Minute

func (c *agentRun) run(ctx context.Context, a *app, logged io.Writer) (err error) {
	// The agent does little, and little at once: it gives memory back soon.
	debug.SetGCPercent(25)
	log := newLogger(logged, c.LogFormat, c.LogLevel)
	config, err := a.agentConfig(log)
	if err != nil {
		return err
	}
	config.AtRest = giveBack
	works, err := agent.Open(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, works.Close()) }()
	if c.Once {
		return works.Once(ctx)
	}
	log.InfoContext(ctx, "agent runs", "version", version, "folder", a.Data)
	go works.Watch(ctx, watchEvery, func(err error) {
		log.Error("the agent ends, to be started again", "error", err)
		debug.SetTraceback("all")
		panic(err) // which shows where it hangs
	})
	return works.Run(ctx)
}

func machineInventory(ctx context.Context) plimsoll.Inventory {
	found, _ := inventory.Gather(ctx) // what fails is unknown
	return found
}

func (a *app) agentConfig(log *slog.Logger) (agent.Config, error) {
	runs, err := newRunner()
	if err != nil {
		return agent.Config{}, err
	}
	return agent.Config{
		Folder: a.Data, Version: version, Runner: runs,
		SignedIn: inventory.SignedIn, Log: log, Now: a.now, Zone: new(agent.LocalZone).Location, Random: a.random,
		Tick: agent.DefaultTick,
		Inventory: func(ctx context.Context) plimsoll.Inventory {
			found, faults := inventory.Gather(ctx)
			for _, fault := range faults {
				log.DebugContext(ctx, "a part of the inventory is unknown", "error", fault)
			}
			return found
		},
	}, nil
}

// newRunner runs scripts under this program itself.
func newRunner() (*runner.Runner, error) {
	self, err := os.Executable()
	return &runner.Runner{Command: []string{self, "agent", "supervise"}}, err
}

type agentSupervise struct{}

// Run runs one script for the agent that started this process.
func (*agentSupervise) Run(a *app) error { return runner.Supervise(a.stdin, a.stdout, a.now) }

type agentStatus struct{}

// Run shows what the agent wrote of itself.
func (*agentStatus) Run(a *app) error {
	identity, err := agent.LoadIdentity(a.Data)
	if err != nil {
		return err
	}
	running := agent.IsRunning(a.Data)
	status, err := agent.ReadStatus(a.Data)
	if plimsoll.ErrorCode(err) == plimsoll.NotFound {
		status, err = &agent.Status{Server: identity.Server, DeviceID: identity.DeviceID, SignedOnly: identity.SignedOnly}, nil
	}
	if err != nil {
		return err
	}
	shown := struct {
		*agent.Status

		AgentRuns bool   `json:"agentRuns"`
		Folder    string `json:"folder"`
	}{status, running, a.Data}
	return a.print(shown, statusText(status, running, a.Data))
}

func statusText(s *agent.Status, running bool, folder string) string {
	process := "not running; plimsoll agent run"
	if running {
		process = fmt.Sprintf("running (process %d, version %s, since %s)", s.ProcessID, s.Version, stamp(s.StartedAt))
	}
	rows := [][]string{{"device", strings.TrimSpace(s.DeviceID + " " + s.DeviceName)}, {"server", s.Server}, {"folder", folder}, {"agent", process}}
	rows = append(rows, []string{"last check-in", orNever(s.CheckedIn)})
	if running {
		rows = append(rows, []string{"next check-in", orNever(s.NextAt)})
	}
	if s.Problem != "" {
		rows = append(rows, []string{"problem", s.Problem})
	}
	if s.SignedOnly {
		rows = append(rows, []string{"signatures", "only signed scripts run here"})
	}
	rows = append(rows, []string{"to report", fmt.Sprintf("%d results", s.Queued)})
	text := table(rows...)
	if len(s.Scripts) == 0 {
		return text + "\nNo script is assigned to this device.\n"
	}
	rows = [][]string{{"SCRIPT", "REVISION", "SCHEDULE", "STATE", "RAN", "NEXT", ""}}
	for i := range s.Scripts {
		rows = append(rows, scriptRow(&s.Scripts[i]))
	}
	return text + "\n" + table(rows...)
}

func scriptRow(s *agent.ScriptStatus) []string {
	note := s.Problem
	if s.Running {
		note = strings.TrimSpace("running now " + note)
	} else if !s.Reported && !s.RanAt.IsZero() {
		note = strings.TrimSpace("not reported yet " + note)
	}
	next := "-"
	if !s.NextAt.IsZero() {
		next = stamp(s.NextAt)
	}
	return []string{cmp.Or(s.Name, s.ID), fmt.Sprint(s.Revision), s.Schedule, string(s.State), orNever(s.RanAt), next, note}
}

func orNever(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return stamp(t)
}

type agentUnenroll struct {
	Forget bool `help:"Forget the server also where it cannot be reached. It keeps the device then, until an administrator deletes it." env:"-"`
}

// Run takes the machine out of its fleet.
func (c *agentUnenroll) Run(ctx context.Context, a *app) error {
	if err := agent.Unenroll(ctx, a.Data, c.Forget, a.now, a.random); err != nil {
		return err
	}
	return a.print(map[string]string{"folder": a.Data}, "This machine is no device any more.\n")
}
