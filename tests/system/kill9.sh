#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kill -9 while enforcing, under traffic: the rules stay, nothing gets through, not for a moment; started again, the daemon
# adopts its tables and the counters go on.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"

# Packets that the kernel has counted on an element, by nft.
kernel_packets() { # NAMESPACE SET ADDRESS PORT
	in_ns "$1" nft -j list set inet nanoseg "$2" | jq --arg a "$3" --argjson p "$4" '
		[.. | objects | select(has("elem")) | .elem | select(type == "object" and .counter) |
		 select(.val.concat | index($a) and index($p)) | .counter.packets] | add // 0'
}

# Packets that the daemon tells.
told_packets() { # WORKLOAD ADDRESS PORT
	nsj denies | jq --arg w "$1" --arg a "$2" --argjson p "$3" \
		'[.[] | select(.workload == $w and .peer.address == $a and .port == $p) | .packets] | add // 0'
}

shop_start
start_daemon
shop_watched
shop_works
approve netns/api
approve netns/db
enforce netns/api
enforce netns/db
shop_works
shop_refuses

step "knocking without a pause, and connections that go on"
knocks=()
for v in 4 6; do
	ip netns exec outsider "$TRAFFIC" knock tcp$v "$(address $v 3)" 8080 30 >"$LAB/knock.in.$v" &
	knocks+=($!)
	ip netns exec api "$TRAFFIC" knock tcp$v "$(address $v 4)" 22 30 >"$LAB/knock.out.$v" &
	knocks+=($!)
	ip netns exec api "$TRAFFIC" knock udp$v "$(address $v 5)" 53 30 >"$LAB/knock.udp.$v" &
	knocks+=($!)
	ip netns exec web "$TRAFFIC" hold tcp$v "$(address $v 3)" 8080 20 >"$LAB/hold.$v" &
	eventually "a connection, IPv$v" 5 grep -q alive "$LAB/hold.$v"
done

tables=$(kernel_table api)
for round in 1 2 3; do
	step "kill -9, round $round"
	sleep 0.5
	kill_daemon
	check "the rules stay" equal "$(kernel_table api)" "$tables"
	shop_works
	shop_refuses
	if [ $round = 2 ]; then
		check "a socket left behind is no daemon" not ns status
	fi
	for v in 4 6; do
		eval "kernel_$v=$(kernel_packets api deny_ingress$v "$(address $v 5)" 8080)"
	done
	start_daemon
	wait_inner netns/api enforcing
	wait_inner netns/db enforcing
	check "the same rules" equal "$(kernel_table api)" "$tables"
	for v in 4 6; do
		was=kernel_$v
		check "the kernel's counter was not reset, IPv$v" at_least "$(kernel_packets api deny_ingress$v "$(address $v 5)" 8080)" "${!was}"
		check "the daemon tells no less, IPv$v" at_least "$(told_packets netns/api "$(address $v 5)" 8080)" "${!was}"
	done
done

step "the counters go on"
told=$(told_packets netns/api "$(address 6 5)" 8080)
sleep 0.5
more_told() { [ "$(told_packets netns/api "$(address 6 5)" 8080)" -gt "$told" ]; }
eventually "new refusals are counted" 10 more_told
shop_works
shop_refuses

for v in 4 6; do
	check "connections went on, IPv$v" not grep -q broken "$LAB/hold.$v"
done
kill -TERM "${knocks[@]}"
for pid in "${knocks[@]}"; do
	wait "$pid" || die "something got through: $(cat "$LAB"/knock.*)"
done
for file in "$LAB"/knock.*; do
	check "knocked: $(cat "$file")" grep -qE 'passed 0 of [1-9][0-9]+' "$file"
done
gap_down() { nsj graph | jq -e '[.gaps[] | select(.cause | test("agent down"))] | length >= 1' >/dev/null; }
check "the time without a daemon is a gap" gap_down
stop_daemon
finished
