package odata

import (
	"strings"
	"testing"

	"plimsoll/internal/query"
)

// TestLiterals reads each literal as the whole of an alias, so that nothing
// around it has a say in its type.
func TestLiterals(t *testing.T) {
	t.Parallel()
	const day = query.TicksPerDay
	cases := []struct {
		text  string
		kind  query.Kind
		scale uint8
		value any
	}{
		{"null", query.Null, 0, nil},
		{"true", query.Boolean, 0, true},
		{"false", query.Boolean, 0, false},

		{"0", query.Number, 0, int64(0)},
		{"-0", query.Number, 0, int64(0)},
		{"007", query.Number, 0, int64(7)},
		{"9223372036854775807", query.Number, 0, int64(9223372036854775807)},
		{"-9223372036854775808", query.Number, 0, int64(-9223372036854775808)},
		{"1.5", query.Number, 1, int64(15)},
		{"-1.50", query.Number, 1, int64(-15)},
		{"1.000", query.Number, 1, int64(10)}, // a decimal, since it has a point
		{"0.000000001", query.Number, 9, int64(1)},
		{"0.0000000010", query.Number, 9, int64(1)},
		{"1e3", query.Number, 0, int64(1000)},
		{"1E+3", query.Number, 0, int64(1000)},
		{"1.5e1", query.Number, 1, int64(150)},
		{"1.25e1", query.Number, 1, int64(125)},
		{"1500e-3", query.Number, 1, int64(15)},
		{"1e-9", query.Number, 9, int64(1)},
		{"100e-10", query.Number, 8, int64(1)},
		{"0.0e-5", query.Number, 1, int64(0)},
		{"-0e-1", query.Number, 0, int64(0)},
		{"0e20", query.Number, 0, int64(0)},
		{"9e18", query.Number, 0, int64(9000000000000000000)},

		{"''", query.String, 0, ""},
		{"'it''s'", query.String, 0, "it's"},
		{"''''", query.String, 0, "'"},
		{"'ü\n(),;'", query.String, 0, "ü\n(),;"},
		{"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", query.String, 0, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{"11111111-2222-3333-4444-555555555555", query.String, 0, "11111111-2222-3333-4444-555555555555"},

		{"0001-01-01", query.Date, 0, int64(0)},
		{"0001-01-02", query.Date, 0, int64(1)},
		{"0004-02-29", query.Date, 0, int64(3*365 + 59)},
		{"2000-02-29", query.Date, 0, int64(730178)},
		{"9999-12-31", query.Date, 0, query.MaxDate},

		{"00:00", query.TimeOfDay, 0, int64(0)},
		{"12:00", query.TimeOfDay, 0, day / 2},
		{"23:59:59.9999999", query.TimeOfDay, 0, day - 1},
		{"00:00:00.000000199999", query.TimeOfDay, 0, int64(1)},

		{"0001-01-01T00:00:00Z", query.Instant, 0, int64(0)},
		{"0001-01-01T00:00:00.0000001z", query.Instant, 0, int64(1)},
		{"0001-01-01t01:00-01:00", query.Instant, 0, day / 12},
		{"0001-01-02T01:00:00+01:00", query.Instant, 0, day},
		{"0001-01-02T01:00:00 01:00", query.Instant, 0, day}, // a + that was not encoded
		{"9999-12-31T23:59:59.9999999Z", query.Instant, 0, query.MaxInstant},

		{"duration'P1D'", query.Duration, 0, day},
		{"Duration'-P1D'", query.Duration, 0, -day},
		{"duration'+PT1H'", query.Duration, 0, day / 24},
		{"duration'p1dt2h3m4.5000001s'", query.Duration, 0, day + 2*day/24 + 3*day/1440 + 45000001},
		{"duration'PT0.123456789012S'", query.Duration, 0, int64(1234567)},
		{"duration'PT0S'", query.Duration, 0, int64(0)},
		{"duration'P3652058DT23H59M59.9999999S'", query.Duration, 0, query.MaxInstant},

		{"binary''", query.Binary, 0, ""},
		{"binary'_-8='", query.Binary, 0, "\xff\xef"},
		{"BINARY'/+8'", query.Binary, 0, "\xff\xef"},

		{"test.color'red'", query.Enum, 0, "red"},
		{"test.shape'square'", query.Enum, 0, "square"}, // of an entity that the row leads to
	}
	for _, c := range cases {
		p := &parser{option: OptionFilter, text: c.text, env: &environment{}, typ: rowType()}
		e, err := p.whole()
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		value := e.Value
		if binary, ok := value.([]byte); ok {
			value = string(binary)
		}
		if e.Op != query.Literal || e.Type.Kind != c.kind || e.Type.Scale != c.scale || value != c.value {
			t.Errorf("%s: %+v, want %d, %d places, %v", c.text, e, c.kind, c.scale, c.value)
		}
		if n, ok := e.Value.(int64); ok && (e.Type.Min != n || e.Type.Max != n) {
			t.Errorf("%s: from %d to %d", c.text, e.Type.Min, e.Type.Max)
		}
	}
}

func TestLiteralsRefused(t *testing.T) {
	t.Parallel()
	cases := map[string][]string{
		"expected a number": {
			"1.", "1.5.5", "1e", "1e1.5", "1-1", "5L", "1.5f", "0x10", "1e1e1", "--1e", "12:0", "2024-1-1",
		},
		"more digits than are kept": {
			"9223372036854775808", "-9223372036854775809", "0.0000000001", "1e19", "1e21", "1e-10", "1e-99", "92233720368547758.071",
			"1e99999", "123456789.0123456789",
		},
		"expected a date such as": {
			"0000-12-31", "2023-02-29", "1900-02-29", "2024-00-01", "2024-13-01", "2024-04-31", "2024-01-00", "2024-01-32",
		},
		"expected a date and time": {
			"2024-01-31T", "2024-01-31T08:00:00", "2024-02-30T00:00Z", "2024-01-31T24:00Z", "2024-01-31T00:00:60Z",
			"2024-01-31T00:00:00+15:00", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2024-01-31x", "2024-01-31T00:00:00Z 01:00",
		},
		"expected a time of day": {"24:00", "12:60", "12:00:60", "12:00:00.", "12:00Z", "12:00:00.1234567890123", "12:00:0"},
		"expected a duration such as": {
			"duration''", "duration'P'", "duration'PT'", "duration'P1DT'", "duration'P1Y'", "duration'P1M'", "duration'P1W'",
			"duration'1D'", "duration'PT1.5M'", "duration'PT.5S'", "duration'PT1.S'", "duration'PT1S1M'", "duration'PT1H1H'",
			"duration'P-1D'", "duration'--P1D'", "duration'-+P1D'", "duration'PT1,5S'", "duration'P3652059D'",
			"duration'P3652058DT24H'", "duration'P99999999999999999999D'", "duration'PT0.1234567890123S'", "duration'PT5ſ'",
			"duration'P3652058DT87649391H5258963519M0S'", "duration'P3652058DT87649391H5258963519M315537811199S'",
			"duration'PT1S '", "duration' PT1S'", "duration'P1_0D'",
		},
		"expected base64":             {"binary'*'", "binary'A'", "binary'A==B'"},
		"is of older versions":        {"guid'x'", "datetime'2024-01-31'", "DateTimeOffset'2024-01-31'", "time'PT1H'"},
		"is no type of a literal":     {"test.colour'red'", "color'red'", "TEST.color'red'", "x'AB'"},
		"is no member of test.color":  {"test.color'Red'", "test.color''", "test.color'red,green'"},
		"is no property of":           {"True", "NULL", "a0eebc99"},
		"numbers here are exact":      {"INF", "-INF", "NaN"},
		"has no end":                  {"'", "'x", "'x''", "duration'P1D", "'it''s"},
		"expected a property, a lite": {".5", "-.5", "-", "+1", "\"x\"", "{}", "[1]", "é"},
	}
	for want, texts := range cases {
		for _, text := range texts {
			p := &parser{option: OptionFilter, text: text, env: &environment{}, typ: rowType()}
			if e, err := p.whole(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, %v, want %q", text, show(e), err, want)
			}
		}
	}
}
