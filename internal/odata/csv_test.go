package odata_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"plimsoll/internal/odata"
)

func TestAppendRecord(t *testing.T) {
	t.Parallel()
	for want, cells := range map[string][]string{
		"a,,c\r\n":                        {"a", "", "c"},
		"\"a,b\",\"say \"\"x\"\"\"\r\n":   {"a,b", `say "x"`},
		"\"two\nlines\",\"cr\rhere\"\r\n": {"two\nlines", "cr\rhere"},
		"'=1+1,'+1,'-1,'@x,'\t1\r\n":      {"=1+1", "+1", "-1", "@x", "\t1"},
		"\"'\r=1\",\"'=\"\"x\"\"\"\r\n":   {"\r=1", `="x"`},
		" =1,a-b,\u202ex\r\n":             {" =1", "a-b", "\u202ex"},
	} {
		if got := string(odata.AppendRecord(nil, cells...)); got != want {
			t.Errorf("%q is written as %q, want %q", cells, got, want)
		}
	}
}

func FuzzAppendRecord(f *testing.F) {
	f.Add("=1", "a\"b")
	f.Add("\r\n", ",")
	f.Fuzz(func(t *testing.T, a, b string) {
		read, err := csv.NewReader(strings.NewReader(string(odata.AppendRecord(nil, "first", a, b)))).Read()
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"first"}
		for _, cell := range []string{a, b} {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				cell = "'" + cell
			}
			want = append(want, strings.ReplaceAll(cell, "\r\n", "\n")) // as that reader does
		}
		if diff := cmp.Diff(want, read); diff != "" {
			t.Error(diff)
		}
	})
}
