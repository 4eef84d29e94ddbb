package signature_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"

	"plimsoll"
	"plimsoll/internal/agent/signature"
)

const script = "#!/bin/sh\ntest -e /dev/mapper/root || exit 1\n"

// signedAt is when the tests sign, and later is when they verify.

func signedAt() time.Time { return time.Date(2030, 5, 1, 8, 0, 0, 123, time.UTC) }

func later() time.Time { return signedAt().AddDate(0, 1, 0) }

// newSigner makes a signer of the same key each time for the same number.

func newSigner(tb testing.TB, number byte) ssh.Signer {
	tb.Helper()
	return signerOf(tb, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{number}, ed25519.SeedSize)))
}

func signerOf(tb testing.TB, key any) ssh.Signer {
	tb.Helper()
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return signer
}

// allowing reads an allowed_signers file of one line: alice with the options.

func allowing(tb testing.TB, options string, key ssh.PublicKey) *signature.AllowedSigners {
	tb.Helper()
	signers, err := signature.ParseAllowedSigners([]byte("alice@example.com " + options + " " + string(ssh.MarshalAuthorizedKey(key))))
	if err != nil {
		tb.Fatal(err)
	}
	return signers
}

func sign(tb testing.TB, content string, signer ssh.Signer) string {
	tb.Helper()
	signed, err := signature.Sign([]byte(content), signer, signedAt())
	if err != nil {
		tb.Fatal(err)
	}
	return string(signed)
}

// signByHand signs what stands there, as with ssh-keygen and sed.

func signByHand(tb testing.TB, content, namespace string, hash sshsig.HashAlgorithm, signer ssh.Signer) string {
	tb.Helper()
	made, err := sshsig.Sign(strings.NewReader(content), signer, hash, namespace)
	if err != nil {
		tb.Fatal(err)
	}
	return content + asComments(string(sshsig.Armor(made)))
}

func asComments(armored string) string {
	return "# " + strings.ReplaceAll(strings.TrimSuffix(armored, "\n"), "\n", "\n# ") + "\n"
}

func wantReason(t *testing.T, err error, want signature.Reason, code plimsoll.Code) {
	t.Helper()
	refusal, ok := errors.AsType[*signature.Refusal](err)
	if !ok || refusal.Reason != want || plimsoll.ErrorCode(err) != code {
		t.Errorf("the error is %v (%s), want %s and the code %s", err, plimsoll.ErrorCode(err), want, code)
	}
}

func TestSignedScriptIsVerified(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []ssh.Signer{newSigner(t, 1), signerOf(t, rsaKey), signerOf(t, ecdsaKey), securityKey(t, touched)} {
		t.Run(key.PublicKey().Type(), func(t *testing.T) {
			t.Parallel()
			signed := sign(t, script, key)
			if want := script + "# Signed: 2030-05-01T08:00:00Z\n# -----BEGIN SSH SIGNATURE-----\n"; !strings.HasPrefix(signed, want) {
				t.Errorf("the signed script is\n%s", signed)
			}
			got, err := signature.Verify([]byte(signed), allowing(t, "", key.PublicKey()), later())
			want := signature.Verified{
				Principal: "alice@example.com", Fingerprint: ssh.FingerprintSHA256(key.PublicKey()),
				SignedAt: time.Date(2030, 5, 1, 8, 0, 0, 0, time.UTC),
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
}

// TestContentIsSignedAsItStands signs scripts of every kind of line end.

func TestContentIsSignedAsItStands(t *testing.T) {
	t.Parallel()
	signer := newSigner(t, 1)
	for name, test := range map[string]struct{ content, before string }{
		"no line end":        {"exit 0", "exit 0\n# Signed: 2030-05-01T08:00:00Z\n# -----BEGIN"},
		"empty":              {"", "# Signed: 2030-05-01T08:00:00Z\n# -----BEGIN"},
		"CRLF":               {"a\r\nb\r\n", "a\r\nb\r\n# Signed: 2030-05-01T08:00:00Z\r\n# -----BEGIN"},
		"CRLF, the last not": {"a\r\nb", "a\r\nb\r\n# Signed: 2030-05-01T08:00:00Z\r\n# -----BEGIN"},
		"bytes of no text":   {"\x00\xff\r\n\r", "\x00\xff\r\n\r\r\n# Signed: 2030-05-01T08:00:00Z\r\n# -----BEGIN"},
		"an old signed line": {"a\n# Signed: tomorrow\n", "a\n# Signed: 2030-05-01T08:00:00Z\n# -----BEGIN"},
		"text of a block":    {"# -----BEGIN SSH SIGNATURE-----\nexit\n", "# -----BEGIN SSH SIGNATURE-----\nexit\n# Signed: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signed := sign(t, test.content, signer)
			if !strings.HasPrefix(signed, test.before) {
				t.Errorf("%q is signed as %q", test.content, signed)
			}
			if strings.Count(signed, "\r\n") != 0 && strings.Count(signed, "\r\n") != strings.Count(signed, "\n") {
				t.Errorf("%q has mixed line ends", signed)
			}
			if _, err := signature.Verify([]byte(signed), allowing(t, "", signer.PublicKey()), later()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSigningAgain replaces the signature, whosever it was.

func TestSigningAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		content := rapid.SliceOf(rapid.SampledFrom([]byte("a \r\n#"))).Draw(rt, "content")
		once, err := signature.Sign(content, newSigner(t, 1), signedAt())
		if err != nil {
			rt.Fatal(err)
		}
		before := bytes.Clone(once)
		other, err := signature.Sign(once, newSigner(t, 2), later())
		if err != nil || !bytes.Equal(before, once) {
			rt.Fatal("signing changed its input", err)
		}
		again, err := signature.Sign(other, newSigner(t, 1), signedAt())
		if err != nil || !bytes.Equal(again, once) {
			rt.Fatalf("%q became %q, %v", once, again, err)
		}
	})
}

func TestReasons(t *testing.T) {
	t.Parallel()
	signer, other := newSigner(t, 1), newSigner(t, 2)
	good := sign(t, script, signer)
	body, block, _ := strings.Cut(good, "# Signed:")
	block = "# Signed:" + block
	blob := blobOf(t, good)
	crlf := strings.ReplaceAll(good[strings.Index(good, "# ---"):], "\n", "\r\n")
	for name, test := range map[string]struct {
		content string
		reason  signature.Reason // "" where the script is good
		code    plimsoll.Code
	}{
		"as it was signed":                {good, "", ""},
		"no line end behind":              {strings.TrimSuffix(good, "\n"), "", ""},
		"CRLF in the block":               {script + "# Signed: 2030-05-01T08:00:00Z\n" + crlf, "", ""},
		"lines of another length":         {withBlob(good, blob, 11), "", ""},
		"one line":                        {withBlob(good, blob, 1<<20), "", ""},
		"SHA-256":                         {signByHand(t, script, "plimsoll", sshsig.HashSHA256, signer), "", ""},
		"by hand":                         {signByHand(t, "exit 0\n", "plimsoll", sshsig.HashSHA512, signer), "", ""},
		"two blocks":                      {sign(t, good+"exit 0\n", signer), "", ""},
		"two blocks, the first another's": {sign(t, sign(t, script, other)+"exit 0\n", signer), "", ""},

		"empty":                  {"", signature.NotSigned, plimsoll.Unauthenticated},
		"a script":               {script, signature.NotSigned, plimsoll.Unauthenticated},
		"the signed line alone":  {script + "# Signed: 2030-05-01T08:00:00Z\n", signature.NotSigned, plimsoll.Unauthenticated},
		"not at a line's begin":  {script + ":" + block[len("# Signed: 2030-05-01T08:00:00Z\n"):], signature.NotSigned, plimsoll.Unauthenticated},
		"armor without comments": {script + string(pemOf(t, good)), signature.NotSigned, plimsoll.Unauthenticated},

		"code behind":              {good + "rm -rf /\n", signature.SignatureDamaged, plimsoll.Damaged},
		"code behind, on the line": {strings.TrimSuffix(good, "\n") + "; rm -rf /\n", signature.SignatureDamaged, plimsoll.Damaged},
		"code behind a return":     {strings.TrimSuffix(good, "\n") + "\rrm -rf /\n", signature.SignatureDamaged, plimsoll.Damaged},
		"an empty line behind":     {good + "\n", signature.SignatureDamaged, plimsoll.Damaged},
		"a block in the middle":    {body + block + body, signature.SignatureDamaged, plimsoll.Damaged},
		"a block in a heredoc":     {"cat <<'E'\n" + good + "E\nrm -rf /\n", signature.SignatureDamaged, plimsoll.Damaged},
		"code in the block":        {strings.Replace(good, "\n# -----END", "\nrm -rf /\n# -----END", 1), signature.SignatureDamaged, plimsoll.Damaged},
		"code behind a return in the block": {
			strings.Replace(good, "\n# -----END", "\rrm\n# -----END", 1), signature.SignatureDamaged, plimsoll.Damaged,
		},
		"code before the end":    {strings.Replace(good, "# -----END", "rm -rf / # -----END", 1), signature.SignatureDamaged, plimsoll.Damaged},
		"base64 as a command":    {strings.Replace(good, "# U1NI", "U1NI", 1), signature.SignatureDamaged, plimsoll.Damaged},
		"words at the beginning": {strings.Replace(good, "BEGIN SSH SIGNATURE-----", "BEGIN SSH SIGNATURE----- x", 1), signature.NotSigned, plimsoll.Unauthenticated},
		"a return in the base64": {strings.Replace(good, "# U1NI", "# U1NI\r", 1), signature.SignatureDamaged, plimsoll.Damaged},
		"loose base64":           {loosened(good), signature.SignatureDamaged, plimsoll.Damaged},
		"words in the block":     {strings.Replace(good, "\n# -----END", "\n# Hello: World\n# -----END", 1), signature.SignatureDamaged, plimsoll.Damaged},
		"no signature in it":     {withBlob(good, nil, 64), signature.SignatureDamaged, plimsoll.Damaged},
		"half of it":             {withBlob(good, blob[:len(blob)/2], 64), signature.SignatureDamaged, plimsoll.Damaged},
		"bytes behind it":        {withBlob(good, append(bytes.Clone(blob), 0), 64), signature.SignatureDamaged, plimsoll.Damaged},
		"another magic":          {withBlob(good, append([]byte("SSHSIH"), blob[6:]...), 64), signature.SignatureDamaged, plimsoll.Damaged},
		"version 2":              {withBlob(good, append([]byte("SSHSIG\x00\x00\x00\x02"), blob[10:]...), 64), signature.SignatureDamaged, plimsoll.Damaged},
		"bytes in reserve":       {withBlob(good, reserving(t, blob), 64), signature.SignatureDamaged, plimsoll.Damaged},
		"a longer signature":     {withBlob(good, lengthened(t, blob), 64), signature.SignatureDamaged, plimsoll.Damaged},
		"a signed line of no time": {
			signByHand(t, script+"# Signed: yesterday\n", "plimsoll", sshsig.HashSHA512, signer), signature.SignatureDamaged, plimsoll.Damaged,
		},
		"a signed line of another zone": {
			signByHand(t, script+"# Signed: 2030-05-01T08:00:00+02:00\n", "plimsoll", sshsig.HashSHA512, signer), signature.SignatureDamaged, plimsoll.Damaged,
		},

		"another script":  {"#!/bin/sh\nexit 0\n" + block, signature.ContentChanged, plimsoll.Damaged},
		"another time":    {strings.Replace(good, "2030", "2031", 1), signature.ContentChanged, plimsoll.Damaged},
		"no time":         {strings.Replace(good, "# Signed: 2030-05-01T08:00:00Z\n", "", 1), signature.ContentChanged, plimsoll.Damaged},
		"CRLF everywhere": {strings.ReplaceAll(good, "\n", "\r\n"), signature.ContentChanged, plimsoll.Damaged},
		"a space more":    {strings.Replace(good, "exit 1", "exit 1 ", 1), signature.ContentChanged, plimsoll.Damaged},

		"another's":           {sign(t, script, other), signature.KeyNotAllowed, plimsoll.Forbidden},
		"another's over ours": {signByHand(t, good, "plimsoll", sshsig.HashSHA512, other), signature.KeyNotAllowed, plimsoll.Forbidden},
		"for git":             {signByHand(t, script, "git", sshsig.HashSHA512, signer), signature.WrongNamespace, plimsoll.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := signature.Verify([]byte(test.content), allowing(t, "", signer.PublicKey()), later())
			if test.reason != "" {
				wantReason(t, err, test.reason, test.code)
				if got != (signature.Verified{}) {
					t.Errorf("%+v with an error", got)
				}
			} else if err != nil || got.Principal != "alice@example.com" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// loosened sets a bit of the base64 that stands for nothing.
func loosened(signed string) string {
	last := strings.Index(signed, "==\n") - 1
	return signed[:last] + string(signed[last]+1) + signed[last+1:]
}

func TestUnknownKeyIsNamed(t *testing.T) {
	t.Parallel()
	key := newSigner(t, 2)
	_, err := signature.Verify([]byte(sign(t, script, key)), &signature.AllowedSigners{}, later())
	wantReason(t, err, signature.KeyNotAllowed, plimsoll.Forbidden)
	if err == nil || !strings.Contains(err.Error(), ssh.FingerprintSHA256(key.PublicKey())) {
		t.Errorf("%v does not name the key", err)
	}
}

// pemOf gives the armored signature of a signed script.

// withBlob puts a blob in the place of a script's signature, in lines of a length.

// blobFields is a blob of PROTOCOL.sshsig behind the magic.

// editBlob changes what stands in a blob.

// TestHashAndKeyInTheBlob has the blob say what the signature was not made with.

// TestRSAWithSHA1 has an RSA key sign as ssh-rsa, which old agents do, whatever

// they are asked for.

// TestSignRefuses shows what Sign does not put its name to.

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := sign(t, script, newSigner(t, 1))
	for name, test := range map[string]struct {
		content string
		signer  ssh.Signer
		code    plimsoll.Code
	}{
		"a small RSA key":   {script, signerOf(t, small), plimsoll.Invalid},
		"a certificate":     {script, certified(t, newSigner(t, 1)), plimsoll.Invalid},
		"too large":         {strings.Repeat("#", plimsoll.MaxContent-10), newSigner(t, 1), plimsoll.Invalid},
		"a damaged block":   {strings.Replace(good, "\n# -----END", "\nexit 0\n# -----END", 1), newSigner(t, 1), plimsoll.Damaged},
		"not touched":       {script, securityKey(t, 0), plimsoll.Forbidden},
		"a year that ended": {script, newSigner(t, 1), plimsoll.Damaged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := signedAt()
			if name == "a year that ended" {
				at = at.AddDate(8000, 0, 0)
			}
			got, err := signature.Sign([]byte(test.content), test.signer, at)
			if got != nil || plimsoll.ErrorCode(err) != test.code {
				t.Errorf("%.200q, %v (%s), want the code %s", got, err, plimsoll.ErrorCode(err), test.code)
			}
		})
	}
}

// TestEveryByteCounts changes, takes out and puts in each byte of a signed script.

// TestChangedContentIsRefused changes the signed bytes at will.

// TestTimeIsLinear verifies scripts of the largest size that are made to be slow.

// A quadratic search would take minutes for them.
