#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A cut that fails is said, and tried again until it is done. What makes it fail here is that the daemon can open nothing: the
# sockets that a cut needs are opened for it, and those that change rules are open all the time.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"

# starve: the daemon has no descriptor left; feed: it has as many as before.
starve() {
	local n=0
	while [ -e "/proc/$DAEMON/fd/$n" ]; do
		n=$((n + 1))
	done
	prlimit --pid "$DAEMON" --nofile="$n:"
}
feed() {
	prlimit --pid "$DAEMON" --nofile="$LIMIT:"
}
tracked() { # FAMILY: the connection that is open
	in_ns api conntrack -L -f "ipv$1" 2>/dev/null | grep -F "dst=$(address "$1" 4) " | grep 'dport=22' >/dev/null
}
says_so() {
	nsj endpoints | jq -e 'any(.workload == "netns/api" and (.findings | any(startswith("open connections could not all be cut: "))))'
}
complaints() { grep -c 'netns/api .*open connections could not all be cut' "$LAB/daemon.log"; }
complains() { [ "$(complaints)" -gt "$before" ]; }
open() { # FAMILY: its socket is; below, the outer lock lets nothing of it pass any more
	in_ns api ss "-Htn$1" state established 'dport = 22' | grep . >/dev/null
}
# As `nanoseg mode` does it, over a connection that the daemon has taken before.
connect() {
	coproc API { socat -t 20 - "UNIX-CONNECT:$LAB/run/nanosegd.sock"; }
	printf 'GET /v1/endpoints HTTP/1.1\r\nHost: nanoseg\r\n\r\n' >&"${API[1]}"
	read -r -t 5 line <&"${API[0]}" && [[ $line = *" 200 "* ]]
}
enforce_over_it() {
	local body='{"workload": "netns/api", "mode": "enforcing"}'
	printf 'POST /v1/mode HTTP/1.1\r\nHost: nanoseg\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' \
		${#body} "$body" >&"${API[1]}"
}

shop_start
start_daemon
LIMIT=$(prlimit --pid "$DAEMON" --nofile --output SOFT --noheadings)
shop_watched
shop_works
approve netns/api

for v in 4 6; do
	step "nothing can be cut, IPv$v"
	check "auditing" ns mode netns/api auditing
	ip netns exec api "$TRAFFIC" hold tcp$v "$(address $v 4)" 22 60000 >"$LAB/held.$v" 2>&1 &
	disown
	eventually "a connection that was never learned" 5 grep -q alive "$LAB/held.$v"
	check "it is tracked" tracked $v
	before=$(complaints)
	check "the daemon hears" connect
	starve
	enforce_over_it
	eventually "it is logged" 5 complains
	expect_refused api tcp$v 5 5432
	sleep 2.5 # a try or two
	check "the connection is there" tracked $v
	check "and its socket" open $v
	feed
	step "once it can be, IPv$v"
	eventually "it is cut" 10 not tracked $v
	check "and its socket" not open $v
	eventually "nothing is said any more" 5 not says_so
	kill "$API_PID" 2>/dev/null
	wait "$API_PID" 2>/dev/null
done
shop_works
shop_refuses
check "all is well" ns status
stop_daemon
finished
