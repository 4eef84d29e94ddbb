package odata

import (
	"crypto/sha256"
	"encoding/base64"
)

// SkipToken makes the opaque token of a next page: the key that the page before
// ended with, tied to the query that was asked, so that it is refused by any
// other. scope is all that decides which rows there are, and in which order.
func SkipToken(scope, lastKey string) string {
	sum := tokenSum(scope, lastKey)
	return base64.RawURLEncoding.EncodeToString(append(sum[:], lastKey...))
}

// ParseSkipToken gives the key back, if it is one; the error is the client's.
func ParseSkipToken(scope, token string, isKey func(string) bool) (lastKey string, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil && len(raw) > sumSize {
		// Made again and compared, since base64 has many spellings.
		if lastKey = string(raw[sumSize:]); SkipToken(scope, lastKey) == token && isKey(lastKey) {
			return lastKey, nil
		}
	}
	return "", badRequest("$skiptoken",
		"$skiptoken is not one that this query gave: follow @odata.nextLink as it is, or start again without it.")
}

const sumSize = 8

// tokenSum is a checksum, not a signature: a token opens nothing that its query
// does not, and isKey has the last word.
func tokenSum(scope, lastKey string) [sumSize]byte {
	sum := sha256.Sum256([]byte(scope + "\x00" + lastKey))
	return [sumSize]byte(sum[:])
}
