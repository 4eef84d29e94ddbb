#!/bin/sh
# Does a firewall guard this machine? 0: yes; 1: no.
if [ "$(uname -s)" = Darwin ]; then
	state=$(/usr/libexec/ApplicationFirewall/socketfilterfw --getglobalstate) || exit 2
	echo "$state"
	case $state in *enabled*) exit 0 ;; *) exit 1 ;; esac
fi
for service in firewalld ufw nftables; do
	if systemctl is-active --quiet "$service" 2>/dev/null; then
		echo "$service is active"
		exit 0
	fi
done
if nft list ruleset 2>/dev/null | grep -q 'hook input' || iptables -S INPUT 2>/dev/null | grep -Eq -- '-P INPUT DROP|-A INPUT'; then
	echo "packets that come in are filtered"
	exit 0
fi
echo "neither firewalld, ufw nor nftables is active, and nothing filters what comes in"
exit 1
