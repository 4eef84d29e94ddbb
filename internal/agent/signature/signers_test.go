package signature_test

import (
	"bytes"
	"crypto/dsa" //nolint:staticcheck // what must be refused
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"plimsoll"
	"plimsoll/internal/agent/signature"
)

func keyLine(key ssh.PublicKey) string {
	return string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key)))
}

// TestAllowedSignersAreRefused names the line that is wrong, and what is wrong.
func TestAllowedSignersAreRefused(t *testing.T) {
	t.Parallel()
	good := keyLine(newSigner(t, 1).PublicKey())
	kind, encoded, _ := strings.Cut(good, " ")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ line, want string }{
		"a name alone":         {"alice", "no key"},
		"a .pub file":          {good, "signer's name"},
		"no name":              {`"" ` + good, "signer's name"},
		"a quote in the name":  {`a"b"c ` + good, "signer's name"},
		"a quote not closed":   {`"alice ` + good, "no key"},
		"no type":              {"alice " + encoded, "signer's name"},
		"no base64":            {"alice " + kind, "no key"},
		"bad base64":           {"alice " + kind + " AAAA!", "base64"},
		"loose base64":         {"alice " + kind + " " + encoded[:len(encoded)-1] + "=", "base64"},
		"half a key":           {"alice " + kind + " AAAAC3NzaC1lZDI1NTE5", "cannot be read"},
		"another type":         {"alice ssh-rsa " + encoded, "another type"},
		"a small RSA key":      {"alice " + keyLine(signerOf(t, small).PublicKey()), "1024 bits"},
		"a key of loose form":  {"alice ssh-rsa " + looseRSA(small.N.Bytes()), "another type"},
		"DSA":                  {"alice " + keyLine(dsaKey(t)), "ssh-dss"},
		"a certificate":        {"alice " + keyLine(certificate(t, newSigner(t, 1))), "certificate"},
		"an authority":         {"*@example.com cert-authority " + good, "cert-authority"},
		"an authority, shouts": {`* namespaces="x",CERT-AUTHORITY ` + good, "cert-authority"},
		"an option of sshd":    {"alice no-pty " + good, "no-pty"},
		"an empty option":      {`alice ,valid-after="20300101" ` + good, "option"},
		"an option twice":      {`alice valid-after="20300101",valid-after="20300101" ` + good, "twice"},
		"no quotes":            {"alice valid-after=20300101 " + good, "quotes"},
		"no such day":          {`alice valid-before="20300230" ` + good, "YYYYMMDD"},
		"ends before":          {`alice valid-before="20300101Z",valid-after="20300102Z" ` + good, "not after"},
		"for git, and no key":  {`alice namespaces="git" ssh-ed25519 AAAA`, "cannot be read"},
		"a control character":  {"ali\x1bce " + good, "control"},
		"no UTF-8":             {"ali\xffce " + good, "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signers, err := signature.ParseAllowedSigners([]byte("# one\nbob " + good + "\n" + test.line + "\nbob " + good + "\n"))
			if signers != nil || plimsoll.ErrorCode(err) != plimsoll.Invalid ||
				!strings.HasPrefix(err.Error(), "line 3 ") || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 200 {
				t.Errorf("%+v, %v; want line 3 and %q", signers, err, test.want)
			}
		})
	}
}

// looseRSA gives an RSA key whose exponent has a zero byte too many in front.
func looseRSA(modulus []byte) string {
	return base64.StdEncoding.EncodeToString(ssh.Marshal(struct {
		Type     string
		Exponent []byte
		Modulus  []byte
	}{ssh.KeyAlgoRSA, []byte{0, 1, 0, 1}, append([]byte{0}, modulus...)}))
}

func dsaKey(t *testing.T) ssh.PublicKey {
	t.Helper()
	var key dsa.PrivateKey
	if err := dsa.GenerateParameters(&key.Parameters, rand.Reader, dsa.L1024N160); err != nil {
		t.Fatal(err)
	}
	if err := dsa.GenerateKey(&key, rand.Reader); err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func TestAllowedSignersAreBounded(t *testing.T) {
	t.Parallel()
	line := "alice " + keyLine(newSigner(t, 1).PublicKey()) + "\n"
	most := strings.Repeat(line, signature.MaxAllowedSigners/len(line))
	most += strings.Repeat("#", signature.MaxAllowedSigners-len(most))
	signers, err := signature.ParseAllowedSigners([]byte(most))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signature.Verify([]byte(sign(t, script, newSigner(t, 1))), signers, later()); err != nil {
		t.Error(err)
	}
	if _, err := signature.ParseAllowedSigners([]byte(most + "#")); plimsoll.ErrorCode(err) != plimsoll.Invalid {
		t.Error(err)
	}
	hard := `alice namespaces="` + strings.Repeat("*a", 200_000) + `" ` + keyLine(newSigner(t, 1).PublicKey())
	start := time.Now()
	if _, err := signature.ParseAllowedSigners([]byte(hard)); err != nil || time.Since(start) > 5*time.Second {
		t.Errorf("%v, after %v", err, time.Since(start))
	}
}

// TestTimeOfKeys holds a key's time to when the script says that it was signed, and
// to now where it says nothing.
func TestTimeOfKeys(t *testing.T) {
	t.Parallel()
	key := newSigner(t, 1)
	dated, undated := sign(t, script, key), signByHand(t, script, "plimsoll", "sha512", key)
	for name, test := range map[string]struct {
		options string
		content string
		now     time.Time
		want    string // of the message; "" where it is allowed
	}{
		"signed in time":            {`valid-before="20300502Z"`, dated, later(), ""},
		"signed in the last second": {`valid-after="20300501080000Z",valid-before="20300501080001Z"`, dated, later(), ""},
		"signed too late":           {`valid-before="20300430Z"`, dated, later(), "is over: it was allowed until 2030-04-30T00:00:00Z"},
		"signed too early":          {`valid-after="20300502Z"`, dated, later(), "has not begun: it is allowed from 2030-05-02T00:00:00Z"},
		"undated, in time":          {`valid-before="20300701Z"`, undated, later(), ""},
		"undated, too late":         {`valid-before="20300502Z"`, undated, later(), "is over"},
		"undated, too early":        {`valid-after="20300502Z"`, undated, signedAt(), "has not begun"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signature.Verify([]byte(test.content), allowing(t, test.options, key.PublicKey()), test.now)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantReason(t, err, signature.KeyOutOfTime, plimsoll.Forbidden)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "alice@example.com") {
				t.Errorf("%v; want %q", err, test.want)
			}
		})
	}
}

// TestSeveralLinesOfAKey takes the first that holds.
func TestSeveralLinesOfAKey(t *testing.T) {
	t.Parallel()
	key := newSigner(t, 1)
	line := keyLine(key.PublicKey()) + "\n"
	signers, err := signature.ParseAllowedSigners([]byte(
		`git@example.com namespaces="git" ` + line + `past@example.com valid-before="20300101Z" ` + line +
			`"Alice Adams,a@example.com" valid-after="20300101Z" ` + line + `last@example.com ` + line))
	if err != nil {
		t.Fatal(err)
	}
	got, err := signature.Verify([]byte(sign(t, script, key)), signers, later())
	if err != nil || got.Principal != "Alice Adams,a@example.com" {
		t.Errorf("%+v, %v", got, err)
	}
}
