# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# The other firewalls of datapath.sh, each put up in the namespace of a case: put_up_CONTENDER NAME. The same pairs of
# address and port for all, those of the server last. What cannot be put up says why in `absent[NAME]`.

# pairs FAMILY SERVER N: N lines "protocol address port". Nobody has the addresses but the server.
pairs() {
	awk -v family="$1" -v server="$2" -v n="$3" -v lo="$PORT_LO" -v hi="$PORT_HI" 'BEGIN {
		others = n - 2 * (hi - lo + 1)
		for (i = 0; i < others; i++) {
			a = int(i / 10)
			host = family == 4 ? sprintf("10.50.%d.%d", int(a / 250), a % 250 + 1) : sprintf("fd50::%x", a + 1)
			print "tcp", host, 8000 + i % 10
		}
		for (port = lo; port <= hi; port++) {
			print "tcp", server, port
			print "udp", server, port
		}
	}'
}

put_up_none() { :; }

put_up_conntrack() {
	in_ns "$1" nft 'table inet bench { chain out { type filter hook output priority 0; ct state invalid drop; }; }'
}

# ---- nft(8) ----

# A table a family, so that a packet passes the rules of its own only.
linear() { # NAME BEFORE AFTER: what stands before and after the rules
	local name=$1 family word
	for family in ${families[$name]}; do
		word=$([ "$family" = 4 ] && echo ip || echo ip6)
		echo "table $word bench {"
		echo "chain in { type filter hook input priority 0; policy drop;"
		echo "	ct state established,related accept; iif lo accept; meta l4proto ipv6-icmp accept; }"
		echo "chain out { type filter hook output priority 0; policy drop; oif lo accept; meta l4proto ipv6-icmp accept"
		echo "$2"
		pairs "$family" "$(server_of "$name" "$family")" "${size[$name]}" |
			awk -v word="$word" '{ print word " daddr " $2 " " $1 " dport " $3 " accept" }'
		echo "$3"
		echo "}; }"
	done >"$LAB/linear.nft"
	in_ns "$name" nft -f "$LAB/linear.nft"
}

put_up_nft-linear() { linear "$1" "ct state established,related accept" ""; }
put_up_nft-linear-first() { linear "$1" "" "ct state established,related accept"; }

# ---- iptables(8), of the kind that the machine has ----

IPTABLES_HEAD='*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT DROP
-A INPUT -i lo -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT'

put_up_iptables-linear() {
	{
		echo "$IPTABLES_HEAD"
		pairs 4 "$(server_of "$1" 4)" "${size[$1]}" | awk '{ print "-A OUTPUT -p", $1, "-d", $2, "--dport", $3, "-j ACCEPT" }'
		echo COMMIT
	} | in_ns "$1" iptables-restore
}

put_up_ipset() {
	if ! command -v ipset >/dev/null; then
		absent[$1]="the package ipset is not installed"
		return
	fi
	{
		echo "create allowed hash:ip,port family inet hashsize 65536 maxelem 131072"
		pairs 4 "$(server_of "$1" 4)" "${size[$1]}" | awk '{ print "add allowed " $2 "," $1 ":" $3 }'
	} | in_ns "$1" ipset restore || return
	printf '%s\n' "$IPTABLES_HEAD" '-A OUTPUT -m set --match-set allowed dst,dst -j ACCEPT' COMMIT |
		in_ns "$1" iptables-restore
}

# ---- in user space: on the processor of the client, as all that the kernel does for the others ----
#
# One that has been measured goes on working for seconds, and would be in the figures of those that come next: each rests
# until it is its turn.
declare -A judge=()

wake_judge() { # NAME
	[ -z "${judge[$1]:-}" ] || kill -CONT "${judge[$1]}"
}
rest_judge() { # NAME
	[ -z "${judge[$1]:-}" ] || kill -STOP "${judge[$1]}"
}

nfqueue_serves() {
	local log=$LAB/nfqueue.$1
	ip netns exec "$1" taskset -c 1 "$NS_BUILD/tests/bench/nfqueue" 0 "$(server_of "$1" 4)" "$PORT_LO-$PORT_HI" "${size[$1]}" >"$log" 2>&1 &
	judge[$1]=$!
	disown
	wait_for 5 grep -q ready "$log" || die "nfqueue in $1: $(cat "$log")"
}

put_up_nfqueue() {
	nfqueue_serves "$1" && in_ns "$1" iptables -A OUTPUT -j NFQUEUE --queue-num 0
}

put_up_nfqueue-new() {
	nfqueue_serves "$1" && in_ns "$1" iptables -A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT &&
		in_ns "$1" iptables -A OUTPUT -j NFQUEUE --queue-num 0
}

opensnitch_rule() { # NUMBER ADDRESS PORT-PATTERN
	jq -n --arg n "$1" --arg address "$2" --arg ports "$3" '
		def simple(operand; data; type): {type: type, operand: operand, sensitive: false, data: data, list: []};
		[simple("dest.ip"; $address; "simple"), simple("dest.port"; $ports; "regexp")] as $list |
		{created: "2026-01-01T00:00:00Z", updated: "2026-01-01T00:00:00Z", name: "rule-\($n)", enabled: true,
			precedence: false, action: "allow", duration: "always",
			operator: {type: "list", operand: "list", sensitive: false, data: ($list | tojson), list: $list}}'
}

opensnitch_has_queue() {
	in_ns "$1" iptables -t mangle -S OUTPUT | grep NFQUEUE
}

# The daemon that Debian has, without its window: what no rule allows is denied.
put_up_opensnitch() {
	local name=$1 program directory=$LAB/opensnitch i
	program=${OPENSNITCHD:-$(command -v opensnitchd)}
	if [ ! -x "$program" ]; then
		absent[$name]="the package opensnitch is not installed"
		return
	fi
	mkdir -p "$directory/rules" /etc/opensnitchd
	for ((i = 1; i < size[$name]; i++)); do
		opensnitch_rule $i "10.50.0.$i" '^8000$' >"$directory/rules/$i.json"
	done
	opensnitch_rule "$i" "$(server_of "$name" 4)" "^($(seq -s '|' "$PORT_LO" "$PORT_HI"))\$" >"$directory/rules/$i.json"
	jq -n --arg log "$directory/log" '{Server: {Address: "unix:///run/lab/opensnitch/none", LogFile: $log},
		DefaultAction: "deny", DefaultDuration: "always", InterceptUnknown: true, ProcMonitorMethod: "proc", LogLevel: 4,
		Firewall: "iptables", Stats: {MaxEvents: 150, MaxStats: 25}}' >"$directory/default-config.json"
	echo '{"SystemRules": []}' >"$directory/system-fw.json"
	# Its paths are fixed; the lab's mounts are its own.
	mount -t tmpfs tmpfs /etc/opensnitchd || return
	cp "$directory"/*.json /etc/opensnitchd/
	ip netns exec "$name" taskset -c 1 "$program" -rules-path "$directory/rules" -process-monitor-method proc >"$directory/out" 2>&1 &
	judge[$name]=$!
	disown
	wait_for 10 opensnitch_has_queue "$name" ||
		absent[$name]="opensnitchd puts up no rules: $(cat "$directory"/{log,out} 2>/dev/null | tail -n 1 | cut -c 1-160)"
}
