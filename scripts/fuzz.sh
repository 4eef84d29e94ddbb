#!/bin/sh
# Runs every fuzz target of the module for the time given: scripts/fuzz.sh 20s
# Making an input smaller may take a second: by default it takes up to a minute,
# in which a target whose inputs are long tries nothing else.
set -eu

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# missed tells whether a run failed by the end of its time alone, which Go before
# 1.27 takes for a failure now and then (https://go.dev/issue/75804). Whatever a
# target finds is written down as an input.
missed() {
	grep -q '^ *context deadline exceeded$' "$log" && ! grep -q 'Failing input written' "$log"
}

grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r package; do
	go test "$package" -list '^Fuzz' | grep '^Fuzz' | while read -r target; do
		echo "$package $target"
		if go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 1s >"$log" 2>&1; then
			cat "$log"
		elif missed; then
			echo "$target ended with its time, and found nothing"
		else
			cat "$log"
			exit 1
		fi
	done
done
