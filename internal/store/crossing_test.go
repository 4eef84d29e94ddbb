package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"plimsoll"
	"plimsoll/internal/store"
	"plimsoll/internal/store/pgtest"
)

// TestNobodyWaitsInACircle has devices enrol and report, in transactions of
// several, while run states are deleted and rules change: PostgreSQL finds no
// deadlock, which would cost each who is in it a second.
func TestNobodyWaitsInACircle(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	c := newCrowd(t, s)
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
	defer stop()
	var working sync.WaitGroup
	for _, work := range []func() error{c.enrol, c.enrol, c.report, c.report, c.report, c.forget, c.push, c.remove, c.changeRule, c.work} {
		working.Go(func() {
			for ctx.Err() == nil {
				if err := work(); err != nil && plimsoll.ErrorCode(err) != plimsoll.NotFound {
					t.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
	for worked := true; worked; {
		if worked, err = s.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	v, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, difference := range v.Differences {
		if difference != "The store is empty: it holds no installation." {
			t.Error(difference)
		}
	}
	if err := s.Close(); err != nil { // sessions tell what they met when they end
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var deadlocks int
	if err := db.QueryRowContext(t.Context(), `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&deadlocks); err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d devices, %d results", len(c.devices), c.sequence); deadlocks > 0 {
		t.Errorf("%d deadlocks", deadlocks)
	}
}

// crowd is what many do with a store at once.
type crowd struct {
	*store.Store

	ctx     context.Context //nolint:containedctx // of the test
	token   []byte
	group   plimsoll.Group
	scripts []string

	mu       sync.Mutex
	devices  []string
	sequence int64
}

func newCrowd(t *testing.T, s *store.Store) *crowd {
	t.Helper()
	secret := sha256.Sum256([]byte("secret"))
	c := &crowd{Store: s, ctx: t.Context(), token: secret[:]}
	token := plimsoll.EnrollmentToken{ID: uuid.NewString(), Name: "x", Hash: c.token, CreatedAt: time.Now()}
	c.group = plimsoll.Group{
		ID: uuid.NewString(), Changes: 1, DisplayName: "x", MembershipRule: `device.deviceName -eq "a"`, CreatedAt: time.Now(),
	}
	event := plimsoll.AuditEvent{At: time.Now()}
	fine := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	fine(s.CreateEnrollmentToken(t.Context(), &token, event))
	fine(s.CreateGroup(t.Context(), &c.group, event))
	for range 3 {
		script := plimsoll.NewScript()
		script.DisplayName, script.Content = "x", []byte("#!/bin/sh")
		fine(script.Create(uuid.NewString(), time.Now()))
		fine(s.CreateScript(t.Context(), &script, event))
		var all []plimsoll.Assignment
		for _, target := range []plimsoll.Target{
			{Kind: plimsoll.TargetAllLicensedUsers}, {Kind: plimsoll.TargetGroup, GroupID: c.group.ID},
		} {
			a := plimsoll.Assignment{ID: uuid.NewString(), Target: target}
			fine(a.Validate())
			all = append(all, a)
		}
		fine(s.ReplaceAssignments(t.Context(), script.ID, all, event))
		c.scripts = append(c.scripts, script.ID)
	}
	fine(c.enrol())
	return c
}

func (c *crowd) enrol() error {
	var all []*plimsoll.Enrollment
	for range 8 {
		id := uuid.NewString()
		key := sha256.Sum256([]byte(id))
		all = append(all, &plimsoll.Enrollment{TokenHash: c.token, Device: plimsoll.Device{
			ID: id, PublicKey: key[:], EnrolledAt: time.Now(), LastSyncAt: time.Now(), OwnerType: plimsoll.OwnerCompany, Changes: 1,
			Inventory: plimsoll.Inventory{
				DeviceName: []string{"a", "b"}[rand.IntN(2)], OperatingSystem: "Linux", UserPrincipalName: []string{"", "x"}[rand.IntN(2)],
			},
		}})
	}
	_, err := c.EnrollDevices(c.ctx, all)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range all {
		c.devices = append(c.devices, e.Device.ID)
	}
	return err
}

func (c *crowd) device() (id string, sequence int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sequence++
	return c.devices[rand.IntN(len(c.devices))], c.sequence
}

func (c *crowd) report() error {
	var reports []*plimsoll.Report
	for range 12 {
		device, sequence := c.device()
		r := &plimsoll.Report{DeviceID: device, At: time.Now()}
		for _, script := range c.scripts {
			r.Results = append(r.Results, plimsoll.Result{
				ScriptID: script, Revision: 1, Sequence: sequence, State: plimsoll.RunStates()[1+rand.IntN(3)], RanAt: time.Now(),
			})
		}
		reports = append(reports, r)
	}
	_, err := c.ApplyReports(c.ctx, reports)
	return err
}

func (c *crowd) forget() error {
	device, _ := c.device()
	return c.DeleteRunState(c.ctx, c.scripts[rand.IntN(len(c.scripts))], device, plimsoll.AuditEvent{At: time.Now()})
}

func (c *crowd) remove() error {
	device, _ := c.device()
	time.Sleep(20 * time.Millisecond)
	return c.DeleteDevice(c.ctx, device, func(*plimsoll.Device) error { return nil }, plimsoll.AuditEvent{At: time.Now()})
}

func (c *crowd) push() error {
	device, _ := c.device()
	_, err := c.ChangeRunState(c.ctx, c.scripts[rand.IntN(len(c.scripts))], device, true, func(r *plimsoll.DeviceRunState) error {
		r.State, r.RanAt = plimsoll.RunStates()[1+rand.IntN(3)], time.Now()
		return nil
	}, plimsoll.AuditEvent{At: time.Now()})
	return err
}

func (c *crowd) changeRule() error {
	_, err := c.UpdateGroup(c.ctx, c.group.ID, func(g *plimsoll.Group) error {
		g.MembershipRule = []string{`device.deviceName -eq "a"`, `device.deviceName -eq "b"`}[rand.IntN(2)]
		return nil
	}, plimsoll.AuditEvent{At: time.Now()})
	time.Sleep(50 * time.Millisecond)
	return err
}

func (c *crowd) work() error {
	worked, err := c.Work(c.ctx)
	if !worked {
		time.Sleep(time.Millisecond)
	}
	return err
}
