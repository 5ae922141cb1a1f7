# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Containers that try, all the time and from the first instruction of each start on, what they may not: two ports of somebody
# beside them, and another port of their server; and what they may: the server. They begin when there is the file $OUT/go.
# Sourced after lab.sh.
#
# The containers' /out is $OUT, their command is `sh /out/loop NAME`; one with "learner" in its name only does what is allowed.
OUT=/run/out
SERVER4=172.31.0.10 SERVER6=fd99:5::10
FAR4=172.31.250.9 FAR6=fd99:5::250:9

# restless_far BRIDGE: nobody's container on the containers' bridge. What comes to it is counted.
restless_far() {
	ip link add far0 type veth peer name far1 || die "no link for the far container"
	ip netns add far
	ip link set far1 netns far
	ip link set far0 master "$1" up
	ip -n far addr add $FAR4/16 dev far1
	ip -n far -6 addr add $FAR6/64 dev far1 nodad
	ip -n far link set far1 up
	ip netns exec far nft -f - <<-EON
		table inet heard {
			counter heard {}
			chain in {
				type filter hook prerouting priority -300
				meta l4proto { tcp, udp } counter name heard
				meta l4proto icmpv6 icmpv6 type echo-request counter name heard
				ip protocol icmp counter name heard
			}
		}
	EON
	serve far tcp:5432 udp:53
}

restless_count() {
	in_ns far nft -j list counter inet heard heard | jq '.nftables[].counter.packets // empty'
}

restless_reset() {
	in_ns far nft reset counter inet heard heard >/dev/null
}

# restless_heard NAME: what is forbidden later arrives in every way.
restless_heard() {
	[ "$(restless_count)" -ge 8 ] && [ "$(restless_lines "$1" bad)" -ge 2 ]
}

restless_script() {
	mkdir -p "$OUT"
	cat >"$OUT/loop" <<-EOL
		#!/bin/sh
		while :; do
			sleep 0.1
			[ -e /out/go ] || continue
			for v in 4 6; do
				far=$FAR4 server=$SERVER4
				[ \$v = 4 ] || far=$FAR6 server=$SERVER6
				if [ \${1%learner} = \$1 ]; then
					traffic try tcp\$v \$far 5432 60
					traffic try udp\$v \$far 53 60
					traffic try ping\$v \$far 60
					traffic try tcp\$v \$server 22 60 && echo "bad \$v" >>/out/\$1
				fi
				if traffic try tcp\$v \$server 5432 3000; then echo "pass \$v"; else echo "fail \$v"; fi >>/out/\$1
			done >/out/\$1.last
		done
	EOL
}

restless_lines() { # NAME WORD: how often
	[ -e "$OUT/$1" ] || : >"$OUT/$1"
	grep -c "^$2" "$OUT/$1"
}

# restless_go_on NAME…: each of them gets through, in both families, from now on; and nothing forbidden got through ever.
restless_go_on() {
	local name v before=()
	for name; do
		for v in 4 6; do
			before+=("$name $v $(restless_lines "$name" "pass $v")")
		done
	done
	eventually "they go on: ${before[*]}" 20 restless_more "${before[@]}"
	check "nothing forbidden came" equal "$(restless_count)" 0
	for name; do
		check "nor to another port, from $name" equal "$(restless_lines "$name" bad)" 0
	done
}

restless_more() { # "NAME FAMILY THAN"…
	local line name v than
	for line; do
		read -r name v than <<<"$line"
		[ "$(restless_lines "$name" "pass $v")" -gt "$than" ] || return 1
	done
}
