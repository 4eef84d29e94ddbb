#!/bin/sh
# Installs what the tests run and Debian or Ubuntu may lack: PostgreSQL, the curl
# and jq of the README, Node.js for the clients, Chromium for the dashboard, and for the
# agent what it is tried with: OpenSSH, Python, networks and systemd. Says what to install
# where it may not.
set -eu

have_postgres() {
	[ -n "${PLIMSOLL_TEST_POSTGRES:-}" ] && return
	command -v initdb >/dev/null && command -v postgres >/dev/null && return
	for initdb in /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb; do
		[ -x "$initdb" ] && return
	done
	return 1
}

have_chromium() {
	for chromium in chromium chromium-browser google-chrome "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
		command -v "$chromium" >/dev/null && return
	done
	return 1
}

missing=
have_postgres || missing="$missing postgresql"
for tool in curl jq npm; do
	command -v "$tool" >/dev/null || missing="$missing $tool"
done
command -v node >/dev/null || missing="$missing nodejs"
have_chromium || missing="$missing chromium"
command -v python3 >/dev/null || missing="$missing python3"
command -v ssh-keygen >/dev/null || missing="$missing openssh-client"
if [ "$(uname -s)" = Linux ]; then
	command -v ip >/dev/null || missing="$missing iproute2"
	command -v systemd-analyze >/dev/null || missing="$missing systemd"
fi
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
