package runner

import (
	"bytes"
	"path"
	"strings"

	"plimsoll"
)

// maxShebang is how long the line of a script that names its interpreter may be,
// as in execve(2) of Linux.
const maxShebang = 255

// shebang reads what runs a script from its first line, as execve(2) of Linux
// does: a program, and what follows it as one argument. A script without such a
// line is one for sh (POSIX, Shell & Utilities, 2.9.1.6).
func shebang(content []byte) (program, argument string, err error) {
	if !bytes.HasPrefix(content, []byte("#!")) {
		return "/bin/sh", "", nil
	}
	line, _, ended := bytes.Cut(content[2:min(len(content), maxShebang+1)], []byte("\n"))
	if !ended && len(content) > maxShebang {
		return "", "", plimsoll.Invalidf("", "Its first line is longer than %d bytes.", maxShebang)
	}
	if bytes.HasSuffix(line, []byte("\r")) {
		return "", "", plimsoll.Invalidf("", "Its lines end as those of Windows do (CR LF): save it with those of Unix (LF).")
	}
	text := strings.Trim(string(line), " \t")
	end := strings.IndexAny(text+" ", " \t")
	program, argument = text[:end], strings.TrimLeft(text[end:], " \t")
	if !path.IsAbs(program) {
		return "", "", plimsoll.Invalidf("", "Its first line names no interpreter by its whole path, such as #!/bin/sh.")
	}
	return program, argument, nil
}
