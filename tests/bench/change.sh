#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How soon the kernel has what changed, against nft -f that puts the same into the same tables:
#
#   address_1000     one address moves that 1,000 endpoints' policies of 100 rules name: from before the kernel is asked
#                    to change it until the last of their inner and outer locks has the new one and not the old (ms)
#   policy_10000     10,000 rules are replaced by others, half of them or all: the command that puts the approved policy
#                    in force, which ends when both locks have been read back (ms)
#   *_cpu            of the processor's time, in ms: the daemon's and the command's; nft's
#
# By itself, as root, after a build:
#
#	BENCH_SAMPLES=/tmp/samples NANOSEG_BUILD=$PWD/build NANOSEG_VERBOSE=1 bash tests/bench/change.sh
#
# BENCH_QUICK=1: with 50 endpoints and 1,000 rules. CHANGE_ONLY=address or policy: one of the two. CHANGE_PROFILE=FILE: the daemon under
# perf record -g while addresses move. nft(8) goes over the same tables when the daemon has stopped, since it is refused
# before; so its rounds come after the daemon's. The store is in memory (the lab's /run): no disk's time is in it.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/bench.sh"

METER=$NS_BUILD/tests/bench/cost_meter
N=$([ -n "$BENCH_QUICK" ] && echo 50 || echo 1000)
RULES=100
RULES_MANY=$([ -n "$BENCH_QUICK" ] && echo 1000 || echo 10000)
ONLY=${CHANGE_ONLY:-address policy}

# ---- tables as text ----

# elements FILE: of a listing, one a line: set, then the element; sets that packets fill are left out.
elements() {
	awk '
		/^\tset / { set = $2; dynamic = 0 }
		/^\t\tflags .*dynamic/ { dynamic = 1 }
		/elements = \{/ { inside = !dynamic; sub(/.*elements = \{/, "") }
		inside {
			last = sub(/\}[ \t]*$/, "")
			n = split($0, parts, ",")
			for (i = 1; i <= n; i++) {
				gsub(/^[ \t]+|[ \t]+$/, "", parts[i])
				if (parts[i] != "")
					print set, parts[i]
			}
			if (last)
				inside = 0
		}' "$1" | sort
}

# as_script VERB FAMILY TABLE: elements on standard input, as one command a set.
as_script() {
	awk -v verb="$1" -v table="$2 $3" '
		$1 != set { if (set) print " }"; set = $1; printf "%s element %s %s {", verb, table, set; comma = " " }
		{ sub(/^[^ ]+ /, ""); printf "%s%s", comma, $0; comma = ", " }
		END { if (set) print " }" }'
}

# of_nft: a listing as nft can read it again: without figures, without what it prints of owners, and without the rules that
# it has no words for (headers read at fixed places), so that its tables have all elements and fewer rules than ours.
of_nft() {
	sed -E '/^\tflags /d; /\[invalid type\]|@(th|nh|ll),/d; s/^(table [^#]*[{]) # .*/\1/; s/ counter packets [0-9]+ bytes [0-9]+/ counter/g'
}

inner_table() { # NETNS [TABLE]
	ip netns exec "$1" nft -n list table inet "${2:-nanoseg}" | of_nft
}

outer_table() { # TABLE
	timeout 30 nft -n list table netdev "$1" | of_nft
}

cookie_of() {
	nsj endpoints | jq -er --arg w "$1" '.[] | select(.workload == $w) | .cookie'
}

cpu_ns() { "$METER" cpu "$DAEMON"; }

# times A B: their sum, of figures with fractions.
plus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a + b }'; }

# ---- a policy of 10,000 rules ----

# policy REVISION SEED SEED: half the rules are of one seed, half of the other. Of ten rules, one is a prefix with a range
# of ports, the others addresses with a port; half of all are IPv6.
policy() {
	awk -v revision="$1" -v a="$2" -v b="$3" -v n="$RULES_MANY" 'BEGIN {
		printf "{\"schema\":\"nanoseg/policy/1\",\"workload\":\"netns/p\",\"revision\":%d,\"verdict\":\"drop\",\"rules\":[", revision
		for (i = 0; i < n; i++) {
			seed = i < n / 2 ? a : b
			ports = 1024 + i % 1000
			j = int(i / 10)
			if (i % 20 == 0)
				prefix = sprintf("%d.%d.%d.0/24", 40 + seed, j / 256, j % 256)
			else if (i % 20 == 10)
				prefix = sprintf("2001:db9:%x:%x::/64", seed, j + 1)
			else if (i % 2)
				prefix = sprintf("2001:db8:%x::%x/128", seed, i + 1)
			else
				prefix = sprintf("20.%d.%d.%d/32", seed, i / 256, i % 256)
			ports = i % 10 ? ports : "\"8000-8010\""
			printf "%s{\"id\":\"r%d\",\"direction\":\"egress\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"%s\"},\"protocol\":\"tcp\",\"ports\":[%s]}",
				(i ? "," : ""), i, prefix, ports
		}
		print "]}"
	}'
}

# propose SEED SEED: the next revision; its digest.
propose() {
	policy "$revision" "$1" "$2" >"$LAB/policy.json"
	ns policy edit netns/p --file "$LAB/policy.json" --json | jq -er .digest || die "no revision: $(cat "$LAB/cli.err")"
}

# approve_measured DIGEST: wall, and processor time of the daemon and the command, in ms.
approve_measured() {
	local figures
	figures=$("$METER" run -p "$DAEMON" "$NANOSEG" --socket "$LAB/run/nanosegd.sock" policy approve netns/p --digest "$1" \
		--reason bench) || die "not approved"
	# shellcheck disable=SC2086
	set -- $figures
	echo "$1 $(plus "$2" "$4")"
}

# keep_tables: what the daemon has put there, as the tables of nft's own namespace, which is like p.
keep_tables() { # NAME
	inner_table p | sed 's/^table inet nanoseg/table inet bench/' >"$LAB/$1.inner"
	outer_table "nanoseg-$cookie" | sed "s/^table netdev nanoseg-$cookie/table netdev bench/; s/\"v2\"/\"b2\"/" >"$LAB/$1.outer"
	local lock
	for lock in inner outer; do
		elements "$LAB/$1.$lock" >"$LAB/$1.$lock.elements"
		[ "$(wc -l <"$LAB/$1.$lock.elements")" -ge "$RULES_MANY" ] || die "the $lock lock has not got all elements"
	done
}

# full LOCK NAME FILE: the script that replaces the table as a whole; delta LOCK FROM TO FILE: the elements that differ.
full() {
	local table="inet bench"
	[ "$1" = inner ] || table="netdev bench"
	{ echo "table $table"; echo "delete table $table"; cat "$LAB/$2.$1"; } >"$3"
}

delta() {
	local family=inet
	[ "$1" = inner ] || family=netdev
	{
		comm -23 "$LAB/$2.$1.elements" "$LAB/$3.$1.elements" | as_script delete $family bench
		comm -13 "$LAB/$2.$1.elements" "$LAB/$3.$1.elements" | as_script add $family bench
	} >"$4"
}

# nft_both NAME: the two scripts, one process each: wall and processor time in ms.
nft_both() {
	local inner outer
	inner=$("$METER" run -n "$LAB/bench-netns" nft -f "$LAB/$1.inner.nft") || return
	outer=$("$METER" run nft -f "$LAB/$1.outer.nft") || return
	# shellcheck disable=SC2086
	set -- $inner $outer
	echo "$(plus "$1" "$4") $(plus "$2" "$5")"
}

# nft_has NAME: nft's tables hold the same elements.
nft_has() {
	equal "$(nsenter --net="$LAB/bench-netns" nft -n list table inet bench | of_nft >"$LAB/got" && elements "$LAB/got" | md5sum)" \
		"$(md5sum <"$LAB/$1.inner.elements")" &&
		equal "$(outer_table bench >"$LAB/got" && elements "$LAB/got" | md5sum)" "$(md5sum <"$LAB/$1.outer.elements")"
}

policy_sample() { # CASE ROUND "WALL CPU"
	sample change policy_10000 ms lower "$1" $RULES_MANY null "$2" "${3% *}"
	sample change policy_10000_cpu ms lower "$1" $RULES_MANY null "$2" "${3#* }"
}

# replaced ROUND HOW SEED SEED: from what is in force (kept as `before`) to that.
replaced() {
	local round=$1 how=$2 lock digest figures
	digest=$(propose "$3" "$4") || exit 1
	figures=$(approve_measured "$digest") || exit 1
	revision=$((revision + 1))
	policy_sample "nanoseg $how" "$round" "$figures"
	keep_tables after
	for lock in inner outer; do
		full $lock after "$LAB/full.$lock.nft"
		full $lock before "$LAB/back.$lock.nft"
		delta $lock before after "$LAB/delta.$lock.nft"
	done
	# Slower by far, and no goal is compared with it: once is enough.
	if [ "$round" = 1 ]; then
		figures=$(nft_both delta) || die "nft -f of the elements"
		nft_has after || die "nft has put something else in"
		policy_sample "nft-f-delta $how" "$round" "$figures"
		nft_both back >/dev/null || die "nft -f back"
	fi
	figures=$(nft_both full) || die "nft -f of the tables"
	nft_has after || die "nft has put something else in"
	policy_sample "nft-f $how" "$round" "$figures"
	for lock in inner outer; do
		mv "$LAB/after.$lock" "$LAB/before.$lock"
		mv "$LAB/after.$lock.elements" "$LAB/before.$lock.elements"
	done
}

policies() {
	local round seed=2 lock
	step "a policy of $RULES_MANY rules is replaced"
	ns_container p 2
	# Of nft's own: no link that the daemon would take for a container's, no namespace that it looks for.
	: >"$LAB/bench-netns"
	unshare --net="$LAB/bench-netns" ip link set lo up || die "no namespace"
	ip link add b2 type veth peer name eth0 netns "$LAB/bench-netns" || die "no link"
	ip link set b2 master br0 up
	bench_config
	start_daemon
	eventually "p is known" 10 has_endpoint netns/p
	cookie=$(cookie_of netns/p)
	revision=1
	check "approved" ns policy approve netns/p --digest "$(propose 1 2)" --reason bench
	enforce netns/p
	keep_tables before
	for lock in inner outer; do full $lock before "$LAB/full.$lock.nft"; done
	nft_both full >/dev/null || die "nft -f of the tables"
	check "nft has the same" nft_has before
	for ((round = 1; round <= BENCH_ROUNDS; round++)); do
		replaced "$round" half $((seed - 1)) $((seed + 1))
		replaced "$round" all $((seed + 2)) $((seed + 3))
		seed=$((seed + 3))
	done
	check "as planned" nsj verify
	stop_daemon
	nft delete table netdev bench
	ns_remove p
	ip link del b2
	rm -rf "$LAB/state" "$LAB/nanoseg.conf"
	mkdir -m 700 "$LAB/state"
}

# ---- an address moves ----

all_in_force() {
	[ "$(nsj endpoints | jq '[.[] | select(.inner == "enforcing" and .outer == "enforcing")] | length')" = "$N" ]
}

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

declare -A cookies=()
addresses() {
	local round old4=10.80.0.2 old6=fd80::2 name cookie profiler=
	step "an address moves, $N endpoints of $RULES rules each name it"
	"$NS_BUILD/tests/bench/change_store" "$LAB/state" "$N" $RULES || die "no store"
	"$NS_BUILD/tests/system/crowd" $((N + 1)) || die "no namespaces"
	bench_config
	start_daemon 120
	eventually "all are in force" $((60 + N / 5)) all_in_force
	while read -r name cookie; do
		[ "$name" = c0 ] || cookies[$name]=$cookie
	done < <(nsj endpoints | jq -r '.[] | "\(.workload | ltrimstr("netns/")) \(.cookie)"')
	check "each has a lock of its own" equal "${#cookies[@]}" "$N"
	# The first figures are read, and whatever a start leaves to do is done.
	sleep "$([ -n "$BENCH_QUICK" ] && echo 1 || echo 3)"
	if [ -n "${CHANGE_PROFILE:-}" ]; then
		perf record -q -g -o "$CHANGE_PROFILE" -p "$DAEMON" 2>/dev/null &
		profiler=$!
		sleep 1
	fi
	for ((round = 1; round <= BENCH_ROUNDS; round++)); do
		moved "$round" 4 "$old4" "10.80.99.$round"
		moved "$round" 6 "$old6" "fd80::99:$round"
		old4=10.80.99.$round old6=fd80::99:$round
	done
	[ -z "$profiler" ] || kill -INT "$profiler"
	check "as planned" nsj verify
	stop_daemon
	# Once: it takes fifteen seconds, and no goal is compared with it.
	nft_moved 1 4 "$old4" 10.80.88.1
	nft_moved 1 6 "$old6" fd80::88:1
}

[[ $ONLY != *policy* ]] || policies
[[ $ONLY != *address* ]] || addresses
finished
