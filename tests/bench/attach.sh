#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How long a new container's link is open before it is closed, and its namespace without rules, as an observer in C hears
# it of the kernel: idle, and while a hundred other namespaces a second come and go. First with a gate that closes each
# link as it is heard of; then, on Linux 6.16 and later, with the one that stands, under which no link is ever open.
# shellcheck disable=SC2034
LAB_GATE='v*'
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/bench.sh"

ATTACH=$NS_BUILD/tests/bench/attach
CHURN_RATE=100
RULES=100
# A thousand samples altogether (a hundred), as many in each round.
all=$([ -n "$BENCH_QUICK" ] && echo 100 || echo 1000)
n=$(((all + BENCH_ROUNDS - 1) / BENCH_ROUNDS))
declare -A next=([u]=1 [e]=1)

# Containers with a policy are numbered through, so that none comes under the name of one that has just gone.
"$NS_BUILD/tests/bench/attach_store" "$LAB/state" e 1 $((4 * n + 1)) $RULES || die "no store"

churn_begin() {
	"$ATTACH" churn $CHURN_RATE >"$LAB/churn" &
	CHURN=$!
	sleep 0.5
}

churn_end() {
	kill -TERM "$CHURN"
	wait "$CHURN" || die "the churn: $(cat "$LAB/churn")"
	# What it left is no part of the next case.
	wait_for 10 no_links || die "links of the churn are still there"
	sleep 0.5
}

no_links() {
	! ip -o link show | grep -q ': v'
}

# one ROUND CASE [standing]
one() {
	local round=$1 case=$2 standing=${3:-} prefix=u elements=0 gap=12000 words what half note=
	[[ $case != *enforcing* ]] || { prefix=e elements=$RULES; }
	[[ $case != *churn* ]] || { churn_begin; gap=4000; }
	# shellcheck disable=SC2086
	words=$("$ATTACH" measure $prefix "${next[$prefix]}" "$n" $gap $elements $standing) || die "$case: $words"
	# Policies are there for twice as many as a round has.
	next[$prefix]=$((next[$prefix] + n))
	[ $prefix = u ] || [ $((next[e] + n)) -le $((4 * n + 2)) ] || next[e]=1
	if [[ $case == *churn* ]]; then
		churn_end
		note="$(cat "$LAB/churn") a second came and went"
	else
		wait_for 10 no_links || die "links are still there"
		sleep 0.2
	fi
	[ -z "$standing" ] || note="${note:+$note; }closed from birth: no probe passed before its link was opened"
	for what in closed plan open; do
		for half in p50 p99; do
			sample attach "${what}_$half" ms lower "nanoseg $case" null null "$round" \
				"$(jq ".$what.$half" <<<"$words")" "$note"
		done
	done
	[ -z "${NANOSEG_VERBOSE:-}" ] || echo "   round $round, $case: $words"
}

# A gate that is open would have figures, too.
gate_works() {
	"$ATTACH" vault "vault-$1" || die "the gate is open"
	"$ATTACH" vault "free-$1" pass || die "no link opens"
}

rounds() { # [standing]
	local round case
	for ((round = 1; round <= BENCH_ROUNDS; round++)); do
		while read -r case; do
			one "$round" "$case" "$@"
		done < <(rotated "$round" "${cases[@]}")
	done
}

bench_config '[start]' 'netns/vault-* = closed'
start_daemon
gate_works 1
cases=(idle churn "idle enforcing" "churn enforcing")
rounds
gate_works 2
stop_daemon

sed -i 's/^gate_standing = .*/gate_standing = auto/' "$LAB/nanoseg.conf"
n=$(((n + 3) / 4))
start_daemon
gate_works 3
if [ "$(nsj status | jq -r .gate.state)" = standing ]; then
	cases=("idle standing" "churn standing")
	rounds standing
else
	sample attach closed_p50 ms lower "nanoseg idle standing" null null 1 null "this kernel has no chains on wildcards"
fi
gate_works 4
stop_daemon
finished
