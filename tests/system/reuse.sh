#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An address that another gets: a thousand times a container that the policy names loses its address, and another one, which
# it does not name, has it within milliseconds. Not one packet of the client's reaches that one, while others' do; and who
# was named is reached again when it is back. And the test sees what leaks, where nothing keeps a new link closed and the
# daemon does not run.
. "$(dirname "$0")/../lib/lab.sh"

reuse=$NS_BUILD/tests/system/reuse
rounds=${REUSE_ROUNDS:-1000}

# begin ROUNDS [PID]: the containers are there, and serve.
begin() {
	coproc REUSE { exec "$reuse" "$@" 2>"$LAB/reuse.err"; }
	read -r -t 30 word <&"${REUSE[0]}" || die "no containers: $(cat "$LAB/reuse.err")"
	equal "$word" ready || die "no containers"
}
go() { # FILE for the result
	echo go >&"${REUSE[1]}"
	cat <&"${REUSE[0]}" >"$1"
	[ -s "$1" ] || die "$(cat "$LAB/reuse.err")"
	echo "   $(cat "$1")"
}
# The links first: of a namespace that is deleted they go some time later.
forget() {
	local i side
	for i in {0..9}; do
		for side in a b; do
			[ ! -e "/sys/class/net/v$side$i" ] || ip link del "v$side$i"
			[ ! -e "/run/netns/$side$i" ] || ip netns del "$side$i"
		done
	done
}

ns_container client 2
ns_container witness 3
# So that nobody has to ask who has the address: the next packet goes to the new one.
for name in client witness; do
	for i in {0..9}; do
		mac=$(printf '02:00:00:00:00:%02x' $((100 + i)))
		ip -n $name neigh replace "10.77.0.$((100 + i))" lladdr "$mac" dev eth0 nud permanent
		ip -n $name neigh replace "fd77::$(printf %x $((100 + i)))" lladdr "$mac" dev eth0 nud permanent
	done
done
LAB_LOG_LEVEL=${LAB_LOG_LEVEL:-warning} write_config
start_daemon
wait_inner netns/client learning

step "the client learns whom it talks to"
begin "$rounds"
for kind in udp tcp; do
	for i in 0 9; do
		eventually "$kind to a$i" 20 has_edge netns/client ".direction == \"egress\" and .protocol == \"$kind\" and .peer.name == \"netns/a$i\""
	done
done
sleep 1
approve netns/client
enforce netns/client
check "it names nobody else" equal "$(nsj policy show netns/client | jq -r '[.. | .name? // empty | select(test("^netns/b"))] | length')" 0

step "$rounds hand-overs"
from=$EPOCHSECONDS
go "$LAB/reuse.json"
echo "   in $((EPOCHSECONDS - from)) s"
check "not one packet got through" jq -e '.leaked == 0' "$LAB/reuse.json"
check "all others' did" jq -e ".seen > 2 * $rounds" "$LAB/reuse.json"
stop_daemon
forget

step "and with no gate and a daemon that stands still"
sed -i 's/^gate = .*/gate = none/' "$LAB/nanoseg.conf"
start_daemon
wait_inner netns/client enforcing
begin 10 "$DAEMON"
go "$LAB/leak.json"
check "the test sees it" jq -e '.leaked > 0' "$LAB/leak.json"
stop_daemon
finished
