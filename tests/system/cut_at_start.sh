#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An agent that is killed between its last transaction and the cut leaves rules as planned, and connections that they
# forbid. Whoever comes after it cuts those. Here they are opened while no agent runs, under rules that are put back.
. "$(dirname "$0")/../lib/lab.sh"
# nft(8) does not come to an end in the host's namespace while a gate stands.
# shellcheck disable=SC2034
LAB_GATE=none
. "$NS_SOURCE/tests/lib/shop.sh"

step "enforcing"
shop_start
start_daemon
shop_watched
shop_works
approve netns/api
enforce netns/api
shop_works
tables=$(kernel_table api)

step "opened while no agent runs"
opened() { # NETNS|"" FAMILY TABLE CHAIN: a rule that lets all pass, until it is taken away again
	local handle
	handle=$(${1:+ip netns exec "$1"} nft -e -a insert rule "$2" "$3" "$4" accept | sed -n 's/.* # handle //p')
	[ -n "$handle" ] || die "no rule in $3"
	undo+=("${1:+ip netns exec $1} nft delete rule $2 $3 $4 handle $handle")
}
cookie=$(endpoint_of netns/api | jq -r .cookie)
kill_daemon
undo=()
opened api inet nanoseg input
for chain in $(nft list table netdev "nanoseg-$cookie" | sed -n 's/^\tchain \([a-z]*_[0-9]*\) {.*/\1/p'); do
	opened "" netdev "nanoseg-$cookie" "$chain"
done
for v in 4 6; do
	ip netns exec outsider "$TRAFFIC" hold tcp$v "$(address $v 3)" 8080 20 >"$LAB/late.$v" &
	eventually "a connection that is forbidden, IPv$v" 5 grep -q alive "$LAB/late.$v"
done
for words in "${undo[@]}"; do
	$words || die "$words"
done
check "the rules are as they were" equal "$(kernel_table api)" "$tables"
start_daemon
wait_inner netns/api enforcing
tracked() { ip netns exec api conntrack -L -f "ipv$1" 2>/dev/null | grep -F "src=$(address "$1" 5) " | grep -q "dport=8080"; }
for v in 4 6; do
	eventually "it is cut, IPv$v" 5 not tracked $v
	check "and does not come back, IPv$v" not tracked $v
done
shop_works
stop_daemon
finished
