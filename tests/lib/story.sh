# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# One story for every runtime: an api (enforced), its database, and an outsider that offers the same as the database. The
# api learns, gets its policy, comes back with a new address, sees the database come back with another one, and is
# removed. Sourced after lab.sh. The runtime's script defines
#
#	box_start NAME N WORD…   starts container NAME, for the Nth time or at the Nth address, whose process is WORD…
#	box_stop NAME            ends it, and removes what is left of it
#	box_pid NAME             prints a process in it
#	box_address NAME 4|6     prints its address
#	box_workload NAME        prints its workload's name
#
# and calls story_run, or the steps one by one.
STORY_SERVE=(/bin/traffic serve tcp:5432 tcp:22 tcp:8080 udp:53)
STORY_API=${STORY_API:-api}
STORY_DB=${STORY_DB:-db}
STORY_OUTSIDER=${STORY_OUTSIDER:-outsider}

# ---- packets ----

# inside PID COMMAND…: in the network namespace of a process.
inside() {
	nsenter --target "$1" --net -- "${@:2}"
}

# tries NAME KIND ADDRESS [PORT]: one attempt; prints the outcome, 0 when it passed.
tries() {
	inside "$(box_pid "$1")" "$TRAFFIC" try "${@:2}" $((${TRIES_MS:-1000} * NS_SLOW))
}

passes() {
	local outcome
	outcome=$(tries "$@") || die "$* did not pass: $outcome"
	passed "$* passes"
}

refused() {
	local outcome
	if outcome=$(TRIES_MS=500 tries "$@"); then
		die "$* passed, and must be refused"
	fi
	case $outcome in
	timeout | reset | blocked | prohibited) ;;
	*) die "$* did not run: $outcome" ;;
	esac
	passed "$* is refused ($outcome)"
}

# refuses NAME KIND ADDRESS [PORT]: many at a time; all_refused of lab.sh waits for them.
refuses() {
	(refused "$@") &
	NS_REFUSALS+=($!)
	NS_CHECKS=$((NS_CHECKS + 1))
}

serves() { # NAME: from the host, which is never told apart from the gateway
	local v
	for v in 4 6; do
		"$TRAFFIC" try tcp$v "$(box_address "$1" $v)" 5432 500 || return 1
	done
}

# ---- what is there ----

# inner_elements NAME: every element of the sets of its inner lock that decide; what packets put in is history.
inner_elements() {
	inside "$(box_pid "$1")" timeout 20 nft -j list table inet nanoseg | jq -c '[.nftables[].set? // empty | select(.name | test("^(deny|learn)_") | not)| index("dynamic") | not) | .elem // empty] | flatten | .[]'
}

holds_element() { # NAME ADDRESS
	inner_elements "$1" | grep -qF "\"$2\""
}

# Of outer locks, one for each endpoint that has a policy in force.
outer_locks() {
	timeout 20 nft list tables netdev | grep -c ' nanoseg-'
}

outer_locks_are() {
	[ "$(outer_locks)" = "$1" ]
}

story_learns() { # NAME
	eventually "$(box_workload "$1") is known" 15 has_endpoint "$(box_workload "$1")"
	wait_inner "$(box_workload "$1")" learning
}

# ---- the steps ----

story_begin() {
	local name
	for name in "$STORY_DB" "$STORY_OUTSIDER" "$STORY_API"; do
		box_start "$name" 1 "${STORY_SERVE[@]}" || die "$name does not start"
	done
	for name in "$STORY_DB" "$STORY_OUTSIDER" "$STORY_API"; do
		story_learns "$name"
		eventually "$name serves" 10 serves "$name"
	done
}

story_works() {
	local v
	for v in 4 6; do
		passes "$STORY_API" tcp$v "$(box_address "$STORY_DB" $v)" 5432
		passes "$STORY_API" udp$v "$(box_address "$STORY_DB" $v)" 53
		passes "$STORY_OUTSIDER" tcp$v "$(box_address "$STORY_DB" $v)" 5432
	done
}

story_refuses() {
	local v
	for v in 4 6; do
		refuses "$STORY_API" tcp$v "$(box_address "$STORY_DB" $v)" 22
		refuses "$STORY_API" tcp$v "$(box_address "$STORY_OUTSIDER" $v)" 5432
		refuses "$STORY_API" udp$v "$(box_address "$STORY_OUTSIDER" $v)" 53
		refuses "$STORY_OUTSIDER" tcp$v "$(box_address "$STORY_API" $v)" 8080
	done
	all_refused
}

story_open() { # the same, with nobody to refuse it
	local v
	for v in 4 6; do
		passes "$STORY_API" tcp$v "$(box_address "$STORY_DB" $v)" 22
		passes "$STORY_OUTSIDER" tcp$v "$(box_address "$STORY_API" $v)" 8080
	done
}

story_enforced() {
	local api v
	api=$(box_workload "$STORY_API")
	story_works
	for v in 4 6; do
		eventually "the edge, IPv$v" 10 has_edge "$api" ".direction == \"egress\" and .protocol == \"tcp\" and .port == 5432 and
			.peer.name == \"$(box_workload "$STORY_DB")\" and .peer.address == \"$(box_address "$STORY_DB" $v)\""
	done
	approve "$api"
	enforce "$api"
	eventually "one outer lock" 10 outer_locks_are 1
	story_works
	story_refuses
}

# story_again NAME N: it ends and comes back, at another address, under the policy.
story_again() {
	local name=$1 old4 old6 v digest
	old4=$(box_address "$name" 4)
	old6=$(box_address "$name" 6)
	digest=$(digest_of "$(box_workload "$STORY_API")")
	box_stop "$name" || die "$name does not stop"
	eventually "$name is gone" 15 not has_endpoint "$(box_workload "$name")"
	if [ "$name" != "$STORY_API" ]; then
		eventually "no stale element" 10 not holds_element "$STORY_API" "$old4"
		eventually "no stale element, IPv6" 10 not holds_element "$STORY_API" "$old6"
	else
		eventually "no outer lock without its endpoint" 10 outer_locks_are 0
	fi
	box_start "$name" "$2" "${STORY_SERVE[@]}" || die "$name does not start again"
	eventually "$name is known again" 15 has_endpoint "$(box_workload "$name")"
	check "with another address" not equal "$(box_address "$name" 4)" "$old4" 2>/dev/null
	check "with another address, IPv6" not equal "$(box_address "$name" 6)" "$old6" 2>/dev/null
	wait_inner "$(box_workload "$STORY_API")" enforcing
	for v in 4 6; do
		eventually "the database is reached, IPv$v" 10 tries "$STORY_API" tcp$v "$(box_address "$STORY_DB" $v)" 5432
	done
	story_works
	story_refuses
	check "the approval is the old one" equal "$(digest_of "$(box_workload "$STORY_API")")" "$digest"
}

story_end() {
	local name
	for name in "$STORY_DB" "$STORY_OUTSIDER" "$STORY_API"; do
		box_stop "$name" || die "$name does not stop"
	done
	for name in "$STORY_DB" "$STORY_OUTSIDER" "$STORY_API"; do
		eventually "$name is gone" 15 not has_endpoint "$(box_workload "$name")"
	done
	eventually "no outer lock is left" 10 outer_locks_are 0
}

story_run() {
	step "learning, then enforcing"
	story_begin
	story_works
	story_enforced
	step "the workload comes back with another address"
	story_again "$STORY_API" 2
	step "its peer does"
	story_again "$STORY_DB" 2
	step "nobody else refuses"
	check "learning again" ns mode "$(box_workload "$STORY_API")" learning
	story_open
	check "enforcing again" ns mode "$(box_workload "$STORY_API")" enforcing
	story_refuses
	step "all are removed"
	story_end
}
