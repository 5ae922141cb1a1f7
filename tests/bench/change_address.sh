# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154
#
# One address moves that N endpoints' policies name, for cost.sh, which has the endpoints: addresses_move while the daemon
# runs, nft_moves when it has stopped, since nft(8) is refused before. Their samples are of the group `change`:
#
#   address_1000       from before the kernel is asked to change the address until the last of their inner and outer
#                      locks has the new one and not the old (ms)
#   address_1000_cpu   of the processor's time: the daemon's, until it is at rest; nft's
#
# CHANGE_PROFILE=FILE: the daemon under perf record -g meanwhile.

OLD4=10.80.0.2 OLD6=fd80::2
declare -A cookies=()

# holds NETNS OLD NEW: both locks have the new address and not the old.
holds() {
	local inner outer
	inner=$(inner_table "$1") outer=$(outer_table "nanoseg-${cookies[$1]}") || return
	grep -qF " $3 . 5432" <<<"$inner" && grep -qF " $3 . 5432" <<<"$outer" && not grep -qF " $2 . 5432" <<<"$inner$outer"
}

# moved ROUND FAMILY OLD NEW
moved() {
	local round=$1 family=$2 old=$3 new=$4 length=16 figures one
	[ "$family" = 4 ] || length=64
	figures=$(nice -n -15 "$NS_BUILD/tests/bench/change_address" "$DAEMON" "$N" "$old/$length" "$new/$length") ||
		die "they do not follow"
	for one in c1 c$((N / 2)) "c$N"; do
		holds "$one" "$old" "$new" || die "$one does not hold $new in place of $old"
	done
	# shellcheck disable=SC2086
	set -- $figures
	sample change address_1000 ms lower nanoseg "$N" "$family" "$round" "$1" "inner $2, outer $3"
	sample change address_1000_cpu ms lower nanoseg "$N" "$family" "$round" "$5" "until all had it: $4"
}

# nft_moved ROUND FAMILY OLD NEW: the same by one nft -f in each namespace, as many at a time as there are processors, and
# one for all tables in the host's.
nft_moved() {
	local round=$1 family=$2 old=$3 new=$4 table inner outer one
	inner_table c1 >"$LAB/inner" && outer_table "nanoseg-${cookies[c1]}" >"$LAB/outer" || die "no tables"
	for table in inner outer; do
		elements "$LAB/$table" | grep -F " $old " >"$LAB/$table.old" || die "nothing names $old"
	done
	both() { as_script delete "$2" "$3" <"$LAB/$1.old"; sed "s/ $old / $new /" "$LAB/$1.old" | as_script add "$2" "$3"; }
	both inner inet nanoseg >"$LAB/inner.nft"
	both outer netdev nanoseg-TABLE >"$LAB/one.nft"
	for one in "${!cookies[@]}"; do
		sed "s/nanoseg-TABLE/nanoseg-${cookies[$one]}/" "$LAB/one.nft"
	done >"$LAB/outer.nft"
	inner=$("$METER" each "$(nproc)" 1 "$N" nft -f "$LAB/inner.nft") || die "nft -f in the namespaces"
	outer=$("$METER" run -e 60 nft -f "$LAB/outer.nft") || die "nft -f in the host's namespace"
	for one in c1 c$((N / 2)) "c$N"; do
		holds "$one" "$old" "$new" || die "$one does not hold $new in place of $old"
	done
	# shellcheck disable=SC2086
	set -- $inner $outer
	sample change address_1000 ms lower nft-f "$N" "$family" "$round" "$(plus "$1" "$3")" "inner $1, outer $3; $(nproc) at a time"
	sample change address_1000_cpu ms lower nft-f "$N" "$family" "$round" "$(plus "$2" "$4")"
}

addresses_move() {
	local round name cookie profiler=
	step "an address moves, $N endpoints of $RULES rules each name it"
	while read -r name cookie; do
		[ "$name" = c0 ] || cookies[$name]=$cookie
	done < <(nsj endpoints | jq -r '.[] | "\(.workload | ltrimstr("netns/")) \(.cookie)"')
	check "each has a lock of its own" equal "${#cookies[@]}" "$N"
	if [ -n "${CHANGE_PROFILE:-}" ]; then
		perf record -q -g -o "$CHANGE_PROFILE" -p "$DAEMON" 2>/dev/null &
		profiler=$!
		sleep 1
	fi
	for ((round = 1; round <= BENCH_ROUNDS; round++)); do
		moved "$round" 4 "$OLD4" "10.80.99.$round"
		moved "$round" 6 "$OLD6" "fd80::99:$round"
		OLD4=10.80.99.$round OLD6=fd80::99:$round
	done
	[ -z "$profiler" ] || kill -INT "$profiler"
	check "as planned" nsj verify
}

# Once, and of one family: it takes fifteen seconds, and no goal is compared with it.
nft_moves() {
	step "an address moves, by nft"
	nft_moved 1 6 "$OLD6" fd80::88:1
}
