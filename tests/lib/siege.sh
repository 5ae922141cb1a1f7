# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
#
# The shop (shop.sh) under siege: the api container is the attacker's. Its packets can reach everybody on the bridge, and
# a host behind the gateway, far; on each of them stands a watcher (attack spot) that tells which frames have come.

ATTACK=${ATTACK:-$NS_BUILD/tests/lib/attack}
SIEGE_VICTIMS="web db outsider far host"
SIEGE_ROADS="packet dgram bypass ring xdp stale decoy"

siege_start() {
	local n
	shop_start
	serve api udp:6000 udp:6001
	for n in 2 3 4 5; do
		siege_mac "$n"
	done
	ip link set br0 address 02:77:00:00:00:01
	siege_far
	# What the bridge or the host would not pass on by themselves: what is not seen must have been refused.
	echo 0x4008 >/sys/class/net/br0/bridge/group_fwd_mask
	echo 0 >/sys/class/net/br0/bridge/multicast_snooping
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.accept_source_route=1 \
		net.ipv4.conf.br0.accept_source_route=1 net.ipv4.conf.br0.send_redirects=0 net.ipv4.conf.all.send_redirects=0 \
		net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 || die "sysctl"
	local interface
	for interface in all default br0 vfar; do
		echo 0 >"/proc/sys/net/ipv4/conf/$interface/rp_filter"
	done
	for n in arptables iptables ip6tables; do
		[ ! -e "/proc/sys/net/bridge/bridge-nf-call-$n" ] || echo 0 >"/proc/sys/net/bridge/bridge-nf-call-$n"
	done
}

# MAC addresses that the attacker knows, and a bridge that is not misled by who uses them.
siege_mac() {
	local names=([2]=web [3]=api [4]=db [5]=outsider) name
	name=${names[$1]}
	ip -n "$name" link set eth0 address "02:77:00:00:00:0$1" || die "MAC"
	bridge fdb replace "02:77:00:00:00:0$1" dev "v$1" master sticky static || die "fdb"
	in_ns "$name" sysctl -qw net.ipv6.conf.eth0.accept_ra=0 net.ipv6.conf.eth0.accept_redirects=0 \
		net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.eth0.accept_redirects=0 net.ipv4.conf.eth0.rp_filter=0 \
		net.ipv4.conf.all.rp_filter=0
	# The link-local address that belongs to the MAC address.
	ip -n "$name" -6 addr flush dev eth0 scope link
	ip -n "$name" -6 addr add "fe80::77:ff:fe00:$1/64" dev eth0 nodad
}

siege_far() {
	ip netns add far
	ip link add vfar type veth peer name eth0 netns far
	ip addr add 203.0.113.1/24 dev vfar
	ip -6 addr add 2001:db8:66::1/64 dev vfar nodad
	ip link set vfar up
	ip -n far link set lo up
	ip -n far addr add 203.0.113.9/24 dev eth0
	ip -n far -6 addr add 2001:db8:66::9/64 dev eth0 nodad
	ip -n far link set eth0 up
	ip -n far route add default via 203.0.113.1
	ip -n far -6 route add default via 2001:db8:66::1
	serve far tcp:80 udp:53
}

# As root with this capability and no other, as runtimes give it: siege_as CAPABILITY NAMESPACE COMMAND…
siege_as() {
	local capability=$1 name=$2
	shift 2
	ip netns exec "$name" setpriv --bounding-set "-all,$capability" --inh-caps "-all,$capability" --no-new-privs "$@"
}

# What enforced, has to work: the policy, both ways.
siege_works() {
	local v
	shop_works
	for v in 4 6; do
		expect_pass web udp$v 3 6000
	done
}

# The host is a victim too.
siege_in() {
	(siege_exec "$@")
}

# In place of the shell, which is one in the background.
siege_exec() {
	[ "$1" = host ] || exec ip netns exec "$@"
	exec "${@:2}"
}

siege_device() {
	if [ "$1" = host ]; then echo br0; else echo eth0; fi
}

siege_watch() { # NAMESPACE…: begins
	local name
	SIEGE_WATCHERS=()
	for name in "$@"; do
		siege_exec "$name" "$ATTACK" spot "$(siege_device "$name")" >"$LAB/spot.$name" 2>"$LAB/spot.$name.err" &
		SIEGE_WATCHERS+=($!)
	done
	for name in "$@"; do
		wait_for 5 grep -q ready "$LAB/spot.$name" || die "no watcher in $name: $(cat "$LAB/spot.$name.err")"
	done
	SIEGE_WATCHED="$*"
}

siege_count() { # FILE: ends, and sums what all watchers saw: NAME GROUP ROAD COUNT
	local name watcher
	sleep "0.$((3 * NS_SLOW))"
	kill -TERM "${SIEGE_WATCHERS[@]}"
	for watcher in "${SIEGE_WATCHERS[@]}"; do
		wait "$watcher" || die "a watcher lost frames: $(cat "$LAB"/spot.*.err)"
	done
	for name in $SIEGE_WATCHED; do
		grep -v ready "$LAB/spot.$name"
	done | awk '{ n[$1 " " $2 " " $3] += $4 } END { for (i in n) print i, n[i] }' | sort >"$1"
	check "every frame has its count" equal "$(wc -l <"$1")" "$("$ATTACK" frames | wc -l)"
}

# The frames for which the condition holds; $2 is the group, $3 the road, $4 the count. What leaves by several roads is
# one line.
siege_frames() { # FILE AWK-CONDITION
	awk "($2) { roads[\$1] = roads[\$1] \" \" \$3 } END { for (i in roads) print i \":\" roads[i] }" "$1" | sort
}

# Neighbours forget what they were told during the siege.
siege_forget() {
	local name
	for name in $SIEGE_VICTIMS api; do
		siege_in "$name" ip neigh flush all
		siege_in "$name" ip -6 neigh flush all
	done
}

# A tally of everything that comes to the victims, for attacks that have no marker.
siege_tally() { # NAMESPACE…: begins
	local name
	SIEGE_WATCHERS=()
	for name in "$@"; do
		siege_exec "$name" "$ATTACK" tally "$(siege_device "$name")" >"$LAB/tally.$name" 2>"$LAB/tally.$name.err" &
		SIEGE_WATCHERS+=($!)
	done
	for name in "$@"; do
		wait_for 5 grep -q ready "$LAB/tally.$name" || die "no watcher in $name: $(cat "$LAB/tally.$name.err")"
	done
	SIEGE_WATCHED="$*"
}

siege_tallied() { # FILE: ends; VICTIM SOURCE DESTINATION PROTOCOL PORT COUNT LAST
	local name watcher
	kill -TERM "${SIEGE_WATCHERS[@]}"
	for watcher in "${SIEGE_WATCHERS[@]}"; do
		wait "$watcher" || die "a watcher lost frames: $(cat "$LAB"/tally.*.err)"
	done
	for name in $SIEGE_WATCHED; do
		grep -qx end "$LAB/tally.$name" || die "the watcher in $name did not end"
		awk -v name="$name" 'NF == 6 { print name, $0 }' "$LAB/tally.$name"
	done | sort >"$1"
}
