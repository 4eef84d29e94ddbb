package signature

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"plimsoll"
)

// Limits of what is allowed: of the file, in bytes, and of an RSA key, in bits.
const (
	MaxAllowedSigners = 1 << 20
	minRSABits        = 2048
)

// userPresent is the flag by which a security key says that it was touched
// (PROTOCOL.u2f).
const userPresent = 1

// AllowedSigners are the keys whose signatures count. The zero value allows none.
type AllowedSigners struct{ lines []allowedSigner }

// allowedSigner is a line of the file that allows a key to sign scripts.
type allowedSigner struct {
	principals    string
	key           ssh.PublicKey
	after, before time.Time // inclusive; zero where there is no bound
}

// ParseAllowedSigners reads the allowed_signers format (ssh-keygen(1), ALLOWED
// SIGNERS): "principals [options] keytype base64 [comment]". Of the options
// namespaces, valid-after and valid-before hold, and as there a time without Z is of
// the machine's zone. Stricter than ssh-keygen, which passes over lines that it
// cannot read, any such line is [plimsoll.Invalid], and so are certificates and
// their authorities: an error names the first line that is wrong.
func ParseAllowedSigners(text []byte) (*AllowedSigners, error) {
	if len(text) > MaxAllowedSigners {
		return nil, plimsoll.Errorf(plimsoll.Invalid,
			"the allowed signers have %d bytes; at most %d (1 MiB) are read", len(text), MaxAllowedSigners)
	}
	signers := &AllowedSigners{}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.Trim(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		signer, use, err := parseSigner(line)
		if err != nil {
			return nil, plimsoll.Errorf(plimsoll.Invalid, "line %d of the allowed signers: %v", number, err)
		}
		if use {
			signers.lines = append(signers.lines, signer)
		}
	}
	return signers, nil
}

// parseSigner reads a line, and tells whether it is for the namespace of scripts.
func parseSigner(line string) (signer allowedSigner, use bool, err error) {
	if strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' || r == utf8.RuneError }) {
		return signer, false, errors.New("has control characters, or is not UTF-8")
	}
	principals, rest := cut(line, " \t")
	signer.principals = strings.Trim(principals, `"`)
	// The base64 of every key begins so: with the three zero bytes of a length.
	const keyBegins = "AAAA"
	if signer.principals == "" || strings.Contains(signer.principals, `"`) || strings.HasPrefix(rest, keyBegins) {
		return signer, false, errors.New("must begin with the signer's name, such as alice@example.com, and then have a key as in a .pub file")
	}
	options := ""
	if _, encoded := cut(rest, " \t"); encoded != "" && !strings.HasPrefix(encoded, keyBegins) {
		options, rest = cut(rest, " \t")
	}
	use, err = signer.parseOptions(options)
	if err != nil {
		return signer, false, err
	}
	signer.key, err = parseKey(rest)
	return signer, use, err
}

// parseOptions reads "name="value",…". It tells whether the namespaces, where
// there are any, admit that of scripts.
func (s *allowedSigner) parseOptions(options string) (use bool, err error) {
	given := map[string]string{}
	for options != "" {
		var option string
		option, options = cut(options, ",")
		name, value, _ := strings.Cut(option, "=")
		name = strings.ToLower(name)
		if _, twice := given[name]; twice {
			return false, fmt.Errorf("has %s twice", name)
		}
		given[name] = value
		if err := s.parseOption(name, value); err != nil {
			return false, err
		}
	}
	if !s.before.IsZero() && !s.before.After(s.after) {
		return false, errors.New("has a valid-before that is not after its valid-after")
	}
	namespaces, restricted := given["namespaces"]
	return !restricted || admits(strings.Trim(namespaces, `"`), Namespace), nil
}

func (s *allowedSigner) parseOption(name, quoted string) (err error) {
	switch name {
	case "namespaces", "valid-after", "valid-before":
	case "cert-authority":
		return errors.New("has cert-authority: certificates are not taken, name each signer's own key")
	default:
		return fmt.Errorf("has the option %.40q; there are namespaces, valid-after and valid-before, and behind them the key", name)
	}
	value, opened := strings.CutPrefix(quoted, `"`)
	value, closed := strings.CutSuffix(value, `"`)
	if !opened || !closed || strings.Contains(value, `"`) {
		return fmt.Errorf(`must have the value of %s in quotes: %s="…"`, name, name)
	}
	switch name {
	case "valid-after":
		s.after, err = parseTime(value)
	case "valid-before":
		s.before, err = parseTime(value)
	}
	if err != nil {
		return fmt.Errorf("has a %s that is not YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z behind it for UTC", name)
	}
	return nil
}

func parseTime(text string) (time.Time, error) {
	digits, utc := strings.CutSuffix(text, "Z")
	location := time.Local
	if utc {
		location = time.UTC
	}
	layout, ok := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}[len(digits)]
	if !ok {
		return time.Time{}, errors.New("is not of 8, 12 or 14 digits")
	}
	return time.ParseInLocation(layout, digits, location)
}

// admits tells whether a pattern list (ssh_config(5), PATTERNS) matches name, which
// has no character that path.Match or the list takes for more than itself.
func admits(list, name string) bool {
	admitted := false
	for pattern := range strings.SplitSeq(list, ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		// [ and \ are themselves in the list, and so match nothing in name.
		matched, _ := path.Match(pattern, name)
		if !matched || strings.ContainsAny(pattern, `[\`) {
			continue
		}
		if negated {
			return false
		}
		admitted = true
	}
	return admitted
}

// parseKey reads "keytype base64 [comment]".
func parseKey(text string) (ssh.PublicKey, error) {
	declared, rest := cut(text, " \t")
	encoded, _ := cut(rest, " \t")
	if encoded == "" {
		return nil, errors.New("has no key: write NAME KEYTYPE BASE64, as in a .pub file behind the name")
	}
	if strings.Contains(declared, "-cert-v01@") {
		return nil, errors.New("has a certificate: they are not taken, name the signer's own key")
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, errors.New("has a key that is not base64")
	}
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return nil, fmt.Errorf("has a key that cannot be read: %w", err)
	}
	if key.Type() != declared || !bytes.Equal(key.Marshal(), blob) {
		return nil, fmt.Errorf("has a key that is of another type than %.40q, or not in its one form", declared)
	}
	return key, checkKey(key)
}

// checkKey refuses keys whose signatures are not safe, or not of this format.
func checkKey(key ssh.PublicKey) error {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
		ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		return nil
	case ssh.KeyAlgoRSA:
		public := key.(ssh.CryptoPublicKey).CryptoPublicKey().(*rsa.PublicKey)
		if bits := public.N.BitLen(); bits < minRSABits {
			return fmt.Errorf("has an RSA key of %d bits; %d are the fewest", bits, minRSABits)
		}
		return nil
	default:
		return fmt.Errorf("has a key of type %s; Ed25519, ECDSA and RSA keys are taken", key.Type())
	}
}

// allow gives the lines that allow the signature's key, at least one.
func (s *AllowedSigners) allow(signature *sshsig.Signature) ([]allowedSigner, error) {
	if signature.Namespace != Namespace {
		return nil, refuse(WrongNamespace,
			"the script's signature is for the namespace %.40[1]q, not for %[2]q; sign it with 'plimsoll script sign' or 'ssh-keygen -Y sign -n %[2]s'",
			signature.Namespace, Namespace)
	}
	if _, ok := signature.PublicKey.(*ssh.Certificate); ok {
		return nil, refuse(KeyNotAllowed, "the script is signed with a certificate; sign it with a key that is allowed itself")
	}
	if flags := signature.Signature.Rest; len(flags) > 0 && flags[0]&userPresent == 0 {
		return nil, refuse(KeyNotAllowed, "the script was signed without a touch of the security key; make the key without no-touch-required")
	}
	var lines []allowedSigner
	for _, line := range s.lines {
		if bytes.Equal(line.key.Marshal(), signature.PublicKey.Marshal()) {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, refuse(KeyNotAllowed,
			"the script is signed by a key that is not among the allowed signers: %s", ssh.FingerprintSHA256(signature.PublicKey))
	}
	return lines, nil
}

// inTime gives the first of a key's lines that holds at a time.
func inTime(lines []allowedSigner, at time.Time) (allowedSigner, error) {
	for _, line := range lines {
		if !at.Before(line.after) && (line.before.IsZero() || !at.After(line.before)) {
			return line, nil
		}
	}
	line := lines[len(lines)-1]
	what, bound := "is over: it was allowed until", line.before
	if at.Before(line.after) {
		what, bound = "has not begun: it is allowed from", line.after
	}
	return allowedSigner{}, refuse(KeyOutOfTime, "the time of the key %s of %s %s %s, and the script is of %s; sign it with another key",
		ssh.FingerprintSHA256(line.key), line.principals, what, bound.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339))
}

// cut gives s up to the first separator outside of quotes, and what follows the
// separators there.
func cut(s, separators string) (before, after string) {
	quoted := false
	end := strings.IndexFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && strings.ContainsRune(separators, r)
	})
	if end < 0 {
		return s, ""
	}
	return s[:end], strings.TrimLeft(s[end:], separators)
}
