package pgtest

import (
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// findInstalled returns the folder of PostgreSQL's programs: the one in PATH, else the highest version where Debian and
// Homebrew install.
func findInstalled() (string, error) {
	return findIn("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin")
}

func findIn(globs ...string) (string, error) {
	var folders []string
	for _, glob := range globs {
		found, err := filepath.Glob(glob)
		if err != nil {
			return "", err
		}
		folders = append(folders, found...)
	}
	slices.SortStableFunc(folders, func(a, b string) int { return version(b) - version(a) })
	if initdb, err := exec.LookPath("initdb"); err == nil {
		folders = slices.Insert(folders, 0, filepath.Dir(initdb))
	}
	for _, folder := range folders {
		if complete(folder) {
			return filepath.Abs(folder)
		}
	}
	return "", errors.New("PostgreSQL is missing: run make test-deps or apt-get install postgresql")
}

// version returns the major version in a folder such as postgresql/17/bin or postgresql@17/bin, or 0.
func version(folder string) int {
	match := regexp.MustCompile(`postgresql[/@](\d+)`).FindStringSubmatch(folder)
	if match == nil {
		return 0
	}
	n, _ := strconv.Atoi(match[1]) // digits, by the pattern; one too great to parse sorts as the greatest
	return n
}

func complete(folder string) bool {
	for _, program := range []string{"initdb", "postgres", "pg_ctl"} {
		if _, err := exec.LookPath(filepath.Join(folder, program)); err != nil {
			return false
		}
	}
	return true
}
