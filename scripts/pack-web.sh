#!/bin/sh
# Compresses the dashboard's files: what is embedded takes a third of the room, and
# is sent as it is. The same files always give the same.
set -eu
cd "$(dirname "$0")/../internal/web"
rm -rf packed
(cd assets && find . -type f) | while read -r file; do
	mkdir -p "packed/$(dirname "$file")"
	gzip -9 -n -c "assets/$file" > "packed/$file.gz"
done
