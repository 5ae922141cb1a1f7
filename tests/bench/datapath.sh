#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What rules cost the packets: throughput, new connections, datagrams, round trips, of nanoseg's locks and of others, at
# various sizes. README.md says what each case is. Each has a namespace of its own with a link to the host, where one
# server answers for all; all stand ready before the first is measured. Client on CPU 1, server on CPU 0; for bulk there is
# another server, on CPU 1 as well.
#
# That each refuses what it does not allow is tried before and after: a lock that is open is not measured.
#
# The machine's own speed changes from second to second, so a round is short and there are more of them than of the other
# groups': what is compared stands within a second or two, and the median is of many. What no goal is about is there in
# every second round.
#
# Besides what all groups read: BENCH_CASES, a pattern; only the cases whose names match (inner-10000) are there.
# BENCH_WHATS: only these measurements.
# shellcheck disable=SC2034
LAB_NETNS_DIRS=/run/watched LAB_GATE=none
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/bench/bench.sh"
. "$NS_SOURCE/tests/bench/contenders.sh"
. "$NS_SOURCE/tests/bench/datapath_nanoseg.sh"

PORT_LO=9000 PORT_HI=9003 PORT_BULK=9003 PORT_LAST=9002 PORT_REFUSED=9004
declare -A contender size families whats number absent seconds cookie
names=()

# ---- the cases ----

# new_case CONTENDER SIZE FAMILIES [WHATS]: its namespace CONTENDER-SIZE, and its link.
ALL="bulk connect udp udp-new rtt connect-latency"
new_case() {
	local name=$1 n
	[ "$2" = null ] || name=$1-$2
	[[ $name =~ ${BENCH_CASES:-.} ]] || return 0
	names+=("$name")
	n=${#names[@]}
	contender[$name]=$1 size[$name]=$2 families[$name]=$3 whats[$name]=${BENCH_WHATS:-${4:-$ALL}} number[$name]=$n
	ip netns add "$name"
	ip link add "v$n" type veth peer name eth0 netns "$name"
	ip addr add "10.100.$n.1/24" dev "v$n"
	ip -6 addr add "fd90:$n::1/64" dev "v$n" nodad
	ip link set "v$n" up
	ip -n "$name" link set lo up
	ip -n "$name" addr add "10.100.$n.2/24" dev eth0
	ip -n "$name" -6 addr add "fd90:$n::2/64" dev eth0 nodad
	ip -n "$name" link set eth0 up
}

server_of() { # NAME FAMILY
	if [ "$2" = 4 ]; then echo "10.100.${number[$1]}.1"; else echo "fd90:${number[$1]}::1"; fi
}

full_cases() {
	local n few="bulk connect"
	new_case none null "4 6"
	new_case conntrack null "4 6"
	for n in inner both; do
		new_case $n 10 4
		new_case $n 100 4 "$few"
		new_case $n 1000 4 "$few"
		new_case $n 10000 "4 6"
		new_case $n 100000 4
	done
	new_case outer 10 4 "$few"
	new_case outer 10000 "4 6"
	new_case outer 100000 4 "$few"
	new_case auditing 10000 4
	new_case learning null 4
	for n in 10 1000; do
		new_case nft-linear $n 4 "$few"
		new_case nft-linear-first $n 4 "$few"
		new_case iptables-linear $n 4 "$few"
	done
	new_case nft-linear 10000 "4 6"
	new_case nft-linear-first 10000 4
	new_case iptables-linear 10000 4
	new_case ipset 10000 4
	new_case ipset 100000 4 "$few"
	new_case nfqueue 10 4 "$few"
	new_case nfqueue 10000 4
	new_case nfqueue-new 10000 4
	new_case opensnitch 10 4
	ROUNDS_EACH=2
	seconds=([bulk]=0.02 [connect]=0.1 [connect-compared]=0.15 [udp]=0.04 [udp-new]=0.04 [rtt]=0.04 [connect-latency]=0.04)
}

quick_cases() {
	local few="bulk connect"
	new_case none null "4 6"
	new_case conntrack null "4 6"
	new_case inner 10 4
	new_case inner 10000 "4 6"
	new_case outer 10000 4 "$few"
	new_case both 10000 "4 6"
	new_case learning null 4 "$few"
	new_case nft-linear 10000 4 "$few"
	new_case nft-linear-first 1000 4 "$few"
	new_case iptables-linear 1000 4 "$few"
	new_case ipset 10000 4 "$few"
	new_case nfqueue 10 4 "$few"
	new_case opensnitch 10 4 connect
	seconds=([bulk]=0.02 [connect]=0.08 [connect-compared]=0.08 [udp]=0.04 [udp-new]=0.04 [rtt]=0.04 [connect-latency]=0.04)
	ROUNDS_EACH=1
}

# ---- are the locks what they are to be? ----

refuses() {
	[[ ! ${contender[$1]} =~ ^(none|conntrack|auditing|learning)$ ]]
}

# Somebody listens on the port that nobody allows.
try_refused() { # NAME FAMILY
	local said
	if said=$(in_ns "$1" "$LOAD" connect "$(server_of "$1" "$2")" $PORT_REFUSED --in-flight 1 --seconds 0.8 2>&1); then
		! refuses "$1" || die "$1 lets through what it does not allow, IPv$2"
	else
		! refuses "$1" || return 0
		die "$1 does not let through what it is to, IPv$2: $said"
	fi
}

try_all() {
	local name family pids=() pid bad=0
	for name in "${names[@]}"; do
		[ -z "${absent[$name]:-}" ] || continue
		for family in ${families[$name]}; do
			try_refused "$name" "$family" &
			pids+=($!)
		done
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || bad=1
	done
	[ $bad = 0 ] || die "a case is not what it is to be"
	passed "${#pids[@]} cases refuse what they are to, and nothing else"
	check "nobody tracks connections on the host" equal "$(cat /proc/sys/net/netfilter/nf_conntrack_count)" 0
}

# ---- measuring ----

# Of the generator's line: value UNIT and so on, in one look.
field() { # NAME, of $line
	[[ $line =~ \"$1\":([0-9.]+) ]] || die "no $1 in: $line"
	echo "${BASH_REMATCH[1]}"
}

put() { # WHAT UNIT BETTER VALUE
	sample datapath "$1" "$2" "$3" "${contender[$name]}" "${size[$name]}" "$family" "$round" "$4"
}

# What the goals compare.
is_compared() { # NAME
	[[ ${contender[$1]} =~ ^(none|conntrack|inner|outer|both|learning)$ ]]
}

# Of that half as long again: a few percent are to be told.
seconds_of() { # WHAT, of $name
	if [ "$1" = connect ] && is_compared "$name"; then
		echo "${seconds[connect-compared]}"
	else
		echo "${seconds[$1]}"
	fi
}

generate() { # WHAT PORTS [OPTION…], of $name and $family
	ip netns exec "$name" "$LOAD" "$1" "$(server_of "$name" "$family")" "$2" --cpu 1 --seconds "$(seconds_of "$1")" "${@:3}" 2>&1
}

measure() { # WHAT, of $name and $family
	local what=$1 line port=$PORT_LO options=()
	case $what in
	connect | connect-latency | udp-new) port=$PORT_LO-$PORT_LAST ;;
	bulk) port=$PORT_BULK options=(--times 7) ;;
	esac
	if ! line=$(generate "$what" "$port" "${options[@]}"); then
		# A lock that is to be fast and lets nothing through is a fault, and so is no server.
		is_nanoseg "$name" || [ "${size[$name]}" = null ] && die "$name, $what, IPv$family: $line"
		unmeasured "$what" "$line"
		return
	fi
	# All namespaces' entries are in one hash table: what one leaves behind the next would pay for.
	case $what in
	connect | connect-latency | udp-new) ip netns exec "$name" conntrack -F 2>/dev/null ;;
	esac
	case $what in
	bulk) put bulk Gbit/s higher "$(field value)" ;;
	connect | udp)
		put "$what" 1/s higher "$(field value)"
		# The client's own, and all that the kernel does for its packets.
		if [[ ${contender[$name]} =~ ^(nfqueue|nfqueue-new|opensnitch)$ ]]; then
			unmeasured "$what-cpu" "the packets go on in another process"
		else
			put "$what-cpu" us lower "$(field cpu_us)"
		fi
		;;
	udp-new) put udp-new 1/s higher "$(field value)" ;;
	rtt | connect-latency)
		put "$what-p50" us lower "$(field p50)"
		put "$what-p99" us lower "$(field p99)"
		;;
	esac
}

unmeasured() { # WHAT WHY
	local what unit=1/s better=higher
	case $1 in
	bulk) unit=Gbit/s ;;
	*-cpu | rtt | connect-latency) unit=us better=lower ;;
	esac
	for what in $(case $1 in
	rtt | connect-latency) echo "$1-p50 $1-p99" ;;
	*) echo "$1" ;;
	esac); do
		sample datapath "$what" $unit $better "${contender[$name]}" "${size[$name]}" "$family" "$round" null "$2"
	done
}

visit() { # WHAT NAME/FAMILY ROUND
	local what=$1 name=${2%/*} family=${2#*/} round=$3
	[[ " ${whats[$name]} " = *" $what "* ]] || return 0
	if [ -n "${absent[$name]:-}" ]; then
		unmeasured "$what" "${absent[$name]}"
	else
		wake_judge "$name"
		measure "$what"
		rest_judge "$name"
	fi
}

step "the cases"
if [ -n "$BENCH_QUICK" ]; then quick_cases; else full_cases; fi
[ ${#names[@]} -gt 0 ] || die "no case is called '$BENCH_CASES'"
serve() { # CPU PORTS
	"$LOAD" serve "$2" --cpu "$1" >"$LAB/serve.$2" 2>&1 &
	disown
	wait_for 5 grep -q ready "$LAB/serve.$2" || die "no server: $(cat "$LAB/serve.$2")"
}
serve 0 "$PORT_LO-$PORT_LAST"
serve 1 "$PORT_BULK"
serve 0 "$PORT_REFUSED"
put_up_nanoseg
for name in "${names[@]}"; do
	is_nanoseg "$name" || "put_up_${contender[$name]}" "$name" || die "$name cannot be put up"
done
visits=()
for name in "${names[@]}"; do
	[ -z "${absent[$name]:-}" ] || echo "   $name: ${absent[$name]}"
	for family in ${families[$name]}; do
		visits+=("$name/$family")
	done
done
try_all
echo "   ${#visits[@]} stand ready after $(bench_elapsed) s"

is_odd() { [ $ROUNDS_EACH = 1 ] || [ $(($1 % 2)) = 1 ]; } # or there are few rounds anyway
in_round() { # NAME/FAMILY ROUND
	is_compared "${1%/*}" || is_odd "$2"
}
in_all_rounds() { # WHAT
	[[ $1 =~ ^(bulk|connect|rtt)$ ]]
}

ROUNDS=$((BENCH_ROUNDS * ROUNDS_EACH))
step "$ROUNDS rounds"
for name in "${names[@]}"; do rest_judge "$name"; done
for ((round = 1; round <= ROUNDS; round++)); do
	mapfile -t turn < <(rotated "$round" "${visits[@]}")
	# The same of all before the next, so that what is compared is close together in time.
	for what in $ALL; do
		in_all_rounds "$what" || is_odd "$round" || continue
		for v in "${turn[@]}"; do
			if in_round "$v" "$round"; then visit "$what" "$v" "$round"; fi
		done
	done
done
for name in "${names[@]}"; do wake_judge "$name"; done
try_all
echo "   $(bench_elapsed) s"
finished
