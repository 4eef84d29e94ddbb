#!/bin/sh
# Builds the program for each system and machine that an agent runs on, and vets the
# agent there.
set -eu

for system in linux darwin windows; do
	for machine in amd64 arm64; do
		echo "$system $machine"
		export CGO_ENABLED=0 GOOS="$system" GOARCH="$machine"
		go build -buildvcs=false -o /dev/null ./cmd/plimsoll
		go vet ./internal/agent/... ./internal/checkin
	done
done
