package plimsoll_test

import (
	"strings"
	"testing"
	"time"

	"plimsoll"
)

func TestUserName(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"ada": true, "ada@example.com": true, "Ada Lovelace": true, "Łukasz": true, "李": true,
		"": false, " ada": false, "ada ": false, "a\x00b": false, "a\nb": false, "a\u202eb": false, "a\u200bb": false, "\xff": false,
		strings.Repeat("x", plimsoll.MaxName): true, strings.Repeat("x", plimsoll.MaxName+1): false,
	} {
		u := plimsoll.User{Name: name}
		if err := u.Validate(); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for password, words := range map[string]string{
		"plum tram cove":                  "",
		"      x     ":                    "",
		"ąęśćżźółńąęś":                    "",
		"密码是一个很长的句子对吧":                    "",
		"correct horse":                   "",
		"12345678901x":                    "",
		strings.Repeat("plum tr", 36):     "", // 252
		strings.Repeat("ä", 11):           "at least 12",
		strings.Repeat("plum tram", 29):   "at most 256",
		"plum tram \xff cove":             "damaged",
		"my PlimSoll pass":                "product",
		"i am GRACE of here":              "your name",
		"grace@example.com":               "your name",
		"aaaaaaaaaaaa":                    "repeats",
		"äääääääääääää":                   "repeats",
		"abcabcabcabcab":                  "repeats",
		"abcdefghijkl":                    "repeats",
		"123456789012":                    "repeats",
		"987654321098":                    "repeats",
		"zyxwvutsrqpo":                    "repeats",
		"Password1234":                    "commonest",
		"!password2026!":                  "commonest",
		"passwordpassword":                "commonest",
		"qwertyuiop[]":                    "commonest",
		"QWERTYuiop123":                   "commonest",
		"2026-11-28 18:02":                "commonest", // no letter at all
		"correct horse battery staple":    "commonest",
		"1q2w3e4r5t6y":                    "commonest",
		"1qaz2wsx3edc":                    "commonest",
		"letmein12345":                    "commonest",
		"administrator":                   "commonest",
		"correct horse battery staple ok": "",
	} {
		err := plimsoll.CheckPassword(password, "Grace@example.com")
		switch {
		case words == "" && err != nil:
			t.Errorf("%q is refused: %v", password, err)
		case words != "" && (err == nil || !strings.Contains(err.Error(), words)):
			t.Errorf("%q: %v, want %q", password, err, words)
		}
	}
	if err := plimsoll.CheckPassword("a bread of old", "al"); err != nil {
		t.Errorf("a name of two letters forbids words with them: %v", err)
	}
}

// FuzzCheckPassword has no password break the rules' own assumptions.
func FuzzCheckPassword(f *testing.F) {
	f.Add("plum tram cove", "ada")
	f.Fuzz(func(t *testing.T, password, name string) {
		if err := plimsoll.CheckPassword(password, name); err == nil && len(password) < 12 {
			t.Errorf("%q is taken", password)
		}
	})
}

// Guesses get their waits, a right password in between takes them away, and a
// day without one too.
func TestSignInAttempts(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	var a plimsoll.SignInAttempts
	for range plimsoll.FreeAttempts {
		if !a.Take(now) {
			t.Fatal("a free attempt was refused")
		}
	}
	for _, minutes := range []int{1, 2, 4, 8, 15, 15, 15} {
		if got := a.BlockedTill.Sub(now); got != time.Duration(minutes)*time.Minute {
			t.Errorf("the wait is %v, want %d minutes", got, minutes)
		}
		before := a
		if a.Take(a.BlockedTill.Add(-1)) || a != before {
			t.Error("an attempt was taken, or counted, before its time")
		}
		if now = a.BlockedTill; !a.Take(now) {
			t.Error("an attempt was refused after the wait")
		}
	}
	if a.Take(a.ExpiresAt); a.Wrong != 1 || !a.BlockedTill.IsZero() {
		t.Errorf("after a day: %+v", a)
	}
	a = plimsoll.SignInAttempts{Wrong: 1 << 40}
	a.ExpiresAt = now.Add(time.Hour)
	if a.Take(now); a.BlockedTill.Sub(now) != 15*time.Minute {
		t.Errorf("after many: %+v", a)
	}
}

func TestSessionExpiry(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	s := plimsoll.Session{CreatedAt: now}
	if got := s.UsedAt(now.Add(time.Hour)).Sub(now); got != 13*time.Hour {
		t.Errorf("used after an hour, it holds for %v", got)
	}
	if got := s.UsedAt(now.Add(plimsoll.SessionLifetime - time.Hour)).Sub(now); got != plimsoll.SessionLifetime {
		t.Errorf("used at its end, it holds for %v", got)
	}
}
