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
# A thousand samples altogether (quick: sixty), as many in each round; half as many with a policy, which take longer.
all=$([ -n "$BENCH_QUICK" ] && echo 60 || echo 1000)
most_ms=$([ -n "$BENCH_QUICK" ] && echo 500 || echo 2000) # for one case in one round
n=$(((all + BENCH_ROUNDS - 1) / BENCH_ROUNDS))
declare -A next=([u]=1 [e]=1) count=([u]=$n [e]=$(((n + 1) / 2)))

# Containers with a policy are numbered through, so that none comes under the name of one that has just gone.
policies=$((4 * count[e]))
"$NS_BUILD/tests/bench/attach_store" "$LAB/state" e 1 $policies $RULES || die "no store"

churn_begin() {
	"$ATTACH" churn $CHURN_RATE >"$LAB/churn" &
	CHURN=$!
	sleep 0.5
}

churn_end() {
	kill -TERM "$CHURN"
	wait "$CHURN" || die "the churn: $(cat "$LAB/churn")"
}

no_links() {
	! ip -o link show | grep -q ': v'
}

measure() { # PREFIX ELEMENTS [standing]
	local first=${next[$1]}
	next[$1]=$((first + count[$1]))
	if [ "$1" = e ] && [ $((next[e] + count[e] - 1)) -gt $policies ]; then
		next[e]=1
	fi
	"$ATTACH" measure "$1" "$first" "${count[$1]}" 4000 "$2" "$most_ms" "${@:3}" >"$LAB/measured.$1" || die "no figures"
}

report() { # ROUND CASE PREFIX NOTE
	local what half words
	words=$(cat "$LAB/measured.$3")
	set -- "$1" "$2" "$3" "$(jq -r '"\(.n) samples" + if .late > 0 then ", \(.late) of them not within 10 s" else "" end' \
		<<<"$words")${4:+; $4}"
	for what in closed plan open; do
		for half in p50 p99; do
			sample attach "${what}_$half" ms lower "nanoseg $2" null null "$1" "$(jq ".$what.$half" <<<"$words")" "$4"
		done
	done
	[ -z "${NANOSEG_VERBOSE:-}" ] || echo "   round $1, $2: $words"
}

# What is left of one measurement is no part of the next: hundreds of containers end at once. (Churn is never over.)
settle() { # CASE
	[ "$1" = churn ] || wait_for 20 no_links || die "links are still there"
	sleep 0.5
}

# one ROUND CASE [standing]: without a policy and with one; while the gate stands only without, since it is the same then.
one() {
	local round=$1 case=$2 note=
	shift 2
	[ "$case" = idle ] || churn_begin
	measure u 0 "$@"
	if [ $# = 0 ]; then
		settle "$case"
		measure e $RULES
	fi
	if [ "$case" = churn ]; then
		churn_end
		note="$(cat "$LAB/churn") a second came and went"
	fi
	[ $# = 0 ] || note="${note:+$note; }closed from birth: no probe passed before its link was opened"
	report "$round" "$case${1:+ $1}" u "$note"
	[ $# -gt 0 ] || report "$round" "$case enforcing" e "$note"
	settle idle
}

# A gate that is open would have figures, too.
gate_works() { # N [standing]
	"$ATTACH" vault "vault-$1" "${@:2}" || die "the gate is open"
	"$ATTACH" vault "free-$1" pass || die "no link opens"
}

rounds() { # [standing]
	local round case
	for ((round = 1; round <= BENCH_ROUNDS; round++)); do
		while read -r case; do
			one "$round" "$case" "$@"
		done < <(rotated "$round" idle churn)
	done
}

bench_config '[start]' 'netns/vault-* = closed'
start_daemon
gate_works 1
rounds
gate_works 2
stop_daemon

sed -i 's/^gate_standing = .*/gate_standing = auto/' "$LAB/nanoseg.conf"
count[u]=$(((n + 9) / 10))
start_daemon
if [ "$(nsj status | jq -r .gate.state)" = standing ]; then
	gate_works 3 standing
	rounds standing
	gate_works 4 standing
else
	sample attach closed_p50 ms lower "nanoseg idle standing" null null 1 null "this kernel has no chains on wildcards"
fi
stop_daemon
finished
