package odata_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"plimsoll/internal/odata"
)

func TestAppendRecord(t *testing.T) {
	t.Parallel()
	for want, cells := range map[string][]string{
		"a,,c\r\n":                           {"a", "", "c"},
		"\"a,b\",\"say \"\"x\"\"\"\r\n":      {"a,b", `say "x"`},
		"\"two\nlines\",\"cr\rhere\"\r\n":    {"two\nlines", "cr\rhere"},
		"'=1+1,'+1,'-1,'@x,'\t1\r\n":         {"=1+1", "+1", "-1", "@x", "\t1"},
		"\"'\r'=1\",\"'=\"\"x\"\"\"\r\n":     {"\r=1", `="x"`},
		" =1,a-b,\u202ex\r\n":                {" =1", "a-b", "\u202ex"},
		"'＝1,'＋1,'－1,'＠x\r\n":                {"＝1", "＋1", "－1", "＠x"},
		"\"x;\"\"'=1;\",\"\"\"'=1\"\r\n":     {`x;"=1;`, `"=1`},
		"';'=1;a;'@x,a;b=1\r\n":              {";=1;a;@x", "a;b=1"},
		"\"'\n'=1\",\"x\n\n'-1\r\n'- \"\r\n": {"\n=1", "x\n\n-1\r\n- "},
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
		for _, part := range strings.FieldsFunc(string(odata.AppendRecord(nil, "first", a, b)), func(c rune) bool { return strings.ContainsRune("\t\r\n;", c) }) {
			if part = strings.TrimLeft(part, `"`); part != "" && strings.ContainsAny(part[:1], "=+-@") {
				t.Errorf("%q is a formula where no quote is one", part)
			}
		}
		for i, cell := range []string{a, b} {
			for _, part := range strings.FieldsFunc(read[i+1], func(c rune) bool { return strings.ContainsRune("\t\r\n;", c) }) {
				if strings.ContainsAny(part[:1], "=+-@") || strings.HasPrefix(part, "＝") {
					t.Errorf("%q is a formula where cells end so", part)
				}
			}
			// The rest is as it was, but for what that reader makes of line ends.
			plain := strings.NewReplacer("'", "", "\r", "")
			if got, want := plain.Replace(read[i+1]), plain.Replace(cell); got != want {
				t.Errorf("%q is read as %q", cell, read[i+1])
			}
		}
	})
}
