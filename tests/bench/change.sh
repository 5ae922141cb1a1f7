#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How soon the kernel has a policy that replaces another, against nft -f that puts the same into the same tables:
#
#   policy_10000     10,000 rules are replaced by others, half of them or all: the command that puts the approved policy
#                    in force, which ends when both locks have been read back (ms)
#   policy_10000_cpu of the processor's time: the daemon's and the command's; nft's (ms)
#
# What else is of the group `change`, an address that moves, is measured by cost.sh, which has the endpoints for it.
#
# By itself, as root, after a build (BENCH_QUICK=1: with 1,000 rules):
#
#	BENCH_SAMPLES=/tmp/samples NANOSEG_BUILD=$PWD/build NANOSEG_VERBOSE=1 bash tests/bench/change.sh
#
# nft(8) goes over tables of its own. The store is in memory (the lab's /run): no disk's time is in it.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/bench.sh"
. "$(dirname "$0")/change_tables.sh"

METER=$NS_BUILD/tests/bench/cost_meter
RULES_MANY=$([ -n "$BENCH_QUICK" ] && echo 1000 || echo 10000)

cookie_of() {
	nsj endpoints | jq -er --arg w "$1" '.[] | select(.workload == $w) | .cookie'
}

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
	sample change policy_10000 ms lower "$1" "$RULES_MANY" null "$2" "${3% *}"
	sample change policy_10000_cpu ms lower "$1" "$RULES_MANY" null "$2" "${3#* }"
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

policies
finished
