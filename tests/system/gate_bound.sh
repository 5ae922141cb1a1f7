#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Where the gate does not stand it closes links one by one, and no more than 500 of them. The newest of those beyond are open
# then: status says so and fails, until there is room again.
. "$(dirname "$0")/../lib/lab.sh"

BOUND=500 # NS_GATE_CLOSED_MAX
BEYOND=20

gate_state() {
	{ nsj status || true; } | jq -r .gate.state
}
gate_says() {
	gate_state | grep -xE "$1"
}
closed_are() { # NUMBER: so many have a chain
	local n
	n=$(nft -j list table netdev nanoseg | jq -r '[.nftables[].chain | select(.hook? == "ingress")] | length') && equal "$n" "$1"
}
reaches_host() { # NAME: both families
	attempt_for 500 "$1" tcp4 1 80 && attempt_for 500 "$1" tcp6 1 80
}

write_config
sed -i 's/^gate = .*/gate = v*\ngate_standing = never\nstart = closed/' "$LAB/nanoseg.conf"
start_daemon
lab_bridge
"$TRAFFIC" serve tcp:80 >"$LAB/host" 2>&1 &
disown

step "as many as it can close"
ns_container first 10
eventually "the first is there" 10 has_endpoint netns/first
for ((i = 1; i < BOUND; i++)); do
	echo "link add vx$i type veth peer name peer$i"
done | ip -batch - || die "links"
eventually "all are closed" 30 closed_are $BOUND
check "the gate is well" gate_says 'on events'
for v in 4 6; do
	expect_refused first tcp$v 1 80
done

step "and more"
for ((i = BOUND; i < BOUND + BEYOND - 1; i++)); do
	echo "link add vx$i type veth peer name peer$i"
done | ip -batch - || die "links"
ns_container last 11
eventually "the last is there" 10 has_endpoint netns/last
many="failed: $((BOUND + BEYOND)) links are to be closed one by one, and $BOUND are: the newest of them are open"
eventually "it is said" 10 gate_says "$many"
check "status fails" not ns status
check "people are told the same" grep -qF "$many" <(ns status || true)
check "so many are closed" closed_are $BOUND
for v in 4 6; do
	expect_refused first tcp$v 1 80
done
eventually "the newest is open" 5 reaches_host last

step "room again"
for ((i = 1; i <= BEYOND; i++)); do
	echo "link del vx$i"
done | ip -batch - || die "links"
eventually "the gate is well" 10 gate_says 'on events'
for v in 4 6; do
	expect_refused first tcp$v 1 80
	expect_refused last tcp$v 1 80
done
stop_daemon
finished
