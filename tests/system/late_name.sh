#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An engine that answers late: what a container did before anybody could tell its name is in its learning window all the
# same, and so is whom it talked to, under the name that is told later.
LAB_DOCKER_SOCKET=/run/docker.sock
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/docker.sh"

NET_OPTIONS=(--network late)
# A namespace on the engine's bridge that is nobody's container, so that its name is known at once.
neighbour() {
	local bridge
	bridge=br-$(docker network inspect -f '{{.Id}}' late | cut -c 1-12)
	ip netns add neighbour
	ip link add vneighbour type veth peer name eth0 netns neighbour
	ip link set vneighbour master "$bridge" up
	ip -n neighbour link set lo up
	ip -n neighbour link set eth0 up
	ip -n neighbour addr add 172.33.200.1/16 dev eth0
	ip -n neighbour -6 addr add fd99:7::200:1/64 dev eth0 nodad
}
provisional() { # COUNT of endpoints whose name is not told
	equal "$(nsj endpoints | jq '[.[] | select(.provisional)] | length')" "$1"
}
sees() { # FAMILY: the caller's namespace reaches the server
	nsenter -t "$CALLER" -n "$TRAFFIC" try "tcp$1" "${TO[$1]}" 5432
}

step "two containers, and an engine that says nothing"
docker_start
docker network create --ipv6 --subnet 172.33.0.0/16 --subnet fd99:7::/64 late >/dev/null || die "network"
docker_run server "${NET_OPTIONS[@]}" -- traffic serve tcp:5432
docker_run caller "${NET_OPTIONS[@]}" -- sleep 1000
CALLER=$(docker inspect -f '{{.State.Pid}}' caller)
TO=([4]=$(docker_address server 4 late) [6]=$(docker_address server 6 late))
neighbour
kill -STOP "$DOCKERD"
start_daemon
eventually "neither has a name" 10 provisional 2
for v in 4 6; do
	check "the caller reaches the server, IPv$v" sees $v
	check "the neighbour reaches the server, IPv$v" in_ns neighbour "$TRAFFIC" try tcp$v "${TO[$v]}" 5432
done
sleep 1 # a name that comes later than what was seen
check "what was seen waits for the name" equal "$(nsj graph | jq '[.edges[] | select(.port == 5432 and .direction == "egress")] | length')" 0
kill -CONT "$DOCKERD"
eventually "both have theirs" 20 provisional 0

step "whom the neighbour talked to"
WORKLOAD=$(nsj endpoints | jq -r '.[] | select(.name == "neighbour") | .workload')
for v in 4 6; do
	eventually "the server, by its name, IPv$v" 15 has_edge "$WORKLOAD" ".direction == \"egress\" and
		.port == 5432 and .peer.address == \"${TO[$v]}\" and .peer.class == \"workload\" and .peer.name == \"docker/server\""
	check "and not its address, IPv$v" not has_edge "$WORKLOAD" ".peer.address == \"${TO[$v]}\" and .peer.class != \"workload\""
done

step "the window"
for v in 4 6; do
	check "it has the connection, under the server's name, IPv$v" has_edge docker/caller ".direction == \"egress\" and
		.port == 5432 and .peer.address == \"${TO[$v]}\" and .peer.class == \"workload\" and .peer.name == \"docker/server\""
done
nsj policy propose docker/caller >"$LAB/proposal.json" || die "no proposal: $(cat "$LAB/cli.err")"
check "the proposal has it" jq -e '.rules == 1 and .warnings == ["the window is incomplete: 1 gaps; what happened in them may be missing"]' "$LAB/proposal.json"
check "and says that nobody watched when it began" jq -e '.gaps | length == 1 and .[0].cause == "joined late"' "$LAB/proposal.json"
nsj policy show docker/caller --proposed >"$LAB/policy.json" 2>/dev/null || nsj policy show docker/caller >"$LAB/policy.json"
check "of the server, by its name" jq -e '[.. | .peer? // empty | .. | .name? // empty] == ["docker/server"]' "$LAB/policy.json"
stop_daemon
docker_stop
finished
