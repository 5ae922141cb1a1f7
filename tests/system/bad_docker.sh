#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A Docker socket that is not there, answers garbage, hangs, answers without end, or disappears: learning goes on, status
# says so, and the daemon answers all the while.
LAB_DOCKER_SOCKET=/run/docker.sock
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"

docker_state() { nsj status | jq -r '.sources[] | select(.source == "docker") | .state'; }
docker_is() { [ "$(docker_state)" = "$1" ]; }
engine=
engine() { # COMMAND: what answers on the socket from now on
	[ -z "$engine" ] || kill -9 -- "-$engine" 2>/dev/null
	rm -f "$LAB_DOCKER_SOCKET"
	[ $# -gt 0 ] || {
		engine=
		return
	}
	setsid socat "UNIX-LISTEN:$LAB_DOCKER_SOCKET,fork,max-children=32" "SYSTEM:$1" 2>/dev/null &
	engine=$!
	wait_for 5 test -S "$LAB_DOCKER_SOCKET" || die "socat does not listen"
}
# A container whose only sign of a runtime is its cgroup, and the calm of the loop: an answer within a second.
goes_on() {
	local v began=${EPOCHREALTIME/./}
	check "$1: the daemon answers" timeout 5 "$NANOSEG" --socket "$LAB/run/nanosegd.sock" endpoints
	check "$1: at once" test $((${EPOCHREALTIME/./} - began)) -lt $((2000000 * NS_SLOW))
	N=$((N + 1))
	ns_container "c$N" $((50 + N))
	eventually "$1: a new container is watched" 15 has_endpoint "netns/c$N"
	wait_inner "netns/c$N" learning
	for v in 4 6; do
		expect_pass "c$N" tcp$v 4 5432
	done
	eventually "$1: and learned" 10 has_edge "netns/c$N" '.port == 5432'
}
N=0

shop_start
start_daemon
shop_watched
eventually "no Docker: absent" 10 docker_is absent
goes_on "absent"

engine "exec cat /dev/urandom"
eventually "garbage: failing" 30 docker_is failing
goes_on "garbage"

engine "printf 'HTTP/1.1 200 OK\r\nContent-Type\: application/json\r\nContent-Length\: 19\r\n\r\n{\"ApiVersion\"\: 4,,}'"
eventually "bad JSON: failing" 40 docker_is failing
goes_on "bad JSON"

engine "sleep 1000"
eventually "hangs: failing" 60 docker_is failing
goes_on "hanging"

engine "printf 'HTTP/1.1 200 OK\r\nContent-Type\: application/json\r\n\r\n['; exec cat /dev/zero"
eventually "without end: failing" 60 docker_is failing
goes_on "without end"
rss() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$DAEMON/status"; }
check "and does not fill the memory ($(rss) kB)" test "$(rss)" -lt 400000

engine
eventually "gone: absent" 60 docker_is absent
goes_on "gone"
stop_daemon
finished
