package issuer_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plimsoll"
	"plimsoll/internal/issuer"
)

const readScripts = "DeviceManagementScripts.Read.All"

func TestCreateClient(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	perms := []string{"Group.Read.All", readScripts, readScripts}
	c, secret, err := f.clients.Create(t.Context(), "ada", " Nightly report ", perms)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(secret, "pls_") || len(secret) != 47 {
		t.Errorf("a secret of %d characters", len(secret))
	}
	if c.Name != "Nightly report" || !slices.Equal(c.Permissions, []string{readScripts, "Group.Read.All"}) {
		t.Errorf("%+v", c)
	}
	if len(c.Secrets) != 1 || !strings.HasPrefix(c.Secrets[0].Hash, "$2") || strings.Contains(c.Secrets[0].Hash, secret) {
		t.Error("the secret is not kept as a bcrypt hash")
	}
	if got, err := f.clients.Authenticate(t.Context(), c.ID, secret); err != nil || got.ID != c.ID {
		t.Errorf("%+v %v", got, err)
	}
	list, err := f.clients.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != "first" {
		t.Errorf("%+v %v", list, err)
	}
	want := plimsoll.AuditEvent{At: f.now(), Actor: "ada", Activity: "client.create", ObjectID: c.ID}
	if ev := f.store.events[len(f.store.events)-1]; ev != want {
		t.Errorf("event %+v", ev)
	}
}

func TestCreateClientRefuses(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for name, test := range map[string]struct {
		name     string
		perms    []string
		property string
		words    string
	}{
		"no name":            {"  ", []string{readScripts}, "name", "empty"},
		"a name too long":    {strings.Repeat("x", 100_000), []string{readScripts}, "name", "name"},
		"no permissions":     {"x", nil, "permissions", readScripts},
		"unknown permission": {"x", []string{readScripts, "Mail.Read"}, "permissions", "Group.ReadWrite.All"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := f.clients.Create(t.Context(), "ada", test.name, test.perms)
			wantCode(t, err, plimsoll.Invalid)
			if e, _ := errors.AsType[*plimsoll.Error](err); e.Property != test.property || !strings.Contains(e.Message, test.words) {
				t.Errorf("%+v", e)
			}
		})
	}
	if list, _ := f.clients.List(t.Context()); len(list) != 1 {
		t.Errorf("%d clients", len(list))
	}
}

func TestRotate(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	id, old := f.first.ClientID, f.first.Secret
	next, err := f.clients.Rotate(t.Context(), "ada", id, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	holds := func(secret string, want bool) {
		t.Helper()
		form := f.grant()
		form.Set("client_secret", secret)
		if a := f.ask(t, form); (a.status == http.StatusOK) != want {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	holds(old, true)
	holds(next, true)
	f.advance(24*time.Hour - time.Second)
	holds(old, true)
	f.advance(time.Second)
	holds(old, false)
	holds(next, true)
	last, err := f.clients.Rotate(t.Context(), "ada", id, 0)
	if err != nil {
		t.Fatal(err)
	}
	holds(next, false)
	holds(last, true)
}

func TestRotateRefuses(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	id := f.first.ClientID
	for _, overlap := range []time.Duration{-1, 91 * 24 * time.Hour} {
		_, err := f.clients.Rotate(t.Context(), "ada", id, overlap)
		wantCode(t, err, plimsoll.Invalid)
	}
	_, err := f.clients.Rotate(t.Context(), "ada", "nobody", time.Hour)
	wantCode(t, err, plimsoll.NotFound)
	for range 4 {
		if _, err := f.clients.Rotate(t.Context(), "ada", id, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	_, err = f.clients.Rotate(t.Context(), "ada", id, time.Hour)
	wantCode(t, err, plimsoll.Conflict)
	if _, err := f.clients.Rotate(t.Context(), "ada", id, 0); err != nil {
		t.Error(err)
	}
}

func TestDeleteClient(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	if err := f.clients.Delete(t.Context(), "ada", f.first.ClientID); err != nil {
		t.Fatal(err)
	}
	if a := f.ask(t, f.grant()); a.status != http.StatusUnauthorized {
		t.Errorf("%d %s", a.status, a.body)
	}
	wantCode(t, f.clients.Delete(t.Context(), "ada", f.first.ClientID), plimsoll.NotFound)
}

// An unknown client and a wrong secret take about as long: the time of one
// comparison at full cost.
func TestTimeDoesNotTell(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	clients := issuer.NewClients(f.store, f.now, rand.Reader)
	c, _, err := clients.Create(t.Context(), "ada", "x", []string{readScripts})
	if err != nil {
		t.Fatal(err)
	}
	best := func(id string) time.Duration {
		least := time.Hour
		for range 3 {
			start := time.Now()
			_, err := clients.Authenticate(t.Context(), id, "pls_wrong")
			wantCode(t, err, plimsoll.Unauthenticated)
			least = min(least, time.Since(start))
		}
		return least
	}
	known := best(c.ID)
	for _, id := range []string{"00000000-0000-4000-8000-000000000000", "no id", ""} {
		if unknown := best(id); unknown < known/10 || unknown > known*10 {
			t.Errorf("%v for %q, %v for a client there is", unknown, id, known)
		}
	}
}

func TestInstallRace(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }
	store := &interimStore{now: now}
	var (
		mu      sync.Mutex
		tenants []string
		firsts  []*issuer.Credentials
		wg      sync.WaitGroup
	)
	for range 8 {
		wg.Go(func() {
			clients := issuer.NewClients(store, now, rand.Reader)
			clients.UseCheapHashes()
			tenant, first, err := clients.Install(t.Context(), true)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			tenants = append(tenants, tenant)
			if first != nil {
				firsts = append(firsts, first)
			}
		})
	}
	wg.Wait()
	if slices.Sort(tenants); tenants[0] == "" || tenants[0] != tenants[7] {
		t.Errorf("tenants %v", tenants)
	}
	if len(firsts) != 1 || len(store.clients) != 1 {
		t.Fatalf("%d first clients, %d kept", len(firsts), len(store.clients))
	}
	clients := issuer.NewClients(store, now, rand.Reader)
	if _, err := clients.Authenticate(t.Context(), firsts[0].ClientID, firsts[0].Secret); err != nil {
		t.Error(err)
	}
}

func TestInstallWithoutClient(t *testing.T) {
	t.Parallel()
	store := &interimStore{now: time.Now}
	clients := issuer.NewClients(store, time.Now, rand.Reader)
	tenant, first, err := clients.Install(t.Context(), false)
	if err != nil || tenant == "" || first != nil || len(store.clients) != 0 {
		t.Errorf("%q %v %v", tenant, first, err)
	}
	again, first, err := clients.Install(t.Context(), true)
	if err != nil || again != tenant || first != nil {
		t.Errorf("%q %v %v", again, first, err)
	}
	store.setAway(plimsoll.Errorf(plimsoll.Unavailable, "away"))
	_, _, err = clients.Install(t.Context(), true)
	wantCode(t, err, plimsoll.Unavailable)
}
