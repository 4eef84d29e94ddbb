package signature

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// The lines around a signature, as ssh-keygen writes them behind a comment sign.
const (
	comment   = "# "
	beginLine = comment + "-----BEGIN SSH SIGNATURE-----"
	endLine   = comment + "-----END SSH SIGNATURE-----"
)

// endsInBlock tells whether the last line ends a signature block.
func endsInBlock(content []byte) bool {
	body := trimLineEnd(content)
	before, ok := bytes.CutSuffix(body, []byte(endLine))
	return ok && (len(before) == 0 || before[len(before)-1] == '\n')
}

// split gives the bytes that are signed and the signature of them, which the last
// block of content holds.
func split(content []byte) (signed []byte, signature *sshsig.Signature, err error) {
	start := lastBegin(content)
	switch {
	case start < 0:
		return nil, nil, refuse(NotSigned, "the script is not signed: no line of it is %q; sign it with 'plimsoll script sign'", beginLine)
	case !endsInBlock(content):
		// An interpreter would run what follows, and nobody signed it.
		return nil, nil, refuse(SignatureDamaged,
			"the signature is damaged: the last line must be %q, and nothing may follow it; sign the script again", endLine)
	}
	signature, err = parseBlock(content[start:])
	return content[:start], signature, err
}

// lastBegin gives the offset of the last line that begins a block, or -1.
func lastBegin(content []byte) int {
	for end := len(content); ; {
		start := bytes.LastIndex(content[:end], []byte(beginLine))
		if start < 0 {
			return -1
		}
		line, _, _ := bytes.Cut(content[start:], []byte("\n"))
		if (start == 0 || content[start-1] == '\n') && len(trimLineEnd(line)) == len(beginLine) {
			return start
		}
		end = start
	}
}

// parseBlock reads a block from its first to its last line. The base64 may be
// broken into lines anywhere.
func parseBlock(block []byte) (*sshsig.Signature, error) {
	lines := bytes.Split(trimLineEnd(block), []byte("\n"))
	var armored strings.Builder
	for _, line := range lines[1 : len(lines)-1] {
		text, ok := bytes.CutPrefix(trimLineEnd(line), []byte(comment))
		if !ok || bytes.ContainsRune(text, '\r') { // which the decoder would pass over
			return nil, damaged("a line in it is not a comment")
		}
		armored.Write(text)
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(armored.String())
	if err != nil {
		return nil, damaged("it is not base64")
	}
	return parseBlob(blob)
}

// parseBlob reads a signature as PROTOCOL.sshsig of OpenSSH lays it out. It has one
// form only: nothing that is not signed can be hidden in it.
func parseBlob(blob []byte) (*sshsig.Signature, error) {
	signature, err := sshsig.ParseSignature(blob)
	if err != nil {
		return nil, damaged(fmt.Sprintf("%.200s", err)) // it may quote what it read
	}
	rest := 0
	switch signature.PublicKey.Type() {
	case ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		rest = 5 // flags and a counter (PROTOCOL.u2f)
	}
	if len(signature.Signature.Rest) != rest || !bytes.Equal(signature.Marshal(), blob) {
		return nil, damaged("it has bytes that do not belong to it")
	}
	return signature, nil
}

func damaged(why string) error {
	return refuse(SignatureDamaged, "the signature is damaged: %s; sign the script again", why)
}

// trimLineEnd takes one line end away, LF or CRLF.
func trimLineEnd(text []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
}
