#!/bin/sh
# Installs what the tests run and Debian or Ubuntu may lack: PostgreSQL. Says
# what to install where it may not.
set -eu

have_postgres() {
	command -v initdb >/dev/null && command -v postgres >/dev/null && return
	for initdb in /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb; do
		[ -x "$initdb" ] && return
	done
	return 1
}

[ -n "${PLIMSOLL_TEST_POSTGRES:-}" ] && exit 0
have_postgres && exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && { [ -z "$as_root" ] || $as_root true 2>/dev/null; }; then
	echo "Installing PostgreSQL for the tests."
	$as_root apt-get update -q
	# No cluster of the system's own is wanted: the tests make theirs.
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql
	have_postgres && exit 0
fi
echo "The tests need PostgreSQL 13 or later: install it (Debian, Ubuntu: apt-get install postgresql;" \
	"macOS: brew install postgresql), or set PLIMSOLL_TEST_POSTGRES to the URL of a superuser." >&2
exit 1
