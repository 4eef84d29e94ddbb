#!/bin/sh
# Do security updates wait to be installed? 0: no; 1: yes; 2: it cannot be told.
if command -v apt-get >/dev/null; then
	waiting=$(apt-get --simulate --quiet upgrade 2>/dev/null | grep -i '^Inst.*security' | cut -d' ' -f2)
elif command -v dnf >/dev/null; then
	waiting=$(dnf --quiet --cacheonly updateinfo list --updates --security 2>/dev/null | awk '{print $NF}')
elif command -v zypper >/dev/null; then
	waiting=$(zypper --quiet --no-refresh list-patches --category security 2>/dev/null | awk -F'|' '/security/ {print $2}')
elif [ "$(uname -s)" = Darwin ]; then
	waiting=$(defaults read /Library/Preferences/com.apple.SoftwareUpdate RecommendedUpdates 2>/dev/null | grep 'Display Name')
else
	echo "no package manager that this script knows" >&2
	exit 2
fi
[ -z "$waiting" ] && echo "none" && exit 0
echo "$waiting"
exit 1
