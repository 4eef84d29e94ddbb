package odata

import (
	"encoding/base64"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"plimsoll/internal/query"
)

func ownKey() query.Type { return query.Type{Kind: query.String} }

// paged parses a query that carries a token.
func paged(t *testing.T, raw, token string) *Query {
	t.Helper()
	q, err := parseQuery(raw + "&$skiptoken=" + token)
	if err != nil {
		t.Fatalf("%s with %s: %v", raw, token, err)
	}
	return q
}

func TestSkipTokenRoundTrip(t *testing.T) {
	t.Parallel()
	cases := []struct {
		raw  string
		last []any
	}{
		{"", []any{"id"}},
		{"$orderby=name", []any{"", "id"}},
		{"$orderby=name desc,note", []any{"it's \"ü\" <&>\u2028\n", nil, "id"}},
		{"$orderby=count,total", []any{int64(-1), int64(math.MinInt64), "id"}},
		{"$orderby=maybe,price", []any{nil, int64(math.MaxInt64), "id"}},
		{"$orderby=sure,unsure desc", []any{int64(1), nil, "id"}},
		{"$orderby=at,on,daily,lasts", []any{query.MaxInstant, query.MaxDate, int64(0), int64(-5), "id"}},
		{"$orderby=color,shade", []any{int64(1), nil, "id"}}, // by the member's place
		{"$orderby=best/name,best/size", []any{nil, nil, "id"}},
		{"$orderby=length(name),tolower(note)&$filter=name eq @n&@n='x'&$search=y", []any{int64(3), "abc", "id"}},
	}
	for _, c := range cases {
		q, err := parseQuery(c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		if last, err := q.After("rows", ownKey()); last != nil || err != nil {
			t.Errorf("%s begins after %v, %v", c.raw, last, err)
		}
		token := q.NextToken("rows", c.last)
		got, err := paged(t, c.raw+"&$top=1&$select=name&$count=true&$expand=best", token).After("rows", ownKey())
		if err != nil || !slices.Equal(got, c.last) {
			t.Errorf("%s: %v, %v, want %v", c.raw, got, err, c.last)
		}
	}
}

func refusesToken(t *testing.T, what string, err error, option Option) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != BadRequest || e.Target != string(option) || !strings.Contains(e.Message, "start again without it") {
		t.Errorf("%s: %+v", what, err)
	}
}

func TestSkipTokenTamperedWith(t *testing.T) {
	t.Parallel()
	const raw = "$orderby=name"
	q, err := parseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	token := q.NextToken("rows", []any{"name", "id"})
	for i := range len(token) {
		for _, c := range []byte("A_-z0=.") {
			if changed := token[:i] + string(c) + token[i+1:]; changed != token {
				_, err := paged(t, raw, changed).After("rows", ownKey())
				refusesToken(t, changed, err, OptionSkipToken)
			}
		}
		_, err = paged(t, raw, token[:i]+"x"+token[i:]).After("rows", ownKey())
		refusesToken(t, "a byte more", err, OptionSkipToken)
		if i > 0 {
			_, err = paged(t, raw, token[:i]).After("rows", ownKey())
			refusesToken(t, "a part", err, OptionSkipToken)
		}
	}
	for _, end := range []string{"=", "==", "%0a", "+", "."} {
		_, err = paged(t, raw, token+end).After("rows", ownKey())
		refusesToken(t, "an end more", err, OptionSkipToken)
	}
}

func TestSkipTokenOfAnotherQuery(t *testing.T) {
	t.Parallel()
	const raw = "$orderby=name&$filter=count eq @n&@n=1&$search=x"
	q, err := parseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	token := q.NextToken("rows", []any{"name", "id"})
	if _, err := paged(t, "@n=1&search=x&%24OrderBy=name&filter=count%20eq%20@n", token).After("rows", ownKey()); err != nil {
		t.Error("the same query in another order is refused:", err)
	}
	for _, other := range []string{
		"$orderby=name&$filter=count eq @n&@n=2&$search=x",
		"$orderby=name&$filter=count ne @n&@n=1&$search=x",
		"$orderby=name desc&$filter=count eq @n&@n=1&$search=x",
		"$orderby=note&$filter=count eq @n&@n=1&$search=x",
		"$orderby=name&$filter=count eq @n&@n=1&$search=y",
		"$orderby=name&$filter=count eq @n&@n=1",
		"$orderby=name&$filter=count eq @n&$search=x",
		"$orderby=name&$filter=count eq @n&$search=x%26%40n=1", // its text joined with & is the same
		"$orderby=name",
		"",
	} {
		_, err := paged(t, other, token).After("rows", ownKey())
		refusesToken(t, other, err, OptionSkipToken)
	}
	_, err = paged(t, raw, token).After("others", ownKey())
	refusesToken(t, "another list", err, OptionSkipToken)
	_, err = paged(t, raw, DeltaToken("rows", 1, 2)).After("rows", ownKey())
	refusesToken(t, "a delta token", err, OptionSkipToken)
}

// TestSkipTokenOfOtherValues makes tokens that no page ends with.
func TestSkipTokenOfOtherValues(t *testing.T) {
	t.Parallel()
	const raw = "$orderby=name,count,note"
	q, err := parseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := paged(t, raw, makeToken("rows?"+q.rows, []byte(`["a",1,null,"id"]`))).After("rows", ownKey()); err != nil {
		t.Fatal(err)
	}
	for _, values := range []string{
		``, `null`, `{}`, `[]`, `["a",1,null]`, `["a",1,null,"id","id"]`, `["a",1,null,"id"`, `["a",1,null,"id"]]`,
		`["a",1,null,"id"] `, `["a",1,null,"id"]}`, `["a",1,null,"id"][]`, `[1,1,null,"id"]`, `["a","1",null,"id"]`,
		`[null,1,null,"id"]`, `["a",null,null,"id"]`, `["a",1,2,"id"]`, `["a",1,null,null]`, `["a",1,null,1]`,
		`["a",1.5,null,"id"]`, `["a",1e2,null,"id"]`, `["a",9223372036854775808,null,"id"]`, `["a",true,null,"id"]`,
		`["a",[1],null,"id"]`, `["a",{},null,"id"]`, `["\u0000",1,null,"id"]`, `["a",1,null,"i\u0000d"]`,
	} {
		_, err := paged(t, raw, makeToken("rows?"+q.rows, []byte(values))).After("rows", ownKey())
		refusesToken(t, values, err, OptionSkipToken)
	}
	short := base64.RawURLEncoding.EncodeToString([]byte("1234567"))
	for _, token := range []string{short, "x", "*", "[]"} {
		_, err := paged(t, raw, token).After("rows", ownKey())
		refusesToken(t, token, err, OptionSkipToken)
	}
}

func TestDeltaToken(t *testing.T) {
	t.Parallel()
	token := DeltaToken("rows", 0, math.MaxInt64, 7)
	if got, err := ParseDeltaToken(OptionDeltaToken, "rows", token, 3); err != nil || !slices.Equal(got, []int64{0, math.MaxInt64, 7}) {
		t.Error(got, err)
	}
	if got, err := ParseDeltaToken(OptionSkipToken, "rows", DeltaToken("rows"), 0); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	for i := range len(token) {
		c := byte('A')
		if token[i] == c {
			c = 'B'
		}
		_, err := ParseDeltaToken(OptionDeltaToken, "rows", token[:i]+string(c)+token[i+1:], 3)
		refusesToken(t, "a byte changed", err, OptionDeltaToken)
		_, err = ParseDeltaToken(OptionDeltaToken, "rows", token[:i], 3)
		refusesToken(t, "a part", err, OptionDeltaToken)
	}
	q, err := parseQuery("")
	if err != nil {
		t.Fatal(err)
	}
	for what, foreign := range map[string]string{
		"fewer":        DeltaToken("rows", 1, 2),
		"more":         DeltaToken("rows", 1, 2, 3, 4),
		"less than 0":  DeltaToken("rows", 1, -2, 3),
		"another list": DeltaToken("others", 1, 2, 3),
		"a skip token": q.NextToken("rows", []any{int64(1), int64(2), int64(3)}),
		"a text":       makeToken("rows", []byte(`[1,2,"3"]`)),
		"null":         makeToken("rows", []byte(`[1,2,null]`)),
		"a fraction":   makeToken("rows", []byte(`[1,2,3.5]`)),
		"more behind":  makeToken("rows", []byte(`[1,2,3]]`)),
		"none":         "",
	} {
		_, err := ParseDeltaToken(OptionDeltaToken, "rows", foreign, 3)
		refusesToken(t, what, err, OptionDeltaToken)
		_, err = ParseDeltaToken(OptionSkipToken, "rows", foreign, 3)
		refusesToken(t, what, err, OptionSkipToken)
	}
}
