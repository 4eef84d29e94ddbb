#!/bin/sh
# Is the disk that the system runs from encrypted? 0: yes; 1: no; 2: it cannot be told.
if [ "$(uname -s)" = Darwin ]; then
	fdesetup status || exit 2
	fdesetup status | grep -q 'FileVault is On' && exit 0
	exit 1
fi
source=$(findmnt --noheadings --output SOURCE --target /) || exit 2
device=${source%%\[*} # a subvolume of btrfs is in brackets
if ! layers=$(lsblk --noheadings --inverse --output NAME,TYPE "$device" 2>/dev/null); then
	echo "/ is on $source, of which lsblk does not know" >&2
	exit 2
fi
echo "$layers"
case $layers in *crypt*) exit 0 ;; esac
echo "/ is on $device, and nothing below it is encrypted"
exit 1
