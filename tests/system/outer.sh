#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Below the inner lock: what a process with NET_RAW, and no other capability, sends past its own output hook as whole
# frames (tests/lib/attack_frame_list.c), by every road there is: AF_PACKET in six ways and AF_XDP. Each frame is seen by a
# victim while the container learns, and none is once it enforces, but for what the policy allows, which passes as before.
# And the other way: what is not allowed in does not even reach the container's end of its link.
# shellcheck disable=SC2016
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"
. "$NS_SOURCE/tests/lib/siege.sh"

# Groups of frames: what is allowed and what is not, out of the container and into it.
OUT_CONTROL='$2 == "control"' OUT_ATTACK='$2 !~ /^in-/ && $2 != "control"'
IN_CONTROL='$2 ~ /^in-control/' IN_ATTACK='$2 ~ /^in-/ && $2 !~ /control/'
unseen() { siege_frames "$1" "($2) && \$4 == 0"; }
seen() { siege_frames "$1" "($2) && \$4 > 0"; }

send_out() { # FILE
	local road
	# shellcheck disable=SC2086
	siege_watch $SIEGE_VICTIMS
	for road in $SIEGE_ROADS; do
		siege_as +net_raw api "$ATTACK" frame "$road" || die "the frames were not sent by $road"
	done
	siege_count "$1"
	siege_forget
}

send_in() { # FILE
	local road sender group
	siege_watch api
	for road in $SIEGE_ROADS; do
		for sender in outsider:neighbour web:client db:peer; do
			for group in "in-${sender#*:}" "in-control-${sender#*:}"; do
				[ "$group" != in-control-neighbour ] || continue
				in_ns "${sender%:*}" "$ATTACK" frame "$road" "$group" || die "$group was not sent by $road"
			done
		done
	done
	siege_count "$1"
	siege_forget
}

# A second host behind the gateway, on a link that takes little at a time.
remote_start() {
	ip netns add remote
	ip link add vremote type veth peer name eth0 netns remote
	ip addr add 198.51.100.1/24 dev vremote
	ip -6 addr add 2001:db8:77::1/64 dev vremote nodad
	ip link set vremote up mtu 1300
	ip -n remote link set lo up
	ip -n remote addr add 198.51.100.9/24 dev eth0
	ip -n remote -6 addr add 2001:db8:77::9/64 dev eth0 nodad
	ip -n remote link set eth0 up mtu 1300
	ip -n remote route add default via 198.51.100.1
	ip -n remote -6 route add default via 2001:db8:77::1
	serve remote udp:53
}

# A server that can be ended: what asks it afterwards is told so by ICMP.
mortal_start() { # NAMESPACE PORT
	siege_exec "$1" "$TRAFFIC" serve "udp:$2" >"$LAB/mortal.$1" &
	MORTALS+=($!)
	wait_for 5 grep -q ready "$LAB/mortal.$1" || die "no server"
}
MORTALS=()

try_in() { # NAMESPACE KIND ADDRESS PORT: a single try
	in_ns "$1" "$TRAFFIC" try "${@:2}" 1000
}

bulk() { # NAMESPACE KIND ADDRESS PORT BYTES
	in_ns "$1" "$TRAFFIC" bulk "${@:2}" $((2000 * NS_SLOW))
}

allowed_works() {
	siege_works
	local v remote=([4]=198.51.100.9 [6]=2001:db8:77::9)
	for v in 4 6; do
		check "a datagram in fragments to a peer, IPv$v" bulk api udp$v "$(address $v 4)" 53 4000
		check "a large one, IPv$v" bulk api udp$v "$(address $v 4)" 53 40000
		check "one in fragments from a client, and back, IPv$v" bulk web udp$v "$(address $v 3)" 6000 4000
		check "much at once by TCP, IPv$v" bulk api tcp$v "$(address $v 4)" 5432 4000
		check "how much fits on the way is found out, IPv$v" bulk api udp$v "${remote[$v]}" 53 1400
	done
}

step "learning and approving"
siege_start
remote_start
mortal_start db 55
mortal_start api 6002
start_daemon
shop_watched
allowed_works
for v in 4 6; do
	check "learned: a port that will be closed" try_in api udp$v "$(address $v 4)" 55
	check "learned: an own one, too" try_in web udp$v "$(address $v 3)" 6002
done
eventually "the graph" 5 has_edge netns/api '.port == 6002'
eventually "the graph" 5 has_edge netns/api '.port == 55'
approve netns/api

step "while it learns, every frame arrives, by every road"
send_out "$LAB/out.learning"
check "every frame was on the wire" equal "$(unseen "$LAB/out.learning" "$OUT_ATTACK || $OUT_CONTROL")" ""
send_in "$LAB/in.learning"
check "every frame came in" equal "$(unseen "$LAB/in.learning" "$IN_ATTACK || $IN_CONTROL")" ""
check "it is still learning" equal "$(inner_of netns/api)" learning

step "while it enforces, none does"
ip -n api route flush cache
ip -n api -6 route flush cache
enforce netns/api
check "both locks are on" equal "$(endpoint_of netns/api | jq -r '.inner + " " + .outer')" "enforcing enforcing"
send_out "$LAB/out.enforcing"
check "nothing on the wire but what is allowed" equal "$(seen "$LAB/out.enforcing" "$OUT_ATTACK")" ""
check "what is allowed was on the wire" equal "$(unseen "$LAB/out.enforcing" "$OUT_CONTROL")" ""
send_in "$LAB/in.enforcing"
check "nothing came in but what is allowed" equal "$(seen "$LAB/in.enforcing" "$IN_ATTACK")" ""
check "what is allowed came in" equal "$(unseen "$LAB/in.enforcing" "$IN_CONTROL")" ""

step "what is allowed works, with its fragments and errors"
allowed_works
kill "${MORTALS[@]}"
wait "${MORTALS[@]}" 2>/dev/null
for v in 4 6; do
	expect_outcome reset api udp$v 4 55
	expect_outcome reset web udp$v 3 6002
done

step "and the attempts are told"
for far in 203.0.113.9 2001:db8:66::9; do
	eventually "UDP to $far, which the inner lock never saw" 10 has_deny netns/api \
		".direction == \"egress\" and .protocol == \"udp\" and .peer.address == \"$far\" and .port == 53 and (.audited | not)"
done
for v in 4 6; do
	eventually "a neighbour that came in, IPv$v" 10 has_deny netns/api \
		".direction == \"ingress\" and .peer.address == \"$(address $v 5)\" and .port == 6000"
done
# Figures of a table that is owned are still anybody's to read.
cookie=$(endpoint_of netns/api | jq -r .cookie)
counter() { # NAME
	nft -t list table netdev "nanoseg-$cookie" | awk -v name="$1" '$1 == "counter" && $2 == name { getline; n = $2 } END { exit !n }'
}
for name in spoofed_source spoofed_link foreign_frame; do
	check "counted: $name" counter "$name"
done
check "the kernel holds what was approved" ns verify
stop_daemon
finished
