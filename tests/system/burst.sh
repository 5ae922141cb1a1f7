#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Learning loses nothing: 20,000 distinct edges in IPv4 and as many in IPv6, TCP and UDP, opened at full speed while the
# daemon is stopped (SIGSTOP) for half of them. The graph holds every one.
. "$(dirname "$0")/../lib/lab.sh"

# The server answers for whole prefixes, so that 100 addresses times 100 ports are real peers.
ns_container server 2
ns_container client 3
ip -n server route add local 10.99.0.0/24 dev lo
ip -n server -6 route add local fd99::/64 dev lo
ip -n client route add 10.99.0.0/24 via 10.77.0.2
ip -n client -6 route add fd99::/64 via fd77::2
serve server tcp:1000-1099 udp:1000-1099

start_daemon
wait_inner netns/client learning
wait_inner netns/server learning

burst() { # KIND FIRST-ADDRESS SIGNAL
	local result
	result=$(in_ns client "$TRAFFIC" edges "$1" "$2" 100 1000-1099 "$3:$DAEMON") || die "the generator: $1 $result"
	echo "   $1: $result"
}

for v in 4 6; do
	first=10.99.0.1
	[ $v = 4 ] || first=fd99::1
	step "IPv$v: the second half of TCP unseen, then the first half of UDP"
	burst tcp$v $first STOP
	check "the daemon is stopped" grep -q '^State:.*T' "/proc/$DAEMON/status"
	burst udp$v $first CONT
done

count() { # PROTOCOL ADDRESS-PREFIX
	nsj graph netns/client >"$LAB/graph.json" &&
		jq --arg p "$1" --arg a "$2" '[.edges[] | select(.direction == "egress" and .protocol == $p and
			(.peer.address | startswith($a)) and .port >= 1000 and .port <= 1099) | "\(.peer.address) \(.port)"] |
			unique | length' "$LAB/graph.json"
}

# What the kernel could give no counter is in its spill sets, and in the graph all the same.
spilled() { in_ns client nft -j list set inet nanoseg "spill_egress$1" | jq '[.nftables[] | select(.set) | .set.elem | length] | add'; }
all_there() { [ "$(count "$1" "$2")" = 10000 ]; }
echo "   without a counter in the kernel: $(spilled 4) in IPv4, $(spilled 6) in IPv6"
for protocol in tcp udp; do
	eventually "10000 of $protocol, IPv4" 60 all_there $protocol 10.99.0.
	eventually "10000 of $protocol, IPv6" 60 all_there $protocol fd99:
done
check "none is there twice" jq -e '[.edges[] | select(.direction == "egress") | [.protocol, .port, .peer.address]] | length == (unique | length)' "$LAB/graph.json"
check "no gap is told: the sets were never full" jq -e '[.gaps[] | select(.cause | test("set full"))] | length == 0' "$LAB/graph.json"
check "the other side learned it as well" test "$(edges netns/server '.direction == "ingress" and .port >= 1000 and .port <= 1099')" -ge 200
stop_daemon

step "and after a restart"
start_daemon
check "still there" all_there tcp 10.99.0.
check "still there, IPv6" all_there udp fd99:
stop_daemon
finished
