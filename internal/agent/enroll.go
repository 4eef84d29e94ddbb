package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"plimsoll"
	"plimsoll/internal/agent/inventory"
	"plimsoll/internal/agent/runner"
	"plimsoll/internal/agent/signature"
	"plimsoll/internal/checkin"
	"plimsoll/internal/wholefile"
)

// Enrolment is what makes this machine a device of a fleet.
type Enrolment struct {
	Folder         string // of the agent; made where it is not there
	Server         string // its address
	Token          string // the secret of an enrolment token
	Authority      []byte // PEM of the authorities that the server's certificate may come from; nil: those the system trusts, now
	AllowedSigners []byte // whose scripts run where a signature is needed; nil leaves what is there
	SignedOnly     bool
	Again          bool // in place of the device that the machine is
	Inventory      func(context.Context) plimsoll.Inventory
	Now            func() time.Time
	Random         io.Reader
}

// Enroll makes the machine a device, with a key that it makes itself. The
// server's authority is kept: from then on no other is believed. It may be called
// again after any failure: the machine is still one device then.
func Enroll(ctx context.Context, e *Enrolment) (*Identity, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	unlock, err := lock(e.Folder, lockPatience)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if known, err := LoadIdentity(e.Folder); err == nil && !e.Again {
		return nil, plimsoll.Errorf(plimsoll.Conflict,
			"This machine is device %s of %s already. --again makes another device of it; what waits to be reported is dropped then.",
			known.DeviceID, known.Server)
	}
	identity, err := e.ask(ctx)
	if err != nil {
		return nil, err
	}
	if e.AllowedSigners != nil {
		if err := wholefile.Write(filepath.Join(e.Folder, signersFile), e.AllowedSigners, 0o600); err != nil {
			return nil, err
		}
	}
	if err := identity.Save(e.Folder); err != nil {
		return nil, err
	}
	return identity, remove(e.Folder, enrolmentFile, statusFile)
}

func (e *Enrolment) check() error {
	if e.AllowedSigners != nil {
		if _, err := signature.ParseAllowedSigners(e.AllowedSigners); err != nil {
			return err
		}
	}
	if err := errors.Join(os.MkdirAll(e.Folder, 0o700), runner.Restrict(e.Folder)); err != nil {
		return err
	}
	_, hasSigners := os.Stat(filepath.Join(e.Folder, signersFile))
	if e.SignedOnly && e.AllowedSigners == nil && hasSigners != nil {
		return plimsoll.Errorf(plimsoll.Invalid, "A device that runs signed scripts only needs --allowed-signers: it would run none.")
	}
	return nil
}

// ask sends the enrolment. The key is on disk before: an enrolment whose answer
// was lost is sent again with the same key, and gives the same device.
func (e *Enrolment) ask(ctx context.Context) (*Identity, error) {
	pending := filepath.Join(e.Folder, enrolmentFile)
	identity, err := readIdentity(pending)
	if err != nil || identity.Server != e.Server {
		if identity, err = e.newIdentity(pending); err != nil {
			return nil, err
		}
	}
	hello := e.Inventory(ctx)
	for tries := 0; ; tries++ {
		err := e.send(ctx, identity, &hello)
		refused, isRefusal := errors.AsType[*checkin.Error](err)
		if !isRefusal || refused.Status != http.StatusConflict || tries > 0 {
			return identity, err
		}
		if identity, err = e.newIdentity(pending); err != nil { // another token enrolled this key
			return nil, err
		}
	}
}

func (e *Enrolment) newIdentity(pending string) (*Identity, error) {
	_, key, err := ed25519.GenerateKey(e.Random)
	if err != nil {
		return nil, err
	}
	identity := &Identity{Server: e.Server}
	if identity.PrivateKey, err = encodeKey(key); err != nil {
		return nil, err
	}
	return identity, writeJSON(pending, identity)
}

func (e *Enrolment) send(ctx context.Context, identity *Identity, hello *plimsoll.Inventory) error {
	key, err := identity.key()
	if err != nil {
		return err
	}
	pinned := string(e.Authority)
	transport, err := newTransport(e.Server, pinned, func(chain string) {
		if pinned == "" {
			pinned = chain
		}
	})
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	client := &checkin.Client{Server: e.Server, Key: key, HTTP: &http.Client{Transport: transport, CheckRedirect: refuseRedirect}, Now: e.Now, Random: e.Random}
	wire := checkin.Inventory(*hello)
	answer, err := client.Enroll(ctx, e.Token, &wire, inventory.Hash(hello))
	if err != nil {
		return unreachable(err, e.Server)
	}
	identity.DeviceID, identity.TenantID, identity.Authority = answer.DeviceID, answer.TenantID, pinned
	identity.SignedOnly, identity.EnrolledAt = e.SignedOnly, e.Now().UTC().Truncate(time.Second)
	return nil
}

// Unenroll takes the machine out of its fleet: the server forgets the device, and
// this machine its key and all else. Where the server cannot be reached, it does
// so only if it is to forget.
func Unenroll(ctx context.Context, folder string, forget bool, now func() time.Time, random io.Reader) error {
	identity, err := LoadIdentity(folder)
	if plimsoll.ErrorCode(err) == plimsoll.NotFound {
		return err
	}
	unlock, lockErr := lock(folder, lockPatience)
	if lockErr != nil {
		return lockErr
	}
	defer unlock()
	if err == nil {
		err = identity.leave(ctx, now, random)
	}
	if err != nil && !forget {
		return err
	}
	names := []string{identityFile, enrolmentFile, queueFile, queueFile + ".damaged", statusFile, signersFile, scriptsFolder, runsFolder}
	for _, name := range names { // and what a crash left of it half written
		half, _ := filepath.Glob(filepath.Join(folder, name+".*new")) // fails for a bad pattern alone
		for _, path := range half {
			names = append(names, filepath.Base(path))
		}
	}
	return remove(folder, names...)
}

func (i *Identity) leave(ctx context.Context, now func() time.Time, random io.Reader) error {
	client, err := i.client(now, random)
	if err != nil {
		return err
	}
	err = client.Unenroll(ctx)
	if refused, ok := errors.AsType[*checkin.Error](err); ok && refused.Gone() {
		return nil // it was deleted before
	}
	return unreachable(err, i.Server)
}

// remove removes files of the folder, and folders in it.
func remove(folder string, names ...string) (err error) {
	for _, name := range names {
		err = errors.Join(err, os.RemoveAll(filepath.Join(folder, name)))
	}
	return err
}

// lock makes this the only process that works for the folder's device, and gives
// what ends that. It is Conflict while another one does, and for as long as patience
// says: one may be about to end, or only look (see [IsRunning]).
func lock(folder string, patience time.Duration) (unlock func(), err error) {
	const every = 50 * time.Millisecond
	file := flock.New(filepath.Join(folder, lockFile), flock.SetPermissions(0o600))
	locked, err := file.TryLock()
	for tries := patience / every; err == nil && !locked && tries > 0; tries-- {
		time.Sleep(every)
		locked, err = file.TryLock()
	}
	if err != nil {
		return nil, fmt.Errorf("lock the agent's folder: %w", err)
	}
	if !locked {
		return nil, plimsoll.Errorf(plimsoll.Conflict,
			"An agent is at work in %s already. To stop one that is installed: plimsoll agent stop.", folder)
	}
	return func() { _ = file.Close() }, nil
}

// IsRunning tells whether an agent is at work in the folder.
func IsRunning(folder string) bool {
	if _, err := os.Stat(filepath.Join(folder, lockFile)); err != nil {
		return false
	}
	unlock, err := lock(folder, 0)
	if err == nil {
		unlock()
	}
	return plimsoll.ErrorCode(err) == plimsoll.Conflict
}

// NormalServer gives an address in the form in which it is kept: without a slash
// at its end. It refuses one that is no address of a server.
func NormalServer(address string) (string, error) {
	address = strings.TrimRight(address, "/")
	if _, err := newTransport(address, "", nil); err != nil {
		return "", err
	}
	return address, nil
}
