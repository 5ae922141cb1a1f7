#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Many endpoints: each but one with a policy in force that names its neighbour and that one, over a store that knows many
# more that ended. They are all in force after a restart too, when the daemon finds them as it left them, which it makes
# sure of bit by bit once it is ready; and when the one that all name gets another address, all follow, and nobody else
# is touched.
#
# SCALE_LIVE=1000 SCALE_ENDED=5000 for figures; what it prints is in milliseconds.
. "$(dirname "$0")/../lib/lab.sh"

live=${SCALE_LIVE:-60} ended=${SCALE_ENDED:-1000}
tools=$NS_BUILD/tests/system

ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
cpu() { # of the daemon so far, in milliseconds
	awk -v hz="$(getconf CLK_TCK)" '{ print int(($14 + $15) * 1000 / hz) }' "/proc/$DAEMON/stat"
}
all_in_force() {
	[ "$(nsj endpoints | jq '[.[] | select(.inner == "enforcing" and .outer == "enforcing")] | length')" = $((live - 1)) ]
}
none_else() { # c0 learns
	[ "$(nsj endpoints | jq '[.[] | select(.inner != "enforcing" and .inner != "pending")] | length')" -le 1 ]
}
as_planned() {
	nsj verify >"$LAB/verify.json" || return
	jq -e ".locks | length == 2 * $live and all(.equal)" "$LAB/verify.json"
}
lets_out() { # ENDPOINT ADDRESS PORT: its inner lock does
	grep -qF " $2 . $3" <<<"$(ip netns exec "c$1" nft -n list table inet nanoseg)"
}
names() { lets_out "$1" "$2" 5432; }
start() {
	local from
	from=$(ms)
	start_daemon 120
	echo "   $1: ready after $(($(ms) - from)) ms, of which the daemon used $(cpu)"
	check "it knows all" equal "$(nsj endpoints | jq length)" "$live"
	check "who is not done yet is pending" none_else
	eventually "all are in force" "$((60 + live / 5))" all_in_force
	echo "   $1: all in force after $(($(ms) - from)) ms, of which the daemon used $(cpu)"
}

step "$live namespaces, and $ended endpoints that ended"
"$tools/scale_store" "$LAB/state" "$ended" "$live" || die "no store"
"$tools/crowd" "$live" || die "no namespaces"
LAB_LOG_LEVEL=${LAB_LOG_LEVEL:-info} write_config

step "the first start"
start first
check "as planned" as_planned
stop_daemon

step "a restart"

before=$(kernel_table c7)
start again
check "as planned" as_planned
check "what was there has not changed" equal "$(kernel_table c7)" "$before"
check "no drift is told" equal "$(nsj endpoints | jq '[.[] | select(.drift != null)] | length')" 0

step "killed, and started again"
kill_daemon
start "after kill -9"

step "whom all name gets another address"
followed() {
	local i
	for i in 1 $((live / 2)) $((live - 1)); do
		names "$i" "$1" && not names "$i" "$2" || return 1
	done
}
check "they name it" names 1 10.80.0.2
used=$(cpu)
from=$(ms)
ip -n c0 addr del 10.80.0.2/16 dev eth0
ip -n c0 addr add 10.80.99.99/16 dev eth0
ip -n c0 -6 addr add fd80::9999/64 dev eth0 nodad
ip -n c0 -6 addr del fd80::2/64 dev eth0
eventually "the new address, and not the old one" 60 followed 10.80.99.99 10.80.0.2
eventually "the new address, and not the old one, IPv6" 60 followed fd80::9999 fd80::2
echo "   all have followed after $(($(ms) - from)) ms, of which the daemon used $(($(cpu) - used))"
check "as planned" as_planned

step "somebody whom one names loses its address"
used=$(cpu)
check "who names it lets out to there" lets_out 8 10.80.0.11 8080
ip -n c9 addr del 10.80.0.11/16 dev eth0
eventually "and no more" 20 not lets_out 8 10.80.0.11 8080
echo "   the daemon used $(($(cpu) - used)) ms"
check "as planned" as_planned
stop_daemon
finished
