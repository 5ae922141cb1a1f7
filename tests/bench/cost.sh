#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the daemon costs, with 0, 100 and 1,000 endpoints whose policies have 100 rules, and with a store of a million edges:
#
#	rss, rss_per_endpoint          resident memory at rest (MiB, KiB); more than with none, of each endpoint
#	kernel_per_endpoint            what the kernel has allocated in addition, of each endpoint (KiB): enforcing, learning
#	idle_cpu, cpu_at_10k           percent of one processor: at rest over several harvests; while 10,000 connections a
#	                               second are opened
#	ready_1000, in_force_1000      seconds from the start until the daemon says that it is ready, and until all locks are in
#	                               force; and *_cpu of the processor's time
#	store_size                     of a million edges (MiB)
#	address_1000                   of the group `change`: change_address.sh
#	graph_million, propose_million, export_million
#	                               seconds; peak_rss_NAME of the daemon and of the command, in MiB
#
# By itself, as root, after a build (BENCH_QUICK=1: 50 endpoints, 50,000 edges):
#
#	BENCH_SAMPLES=/tmp/samples NANOSEG_BUILD=$PWD/build NANOSEG_VERBOSE=1 bash tests/bench/cost.sh
#
# COST_ONLY=idle, address, start, learning or million (or several): only these. COST_PROFILE=FILE: the daemon under perf
# record -g while it idles with all endpoints. The settings are those that come with the daemon, but for the gate, which is
# not to stand: old nft(8) cannot list tables beside it. Each figure of this group is of one run (round 1): they are of
# minutes, or of memory.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/bench.sh"

METER=$NS_BUILD/tests/bench/cost_meter
TOOLS=$NS_BUILD/tests/bench
ONLY=${COST_ONLY:-idle address start learning million}
RULES=100
if [ -n "$BENCH_QUICK" ]; then
	N=50 EDGES=50000 idle_for=3 idle_few_for=1 load_for=1
else
	N=1000 EDGES=1000000 idle_for=11 idle_few_for=5 load_for=2
fi

wants() { [[ " $ONLY " = *" $1 "* ]]; }
now_ns() { echo $((${EPOCHREALTIME/./} * 1000)); }
cpu_ns() { "$METER" cpu "$DAEMON"; }
# of TEXT N: its Nth word. ratio A B [DECIMALS]: of figures with fractions.
of() { awk -v n="$2" '{ print $n; exit }' <<<"$1"; }
ratio() { awk -v a="$1" -v b="$2" -v f="%.${3:-3}f" 'BEGIN { printf f, a / b }'; }

# Kernel memory that cannot be reclaimed, in KiB: once what is freed later is free.
kernel_memory() {
	sleep 0.5
	awk '/^(SUnreclaim|Percpu|VmallocUsed|KernelStack):/ { sum += $2 } END { print sum }' /proc/meminfo
}

config() { # [STATE]
	LAB_LOG_LEVEL=warning write_config
	sed -i "/^scan_interval/d; /^min_window/d; s|^state_dir = .*|state_dir = ${1:-$LAB/state}|" "$LAB/nanoseg.conf"
	echo 'gate_standing = never' >>"$LAB/nanoseg.conf"
}

all_in_force() {
	[ "$(nsj endpoints | jq '[.[] | select(.inner == "enforcing" and .outer == "enforcing")] | length')" = "$1" ]
}

# all_are STATE N
inner_are() {
	[ "$(nsj endpoints | jq --arg s "$1" '[.[] | select(.inner == $s)] | length')" = "$2" ]
}

# Polled seldom: each look costs the daemon a document about all.
wait_seldom() { # SECONDS CONDITION…
	local end=$((${EPOCHREALTIME/./} + $1 * NS_SLOW * 1000000))
	shift
	while ! "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || die "not within the time: $*"
		sleep 0.2
	done
}

# at_rest SECONDS: percent of a processor, and how often it was woken a second.
at_rest() {
	local from cpu woken
	woken=$(awk '/ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$DAEMON/status")
	from=$(now_ns) cpu=$(cpu_ns)
	sleep "$1"
	echo "$(ratio $((($(cpu_ns) - cpu) * 100)) $(($(now_ns) - from)) 4)" \
		"$(($(awk '/ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$DAEMON/status") - woken))"
}

# Prints the RSS in KiB. At rest: what an answer took is given back within 2.3 s.
memory() { # CASE SIZE
	local figures
	figures=$("$METER" memory "$DAEMON") || die "no figures"
	sample cost rss MiB lower "$1" "$2" null 1 "$(ratio "$(of "$figures" 1)" 1024)" \
		"Pss $(ratio "$(of "$figures" 2)" 1024), peak $(ratio "$(of "$figures" 3)" 1024)"
	of "$figures" 1
}

idle() { # CASE SIZE SECONDS
	local figures
	figures=$(at_rest "$3")
	sample cost idle_cpu % lower "$1" "$2" null 1 "$(of "$figures" 1)" "over $3 s, woken $(of "$figures" 2) times"
}

# measure_start CASE: starts the daemon with N live endpoints, in seconds until it is ready and until all is in force.
measure_start() {
	local from ready ready_cpu
	from=${EPOCHREALTIME/./}
	start_daemon 120
	ready=$(stat -c %.6Y "$(find "$LAB" -maxdepth 1 -name 'ready.*.got' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2)")
	ready_cpu=$(cpu_ns)
	wait_seldom $((60 + N / 5)) all_in_force "$N"
	sample cost in_force_1000 s lower "$1" "$N" null 1 "$(ratio $((${EPOCHREALTIME/./} - from)) 1000000)"
	sample cost in_force_1000_cpu s lower "$1" "$N" null 1 "$(ratio "$(cpu_ns)" 1000000000)"
	sample cost ready_1000 s lower "$1" "$N" null 1 "$(ratio $((${ready/./} - from)) 1000000)"
	sample cost ready_1000_cpu s lower "$1" "$N" null 1 "$(ratio "$ready_cpu" 1000000000)" "and of one question"
	check "as planned" nsj verify
}

remove_rules() {
	"$NANOSEGD" --config "$LAB/nanoseg.conf" --remove-rules >"$LAB/removed" 2>&1 || die "$(tail -n 3 "$LAB/removed")"
}

# ---- endpoints ----

. "$NS_SOURCE/tests/bench/change_tables.sh"
. "$NS_SOURCE/tests/bench/change_address.sh"

few() {
	step "no endpoints, and a few"
	config
	start_daemon
	sleep 1
	rss_of_none=$(memory nanoseg 0) || exit 1
	idle nanoseg 0 $idle_few_for
	if [ "$N" -gt 100 ]; then
		"$NS_BUILD/tests/system/crowd" 101 || die "no namespaces"
		wait_seldom 60 all_in_force 100
		sleep 3
		memory nanoseg 100 >/dev/null
		idle nanoseg 100 $idle_few_for
	fi
	stop_daemon
	remove_rules
	if [ "$N" -gt 100 ]; then
		"$NS_BUILD/tests/system/crowd" $((N - 100)) 101 || die "no namespaces"
	else
		"$NS_BUILD/tests/system/crowd" $((N + 1)) || die "no namespaces"
	fi
}

# Pairs of neighbours talk, as their policies allow, at 10,000 connections a second altogether.
under_load() { # CASE
	local i pairs=4 from cpu server=() client=()
	ip link show br1 >/dev/null 2>&1 || ip link add br1 up type bridge
	for ((i = 1; i <= 2 * pairs; i += 2)); do
		ip link set "v$i" master br1
		ip link set "v$((i + 1))" master br1
		ip netns exec "c$((i + 1))" "$LOAD" serve 9090 >"$LAB/serve.$i" &
		server+=($!)
	done
	for ((i = 1; i <= 2 * pairs; i += 2)); do
		wait_for 5 grep -q ready "$LAB/serve.$i" || die "nobody serves"
	done
	wait_for 10 ip netns exec c1 "$LOAD" edges tcp 10.80.0.4 1 9090 || die "c1 does not reach c2"
	from=$(now_ns) cpu=$(cpu_ns)
	for ((i = 1; i <= 2 * pairs; i += 2)); do
		ip netns exec "c$i" "$LOAD" edges tcp "10.80.0.$((i + 3))" 1 9090 --rate $((10000 / pairs)) --seconds $load_for \
			>"$LAB/load.$i" &
		client+=($!)
	done
	wait "${client[@]}" || die "not all could connect"
	sample cost cpu_at_10k % lower "$1" "$N" null 1 "$(ratio $((($(cpu_ns) - cpu) * 100)) $(($(now_ns) - from)) 4)" \
		"$(cat "$LAB"/load.* | jq -s 'map(.opened // .connections // .count // 0) | add') connections in $load_for s"
	kill "${server[@]}"
	wait "${server[@]}" 2>/dev/null
}

many() {
	local rss kernel profiler=
	step "$N endpoints: first start"
	config
	kernel=$(kernel_memory)
	measure_start first
	sleep 3
	rss=$(memory nanoseg "$N") || exit 1
	[ -z "${rss_of_none:-}" ] ||
		sample cost rss_per_endpoint KiB lower nanoseg "$N" null 1 "$(ratio $((rss - rss_of_none)) "$N")"
	sample cost kernel_per_endpoint KiB lower enforcing "$N" null 1 "$(ratio $(($(kernel_memory) - kernel)) "$N")"
	if wants idle; then
		step "$N endpoints at rest"
		if [ -n "${COST_PROFILE:-}" ]; then
			perf record -q -g -o "$COST_PROFILE" -p "$DAEMON" 2>/dev/null &
			profiler=$!
		fi
		idle nanoseg "$N" $idle_for
		[ -z "$profiler" ] || kill -INT "$profiler"
		step "10,000 connections a second"
		under_load nanoseg
	fi
	if wants address; then addresses_move; fi
	stop_daemon
	if wants start; then
		step "restart"
		measure_start restart
		sleep 3
		memory restarted "$N" >/dev/null
		stop_daemon
	fi
	if wants address; then nft_moves; fi
	remove_rules
}

learning() {
	local kernel rss
	step "$N endpoints that learn"
	mkdir -m 700 "$LAB/learning"
	config "$LAB/learning"
	kernel=$(kernel_memory)
	start_daemon 120
	wait_seldom $((60 + N / 5)) inner_are learning $((N + 1))
	sleep 3
	memory learning "$N" >/dev/null
	sample cost kernel_per_endpoint KiB lower learning "$N" null 1 "$(ratio $(($(kernel_memory) - kernel)) "$N")"
	idle learning "$N" $idle_few_for
	under_load learning
	stop_daemon
	remove_rules
}

# ---- a million edges ----

# ask WHAT CASE SIZE VERB…: seconds of the command, peak memory of both.
ask() {
	local what=$1 case=$2 size=$3 figures
	shift 3
	if ! figures=$("$METER" run -p "$DAEMON" -e 60 "$NANOSEG" --socket "$LAB/run/nanosegd.sock" "$@" 2>"$LAB/cli.err"); then
		sample cost "${what}_million" s lower "$case" "$size" null 1 null "$(head -n 1 "$LAB/cli.err" | cut -c 1-200)"
		return
	fi
	sample cost "${what}_million" s lower "$case" "$size" null 1 "$(ratio "$(of "$figures" 1)" 1000)" \
		"of the processor's: the daemon $(ratio "$(of "$figures" 4)" 1000), the command $(ratio "$(of "$figures" 2)" 1000)"
	sample cost "peak_rss_$what" MiB lower "$case daemon" "$size" null 1 "$(ratio "$(of "$figures" 5)" 1024)"
	sample cost "peak_rss_$what" MiB lower "$case command" "$size" null 1 "$(ratio "$(of "$figures" 3)" 1024)"
}

million() { # CASE SIZE WORKLOADS
	local size=$2 verb=(graph)
	step "$2 edges of $3 workloads"
	LAB_NETNS_DIRS=/run/none config "$LAB/$1-$2"
	sample cost store_size MiB lower "$1" "$size" null 1 "$(ratio "$(du -sk "$LAB/$1-$2" | cut -f 1)" 1024)"
	start_daemon 60
	[ "$3" -gt 1 ] || verb=(graph app/0)
	memory "$1" "$size" >/dev/null
	ask export "$1" "$size" evidence export
	ask graph "$1" "$size" "${verb[@]}"
	ask graph "$1 json" "$size" "${verb[@]}" --json
	ask propose "$1" "$size" policy propose app/0
	stop_daemon
}

write_edges() {
	"$TOOLS/cost_edges" "$LAB/one-$((EDGES / 10))" $((EDGES / 10)) 1 &&
		"$TOOLS/cost_edges" "$LAB/one-$EDGES" "$EDGES" 1 &&
		"$TOOLS/cost_edges" "$LAB/many-$EDGES" "$EDGES" 1000
}

rss_of_none=
if wants million; then
	# Beside the first figures: they are of the daemon's own time and memory.
	write_edges >"$LAB/edges.log" 2>&1 &
	writer=$!
fi
if wants idle || wants address || wants start || wants learning; then
	"$TOOLS/change_store" "$LAB/state" "$N" $RULES || die "no store"
	if wants idle; then
		few
	else
		"$NS_BUILD/tests/system/crowd" $((N + 1)) || die "no namespaces"
	fi
	if wants idle || wants address || wants start; then many; fi
	if wants learning; then learning; fi
fi
if wants million; then
	wait "$writer" || die "no edges: $(cat "$LAB/edges.log")"
	million one $((EDGES / 10)) 1
	million one "$EDGES" 1
	million many "$EDGES" 1000
fi
finished
