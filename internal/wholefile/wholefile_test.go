package wholefile_test

import (
	"os"
	"path/filepath"
	"testing"

	"plimsoll/internal/wholefile"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key.pem")
	for _, content := range []string{"old", "new"} {
		if err := wholefile.Write(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("read %q, %v; want %q", got, err, content)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v; want the file alone", entries, err)
	}
	if err := wholefile.Write(filepath.Join(path, "under-a-file"), nil, 0o600); err == nil {
		t.Error("writing where no directory is did not fail")
	}
}
