package runner

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"plimsoll"
)

// directory gives a folder of programs in the place of the system's, which know one
// user of a directory.
func directory(t *testing.T) (bin string) {
	t.Helper()
	bin = t.TempDir()
	for name, script := range map[string]string{
		"getent": "test \"$1\" = passwd || exit 1\n" + `case "$2" in
			ada) echo "ada:*:200001:200000:Ada:/home/ada$PLIMSOLL_SECRET:/bin/sh" ;;
			slow) exec sleep 60 ;;
			flood) yes | head -c 2000000 ;;
			fails) echo no server >&2; exit 3 ;;
			*) exit 2 ;; esac`,
		"id": "test \"$1 $2\" = '-G ada' && echo 200000 200007 27",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// TestDirectory asks for users whom /etc/passwd does not know.
func TestDirectory(t *testing.T) {
	t.Setenv("PLIMSOLL_SECRET", "not for others")
	t.Setenv("PATH", directory(t))
	want := Account{Name: "ada", Home: "/home/ada", Switch: true, UID: 200001, GID: 200000, Groups: []uint32{200000, 200007, 27}}
	got, err := named(t.Context(), "ada")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%s, %v", diff, err)
	}
	if got, err = AccountFor(t.Context(), plimsoll.RunAsUser, func(context.Context) (string, error) { return "ada", nil }); err != nil ||
		MayRunAsOthers() != (got.UID == want.UID) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, fault := range map[string]string{
		"eve": `knows the user "eve"`, "": "no name", "-eve": "no name", "+0": "no name", "flood": "more than", "fails": "exit status 3: no server",
	} {
		if got, err := named(t.Context(), name); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := named(ctx, "slow"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 5*time.Second {
		t.Errorf("a directory that does not answer: %v after %s", err, time.Since(begin))
	}
}

// TestNoDirectory asks on a system without the programs, and holds what they tell
// to what Go's own library does.
func TestNoDirectory(t *testing.T) {
	asked, err := named(t.Context(), "nobody")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	read, err := named(t.Context(), "nobody")
	if diff := cmp.Diff(asked, read); diff != "" || err != nil {
		t.Errorf("%s, %v", diff, err)
	}
	if _, err := named(t.Context(), "root"); plimsoll.ErrorCode(err) != plimsoll.Invalid {
		t.Errorf("root as a user: %v", err)
	}
}

func TestParseAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entry, groups string
		want          *Account // nil: it is refused
	}{
		"a user":                {"ada:x:1000:1001:Ada,,,:/home/ada:/bin/sh\n", "1001 27\n", &Account{Name: "ada", Home: "/home/ada", UID: 1000, GID: 1001, Groups: []uint32{1001, 27}}},
		"without a home":        {"ada:x:1000:1001:::", "1001", &Account{Name: "ada", UID: 1000, GID: 1001, Groups: []uint32{1001}}},
		"the highest number":    {"ada:x:4294967294:1:::", "1", &Account{Name: "ada", UID: math.MaxUint32 - 1, GID: 1, Groups: []uint32{1}}},
		"nothing":               {"", "", nil},
		"another user":          {"eve:x:1000:1001:::", "1001", nil},
		"asked by number":       {"1000:x:1000:1001:::", "1001", nil},
		"two users":             {"ada:x:1000:1001:::\neve:x:0:0:::\n", "1001", nil},
		"too few fields":        {"ada:x:1000:1001::", "1001", nil},
		"too many fields":       {"ada:x:1000:1001::::", "1001", nil},
		"root":                  {"ada:x:0:1001:::", "1001", nil},
		"no number":             {"ada:x:+5:1001:::", "1001", nil},
		"a negative number":     {"ada:x:-1:1001:::", "1001", nil},
		"the number of none":    {"ada:x:4294967295:1001:::", "1001", nil},
		"a number too high":     {"ada:x:4294967296:1001:::", "1001", nil},
		"a group's number":      {"ada:x:1000:4294967295:::", "4294967295", nil},
		"no groups":             {"ada:x:1000:1001:::", "\n", nil},
		"groups of another":     {"ada:x:1000:1001:::", "27 28", nil},
		"groups that are names": {"ada:x:1000:1001:::", "1001 sudo", nil},
		"a null":                {"ada:x:1000:1001::/home\x00:", "1001", nil},
	} {
		got, err := parseAccount("ada", c.entry, c.groups)
		if c.want == nil {
			if plimsoll.ErrorCode(err) != plimsoll.Invalid {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			continue
		}
		c.want.Switch = true
		if diff := cmp.Diff(*c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %s, %v", name, diff, err)
		}
	}
}

// FuzzParseAccount reads any answers: what they give is the user who was asked for,
// and never root.
func FuzzParseAccount(f *testing.F) {
	f.Add("ada", "ada:x:1000:1001:Ada:/home/ada:/bin/sh\n", "1001 27\n")
	f.Add("root", "root:x:0:0:root:/root:/bin/sh", "0")
	f.Add("", ":::::\n:", "\x00")
	f.Fuzz(func(t *testing.T, name, entry, groups string) {
		a, err := parseAccount(name, entry, groups)
		if err != nil {
			return
		}
		if a.Name != name || a.UID == 0 || !slices.Contains(a.Groups, a.GID) || slices.Contains(append(a.Groups, a.UID), math.MaxUint32) ||
			strings.ContainsAny(a.Name+a.Home, "\x00\n:") || !strings.Contains(entry, strconv.Itoa(int(a.UID))) {
			t.Errorf("%+v of %q, %q", a, entry, groups)
		}
	})
}
