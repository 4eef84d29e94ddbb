// Package signature signs detection scripts and tells who signed them.
//
// A signed script ends in an armored SSH signature (PROTOCOL.sshsig of OpenSSH) as
// comment lines, which ssh-keygen can make and check as well:
//
//	#!/bin/sh
//	…
//	# Signed: 2030-05-01T08:00:00Z
//	# -----BEGIN SSH SIGNATURE-----
//	# U1NIU0lHAAAAAQ…
//	# -----END SSH SIGNATURE-----
//
// Signed is every byte before the last line "# -----BEGIN SSH SIGNATURE-----", as it
// is. An earlier block is thus signed bytes like any other. Nothing may follow the
// block, as it would run without being signed. The line "# Signed:" before it may be
// left out: it lets a device refuse an older script that is played back to it.
package signature

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"plimsoll"
)

// Namespace is what the signatures are for: ssh-keygen's -n.
const Namespace = "plimsoll"

// signedPrefix begins the line that says when a script was signed.
const signedPrefix = comment + "Signed: "

// Verified is who signed a script, and when they said they did.
type Verified struct {
	Principal   string    // of the allowed signer's line, as it stands there
	Fingerprint string    // of the key: SHA256 and its base64, as ssh-keygen prints it
	SignedAt    time.Time // UTC, to the second; zero where the script does not say
}

// Sign gives content with a signature appended, which says that it was made at
// signedAt. A signature at the end of content, and its line "# Signed:", are
// replaced. Content gets a line end where it lacks one. [plimsoll.Invalid] says
// that the signer's key is not one to sign with, or that the signed script would
// be larger than [plimsoll.MaxContent]; a [Refusal], that the block at the end of
// content is damaged and must be removed by hand.
//
// There is no source of randomness to give: Go's ECDSA has its own.
func Sign(content []byte, signer ssh.Signer, signedAt time.Time) ([]byte, error) {
	key, err := ssh.ParsePublicKey(signer.PublicKey().Marshal()) // an agent's key does not tell its size
	if err == nil {
		err = checkKey(key)
	}
	if err != nil {
		return nil, plimsoll.Errorf(plimsoll.Invalid, "the key cannot sign scripts: %v", err)
	}
	signed, err := unsigned(content)
	if err != nil {
		return nil, err
	}
	if len(signed) > 0 && signed[len(signed)-1] != '\n' {
		signed = append(signed, lineEndOf(signed)...)
	}
	lineEnd := lineEndOf(signed)
	signed = fmt.Appendf(signed, "%s%s%s", signedPrefix, signedAt.UTC().Format(time.RFC3339), lineEnd)
	signature, err := sshsig.Sign(bytes.NewReader(signed), signer, sshsig.HashSHA512, Namespace)
	if err != nil {
		return nil, fmt.Errorf("sign the script: %w", err)
	}
	result := signed
	for line := range strings.Lines(string(sshsig.Armor(signature))) {
		result = fmt.Appendf(result, "%s%s%s", comment, strings.TrimSuffix(line, "\n"), lineEnd)
	}
	if len(result) > plimsoll.MaxContent {
		return nil, plimsoll.Errorf(plimsoll.Invalid,
			"with its signature the script has %d bytes; a script has at most %d (1 MiB)", len(result), plimsoll.MaxContent)
	}
	// Some agents give RSA signatures with SHA-1, whatever they are asked for.
	self := &AllowedSigners{[]allowedSigner{{principals: "the signer", key: key}}}
	if _, err := Verify(result, self, signedAt); err != nil {
		return nil, fmt.Errorf("the key's signature does not hold: %w", err)
	}
	return result, nil
}

// unsigned gives a copy of content without the signature that it ends in.
func unsigned(content []byte) ([]byte, error) {
	if endsInBlock(content) {
		signed, _, err := split(content)
		if err != nil {
			return nil, fmt.Errorf("remove the lines of the old signature by hand: %w", err)
		}
		content = signed
	}
	if last := lastLine(content); bytes.HasPrefix(last, []byte(signedPrefix)) {
		content = content[:len(content)-len(last)]
	}
	return slices.Clone(content), nil
}

// lineEndOf gives the line end of the first line, so that an editor finds one kind
// in the file, and does not change others when it saves.
func lineEndOf(content []byte) string {
	if first, _, ok := bytes.Cut(content, []byte("\n")); ok && bytes.HasSuffix(first, []byte("\r")) {
		return "\r\n"
	}
	return "\n"
}

// lastLine gives the last line with its line end.
func lastLine(content []byte) []byte {
	return content[bytes.LastIndexByte(trimLineEnd(content), '\n')+1:]
}

// Verify gives who signed content, which must be one of signers and have been so
// when it was signed, or is so now where content does not say when that was. An
// error is a [Refusal].
func Verify(content []byte, signers *AllowedSigners, now time.Time) (Verified, error) {
	signed, signature, err := split(content)
	if err != nil {
		return Verified{}, err
	}
	lines, err := signers.allow(signature)
	if err != nil {
		return Verified{}, err
	}
	err = sshsig.Verify(bytes.NewReader(signed), signature, lines[0].key, signature.HashAlgorithm, Namespace)
	if err != nil {
		return Verified{}, refuse(ContentChanged,
			"the content was changed after it was signed: it does not match its signature; restore it, or sign it again")
	}
	signedAt, err := signedTime(signed)
	if err != nil {
		return Verified{}, err
	}
	at := signedAt
	if at.IsZero() {
		at = now
	}
	line, err := inTime(lines, at)
	if err != nil {
		return Verified{}, err
	}
	return Verified{line.principals, ssh.FingerprintSHA256(line.key), signedAt}, nil
}

// signedTime reads the line "# Signed:", the last of the signed bytes. A time that
// cannot be read is not passed over: the device would take it for one that is not
// said, and an older script for as good as a newer one.
func signedTime(signed []byte) (time.Time, error) {
	text, ok := bytes.CutPrefix(trimLineEnd(lastLine(signed)), []byte(signedPrefix))
	if !ok {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil || at.UTC().Format(time.RFC3339) != string(text) {
		return time.Time{}, refuse(SignatureDamaged,
			"the line '# Signed: %.60s' must have a time such as 2030-05-01T08:00:00Z; sign the script again", text)
	}
	return at.UTC(), nil
}
