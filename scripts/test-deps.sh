#!/bin/sh
# Installs what the tests run and Debian or Ubuntu may lack: PostgreSQL, the curl
# and jq of the README, and Node.js for the clients. Says what to install where it
# may not.
set -eu

have_postgres() {
	[ -n "${PLIMSOLL_TEST_POSTGRES:-}" ] && return
	command -v initdb >/dev/null && command -v postgres >/dev/null && return
	for initdb in /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb; do
		[ -x "$initdb" ] && return
	done
	return 1
}

missing=
have_postgres || missing="$missing postgresql"
for tool in curl jq npm; do
	command -v "$tool" >/dev/null || missing="$missing $tool"
done
command -v node >/dev/null || missing="$missing nodejs"
[ -n "$missing" ] || exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && { [ -z "$as_root" ] || $as_root true 2>/dev/null; }; then
	echo "Installing for the tests:$missing"
	$as_root apt-get update -q
	# shellcheck disable=SC2086 # the names are words
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
	exit 0
fi
echo "The tests need:$missing. Install them (Debian, Ubuntu: apt-get install$missing; macOS: brew install$missing)," \
	"or for PostgreSQL set PLIMSOLL_TEST_POSTGRES to the URL of a superuser of version 13 or later." >&2
exit 1
