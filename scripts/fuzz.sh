#!/bin/sh
# Runs every fuzz target of the module for the time given: scripts/fuzz.sh 20s
set -eu

grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r package; do
	go test "$package" -list '^Fuzz' | grep '^Fuzz' | while read -r target; do
		echo "$package $target"
		go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$1"
	done
done
