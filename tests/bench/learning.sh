#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What is lost of 60,000 distinct edges opened at full speed, by nanoseg, conntrack -E and ulogd2 on the same traffic:
# while they run, while they are stopped, and when they are killed and started again. And what each costs the processor.
# The others as somebody would who wants to know about new connections: into a file, with their own buffers.
# shellcheck disable=SC2034
LAB_NETNS_DIRS=/run/watched LAB_GATE=none
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/bench.sh"

PORTS=1000-1099
addresses=$([ -n "$BENCH_QUICK" ] && echo 100 || echo 600) # times 100 ports
total=$((addresses * 100))
stopped_for=$([ -n "$BENCH_QUICK" ] && echo 2 || echo 10)
collectors=(nanoseg)
declare -A pid lacks

# The server answers for whole prefixes. Nobody watches it.
ns_container server 2
ip -n server route add local 10.99.0.0/16 dev lo
ip -n server -6 route add local fd99::/64 dev lo
serve server tcp:$PORTS
mkdir /run/watched

expected() { # FAMILY: every edge, as "address port"
	local i port
	for ((i = 1; i <= addresses; i++)); do
		for ((port = ${PORTS%-*}; port <= ${PORTS#*-}; port++)); do
			if [ "$1" = 4 ]; then
				echo "10.99.$((i >> 8)).$((i & 255)) $port"
			else
				printf 'fd99::%x %d\n' "$i" "$port"
			fi
		done
	done
}
expected 4 >"$LAB/expected4"
expected 6 >"$LAB/expected6"
check "so many are expected" equal "$(sort -u "$LAB/expected4" | wc -l) $(sort -u "$LAB/expected6" | wc -l)" "$total $total"

# ---- the client of a case: a namespace that none of them has seen before, and in which connections are tracked ----

n_clients=0
new_client() {
	n_clients=$((n_clients + 1))
	CLIENT=client$n_clients
	ns_container "$CLIENT" $((10 + n_clients))
	ip -n "$CLIENT" route add 10.99.0.0/16 via $LAB_NET4.2
	ip -n "$CLIENT" -6 route add fd99::/64 via $LAB_NET6:2
	in_ns "$CLIENT" nft 'add table inet tracked; add chain inet tracked out { type filter hook output priority 0; };
		add rule inet tracked out ct state new accept' || die "no conntrack"
	# The first of them takes longer, since it asks who is there.
	attempt "$CLIENT" tcp4 2 "${PORTS%-*}" >/dev/null && attempt "$CLIENT" tcp6 2 "${PORTS%-*}" >/dev/null ||
		die "$CLIENT does not reach the server"
	touch "/run/watched/$CLIENT"
	mount --bind "/run/netns/$CLIENT" "/run/watched/$CLIENT"
	wait_inner "netns/$CLIENT" learning
	rm -f "$LAB"/seen.*
}

remove_client() {
	umount "/run/watched/$CLIENT"
	rm "/run/watched/$CLIENT"
	ns_remove "$CLIENT"
	eventually "$CLIENT is gone" 20 not has_endpoint "netns/$CLIENT"
}

open_all() { # prints what the generator says
	local to=10.99.0.1 said
	[ "$family" = 4 ] || to=fd99::1
	said=$(in_ns "$CLIENT" "$TRAFFIC" edges "tcp$family" $to "$addresses" $PORTS) || die "the generator: $said"
	echo "$said"
}

# ---- the collectors: each can be begun, and what it has seen be read ----

begin_conntrack-E() {
	ip netns exec "$CLIENT" conntrack -E -e NEW >>"$LAB/seen.conntrack-E" 2>>"$LAB/conntrack.err" &
	pid[conntrack-E]=$!
}

# Without its own table of connections, which tells of them at their end: each new one as it is told.
write_ulogd_config() {
	local folder
	folder=$(dirname "$(find "${ULOGD_ROOT:-}/usr/lib" -name ulogd_inpflow_NFCT.so | head -n 1)")
	cat >"$LAB/ulogd.conf" <<-EOC
		[global]
		logfile="$LAB/ulogd.log"
		plugin="$folder/ulogd_inpflow_NFCT.so"
		plugin="$folder/ulogd_filter_IP2STR.so"
		plugin="$folder/ulogd_filter_PRINTFLOW.so"
		plugin="$folder/ulogd_output_LOGEMU.so"
		stack=ct1:NFCT,ip2str1:IP2STR,print1:PRINTFLOW,emu1:LOGEMU
		[ct1]
		hash_enable=0
		event_mask=0x00000001
		[emu1]
		file="$LAB/seen.ulogd2"
		sync=0
	EOC
}
begin_ulogd2() {
	ip netns exec "$CLIENT" "$ulogd" -c "$LAB/ulogd.conf" >>"$LAB/ulogd.out" 2>&1 &
	pid[ulogd2]=$!
}

begin_nanoseg() {
	start_daemon
	pid[nanoseg]=$DAEMON
}

# As both write them: the first destination and the first port of a line.
others_saw() { # FILE
	tr 'A-Z=' 'a-z ' <"$1" | awk '{
		to = port = ""
		for (i = 1; i < NF; i++) {
			if (to == "" && $i == "dst") to = $(i + 1)
			if (port == "" && ($i == "dport" || $i == "dpt")) port = $(i + 1)
		}
		if (port != "") print to, port
	}'
}
# Without jq, which takes two seconds for so much.
nanoseg_saw() {
	ns graph "netns/$CLIENT" --json | grep -o '"direction":"egress","peer":{[^}]*},"protocol":"tcp","port":[0-9]*' |
		sed 's/.*"address":"\([^"]*\)".*"port":/\1 /'
}

lost() { # COLLECTOR: how many edges it did not see
	{
		if [ "$1" = nanoseg ]; then nanoseg_saw; else others_saw "$LAB/seen.$1"; fi
	} | awk -v expected="$LAB/expected$family" '
		BEGIN { while ((getline line < expected) > 0) { wanted[line] = 1; n++ } }
		$0 in wanted { delete wanted[$0]; n-- }
		END { print n }'
}

# The edges of the store, by its own count, so that nothing is spent on a document. Whoever asks for denies has the
# kernel's sets read.
in_store() {
	ns denies "netns/$CLIENT" >/dev/null
	[ "$(sqlite3 -readonly "$LAB/state/nanoseg.db" "SELECT edges FROM tally JOIN string ON string.id = tally.workload
		WHERE string.text = 'netns/$CLIENT'")" -ge "$total" ]
}

used() { # by all of them
	local collector
	for collector in "${collectors[@]}"; do bench_cpu "${pid[$collector]}"; done
}

are_quiet() { # they have used no time for a while
	local before
	before=$(used)
	sleep 0.3
	[ "$(used)" = "$before" ]
}

all_quiet() {
	local try
	wait_for 20 are_quiet || die "they do not come to rest"
	for try in {1..10}; do
		in_store && break
		sleep 0.5
	done
	[ "$try" = 1 ] || echo "   all were in the store at the reading no. $try"
}

each() { # COMMAND: with each collector but nanoseg
	local collector
	for collector in "${collectors[@]:1}"; do "$1" "$collector"; done
}
begin() {
	"begin_$1"
	wait_for 5 listens "$1" || die "$1 does not begin: $(cat "$LAB/conntrack.err" "$LAB/ulogd.log" 2>/dev/null)"
}
# A socket of netfilter's netlink (12) of its own.
listens() {
	in_ns "$CLIENT" awk -v pid="${pid[$1]}" '$2 == 12 && $3 == pid { found = 1 } END { exit !found }' /proc/net/netlink
}
finish() {
	kill -TERM "${pid[$1]}" 2>/dev/null
	wait "${pid[$1]}" 2>/dev/null
	unset "pid[$1]"
}

report() { # CASE-SUFFIX
	local collector
	for collector in "${collectors[@]}"; do
		sample learning edges_lost edges lower "$collector$1" "$total" "$family" "$round" "$(lost "$collector")" "$said"
	done
	for collector in "${!lacks[@]}"; do
		sample learning edges_lost edges lower "$collector$1" "$total" "$family" "$round" null "${lacks[$collector]}"
	done
}

# ---- the three cases ----

# cost WHAT: of the traffic that is opened now, a million connections' worth.
cost() {
	local what=$1 collector
	local -A before=()
	for collector in "${collectors[@]}"; do before[$collector]=$(bench_cpu "${pid[$collector]}"); done
	said=$(open_all) || die "no traffic"
	all_quiet
	for collector in "${collectors[@]}"; do
		sample learning cpu_per_million s lower "$collector$what" "$total" "$family" "$round" \
			"$(awk -v ms=$(($(bench_cpu "${pid[$collector]}") - before[$collector])) -v n="$total" \
				'BEGIN { printf "%.2f", ms * 1000 / n }')"
	done
	for collector in "${!lacks[@]}"; do
		sample learning cpu_per_million s lower "$collector$what" "$total" "$family" "$round" null "${lacks[$collector]}"
	done
}

running() {
	new_client
	each begin
	cost ""
	each finish
	report ""
	if [ "$round" = 1 ]; then
		rm -f "$LAB"/seen.*
		each begin
		cost " known"
		each finish
	fi
	remove_client
}

stopped() {
	local began
	new_client
	each begin
	kill -STOP "${pid[@]}"
	began=$(bench_ms)
	said=$(open_all) || die "no traffic"
	while [ $(($(bench_ms) - began)) -lt $((stopped_for * 1000)) ]; do sleep 0.05; done
	check "stopped to the end" grep -q '^State:.*T' "/proc/$DAEMON/status"
	kill -CONT "${pid[@]}"
	all_quiet
	each finish
	report " stopped"
	remove_client
}

killed() {
	local traffic
	new_client
	each begin
	open_all >"$LAB/said" &
	traffic=$!
	sleep "$(awk -v n="$total" 'BEGIN { print n / 100000 }')"
	kill -0 "$traffic" || die "all was opened before anybody was killed"
	kill -9 "${pid[@]}"
	wait "${pid[@]}" 2>/dev/null
	each begin
	begin_nanoseg
	wait "$traffic" || die "no traffic: $(cat "$LAB/said")"
	said=$(cat "$LAB/said")
	all_quiet
	each finish
	report " killed"
	remove_client
}

command -v sqlite3 >/dev/null || die "the package sqlite3 is not installed"
command -v conntrack >/dev/null || lacks[conntrack-E]="the package conntrack is not installed"
ulogd=${ULOGD_ROOT:-}/usr/sbin/ulogd # ULOGD_ROOT: where the package was unpacked, if it is not installed
[ -x "$ulogd" ] || lacks[ulogd2]="the package ulogd2 is not installed"
[ -n "${lacks[ulogd2]:-}" ] || write_ulogd_config
bench_config
begin_nanoseg
# The others are there in two rounds, and traffic that is known already in one: what they lose is told by then. What
# nanoseg loses is counted in every round.
ROUNDS_OF_OTHERS=2
# IPv4 and IPv6 in turn.
for ((round = 1; round <= BENCH_ROUNDS; round++)); do
	family=$((round % 2 ? 4 : 6)) collectors=(nanoseg)
	for other in conntrack-E ulogd2; do
		[ "$round" -gt $ROUNDS_OF_OTHERS ] || [ -n "${lacks[$other]:-}" ] || collectors+=("$other")
	done
	while read -r what; do
		step "round $round, IPv$family: $what"
		"$what"
	done < <(rotated "$round" running stopped killed)
done
stop_daemon
finished
