// Command plimsoll is the whole product in one program: the server, and the
// tools of its administrator.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"plimsoll"
)

// Exit codes. docs/operations.md lists them.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitNotFound   = 3
	exitDifference = 4 // and what is stored being damaged
)

// dataFolder is where the server keeps what it has, unless --data says otherwise.
const dataFolder = "plimsoll-data"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// commandLine is all that can be said on the command line, in PLIMSOLL_*
// variables, and in the file that --config names; in this order of precedence.
type commandLine struct {
	Data   string          `help:"Folder of the SQLite store, the local authority and ACME accounts: by default plimsoll-data. For the agent, the folder of its key and queue: by default one of the system's, or of the user's who is not root." placeholder:"DIR"`
	Store  string          `help:"Where the data is: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE. The default is sqlite:plimsoll.db in the folder of --data." placeholder:"ADDRESS"`
	JSON   bool            `help:"Print JSON, for machines."`
	Config kong.ConfigFlag `env:"-" help:"YAML file of flags by their names, such as 'listen: 0.0.0.0:8443'." placeholder:"FILE"`

	Serve  serveCommand   `cmd:"" help:"Serve the API."`
	Client clientCommands `cmd:"" help:"Create, list, rotate and delete the clients of the built-in issuer. Works on the store, whether a server runs or not."`
	User   userCommands   `cmd:"" help:"Create, list, invite and delete the people who sign in at the built-in issuer. Works on the store, whether a server runs or not."`
	Token  tokenCommand   `cmd:"" help:"Print a bearer token, for curl."`

	EnrollmentToken enrollmentTokenCommands `cmd:"" help:"Create, list and revoke the tokens by which devices enrol. A client of the server's API."`
	Device          deviceCommands          `cmd:"" help:"List, show and delete devices. A client of the server's API."`

	Agent  agentCommands  `cmd:"" help:"Make this machine a device of a fleet, and run its scripts."`
	Script scriptCommands `cmd:"" help:"Try, sign and verify scripts before devices run them."`

	Simulate simulateCommand `cmd:"" help:"Play a fleet: put a server under its load, and hold the run summaries to what it reported. Exits with 4 when something differs."`

	Audit   auditCommand   `cmd:"" help:"Show who changed what, the latest first."`
	Verify  verifyCommand  `cmd:"" help:"Recount what is stored and compare it with what is kept. Exits with 4 when something differs."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// app is what commands work with.
type app struct {
	*commandLine

	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	random         io.Reader
}

// run carries out one command line and gives the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	cli := &commandLine{}
	a := &app{commandLine: cli, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now, random: rand.Reader}
	parser, err := kong.New(cli, kong.Name("plimsoll"),
		kong.Description("Plimsoll: the compliance number that doesn't lie."),
		kong.DefaultEnvars("PLIMSOLL"), kong.Configuration(loadConfig),
		kong.Writers(stdout, stderr), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(a))
	if err != nil {
		return a.fail(err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		err = &plimsoll.Error{Code: plimsoll.Invalid, Message: err.Error() + "\nplimsoll --help shows what there is"}
		return a.fail(err)
	}
	if cli.Data == "" {
		cli.Data = dataFolder
		if strings.HasPrefix(parsed.Command(), "agent ") {
			cli.Data = agentFolder()
		}
	}
	return a.fail(parsed.Run())
}

// errDifference is the outcome of a verification that found something.
var errDifference = errors.New("the store does not agree with itself")

// fail prints an error and gives its exit code; 0 for nil.
func (a *app) fail(err error) int {
	if err == nil {
		return 0
	}
	if a.JSON {
		_ = json.NewEncoder(a.stderr).Encode(map[string]any{
			"error": map[string]any{"code": plimsoll.ErrorCode(err), "message": err.Error()},
		})
	} else {
		fmt.Fprintln(a.stderr, "plimsoll:", err)
	}
	switch {
	case errors.Is(err, errDifference) || plimsoll.ErrorCode(err) == plimsoll.Damaged:
		return exitDifference
	case plimsoll.ErrorCode(err) == plimsoll.Invalid:
		return exitUsage
	case plimsoll.ErrorCode(err) == plimsoll.NotFound:
		return exitNotFound
	default:
		return exitFailed
	}
}
