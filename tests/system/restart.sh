#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A restart while learning: the graph survives, what happened meanwhile is learned all the same, and the time without a
# daemon is recorded.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"

shop_start
start_daemon
shop_watched
for v in 4 6; do
	expect_pass api tcp$v 4 5432
	expect_pass api ping$v 4
done
eventually "learned" 5 has_edge netns/api '.port == 5432'
packets=$(nsj graph netns/api | jq '[.edges[] | select(.port == 5432) | .packets] | add')
stop_daemon

step "while there is no daemon"
sleep 1
for v in 4 6; do
	expect_pass api udp$v 4 53
	expect_pass web tcp$v 3 8080
done

for stop in kill_daemon stop_daemon; do
	step "started again"
	start_daemon
	shop_watched
	eventually "learned without a daemon" 5 has_edge netns/api '.port == 53 and .protocol == "udp"'
	expect_pass api tcp4 4 5432
	expect_pass api tcp6 4 5432
	shop_learned
	now=$(nsj graph netns/api | jq '[.edges[] | select(.port == 5432) | .packets] | add')
	check "counts go on: $packets, then $now" test "$now" -gt "$packets"
	check "and nothing is counted twice" test "$now" -lt $((packets * 4))
	packets=$now
	check "a gap, closed, with its times" jq -e '[.gaps[] | select((.cause | test("agent down")) and .workload == "netns/api" and .from != null and .to != null and .from < .to)] | length >= 1' <(nsj graph netns/api)
	$stop
done
start_daemon
gaps() { nsj graph netns/api | jq '[.gaps[] | select(.cause | test("agent down"))] | length'; }
check "every stop is a gap" at_least "$(gaps)" 3
check "the proposal says so" test "$(nsj policy propose netns/api | jq '.gaps | length')" -ge 1
stop_daemon
finished
