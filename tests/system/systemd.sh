#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The unit under a real systemd: it starts, its sandbox holds, and what owns the tables outlives the agent. Under load, with
# root in the container looping over `nft flush ruleset`, the agent is killed, restarted and upgraded: no forbidden packet
# leaves, no allowed one is lost, and the table is never the attacker's, not for a moment. Without the FD store it is: so
# the test can fail.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/systemd.sh"
. "$NS_SOURCE/tests/lib/shop.sh"
machine_run "$@"

# ---- what is counted on the wire: the host end of the api's link, before any lock of the host ----

watch_wire() {
	nft -f - <<-EOF
		table netdev watch {
			counter forbidden4 { }
			counter forbidden6 { }
			counter allowed4 { }
			counter allowed6 { }
			chain sent {
				type filter hook ingress device v3 priority -1000; policy accept;
				ip daddr 10.77.0.5 counter name forbidden4
				ip6 daddr fd77::5 meta l4proto { tcp, udp } counter name forbidden6
				ip daddr 10.77.0.4 tcp dport 22 counter name forbidden4
				ip6 daddr fd77::4 tcp dport 22 counter name forbidden6
				ip daddr 10.77.0.4 udp dport 54 counter name forbidden4
				ip6 daddr fd77::4 udp dport 54 counter name forbidden6
				ip daddr 10.77.0.4 tcp dport 5432 counter name allowed4
				ip6 daddr fd77::4 tcp dport 5432 counter name allowed6
			}
		}
	EOF
}

on_wire() { # COUNTER: packets since the last look
	nft -j reset counter netdev watch "$1" | jq '[.. | .packets? // empty] | add'
}

forget_wire() {
	nft reset counters table netdev watch >/dev/null
}

# ---- the load, and the attacker ----

load_start() {
	local v
	LOAD=()
	for v in 4 6; do
		load "refused.db-tcp$v" api knock tcp$v "$(address $v 4)" 22 30
		load "refused.db-udp$v" api knock udp$v "$(address $v 4)" 54 30
		load "refused.stranger$v" api knock tcp$v "$(address $v 5)" 5432 30
		load "refused.incoming$v" outsider knock tcp$v "$(address $v 3)" 8080 30
		load "allowed$v" api knock tcp$v "$(address $v 4)" 5432 5000
		ip netns exec api "$TRAFFIC" hold tcp$v "$(address $v 4)" 5432 20 >"$LAB/machine/hold$v" &
		HOLD+=($!)
		eventually "a connection, IPv$v" 5 grep -q alive "$LAB/machine/hold$v"
	done
}

load() { # FILE NAMESPACE TRAFFIC-ARGUMENT…
	local file=$1 name=$2
	shift 2
	ip netns exec "$name" "$TRAFFIC" "$@" >"$LAB/machine/$file" &
	LOAD+=($!)
}

load_stop() {
	kill -TERM "${LOAD[@]}"
	wait "${LOAD[@]}"
	kill -TERM "${HOLD[@]}"
	wait "${HOLD[@]}" 2>/dev/null
}

# Root in the container with NET_ADMIN and nothing else; says so when the table was its for a moment.
# shellcheck disable=SC2016
ATTACK_LOOP='
	trap "echo tried \$tries; exit" TERM
	tries=0
	while :; do
		nft flush ruleset
		nft delete table inet nanoseg && echo deleted
		nft "add table inet nanoseg; add chain inet nanoseg hole { type filter hook output priority -400; policy accept; }" &&
			echo changed
		tries=$((tries + 1))
	done 2>/dev/null'

attack_start() {
	ATTACKERS=()
	: >"$LAB/machine/attack"
	while [ ${#ATTACKERS[@]} -lt 2 ]; do
		ip netns exec api setpriv --bounding-set=-all,+net_admin --inh-caps=-all bash -c "$ATTACK_LOOP" \
			>>"$LAB/machine/attack" &
		ATTACKERS+=($!)
	done
}

attack_stop() {
	kill -TERM "${ATTACKERS[@]}"
	wait "${ATTACKERS[@]}"
}

attack_tries() {
	awk '$1 == "tried" { n += $2 } END { print n + 0 }' "$LAB/machine/attack"
}

attack_got() {
	grep -cE 'deleted|changed' "$LAB/machine/attack"
}

# ---- the agent ----

restarted() { # PID: another process than this one is up
	[ "$(unit_pid)" != "$1" ] && unit_up
}

ownership() {
	nsj status | jq -r .ownership
}

ownership_is() { # WORDS in it
	[[ "$(ownership)" = *"$1"* ]]
}

kept() {
	unit_show NFileDescriptorStore
}

keeps() {
	[ "$(kept)" = "$1" ]
}

# nft shows the owner flag; what it makes of newer ones does not matter.
owned() {
	in_ns api nft list table inet nanoseg | sed -n 2p | grep -q owner
}

# The same for as long as nobody removes the table.
table_handle() {
	in_ns api nft -j list tables | jq '.nftables[].table | select(.name == "nanoseg") | .handle'
}

still_enforcing() {
	wait_inner netns/api enforcing
	check "the table is owned" owned
	check "it is the same table" equal "$(table_handle)" "$HANDLE"
	check "status says so" ownership_is "kept by systemd"
	check "nothing forbidden was sent, IPv4" equal "$(on_wire forbidden4)" 0
	check "nothing forbidden was sent, IPv6" equal "$(on_wire forbidden6)" 0
}

capability_mask() { # NAME…: as in /proc/PID/status
	local name mask=0 list
	list=$(sed -n 's/^#define CAP_\([A-Z_]*\)[ \t]*\([0-9]*\)$/\1 \2/p' /usr/include/linux/capability.h)
	for name; do
		mask=$((mask | 1 << $(awk -v n="$name" '$1 == n { print $2 }' <<<"$list")))
	done
	printf '%016x' $mask
}

of_process() { # FIELD
	awk -v f="$1:" '$1 == f { print $2 }' "/proc/$(unit_pid)/status"
}

step "the unit as installed"
check "systemd finds nothing to say about it" equal "$(systemd-analyze verify nanosegd.service 2>&1)" ""
cat >/etc/nanoseg/nanoseg.conf <<-EOF
	[watch]
	netns_dirs = /run/netns
	docker_socket = none
	podman_socket = none
	scan_interval = 1s
	[learn]
	min_window = 1s
EOF
shop_start
watch_wire
check "systemctl start, until READY" systemctl start nanosegd
check "it answers" unit_up
check "the capabilities are those of the unit" equal "$(of_process CapBnd) $(of_process CapEff)" "$(
	mask=$(capability_mask SYS_ADMIN NET_ADMIN SYS_PTRACE DAC_READ_SEARCH DAC_OVERRIDE CHOWN)
	echo "$mask $mask"
)"
check "no new privileges" equal "$(of_process NoNewPrivs)" 1
check "a system call filter" equal "$(of_process Seccomp)" 2
check "the state is root's alone" equal "$(stat -c '%a %U' /var/lib/nanoseg)" "700 root"

step "learn, approve, enforce"
shop_watched
shop_works
eventually "the graph" 10 has_edge netns/api '.port == 5432'
approve netns/api
eventually "the sockets of four namespaces and of the host are kept" 10 keeps 5
check "an attempt is seen on the wire while it learns, IPv4" attempt api tcp4 4 22
check "an attempt is seen on the wire while it learns, IPv6" attempt api tcp6 5 5432
for v in 4 6; do
	check "it was counted, IPv$v" at_least "$(on_wire forbidden$v)" 1
done
enforce netns/api
shop_works
shop_refuses
forget_wire
HANDLE=$(table_handle)
check "the table has a handle" at_least "$HANDLE" 1
still_enforcing

step "load, and an attacker with NET_ADMIN"
load_start
attack_start
for round in 1 2 3 4 5; do
	step "kill -9, round $round"
	pid=$(unit_pid)
	check "killed" systemctl kill --signal=KILL nanosegd
	check "owned with no agent" owned
	eventually "it is back" 10 restarted "$pid"
	still_enforcing
done
for round in 1 2 3 4 5; do
	step "restart, round $round"
	pid=$(unit_pid)
	check "restarted" systemctl restart nanosegd
	check "it is another process" restarted "$pid"
	still_enforcing
done
step "systemd itself is executed again"
pid=$(unit_pid)
check "executed again" systemctl daemon-reexec
check "killed" systemctl kill --signal=KILL nanosegd
check "owned with no agent" owned
eventually "it is back" 10 restarted "$pid"
still_enforcing
step "upgrade"
cp --preserve=all /usr/sbin/nanosegd /usr/sbin/nanosegd.new
mv /usr/sbin/nanosegd.new /usr/sbin/nanosegd
check "restarted" systemctl restart nanosegd
check "it is the new program" equal "$(stat -Lc %i "/proc/$(unit_pid)/exe")" "$(stat -c %i /usr/sbin/nanosegd)"
still_enforcing
attack_stop
load_stop

check "the attacker tried: $(attack_tries)" at_least "$(attack_tries)" 50
check "and never had the table" equal "$(attack_got)" 0
for file in "$LAB"/machine/refused.*; do
	check "$(basename "$file"): $(cat "$file")" grep -qE '^passed 0 of [1-9][0-9]+$' "$file"
done
for v in 4 6; do
	check "what is allowed went on: $(cat "$LAB/machine/allowed$v")" grep -qE '^passed ([1-9][0-9]+) of \1$' "$LAB/machine/allowed$v"
	check "the open connection too, IPv$v" not grep -q broken "$LAB/machine/hold$v"
	check "and the wire was watched, IPv$v" at_least "$(on_wire allowed$v)" 100
	check "nothing forbidden was on it to the end, IPv$v" equal "$(on_wire forbidden$v)" 0
done
shop_works
shop_refuses

step "namespaces come and go, with and without an agent"
before=$(kept)
ns_container guest 6
ns_container visitor 7
eventually "two more sockets are kept" 10 keeps $((before + 2))
ns_remove guest
eventually "one of them is let go" 10 keeps $((before + 1))
unit_drop_in slow RestartSec=1s
pid=$(unit_pid)
systemctl kill --signal=KILL nanosegd
ns_remove visitor
check "there is no agent" not unit_up
eventually "it is back" 10 restarted "$pid"
eventually "the other one is let go, too" 5 keeps "$before"
rm /etc/systemd/system/nanosegd.service.d/slow.conf

step "systemd keeps nothing: the same attack works"
unit_drop_in none FileDescriptorStoreMax=0
systemctl stop nanosegd
check "started" systemctl start nanosegd
check "status says what is missing" ownership_is "FileDescriptorStoreMax="
check "so does systemctl" grep -q "FileDescriptorStoreMax=" <(unit_show StatusText)
wait_inner netns/api enforcing
attack_start
for round in 1 2 3 4 5; do
	pid=$(unit_pid)
	check "killed" systemctl kill --signal=KILL nanosegd
	eventually "it is back" 10 restarted "$pid"
	wait_inner netns/api enforcing
	[ "$(attack_got)" = 0 ] || break
done
attack_stop
check "the attacker had the table, round $round" at_least "$(attack_got)" 1
shop_refuses

step "without systemd"
systemctl stop nanosegd
/usr/sbin/nanosegd --config /etc/nanoseg/nanoseg.conf 2>"$LAB/daemon.log" &
DAEMON=$!
eventually "it answers" 10 ns endpoints
check "status says that there is a gap" ownership_is "not started by systemd"
wait_inner netns/api enforcing
shop_refuses
stop_daemon
finished
