package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
)

func newClient(name string, at time.Time) plimsoll.Client {
	return plimsoll.Client{
		ID: randomID(), Name: name, Permissions: []string{"A.Read", "B.Write"}, CreatedAt: at,
		Secrets: []plimsoll.ClientSecret{{Hash: "hash of " + name, CreatedAt: at}},
	}
}

func clients(t *testing.T, store Store) {
	t.Helper()
	old, young := newClient("old", noon()), newClient("young", noon().Add(time.Second))
	must(t, store.CreateClient(t.Context(), young, event("create", young.ID)))
	must(t, store.CreateClient(t.Context(), old, event("create", old.ID)))
	all, err := store.Clients(t.Context())
	must(t, err)
	if diff := cmp.Diff([]plimsoll.Client{old, young}, all); diff != "" {
		t.Error(diff)
	}

	soon, late := noon().Add(time.Hour), noon().Add(2*time.Hour)
	second := plimsoll.ClientSecret{Hash: "second", CreatedAt: noon().Add(time.Minute)}
	third := plimsoll.ClientSecret{Hash: "third", CreatedAt: noon().Add(2 * time.Minute)}
	fourth := plimsoll.ClientSecret{Hash: "fourth", CreatedAt: late}
	must(t, store.RotateClient(t.Context(), old.ID, second, soon, event("rotate", old.ID)))
	must(t, store.RotateClient(t.Context(), old.ID, third, late, event("rotate", old.ID)))
	first := old.Secrets[0]
	first.ExpiresAt, second.ExpiresAt = soon, late
	wantSecrets(t, store, old.ID, first, second, third)
	must(t, store.RotateClient(t.Context(), old.ID, fourth, late, event("rotate", old.ID)))
	wantSecrets(t, store, old.ID, fourth)
	wantSecrets(t, store, young.ID, young.Secrets...)

	must(t, store.DeleteClient(t.Context(), old.ID, event("delete", old.ID)))
	_, err = store.Client(t.Context(), old.ID)
	wantNotFound(t, err)
	wantNotFound(t, store.DeleteClient(t.Context(), old.ID, event("x", old.ID)))
	wantNotFound(t, store.RotateClient(t.Context(), old.ID, fourth, late, event("x", old.ID)))
	wantActivities(t, store, "create", "create", "rotate", "rotate", "rotate", "delete")
}

func wantSecrets(t *testing.T, store Store, id string, want ...plimsoll.ClientSecret) {
	t.Helper()
	c, err := store.Client(t.Context(), id)
	must(t, err)
	if diff := cmp.Diff(want, c.Secrets); diff != "" {
		t.Error(diff)
	}
}

func installation(t *testing.T, store Store) {
	t.Helper()
	_, err := store.Installation(t.Context())
	wantNotFound(t, err)
	mine := plimsoll.Installation{TenantID: randomID(), CreatedAt: noon()}
	first, other := newClient("first", noon()), newClient("other", noon())
	created, err := store.Install(t.Context(), mine, &first, event("install", mine.TenantID))
	if err != nil || !created {
		t.Fatal(created, err)
	}
	created, err = store.Install(t.Context(), plimsoll.Installation{TenantID: "x"}, &other, event("x", "x"))
	if err != nil || created {
		t.Fatal(created, err)
	}
	got, err := store.Installation(t.Context())
	if err != nil || got != mine {
		t.Errorf("%+v, %v", got, err)
	}
	all, err := store.Clients(t.Context())
	must(t, err)
	if diff := cmp.Diff([]plimsoll.Client{first}, all); diff != "" {
		t.Error(diff)
	}
	wantActivities(t, store, "install")
}

func signingKeys(t *testing.T, store Store) {
	t.Helper()
	key := func(generation int64, id string) plimsoll.SigningKey {
		at := noon().Add(time.Duration(generation) * time.Hour)
		return plimsoll.SigningKey{
			Generation: generation, ID: id, PKCS8: []byte("\x00\xff" + id),
			PublishedAt: at, SignsFrom: at.Add(time.Minute), ExpiresAt: at.Add(time.Hour),
		}
	}
	for _, k := range []plimsoll.SigningKey{key(2, "two"), key(1, "one"), key(2, "late"), key(3, "three")} {
		must(t, store.AddSigningKey(t.Context(), k))
	}
	keys, err := store.SigningKeys(t.Context())
	must(t, err)
	if diff := cmp.Diff([]plimsoll.SigningKey{key(1, "one"), key(2, "two"), key(3, "three")}, keys); diff != "" {
		t.Error(diff)
	}
	must(t, store.DeleteSigningKeys(t.Context(), key(2, "two").ExpiresAt))
	keys, err = store.SigningKeys(t.Context())
	must(t, err)
	if diff := cmp.Diff([]plimsoll.SigningKey{key(2, "two"), key(3, "three")}, keys); diff != "" {
		t.Error(diff)
	}
}
