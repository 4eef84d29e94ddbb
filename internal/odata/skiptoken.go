package odata

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"plimsoll/internal/query"
)

// NextToken makes the opaque token of a next page: the values of the keys that
// the page before ended with, tied to the query that was asked, so that it is
// refused by any other. list names what is listed.
func (q *Query) NextToken(list string, last []any) string {
	values, _ := json.Marshal(last) // int64s, strings and nils always marshal
	return makeToken(list+"?"+q.rows, values)
}

// After gives what the page ended with whose token the query carries, or nil
// where it carries none. own is the type of the list's own key, which follows
// those of $orderby.
func (q *Query) After(list string, own query.Type) ([]any, error) {
	if q.SkipToken == "" {
		return nil, nil
	}
	values, err := parseToken(OptionSkipToken, list+"?"+q.rows, q.SkipToken)
	if err != nil {
		return nil, err
	}
	if len(values) != len(q.OrderBy)+1 || !fits(values[len(q.OrderBy)], own) {
		return nil, foreignToken(OptionSkipToken)
	}
	for i, key := range q.OrderBy {
		if !fits(values[i], key.Expr.Type) {
			return nil, foreignToken(OptionSkipToken)
		}
	}
	return values, nil
}

// DeltaToken makes the token of a list of changes: numbers that only the list
// understands.
func DeltaToken(list string, numbers ...int64) string {
	values, _ := json.Marshal(numbers)
	return makeToken(list, values)
}

// ParseDeltaToken gives the numbers back, as many as there must be.
func ParseDeltaToken(option Option, list, token string, count int) ([]int64, error) {
	values, err := parseToken(option, list, token)
	if err != nil {
		return nil, err
	}
	if len(values) != count {
		return nil, foreignToken(option)
	}
	numbers := make([]int64, count)
	for i, value := range values {
		n, isNumber := value.(int64)
		if !isNumber || n < 0 {
			return nil, foreignToken(option)
		}
		numbers[i] = n
	}
	return numbers, nil
}

func makeToken(scope string, values []byte) string {
	sum := tokenSum(scope, values)
	return base64.RawURLEncoding.EncodeToString(append(sum[:], values...))
}

// parseToken gives the values back, if the token is whole and of this scope.
func parseToken(option Option, scope, token string) ([]any, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < sumSize || makeToken(scope, raw[sumSize:]) != token { // base64 has many spellings
		return nil, foreignToken(option)
	}
	var values []any
	d := json.NewDecoder(bytes.NewReader(raw[sumSize:]))
	d.UseNumber()
	if d.Decode(&values) != nil || d.InputOffset() != int64(len(raw)-sumSize) {
		return nil, foreignToken(option)
	}
	for i, value := range values {
		if n, isNumber := value.(json.Number); isNumber {
			if values[i], err = n.Int64(); err != nil {
				return nil, foreignToken(option)
			}
		}
	}
	return values, nil
}

func foreignToken(option Option) error {
	if option == OptionDeltaToken {
		return badRequest(string(option), "$deltatoken is not one that this list gave: follow @odata.deltaLink as it is, or start again without it.")
	}
	return badRequest(string(option),
		"$skiptoken is not one that this query gave: follow @odata.nextLink as it is, or start again without it.")
}

// fits tells whether a value can be the one that a key ended with.
func fits(value any, t query.Type) bool {
	switch value := value.(type) {
	case nil:
		return t.Nullable
	case string:
		return t.Kind == query.String && !strings.ContainsRune(value, 0)
	case int64:
		return t.Kind != query.String
	default:
		return false
	}
}

const sumSize = 8

// tokenSum is a checksum, not a signature: a token opens nothing that its query
// does not, and its values are bound to types before they are used.
func tokenSum(scope string, values []byte) [sumSize]byte {
	h := sha256.New()
	h.Write([]byte(scope + "\x00"))
	h.Write(values)
	return [sumSize]byte(h.Sum(nil))
}
