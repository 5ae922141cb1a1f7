#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Round the inner lock: what root in the api container does with raw sockets, its own nat table, fragments, forged
# sources and frames on lo (tests/lib/attack_list.c). Each attack is seen on the host side of the veth while the
# container learns, and is not once it enforces.
# shellcheck disable=SC2016,SC2119
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"
ATTACK=${ATTACK:-$NS_BUILD/tests/lib/attack}

attack_everything() { # FILE-FOR-THE-COUNTS
	local group watcher
	"$ATTACK" watch v3 >"$1" &
	watcher=$!
	wait_for 5 grep -q ready "$1" || die "the watcher does not start"
	for group in $("$ATTACK" list | cut -d ' ' -f 2 | sort -u); do
		in_ns api "$ATTACK" send "$group" || die "the attacks of group $group were not sent"
	done
	# What answers and reassembles does so in softirqs: soon.
	sleep "$NS_SLOW"
	kill -TERM "$watcher"
	wait "$watcher" || die "the watcher lost frames"
	check "every attack was counted" equal "$(grep -vc ready "$1")" "$("$ATTACK" list | wc -l)"
}

# seen FILE AWK-CONDITION: names and counts of the attacks for which it holds; $2 is the group, $3 the count.
seen() {
	awk "NF == 3 && ($2) { print \$1, \$3 }" "$1"
}

# The api's table without what refused packets have left in it; not every nft tells which sets are dynamic.
lock() {
	kernel_table api | jq 'map(if .set and (.set.name | startswith("deny_")) then del(.set.elem) else . end)'
}

# What root in a container can set to be attacked from within, besides its addresses.
arm() {
	in_ns api sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.route_localnet=1 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.lo.rp_filter=0 \
		net.ipv4.conf.eth0.rp_filter=0 net.ipv4.conf.all.accept_local=1 net.ipv4.icmp_ratelimit=0 \
		net.ipv6.icmp.ratelimit=0 net.ipv4.icmp_echo_ignore_broadcasts=0 || die "sysctl"
	ip -n api addr add 10.77.0.33/24 dev eth0
	ip -n api -6 addr add fd77::33/64 dev eth0 nodad
	"$ATTACK" nat | in_ns api nft -f - || die "the attacker's nat table"
}

step "learning and approving"
shop_start
start_daemon
shop_watched
shop_works
eventually "the graph" 5 has_edge netns/api '.port == 5432'
approve netns/api

step "while it learns, every attack arrives"
arm
attack_everything "$LAB/learning"
check "it is still learning" equal "$(mode_of netns/api) $(inner_of netns/api)" "approved learning"
check "every attack was on the wire" equal "$(seen "$LAB/learning" '$3 == 0')" ""

step "while it enforces, none does"
enforce netns/api
before=$(lock)
check "there is a lock" grep -q '"policy": "drop"' <<<"$before"
shop_works
own=$(ip -n api -o -6 addr show dev eth0 scope link | awk '{ sub("/.*", "", $4); print $4 }')
for own in 127.0.0.1 10.77.0.33 ::1 fd77::33 "$own%eth0"; do
	kind=ping4
	[[ $own != *:* ]] || kind=ping6
	check "it may talk to itself at $own" in_ns api "$TRAFFIC" try $kind "$own" 2000
done
attack_everything "$LAB/enforcing"
check "nothing on the wire" equal "$(seen "$LAB/enforcing" '$2 != "control" && $3 > 0')" ""
check "and the watcher sees what is allowed" equal "$(seen "$LAB/enforcing" '$2 == "control" && $3 == 0')" ""
check "the table is as it was" equal "$(lock)" "$before"
wait_inner netns/api enforcing
for far in 203.0.113.9 2001:db8:66::9; do
	eventually "refused and told: UDP to $far" 5 has_deny netns/api \
		".direction == \"egress\" and .protocol == \"udp\" and .peer.address == \"$far\" and .port == 53 and (.audited | not)"
	eventually "refused and told: forwarding to $far" 5 has_deny netns/api ".direction == \"transit\" and .peer.address == \"$far\""
done
shop_works
stop_daemon
finished
