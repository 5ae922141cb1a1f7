#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Links that move. A container with NET_ADMIN moves its link into a namespace that nobody knows of: neither the lock nor
# the gate lets it go, also when the old namespace ends and when the daemon is killed. The host renames a link, and a
# container gets another one: both are followed.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"

port_is() { # NAME WHAT: of the gate's closed links
	{ nsj status || true; } | jq -e ".gate.closed[] | select(.port == \"$1\") | .why | test(\"$2\")"
}
locked_by() { # DEVICE: some outer lock has a chain on it
	nft list chains | awk -v device="device \"$1\"" '/^table/ { table = $3 } table != "nanoseg" && index($0, device) { found = 1 }
		END { exit !found }'
}
# from_hidden KIND N PORT: an attempt from the namespace that nobody knows.
from_hidden() {
	local kind=$1
	nsenter -t "$hidden" -n "$TRAFFIC" try "$kind" "$(address "${kind: -1}" "$2")" "$3" 500
}
nothing_leaves() {
	local v
	for v in 4 6; do
		check "$1: the outsider, IPv$v" not from_hidden tcp$v 5 5432
		check "$1: even what was allowed, IPv$v" not from_hidden tcp$v 4 5432
	done
}

# Old nft programs cannot list chains on wildcards: in this lab the gate closes links on events.
LAB_GATE='none'
shop_start
write_config
sed -i 's/^gate = .*/gate = v*\ngate_standing = never\ngate_wait = 1s/' "$LAB/nanoseg.conf"
start_daemon
shop_watched
shop_works
shop_learned
approve netns/api
enforce netns/api
shop_works
shop_refuses

step "the host renames the link"
ip link set v3 down
ip link set v3 name v33
ip link set v33 up
eventually "the lock is on it again" 5 locked_by v33
shop_works
shop_refuses
check "as planned" ns verify

step "another link"
ip link add v34 type veth peer name eth1 netns api
ip link set v34 master br0 up
ip -n api addr add "$LAB_NET4.34/24" dev eth1
ip -n api -6 addr add "$LAB_NET6:34/64" dev eth1 nodad
ip -n api link set eth1 up
eventually "the lock is on it too" 5 locked_by v34
eventually "its address is let in" 5 attempt web tcp4 34 8080
eventually "its address is let in, IPv6" 5 attempt web tcp6 34 8080
expect_refused outsider tcp4 34 8080
expect_refused outsider tcp6 34 8080
ip -n api link del eth1
eventually "gone" 5 not locked_by v34
shop_works

step "the container moves its link away"
unshare --net sleep 1000 &
hidden=$!
disown
wait_for 5 test "$(readlink /proc/$hidden/ns/net)" != "$(readlink /proc/self/ns/net)"
ip -n api link set eth0 netns "$hidden"
nsenter -t "$hidden" -n bash -ec "
	ip link set lo up
	ip addr add $LAB_NET4.3/24 dev eth0
	ip -6 addr add $LAB_NET6:3/64 dev eth0 nodad
	ip link set eth0 up"
eventually "the gate says so" 5 port_is v33 "leads elsewhere"
sleep 1.5 # longer than unknown links wait
check "still" port_is v33 "leads elsewhere"
check "the lock is on it" locked_by v33
nothing_leaves "moved"

step "the old namespace ends"
ns_remove api
eventually "gone" 15 not has_endpoint netns/api
sleep 1.5
check "still closed" port_is v33 "leads elsewhere"
check "the lock is on it" locked_by v33
nothing_leaves "its endpoint gone"

step "the daemon is killed"
kill_daemon
nothing_leaves "nobody there"
start_daemon
sleep 1.5
check "closed after the start" port_is v33 "leads elsewhere"
nothing_leaves "after the start"

step "the link ends"
kill -9 "$hidden"
eventually "and with it the lock" 10 not locked_by v33
stop_daemon
finished
