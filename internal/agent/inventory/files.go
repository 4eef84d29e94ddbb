package inventory

import (
	"errors"
	"io"
	"io/fs"
	"strings"

	"plimsoll"
)

// maxFile is how much of a file is read, in bytes. What is sought stands near the
// beginning of those that may be longer.
const maxFile = 1 << 20

// read gives the text of a file. A file that is not there is empty, and one that is
// no regular file is refused unread: to open a named pipe would wait for its writer.
func read(root fs.FS, name string) (string, error) {
	info, err := fs.Stat(root, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", plimsoll.Errorf(plimsoll.Invalid, "%s is not a regular file.", name)
	}
	file, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile))
	return string(text), err
}

// readLine gives the text of a file, trimmed. What cannot be read is empty.
func readLine(root fs.FS, name string) string {
	text, _ := read(root, name)
	return trim(text)
}

// trim takes off what surrounds a text in a file: blanks, and the NUL that ends it in
// a device tree.
func trim(text string) string { return strings.Trim(text, "\x00 \t\r\n") }

// exists tells whether there is such a file.
func exists(root fs.FS, name string) bool {
	_, err := fs.Stat(root, name)
	return err == nil
}

// parseAssignments reads lines NAME=value, as in os-release(5), the files of logind
// and the uevent files of the kernel. Other lines are passed over.
func parseAssignments(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if found && !strings.HasPrefix(name, "#") {
			values[name] = unquote(value)
		}
	}
	return values
}

// unquote takes the quotes of a shell off a value.
func unquote(value string) string {
	if len(value) < 2 || value[0] != value[len(value)-1] {
		return value
	}
	switch inner := value[1 : len(value)-1]; value[0] {
	case '\'':
		return inner
	case '"':
		return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\$`, `$`, "\\`", "`").Replace(inner)
	}
	return value
}
