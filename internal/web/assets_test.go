package web_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// filesBelow gives the content of each file, by its path below the folder.
func filesBelow(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		files[strings.TrimPrefix(filepath.ToSlash(name), folder)] = content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// ours leaves out what was not written here.
func ours(files map[string][]byte, ending string) map[string]string {
	chosen := map[string]string{}
	for name, content := range files {
		if strings.HasSuffix(name, ending) && !strings.Contains(name, "/vendor/") {
			chosen[name] = string(content)
		}
	}
	return chosen
}

// Everything together, also what only some pages load, fits in what a first load
// may take.
func TestSize(t *testing.T) {
	t.Parallel()
	const limit = 150 << 10
	total := 0
	for name, content := range filesBelow(t, "assets") {
		if strings.HasSuffix(name, ".txt") { // licences, which no page loads
			continue
		}
		var packed bytes.Buffer
		zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := zip.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
		total += packed.Len()
	}
	t.Logf("%d bytes, compressed", total)
	if total >= limit {
		t.Errorf("the dashboard takes %d bytes, compressed; at most %d", total, limit)
	}
}

func TestVendored(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("vendor.json")
	if err != nil {
		t.Fatal(err)
	}
	var listed []struct{ Name, Version, Licence, From, File, SHA256 string }
	if err := json.Unmarshal(content, &listed); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, one := range listed {
		files = append(files, one.File)
		content, err := os.ReadFile(one.File)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != one.SHA256 {
			t.Errorf("%s is not %s of %s %s: its SHA-256 is %x", one.File, one.From, one.Name, one.Version, sum)
		}
		if one.Version == "" || one.Licence == "" {
			t.Errorf("%s lacks a version or a licence", one.File)
		}
	}
	for name := range filesBelow(t, "assets/dashboard/vendor") {
		if !strings.HasSuffix(name, ".LICENSE.txt") && !slices.Contains(files, "assets/dashboard/vendor"+name) {
			t.Errorf("vendor.json does not list %s", name)
		}
	}
}

// The page's own modules import what is there, by relative paths, and the first
// page asks at once for all that it needs.
func TestModules(t *testing.T) {
	t.Parallel()
	files := filesBelow(t, "assets")
	index := string(files["/index.html"])
	imports := regexp.MustCompile(`(?s)\b(?:import|export)\s[^;]*?\sfrom '([^']+)'`)
	later := regexp.MustCompile(`\bimport\('([^']+)'\)`) // when it is needed
	reached := map[string]bool{}
	var walk func(name string, first bool)
	walk = func(name string, first bool) {
		if reached[name] {
			return
		}
		reached[name] = true
		follow := func(found []string, first bool) {
			to := path.Join(path.Dir(name), found[1])
			if !strings.HasPrefix(found[1], ".") || files[to] == nil {
				t.Errorf("%s imports %s, which is not there", name, found[1])
				return
			}
			if first && !strings.Contains(index, `<link rel="modulepreload" href="`+to+`">`) {
				t.Errorf("index.html does not preload %s", to)
			}
			walk(to, first)
		}
		for _, found := range imports.FindAllStringSubmatch(string(files[name]), -1) {
			follow(found, first)
		}
		for _, found := range later.FindAllStringSubmatch(string(files[name]), -1) {
			follow(found, name == "/dashboard/app.js")
		}
	}
	walk("/dashboard/app.js", true)
	for name := range ours(files, ".js") {
		if !reached[name] && name != "/dashboard/theme.js" && name != "/dashboard/signed-in.js" {
			t.Errorf("nothing imports %s", name)
		}
	}
}

// Nothing in the pages would need a laxer policy, or leave the server.
func TestMarkup(t *testing.T) {
	t.Parallel()
	files := filesBelow(t, "assets")
	forbidden := regexp.MustCompile(`(?i)<style|\sstyle="|\son\w+="|<script>|javascript:|dangerouslySetInnerHTML|innerHTML|\beval\(|new Function|https?://`)
	allowed := regexp.MustCompile(`http://www\.w3\.org/2000/svg`)
	for _, ending := range []string{".html", ".js", ".css"} {
		for name, content := range ours(files, ending) {
			if found := forbidden.FindString(allowed.ReplaceAllString(content, "")); found != "" {
				t.Errorf("%s has %q", name, found)
			}
		}
	}
}

// Every text that a page shows is there, and every text is shown somewhere.
func TestTexts(t *testing.T) {
	t.Parallel()
	module := filepath.Join(t.TempDir(), "texts.mjs")
	content, err := os.ReadFile("assets/dashboard/texts.js")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(module, content, 0o600); err != nil {
		t.Fatal(err)
	}
	const list = `const { t } = await import(process.argv[1]);
		const names = (value, at) => typeof value === 'object' ? [at, ...Object.entries(value).flatMap(([key, one]) => names(one, at ? at + '.' + key : key))] : [at];
		console.log(JSON.stringify(names(t, '').filter(Boolean)));`
	told, err := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", list, module).Output()
	if err != nil {
		t.Fatalf("node lists the texts: %v (install nodejs)", err)
	}
	var known []string
	if err := json.Unmarshal(told, &known); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	uses := regexp.MustCompile(`\bt((?:\.\w+)+)`)
	for name, content := range ours(filesBelow(t, "assets"), ".js") {
		for _, found := range uses.FindAllStringSubmatch(content, -1) {
			text := strings.TrimPrefix(found[1], ".")
			if !slices.Contains(known, text) && name != "/dashboard/texts.js" {
				t.Errorf("%s shows the text %s, which is not there", name, text)
			}
			used[text] = true
		}
	}
	for _, text := range known {
		shown := used[text]
		for at := text; !shown && strings.Contains(at, "."); {
			at = at[:strings.LastIndex(at, ".")] // t.states[state] shows all of them
			shown = used[at]
		}
		if !shown && !slices.ContainsFunc(known, func(other string) bool { return strings.HasPrefix(other, text+".") }) {
			t.Errorf("no page shows the text %s", text)
		}
	}
}
