package storetest

import (
	"crypto/sha256"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
	"plimsoll/internal/query"
)

// everything is a page that has all.
func everything() query.Page { return query.Page{Limit: 1000, Budget: 1 << 30, Count: true} }

func addToken(t *testing.T, store Store, edit func(*plimsoll.EnrollmentToken)) plimsoll.EnrollmentToken {
	t.Helper()
	hash := sha256.Sum256([]byte(randomID()))
	token := plimsoll.EnrollmentToken{ID: randomID(), Name: "laptops", Hash: hash[:], CreatedAt: noon()}
	if edit != nil {
		edit(&token)
	}
	must(t, store.CreateEnrollmentToken(t.Context(), &token, event("enrollmentToken.create", token.ID)))
	return token
}

// newEnrollment is that of a machine with the name, and a key of its own.
func newEnrollment(token *plimsoll.EnrollmentToken, name string) *plimsoll.Enrollment {
	id := randomID()
	key := sha256.Sum256([]byte(id))
	return &plimsoll.Enrollment{TokenHash: token.Hash, Device: plimsoll.Device{
		ID: id, PublicKey: key[:], Changes: 1, OwnerType: plimsoll.OwnerCompany, RoleScopeTagIDs: []string{"0"},
		EnrolledAt: noon(), LastSyncAt: noon(),
		Inventory: plimsoll.Inventory{DeviceName: name, OperatingSystem: "Linux"},
	}}
}

// enrolled gives the ids of new devices with the names.
func enrolled(t *testing.T, store Store, names ...string) []string {
	t.Helper()
	token, ids := addToken(t, store, nil), make([]string, len(names))
	for i, name := range names {
		e := newEnrollment(&token, name)
		wantRefusals(t, store, []*plimsoll.Enrollment{e}, "")
		ids[i] = e.Device.ID
	}
	return ids
}

// wantRefusals enrols all at once, and wants a code for each, "" for none.
func wantRefusals(t *testing.T, store Store, all []*plimsoll.Enrollment, want ...plimsoll.Code) {
	t.Helper()
	refusals, err := store.EnrollDevices(t.Context(), all)
	must(t, err)
	got := make([]plimsoll.Code, len(refusals))
	for i, refused := range refusals {
		got[i] = plimsoll.ErrorCode(refused)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func wantUses(t *testing.T, store Store, id string, want int64) {
	t.Helper()
	token, err := store.EnrollmentToken(t.Context(), id)
	must(t, err)
	if token.Uses != want {
		t.Errorf("the token has %d uses, want %d", token.Uses, want)
	}
}

// enrollments has good and bad ones in one transaction: a bad one costs its
// neighbours nothing, and one that is repeated gives the same device.
func enrollments(t *testing.T, store Store) {
	t.Helper()
	group := addGroup(t, store, "")
	good := addToken(t, store, func(token *plimsoll.EnrollmentToken) { token.GroupID = group })
	other := addToken(t, store, nil)
	once := addToken(t, store, func(token *plimsoll.EnrollmentToken) { token.MaxUses = 1 })
	old := addToken(t, store, func(token *plimsoll.EnrollmentToken) { token.ExpiresAt = noon() })
	revoked := addToken(t, store, nil)
	must(t, store.RevokeEnrollmentToken(t.Context(), revoked.ID, noon(), event("revoke", revoked.ID)))

	first, again, stolen := newEnrollment(&good, "first"), newEnrollment(&good, "first"), newEnrollment(&other, "first")
	again.Device.PublicKey, stolen.Device.PublicKey = first.Device.PublicKey, first.Device.PublicKey
	id, only := first.Device.ID, newEnrollment(&once, "a")
	wantRefusals(t, store, []*plimsoll.Enrollment{
		first, again, stolen, only, newEnrollment(&once, "b"), newEnrollment(&old, "c"),
		newEnrollment(&revoked, "d"), newEnrollment(&plimsoll.EnrollmentToken{Hash: []byte("guessed")}, "e"), newEnrollment(&good, "f"),
	}, "", "", plimsoll.Conflict, "", plimsoll.Forbidden, plimsoll.Forbidden, plimsoll.Forbidden, plimsoll.Unauthenticated, "")
	if again.Device.ID != id {
		t.Errorf("the key that was enrolled again is the device %s, want %s", again.Device.ID, id)
	}
	wantUses(t, store, good.ID, 2)
	wantUses(t, store, other.ID, 0)
	wantUses(t, store, once.ID, 1)
	wantMembers(t, store, group, "f", "first")
	if n, err := store.CountDevices(t.Context(), nil); err != nil || n != 3 {
		t.Errorf("there are %d devices, want 3; %v", n, err)
	}
	// An answer that was lost is asked for again, also by a token that is used up.
	lost := newEnrollment(&once, "a")
	lost.Device.PublicKey = only.Device.PublicKey
	wantRefusals(t, store, []*plimsoll.Enrollment{lost, newEnrollment(&once, "g")}, "", plimsoll.Forbidden)
	if lost.Device.ID != only.Device.ID {
		t.Errorf("the device is %s, want %s", lost.Device.ID, only.Device.ID)
	}
	endedTokens(t, store)
}

// endedTokens has keys that are enrolled come again when their token has ended:
// it says nothing of the devices any more, not even to whoever holds the key.
func endedTokens(t *testing.T, store Store) {
	t.Helper()
	ends := noon().Add(time.Hour)
	for name, token := range map[string]plimsoll.EnrollmentToken{
		"expires": addToken(t, store, func(token *plimsoll.EnrollmentToken) { token.ExpiresAt = ends }),
		"revoked": addToken(t, store, nil),
	} {
		first := newEnrollment(&token, name)
		again := func(at time.Time, want plimsoll.Code) {
			e := newEnrollment(&token, name)
			e.Device.PublicKey, e.Device.EnrolledAt = first.Device.PublicKey, at
			wantRefusals(t, store, []*plimsoll.Enrollment{e}, want)
			if want == "" && e.Device.ID != first.Device.ID {
				t.Errorf("%s: the device is %s, want %s", name, e.Device.ID, first.Device.ID)
			}
		}
		wantRefusals(t, store, []*plimsoll.Enrollment{first}, "")
		again(ends.Add(-plimsoll.Tick), "")
		if name == "revoked" {
			must(t, store.RevokeEnrollmentToken(t.Context(), token.ID, noon(), event("revoke", token.ID)))
		}
		again(ends, plimsoll.Forbidden)
	}
}

// enrollmentsAtOnce has many servers use one token up.
func enrollmentsAtOnce(t *testing.T, store Store) {
	t.Helper()
	const most, servers, each = 10, 5, 4
	token := addToken(t, store, func(token *plimsoll.EnrollmentToken) { token.MaxUses = most })
	var running sync.WaitGroup
	for server := range servers {
		running.Go(func() {
			for i := range each {
				_, err := store.EnrollDevices(t.Context(), []*plimsoll.Enrollment{
					newEnrollment(&token, strconv.Itoa(server)+"-"+strconv.Itoa(i)),
				})
				check(t, err)
			}
		})
	}
	running.Wait()
	wantUses(t, store, token.ID, most)
	if n, err := store.CountDevices(t.Context(), nil); err != nil || n != most {
		t.Errorf("%d devices came by a token for %d; %v", n, most, err)
	}
}

func enrollmentTokens(t *testing.T, store Store) {
	t.Helper()
	want := addToken(t, store, func(token *plimsoll.EnrollmentToken) {
		token.MaxUses, token.ExpiresAt = 7, noon().Add(time.Hour)
	})
	got, err := store.EnrollmentToken(t.Context(), want.ID)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	revoke := func(at time.Time) {
		must(t, store.RevokeEnrollmentToken(t.Context(), want.ID, at, event("enrollmentToken.revoke", want.ID)))
	}
	revoke(noon())
	revoke(noon().Add(time.Hour)) // the first time holds
	want.RevokedAt = noon()
	list, err := store.EnrollmentTokens(t.Context(), everything())
	must(t, err)
	if diff := cmp.Diff([]plimsoll.EnrollmentToken{want}, list.Rows); diff != "" || list.Total != 1 {
		t.Error(diff, list.Total)
	}
	_, err = store.EnrollmentToken(t.Context(), "x")
	wantNotFound(t, err)
	wantNotFound(t, store.RevokeEnrollmentToken(t.Context(), "x", noon(), event("x", "x")))
	lost := plimsoll.EnrollmentToken{ID: randomID(), Hash: []byte("x"), GroupID: randomID(), CreatedAt: noon()}
	wantCode(t, store.CreateEnrollmentToken(t.Context(), &lost, event("x", "x")), plimsoll.Invalid)
	wantActivities(t, store, "enrollmentToken.create", "enrollmentToken.revoke", "enrollmentToken.revoke")
}

func wantCode(t *testing.T, err error, want plimsoll.Code) {
	t.Helper()
	if code := plimsoll.ErrorCode(err); code != want {
		t.Errorf("error %v has the code %q, want %q", err, code, want)
	}
}
