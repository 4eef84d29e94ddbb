#!/bin/sh
# Runs every fuzz target of the module for the time given: scripts/fuzz.sh 20s
# Making an input smaller may take a second: by default it takes up to a minute,
# in which a target whose inputs are long tries nothing else.
set -eu

grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r package; do
	go test "$package" -list '^Fuzz' | grep '^Fuzz' | while read -r target; do
		echo "$package $target"
		go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 1s
	done
done
