#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Who is believed: an address that somebody else had first opens nothing, and rules in force outlive another name.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"

findings_of() {
	endpoint_of "$1" | jq -r '.findings[]'
}

disputed() {
	findings_of "$1" | grep -q "not believed"
}

undisputed() {
	! disputed "$1"
}

step "learning, and the database enforced"
shop_start
start_daemon
shop_watched
shop_works
eventually "the graph" 5 has_edge netns/db '.direction == "ingress" and .port == 5432'
approve netns/db
enforce netns/db
for v in 4 6; do
	expect_pass api tcp$v 4 5432
	expect_refused outsider tcp$v 4 5432
done

step "a known peer claims the outsider's address"
ip -n api addr add "$(address 4 5)/32" dev eth0
eventually "found, IPv4" 10 disputed netns/api
expect_refused outsider tcp4 4 5432
ip -n api addr del "$(address 4 5)/32" dev eth0
eventually "over, IPv4" 10 undisputed netns/api
ip -n api -6 addr add "$(address 6 5)/128" dev eth0 nodad
eventually "found, IPv6" 10 disputed netns/api
expect_refused outsider tcp6 4 5432
ip -n api -6 addr del "$(address 6 5)/128" dev eth0
eventually "over, IPv6" 10 undisputed netns/api

step "the same on lo, where nobody can reach it"
ip -n api addr add "$(address 4 5)/32" dev lo
ip -n api -6 addr add "$(address 6 5)/128" dev lo nodad
sleep 2
check "no dispute" undisputed netns/api
for v in 4 6; do
	expect_refused outsider tcp$v 4 5432
	expect_pass api tcp$v 4 5432
done
ip -n api addr del "$(address 4 5)/32" dev lo
ip -n api -6 addr del "$(address 6 5)/128" dev lo

step "and on a link of its own making, with NET_ADMIN: whoever sends from there is not the peer"
ip netns exec api sleep 300 &
admin=$!
has_admin() { findings_of netns/api | grep -q '^NET_ADMIN'; }
eventually "it has NET_ADMIN" 20 has_admin
ip -n api link add own0 type bridge
ip -n api link set own0 up
ip -n api addr add "$(address 4 99)/32" dev own0
ip -n api -6 addr add "$(address 6 99)/128" dev own0 nodad
knows_own() { endpoint_of netns/api | jq -e --arg a "$(address 4 99)" '[.addresses[] | select(startswith($a))] | length == 1'; }
eventually "the agent sees it" 10 knows_own
ip -n outsider addr add "$(address 4 99)/24" dev eth0
ip -n outsider -6 addr add "$(address 6 99)/64" dev eth0 nodad
ip -n outsider route add "$(address 4 4)/32" dev eth0 src "$(address 4 99)"
ip -n outsider -6 route add "$(address 6 4)/128" dev eth0 src "$(address 6 99)"
sleep 1
for v in 4 6; do
	expect_refused outsider tcp$v 4 5432
	expect_pass api tcp$v 4 5432
done
ip -n outsider route del "$(address 4 4)/32" dev eth0
ip -n outsider -6 route del "$(address 6 4)/128" dev eth0
ip -n outsider addr del "$(address 4 99)/24" dev eth0
ip -n outsider -6 addr del "$(address 6 99)/64" dev eth0
ip -n api link del own0
kill $admin

step "a peer claims the host's address"
for v in 4 6; do
	check "the host is no peer, IPv$v" not "$TRAFFIC" try tcp$v "$(address $v 4)" 5432 500
done
ip -n api addr add "$(address 4 1)/32" dev eth0
eventually "found" 10 disputed netns/api
check "the host is no peer still" not "$TRAFFIC" try tcp4 "$(address 4 4)" 5432 500
ip -n api addr del "$(address 4 1)/32" dev eth0

step "the enforced namespace gets another name"
touch /run/netns/aaa
mount --bind /run/netns/db /run/netns/aaa
sleep 2.5
still_enforced() {
	nsj endpoints | jq -e '[.[] | select(.workload == "netns/db" and .inner == "enforcing")] | length == 1'
}
check "its rules stay" still_enforced
for v in 4 6; do
	expect_refused outsider tcp$v 4 5432
	expect_pass api tcp$v 4 5432
done
kill_daemon
start_daemon
eventually "and after a restart, whichever name is read first" 10 still_enforced
for v in 4 6; do
	expect_refused outsider tcp$v 4 5432
	expect_pass api tcp$v 4 5432
done
stop_daemon
finished
