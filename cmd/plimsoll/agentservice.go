package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kardianos/service"

	"plimsoll"
	"plimsoll/internal/agent"
)

type (
	agentInstall struct{}
	agentStart   struct{}
	agentStop    struct{}
	agentRemove  struct {
		Unenroll bool `help:"Take the machine out of the fleet too." env:"-"`
		Forget   bool `help:"With --unenroll: also where the server cannot be reached." env:"-"`
	}
)

// serviceName is the agent's among the system's services.
const serviceName = "plimsoll-agent"

// unit is how systemd runs the agent. An agent that ended is started again, also
// when it ended itself because it did not go on.
const unit = `[Unit]
Description={{Description}}
Wants=network-online.target
After=network-online.target

[Service]
ExecStart={{Path | cmdEscape}}{{range Arguments}} {{. | cmd}}{{end}}
Restart=always
RestartSec=30
TimeoutStopSec=30
NoNewPrivileges=yes
UMask=0077

[Install]
WantedBy=multi-user.target
`

// program is the agent as the system's services start and stop it. It tells of work
// that ended though nobody stopped it.
type program struct {
	work  func(context.Context) error
	died  func(error)
	stop  context.CancelFunc
	ended chan error
}

// Start begins the work.
func (p *program) Start(service.Service) error {
	ctx, cancel := context.WithCancel(context.Background())
	p.stop, p.ended = cancel, make(chan error, 1)
	go func() {
		err := p.work(ctx)
		p.ended <- err
		if ctx.Err() == nil {
			p.died(err)
		}
	}()
	return nil
}

// Stop ends the work, and waits for its end.
func (p *program) Stop(service.Service) error {
	p.stop()
	return <-p.ended
}

func (a *app) agentService(p *program) (service.Service, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return nil, err
	}
	folder, err := filepath.Abs(a.Data)
	if err != nil {
		return nil, err
	}
	return service.New(p, &service.Config{
		Name: serviceName, DisplayName: "Plimsoll agent", Description: "Runs the compliance scripts of a Plimsoll server on this machine.",
		Executable: self, Arguments: []string{"agent", "run", "--data", folder},
		Option: service.KeyValue{
			"SystemdScript": unit, "RunAtLoad": true, "KeepAlive": true, "LogOutput": runtime.GOOS == "darwin",
			"OnFailure": "restart", "OnFailureDelayDuration": "30s",
		},
	})
}

// logLines hands a log on to the system's, line by line.
type logLines struct{ service.Logger }

func (l logLines) Write(p []byte) (int, error) {
	return len(p), l.Info(strings.TrimSpace(string(p)))
}

// runAsService runs the agent as a service of Windows, which wants to be answered, and
// starts again what ends without its leave. What is not stopped by it ends so: the
// service would be taken for one that runs.
func (a *app) runAsService(run func(context.Context, io.Writer) error) error {
	var log service.Logger = service.ConsoleLogger // where the system has none
	s, err := a.agentService(&program{
		work: func(ctx context.Context) error { return run(ctx, logLines{log}) },
		died: func(err error) {
			_ = log.Error(fmt.Sprintf("the agent ended, to be started again: %v", err))
			os.Exit(exitFailed)
		},
	})
	if err != nil {
		return err
	}
	if system, err := s.SystemLogger(nil); err == nil {
		log = system
	}
	return s.Run()
}

// control does one thing with the agent's service.
func (a *app) control(do func(service.Service) error, said string) error {
	s, err := a.agentService(new(program)) // which is not run here
	if err != nil {
		return err
	}
	if err := do(s); err != nil {
		return fmt.Errorf("by %s: %w", s.Platform(), err)
	}
	return a.print(map[string]string{"service": serviceName, "platform": s.Platform()}, said+"\n")
}

// Run installs the agent as a service and starts it.
func (*agentInstall) Run(a *app) error {
	if _, err := agent.LoadIdentity(a.Data); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if strings.HasPrefix(self, os.TempDir()) {
		return plimsoll.Errorf(plimsoll.Invalid, "The program is %s, which will not stay: copy it to where it shall, and install it from there.", self)
	}
	return a.control(func(s service.Service) error {
		if err := s.Install(); err != nil {
			return err
		}
		return s.Start()
	}, "The agent is installed as the service "+serviceName+", and runs.")
}

// Run starts the service.
func (*agentStart) Run(a *app) error {
	return a.control(service.Service.Start, "The agent is started.")
}

// Run stops the service.
func (*agentStop) Run(a *app) error {
	return a.control(service.Service.Stop, "The agent is stopped.")
}

// Run removes the service, and the device where that is asked.
func (c *agentRemove) Run(ctx context.Context, a *app) error {
	err := a.control(func(s service.Service) error {
		_ = s.Stop() // it may not run
		return s.Uninstall()
	}, "The agent is no service any more.")
	if err != nil || !c.Unenroll {
		return err
	}
	return (&agentUnenroll{Forget: c.Forget}).Run(ctx, a)
}
