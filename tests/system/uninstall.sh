#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Upgrading and uninstalling as the README says it: its own lines, in a machine with systemd. The rules outlive the upgrade
# and the end of the service; after the last line nothing is restricted, and nothing of nanoseg is left but its history.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/systemd.sh"
. "$NS_SOURCE/tests/lib/shop.sh"
machine_run "$@"

# section NAME: the commands of a section of the README.
section() {
	sed -n "/^## $1\$/,/^## /{/^\`\`\`sh\$/,/^\`\`\`\$/p}" "$NS_SOURCE/README.md" | grep -v '^```'
}
# as_told NAME WORDS: runs the line of the section that has the words; root is there already, and the program is built.
as_told() {
	local line
	line=$(section "$1" | grep -F -- "$2") || die "the README does not tell '$2'"
	check "$line" bash -e -o pipefail -c "sudo() { \"\$@\"; }; cmake() { [ \"\$1\" = --build ] || new_program; }
		new_program() { cp /usr/sbin/nanosegd /usr/sbin/new && mv /usr/sbin/new /usr/sbin/nanosegd; }; $line"
}
left() { # what the machine still has of us
	find /etc /usr /run -xdev \( -path "$LAB" -o -path "$NS_SOURCE" -o -path "$NS_BUILD" \) -prune -o -iname '*nanoseg*' -print
	getent group | grep nanoseg
}

mkdir -p "$LAB/machine/build"
cp "$NS_BUILD/install_manifest.txt" "$LAB/machine/build/"
cd "$LAB/machine" || die "no directory"
rm /etc/systemd/system/nanosegd.service.d/lab.conf # the lab's own
rmdir /etc/systemd/system/nanosegd.service.d
printf '[watch]\nnetns_dirs = /run/netns\ndocker_socket = none\npodman_socket = none\nscan_interval = 1s\n[learn]\nmin_window = 1s\n' \
	>/etc/nanoseg/nanoseg.conf
shop_start
check "enabled and started" systemctl enable --now nanosegd
shop_watched
shop_works
approve netns/api
enforce netns/api
shop_refuses

step "the upgrade"
pid=$(unit_pid)
as_told Upgrade .backup
as_told Upgrade "cmake --install"
as_told Upgrade "systemctl restart"
check "it is another process" test "$(unit_pid)" != "$pid"
check "of the new program" equal "$(stat -Lc %i "/proc/$(unit_pid)/exe")" "$(stat -c %i /usr/sbin/nanosegd)"
wait_inner netns/api enforcing
check "nobody has changed anything" ns verify
check "the copy has the approval" at_least "$(sqlite3 /root/nanoseg-before.db "SELECT count(*) FROM decision WHERE workload = 'netns/api'")" 1
shop_works
shop_refuses

step "and back"
check "something new" ns policy edit netns/api --file <(nsj policy show netns/api | jq '.rules |= .[1:] | {schema, workload, revision, verdict, rules: [.rules[] | del(.evidence)]}')
as_told Upgrade "systemctl stop"
as_told Upgrade "sudo install"
wait_inner netns/api enforcing
check "what came after the copy is not known" equal "$(nsj policy list | jq '.[] | select(.workload == "netns/api").newest_revision')" 1
shop_works
shop_refuses

step "the end of the service"
as_told Uninstall "systemctl disable"
shop_works
shop_refuses

step "the end of the rules"
as_told Uninstall --remove-rules
shop_open
check "no table in the container" equal "$(in_ns api nft list ruleset)" ""
check "nor here" equal "$(nft list tables)" ""

step "the end of the program"
as_told Uninstall install_manifest
as_told Uninstall "rm -rf /etc/nanoseg"
as_told Uninstall groupdel
check "nothing is left" equal "$(left)" ""
check "but the history" test -s /var/lib/nanoseg/nanoseg.db
check "systemd knows no such unit" equal "$(systemctl show --property LoadState --value nanosegd)" not-found
check "every line was run" equal "$(section Uninstall | wc -l) $(section Upgrade | wc -l)" "5 5"
finished
