package inventory

import (
	"strings"
)

// linuxVersion gives a version of Linux that a rule can compare: VERSION_ID of
// os-release(5), with the point release where /etc/debian_version or VERSION has it
// ("12.7" of Debian 12, "24.04.1" of Ubuntu 24.04). A distribution without versions
// has its build instead, or else its kernel's version.
func linuxVersion(release map[string]string, debianVersion, kernel string) string {
	id := release["VERSION_ID"]
	for _, longer := range []string{debianVersion, release["VERSION"]} {
		word, _, _ := strings.Cut(strings.TrimSpace(longer), " ")
		if id != "" && strings.HasPrefix(word, id+".") {
			return word
		}
	}
	build := release["BUILD_ID"] // "rolling" on Arch Linux, which compares with nothing
	switch {
	case id != "":
		return id
	case build != "" && isDigit(rune(build[0])):
		return build
	}
	return numericPrefix(kernel)
}

// numericPrefix gives "6.11.6" of "6.11.6-arch1-1".
func numericPrefix(version string) string {
	version = strings.TrimSpace(version)
	end := strings.IndexFunc(version, func(r rune) bool { return r != '.' && !isDigit(r) })
	if end >= 0 {
		version = version[:end]
	}
	return strings.Trim(version, ".")
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }
