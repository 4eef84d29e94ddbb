package odata

import (
	"testing"
	"time"
)

func TestParseDateTimeOffset(t *testing.T) {
	t.Parallel()
	cases := []struct{ text, want string }{ // want "" is a refusal
		{"2017-01-01T00:01:17.4310553-08:00", "2017-01-01T08:01:17.4310553Z"},
		{"2017-01-01T00:01:17Z", "2017-01-01T00:01:17Z"},
		{"2017-01-01t00:01:17z", "2017-01-01T00:01:17Z"},
		{"2017-01-01T00:01Z", "2017-01-01T00:01:00Z"},
		{"2017-01-01T00:01+05:45", "2016-12-31T18:16:00Z"},
		{"2017-01-01T00:01:17.1Z", "2017-01-01T00:01:17.1Z"},
		{"2017-01-01T00:01:17.123456789Z", "2017-01-01T00:01:17.1234567Z"},
		{"2017-01-01T00:01:17.123456789012+14:00", "2016-12-31T10:01:17.1234567Z"},
		{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
		{"0001-01-01T14:00:00+14:00", "0001-01-01T00:00:00Z"},
		{"9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"},
		{"2024-02-29T23:59:59-14:00", "2024-03-01T13:59:59Z"},

		{"", ""},
		{"2017-01-01", ""},
		{"2017-01-01T00:01:17", ""},                   // no offset
		{"2017-01-01T00:01:17.Z", ""},                 // no digit
		{"2017-01-01T00:01:17,5Z", ""},                // a comma
		{"2017-01-01T00:01:17.1234567890123Z", ""},    // 13 digits
		{"2017-01-01T0:01:17Z", ""},                   // one digit
		{"2017-01-01T00:1:17Z", ""},                   //
		{"2017-01-01T00:01:7Z", ""},                   //
		{"2017-1-01T00:01:17Z", ""},                   //
		{"2017-01-01 00:01:17Z", ""},                  // a space
		{"2017-01-01T24:00:00Z", ""},                  //
		{"2017-01-01T23:59:60Z", ""},                  // a leap second
		{"2017-02-29T00:00:00Z", ""},                  //
		{"2017-01-01T00:01:17+14:01", ""},             //
		{"2017-01-01T00:01:17-99:00", ""},             //
		{"2017-01-01T00:01:17+0800", ""},              //
		{"2017-01-01T00:01:17Z ", ""},                 //
		{"0000-12-31T23:59:59Z", ""},                  // year 0
		{"0001-01-01T00:00:00+00:01", ""},             // year 0 in UTC
		{"9999-12-31T23:59:59-00:01", ""},             // year 10000 in UTC
		{"12017-01-01T00:01:17Z", ""},                 //
		{"-2017-01-01T00:01:17Z", ""},                 //
		{"２０１７-01-01T00:01:17Z", ""},                  // digits that are not ASCII
		{"2017-01-01T00:01:17.4310553-08:00\x00", ""}, //
	}
	for _, c := range cases {
		got, ok := ParseDateTimeOffset(c.text)
		if text := string(AppendDateTimeOffset(nil, got)); ok != (c.want != "") || ok && text != c.want {
			t.Errorf("%q: %s, %t, want %q", c.text, text, ok, c.want)
		}
	}
}

func FuzzParseDateTimeOffset(f *testing.F) {
	f.Add("2017-01-01T00:01:17.4310553-08:00")
	f.Add("0001-01-01T00:00Z")
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := ParseDateTimeOffset(text)
		if !ok {
			return
		}
		if got.Location() != time.UTC || got.Year() < 1 || got.Year() > 9999 || got.Nanosecond()%100 != 0 {
			t.Fatalf("%q gives %v", text, got)
		}
		again, ok := ParseDateTimeOffset(string(AppendDateTimeOffset(nil, got)))
		if !ok || !again.Equal(got) {
			t.Fatalf("%q: %v does not survive a round trip: %v", text, got, again)
		}
	})
}
