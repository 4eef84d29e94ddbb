package issuer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"plimsoll"
	"plimsoll/internal/issuer"
)

const day = 24 * time.Hour

func sign(t *testing.T, keys *issuer.Keys) (token, kid string) {
	t.Helper()
	token, err := keys.Sign(t.Context(), map[string]any{"sub": "x"})
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(token, ".")
	kid, _ = decode(t, header)["kid"].(string)
	return token, kid
}

func published(t *testing.T, keys *issuer.Keys) []string {
	t.Helper()
	set, err := keys.Public(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var kids []string
	for _, k := range set.Keys {
		kids = append(kids, k.KeyID)
	}
	return kids
}

// Over 100 days, at every hour: what signs was published for a day (but for
// the very first key), and a token is verifiable all its life.
func TestRotationOverTime(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	type issued struct {
		token string
		at    time.Time
	}
	var live []issued
	seen := map[string]time.Time{}   // when a key was published
	signed := map[string]time.Time{} // when it first signed
	for range 100 * 24 {
		for _, kid := range published(t, f.keys) {
			if _, ok := seen[kid]; !ok {
				seen[kid] = f.now()
			}
		}
		token, kid := sign(t, f.keys)
		if _, ok := signed[kid]; !ok {
			signed[kid] = f.now()
			if ahead := f.now().Sub(seen[kid]); ahead < day && len(signed) > 1 {
				t.Fatalf("a key signs %v after it was published", ahead)
			}
		}
		if n := len(published(t, f.keys)); n > 2 {
			t.Fatalf("%d keys are published", n)
		}
		live = append(live, issued{token, f.now()})
		f.advance(time.Hour)
		live = slices.DeleteFunc(live, func(i issued) bool { return f.now().Sub(i.at) > time.Hour })
		for _, i := range live {
			if _, err := f.keys.VerifySignature(t.Context(), i.token); err != nil {
				t.Fatalf("a token of %v does not verify at %v: %v", i.at, f.now(), err)
			}
		}
	}
	if len(signed) != 4 { // days 0, 30, 60 and 90
		t.Errorf("%d keys signed", len(signed))
	}
	if len(f.store.keys) > 2 {
		t.Errorf("%d keys are kept", len(f.store.keys))
	}
}

func TestKeyExpires(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	token, kid := sign(t, f.keys)
	f.advance(31*day + time.Hour)
	if slices.Contains(published(t, f.keys), kid) {
		t.Error("the key is still published")
	}
	_, err := f.keys.VerifySignature(t.Context(), token)
	wantCode(t, err, plimsoll.Unauthenticated)
}

// However long nobody looked at the keys, there is one that signs, and its
// token holds for its whole life.
func TestRotationAfterAPause(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{
		29*day - time.Second, 29 * day, 30*day - time.Second, 30 * day, 30*day + time.Hour, 30*day + 12*time.Hour,
		31*day - time.Second, 31 * day, 31*day + time.Hour - time.Second, 31*day + time.Hour, 32 * day, 400 * day,
	} {
		t.Run(pause.String(), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			sign(t, f.keys)
			f.advance(pause)
			for range 2 * 24 * 4 {
				token, kid := sign(t, f.keys)
				if !slices.Contains(published(t, f.keys), kid) {
					t.Fatal("the key that signs is not published")
				}
				f.advance(time.Hour - time.Second)
				if _, err := f.newKeys().VerifySignature(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				f.advance(-45*time.Minute + time.Second)
			}
		})
	}
}

// Two servers on one store sign with the same keys, whichever makes them, and
// each verifies what the other signed at once.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	a, b := f.newKeys(), f.newKeys()
	for range 70 * 4 {
		tokenA, _ := sign(t, a)
		tokenB, _ := sign(t, b)
		if _, err := b.VerifySignature(t.Context(), tokenA); err != nil {
			t.Fatal(err)
		}
		if _, err := a.VerifySignature(t.Context(), tokenB); err != nil {
			t.Fatal(err)
		}
		f.advance(6 * time.Hour)
		a, b = b, a
	}
	if n := f.store.keys[len(f.store.keys)-1].Generation; n != 3 {
		t.Errorf("generation %d", n)
	}
}

// Both find the store empty; one key remains.
func TestFirstKeyRace(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	kids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range kids {
		wg.Go(func() {
			set, err := f.newKeys().Public(t.Context())
			if err != nil || len(set.Keys) != 1 {
				t.Errorf("%+v %v", set, err)
				return
			}
			kids[i] = set.Keys[0].KeyID
		})
	}
	wg.Wait()
	if slices.Sort(kids); kids[0] == "" || kids[0] != kids[7] {
		t.Errorf("kids %v", kids)
	}
}

func foreignToken(t *testing.T, kid string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return oidctest.SignIDToken(key, kid, "ES256", `{}`)
}

func TestHostileTokensAskNoStore(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	token, kid := sign(t, f.keys)
	before := f.store.looks
	f.advance(10 * time.Second)
	for range 1000 {
		_, err := f.keys.VerifySignature(t.Context(), foreignToken(t, "made up"))
		wantCode(t, err, plimsoll.Unauthenticated)
	}
	for _, id := range []string{kid, ""} {
		if _, err := f.keys.VerifySignature(t.Context(), foreignToken(t, id)); err == nil {
			t.Errorf("kid %q: a forged token was accepted", id)
		}
	}
	if n := f.store.looks - before; n > 1 {
		t.Errorf("%d looks at the store", n)
	}
	if _, err := f.keys.VerifySignature(t.Context(), token); err != nil {
		t.Error(err)
	}
}

// A key that another server made a moment ago is found at once.
func TestNewKeyOfAnotherServer(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	a := f.newKeys()
	sign(t, a)
	f.advance(29*day - 30*time.Second)
	published(t, a) // holds the keys as they are now for a minute
	f.store.mu.Lock()
	f.store.keys = nil
	f.store.mu.Unlock()
	f.advance(10 * time.Second)
	token, _ := sign(t, f.newKeys())
	if _, err := a.VerifySignature(t.Context(), token); err != nil {
		t.Error(err)
	}
}

func TestKeysWhileStoreIsAway(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	token, _ := sign(t, f.keys)
	f.store.setAway(errors.New("away"))
	f.advance(2 * time.Minute)
	before := f.store.looks
	for range 10 {
		if _, err := f.keys.VerifySignature(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.store.looks - before; n != 1 {
		t.Errorf("%d looks at the store", n)
	}
	_, err := f.newKeys().VerifySignature(t.Context(), token)
	wantCode(t, err, plimsoll.Unavailable)
	_, err = f.newKeys().Public(t.Context())
	wantCode(t, err, plimsoll.Unavailable)
	f.advance(40 * day) // the key has expired, and there is no other
	_, err = f.keys.Sign(t.Context(), map[string]any{})
	wantCode(t, err, plimsoll.Internal)
	f.store.setAway(nil)
	f.advance(5 * time.Second)
	sign(t, f.keys)
}

func TestBrokenKey(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.store.keys = []plimsoll.SigningKey{{Generation: 1, ID: "k", PKCS8: []byte("x"), SignsFrom: f.now(), ExpiresAt: f.now().Add(day)}}
	_, err := f.keys.Sign(t.Context(), map[string]any{})
	wantCode(t, err, plimsoll.Unavailable)
}
