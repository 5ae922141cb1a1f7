#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# 100 containers come, talk and go under the running daemon: no namespace, file descriptor or memory stays behind. Then
# containers that die at every point of being attached.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"

fds() { find "/proc/$DAEMON/fd" -type l | wc -l; }
rss() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$DAEMON/status"; }
# Network namespaces that anything still holds: the kernel keeps one slab object for each, but only lsns and the sockets
# show whose. A namespace that is held by a socket alone is found by its veth's host end: it is still there.
held() { find /sys/class/net -name 'v[0-9]*' | wc -l; }
endpoints() { nsj endpoints | jq length; }
cycle() { # NAME N
	ns_container "$1" "$2"
	wait_for 15 inner_is "netns/$1" learning || die "$1 was not attached"
	expect_pass "$1" tcp4 2 80
	expect_pass "$1" tcp6 2 80
	ns_remove "$1"
}

ns_container web 2
serve web tcp:80
start_daemon
wait_inner netns/web learning

step "warming up"
for i in {1..20}; do
	cycle "warm$((i % 5))" $((10 + i))
done
ended() { [ "$(endpoints)" = 1 ] && [ "$(held)" = 1 ]; }
eventually "all ended" 20 ended
fds_before=$(fds)
rss_before=$(rss)

step "100 cycles"
for i in {1..100}; do
	cycle "c$((i % 5))" $((50 + i))
done
eventually "all ended: no endpoint, no namespace" 20 ended
same_fds() { [ "$(fds)" -le "$fds_before" ]; }
eventually "no fd stays: $fds_before before, $(fds) now" 10 same_fds
check "no memory stays: $rss_before kB before, $(rss) kB now" test $(($(rss) - rss_before)) -lt "${LEAK_KB:-4096}"
check "they are in the graph" has_edge netns/c1 '.port == 80'

step "containers that die while they are being attached"
for i in {1..60}; do
	name=short$((i % 7))
	ip netns add "$name"
	ip link add "v$i" type veth peer name eth0 netns "$name" 2>/dev/null
	ip -n "$name" link set eth0 up
	# From none to about 60 ms: before, during and after the look.
	sleep "0.0$((i / 10))"
	ip netns del "$name"
done
eventually "all ended" 20 ended
eventually "no fd stays: $fds_before before, $(fds) now" 10 same_fds
check "status" ns status
check "nothing failed for good" jq -e '.unprotected == [] and (.gate.state | startswith("failed") | not)' <(nsj status)
cycle last 9
eventually "all ended" 20 ended
stop_daemon
finished
