#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The attacker is root in the api container with NET_ADMIN and NET_RAW: rules of its own, addresses, routes, interfaces,
# names, connections put into conntrack by hand. Each attack is followed by a storm of attempts, to where the policy allows
# and to where it does not, with ordinary sockets and whole frames. A tally on every other container says what came. While the
# container learns, what the attack is for is seen there; once it enforces, nothing but what the policy allows is.
# shellcheck disable=SC2016,SC2034
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"
. "$NS_SOURCE/tests/lib/siege.sh"

# ---- the attacks: do_NAME and undo_NAME run in the container; sees NAME: what of the tally shows that it works ----

do_nothing() { :; }
undo_nothing() { :; }
SEES_nothing='outsider 10.77.0.3 10.77.0.5 6 5432/outsider fd77::3 fd77::5 6 5432/far 10.77.0.3 203.0.113.9 17 53/far fd77::3 2001:db8:66::9 17 53'

do_flush() { nft flush ruleset; }
undo_flush() { :; }
SEES_flush=$SEES_nothing

do_delete() {
	nft delete table inet nanoseg
	nft flush table inet nanoseg
	nft 'add table inet nanoseg { flags dormant; }'
	nft insert rule inet nanoseg out accept
	:
}
undo_delete() { :; }
SEES_delete=$SEES_nothing

do_accept() {
	nft 'table inet first {
		chain a { type filter hook input priority -1000; policy accept; accept; }
		chain b { type filter hook output priority -1000; policy accept; accept; }
		chain c { type filter hook forward priority -1000; policy accept; accept; }
		chain d { type filter hook output priority 1000; policy accept; accept; }
		chain e { type filter hook postrouting priority 1000; policy accept; accept; }
	}'
}
undo_accept() { nft delete table inet first; }
SEES_accept=$SEES_nothing

# What was let through as allowed becomes something else behind the lock.
do_rewrite() {
	nft 'table inet rewrite {
		chain post { type filter hook postrouting priority 400;
			ip daddr 10.77.0.4 udp dport 53 ip daddr set 10.77.0.5 udp dport set 5401 return
			ip6 daddr fd77::4 udp dport 53 ip6 daddr set fd77::5 udp dport set 5401 return
			ip daddr 10.77.0.4 tcp dport 5432 tcp dport set 5404 return
			ip6 daddr fd77::4 tcp dport 5432 tcp dport set 5404 return
		}
	}'
}
undo_rewrite() { nft delete table inet rewrite; }
SEES_rewrite='outsider 10.77.0.3 10.77.0.5 17 5401/outsider fd77::3 fd77::5 17 5401/db 10.77.0.3 10.77.0.4 6 5404/db fd77::3 fd77::4 6 5404'

do_netdev() {
	nft 'table netdev rewrite {
		chain out { type filter hook egress device eth0 priority 0;
			ip daddr 10.77.0.4 udp dport 53 ip daddr set 10.77.0.5 udp dport set 5403 ether daddr set 02:77:00:00:00:05
			ip6 daddr fd77::4 udp dport 53 ip6 daddr set fd77::5 udp dport set 5403 ether daddr set 02:77:00:00:00:05
		}
	}'
}
undo_netdev() { nft delete table netdev rewrite; }
SEES_netdev='outsider 10.77.0.3 10.77.0.5 17 5403/outsider fd77::3 fd77::5 17 5403'

do_snat() {
	nft 'table ip post { chain post { type nat hook postrouting priority 100; oif eth0 snat to 10.77.0.99; }; }
		table ip6 post { chain post { type nat hook postrouting priority 100; oif eth0 snat to fd77::99; }; }'
}
undo_snat() {
	nft 'delete table ip post; delete table ip6 post'
	conntrack -F
}
SEES_snat='outsider 10.77.0.99 10.77.0.5 6 5432/outsider fd77::99 fd77::5 6 5432'

do_dnat() {
	nft 'table ip out { chain out { type nat hook output priority -100; ip daddr 10.77.0.4 udp dport 53 dnat to 10.77.0.5:5402; }; }
		table ip6 out { chain out { type nat hook output priority -100; ip6 daddr fd77::4 udp dport 53 dnat to [fd77::5]:5402; }; }'
}
undo_dnat() {
	nft 'delete table ip out; delete table ip6 out'
	conntrack -F
}
SEES_dnat='outsider 10.77.0.3 10.77.0.5 17 5402/outsider fd77::3 fd77::5 17 5402'

# become N: that address in place of the own one.
become() {
	ip addr del 10.77.0.3/24 dev eth0
	ip -6 addr del fd77::3/64 dev eth0
	ip addr add "10.77.0.$1/24" dev eth0
	ip -6 addr add "fd77::$1/64" dev eth0 nodad
	ip route replace default via 10.77.0.1
	ip -6 route replace default via fd77::1
	ip route flush cache
}
unbecome() {
	ip addr del "10.77.0.$1/24" dev eth0
	ip -6 addr del "fd77::$1/64" dev eth0
	ip addr add 10.77.0.3/24 dev eth0
	ip -6 addr add fd77::3/64 dev eth0 nodad
	ip route replace default via 10.77.0.1
	ip -6 route replace default via fd77::1
}
do_neighbour() { become 5; }
undo_neighbour() { unbecome 5; }
SEES_neighbour='far 10.77.0.5 203.0.113.9 17 53/far fd77::5 2001:db8:66::9 17 53/db 10.77.0.5 10.77.0.4 6 5432/db fd77::5 fd77::4 6 5432'

do_gateway() {
	become 1
	ip route replace default via 10.77.0.5
	ip -6 route replace default via fd77::5
}
undo_gateway() { unbecome 1; }
SEES_gateway='outsider 10.77.0.1 10.77.0.5 6 5432/outsider fd77::1 fd77::5 6 5432/db 10.77.0.1 10.77.0.4 6 5432/db fd77::1 fd77::4 6 5432'

do_stranger() { become 99; }
undo_stranger() { unbecome 99; }
SEES_stranger='outsider 10.77.0.99 10.77.0.5 6 5432/outsider fd77::99 fd77::5 6 5432'

do_routes() {
	ip route add 203.0.113.9/32 via 10.77.0.5
	ip -6 route add 2001:db8:66::9/128 via fd77::5
	ip route replace default via 10.77.0.4
	ip -6 route replace default via fd77::4
}
undo_routes() {
	ip route del 203.0.113.9/32
	ip -6 route del 2001:db8:66::9/128
	ip route replace default via 10.77.0.1
	ip -6 route replace default via fd77::1
}
SEES_routes='outsider 10.77.0.3 203.0.113.9 17 53/outsider fd77::3 2001:db8:66::9 17 53'

# A second interface whose packets are forwarded.
do_veth() {
	ip link add x0 type veth peer name x1
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.x1.rp_filter=0 net.ipv4.conf.x0.rp_filter=0 net.ipv4.conf.x1.accept_local=1
	ip addr add 10.99.0.3/24 dev x0
	ip -6 addr add fd99::3/64 dev x0 nodad
	ip link set x0 up
	ip link set x1 up
	ip neigh add 10.99.0.1 lladdr "$(cat /sys/class/net/x1/address)" dev x0
	ip -6 neigh add fd99::1 lladdr "$(cat /sys/class/net/x1/address)" dev x0
	ip rule add iif x1 lookup 100
	ip -6 rule add iif x1 lookup 100
	ip route add default via 10.77.0.1 dev eth0 table 100
	ip -6 route add default via fd77::1 dev eth0 table 100
	ip route add 203.0.113.9/32 via 10.99.0.1 dev x0
	ip -6 route add 2001:db8:66::9/128 via fd99::1 dev x0
}
undo_veth() {
	ip link del x0
	ip rule del iif x1 lookup 100
	ip -6 rule del iif x1 lookup 100
	sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	# A router hears no other one: its default route is its own matter.
	ip -6 route replace default via fd77::1
}
SEES_veth='far 10.99.0.3 203.0.113.9 17 53/far fd99::3 2001:db8:66::9 17 53'

do_vxlan() {
	ip link add vx4 type vxlan id 7 remote 10.77.0.5 dstport 4789 dev eth0
	ip link add vx6 type vxlan id 8 remote fd77::5 dstport 4790 dev eth0
	ip addr add 10.98.0.3/24 dev vx4
	ip -6 addr add fd98::3/64 dev vx6 nodad
	ip link set vx4 up
	ip link set vx6 up
	ip neigh add 10.98.0.5 lladdr 02:77:00:00:00:99 dev vx4
	ip -6 neigh add fd98::5 lladdr 02:77:00:00:00:99 dev vx6
	"$TRAFFIC" try udp4 10.98.0.5 53 50
	"$TRAFFIC" try udp6 fd98::5 53 50
	:
}
undo_vxlan() {
	ip link del vx4
	ip link del vx6
}
SEES_vxlan='outsider 10.77.0.3 10.77.0.5 17 4789/outsider fd77::3 fd77::5 17 4790'

do_macvlan() {
	ip link add link eth0 name mv0 address 02:77:00:00:00:98 type macvlan mode bridge
	ip addr add 10.77.0.98/24 dev mv0
	ip -6 addr add fd77::98/64 dev mv0 nodad
	ip link set mv0 up
	ip route add 10.77.0.5/32 dev mv0 src 10.77.0.98
	ip -6 route add fd77::5/128 dev mv0 src fd77::98
	ip neigh add 10.77.0.5 lladdr 02:77:00:00:00:05 dev mv0
	ip -6 neigh add fd77::5 lladdr 02:77:00:00:00:05 dev mv0
}
undo_macvlan() { ip link del mv0; }
SEES_macvlan='outsider 10.77.0.98 10.77.0.5 6 5432/outsider fd77::98 fd77::5 6 5432'

# rename OLD NEW: addresses stay, IPv6 ones and routes go with the link's going down.
rename() {
	sysctl -qw net.ipv6.conf.all.keep_addr_on_down=1
	ip link set "$1" down
	ip link set "$1" name "$2"
	ip link set "$2" up
	ip route replace default via 10.77.0.1
	ip -6 route replace default via fd77::1
}
do_rename() { rename eth0 eth9; }
undo_rename() { rename eth9 eth0; }
SEES_rename=$SEES_nothing

do_mac() { ip link set eth0 address 02:77:00:00:00:77; }
undo_mac() { ip link set eth0 address 02:77:00:00:00:03; }
SEES_mac=$SEES_nothing

# say ADDRESS PORT SOURCE-PORT: one datagram; in brackets where it needs them.
say() { echo x | timeout 1 socat -u - "UDP$v:$1:$2,sourceport=$3"; }
do_conntrack() {
	conntrack -I -p udp -s 10.77.0.3 -d 10.77.0.5 --sport 4444 --dport 5405 -t 600 -u SEEN_REPLY,ASSURED
	conntrack -I -f ipv6 -p udp -s fd77::3 -d fd77::5 --sport 4444 --dport 5405 -t 600 -u SEEN_REPLY,ASSURED
	conntrack -I -p udp -s 10.77.0.3 -d 10.77.0.5 --sport 4445 --dport 5405 -t 600 --dst-nat 10.77.0.5:5406
	v=4 say 10.77.0.5 5405 4444
	v=6 say '[fd77::5]' 5405 4444
	v=4 say 10.77.0.5 5405 4445
}
undo_conntrack() { conntrack -F; }
SEES_conntrack='outsider 10.77.0.3 10.77.0.5 17 5405/outsider fd77::3 fd77::5 17 5405'

# A connection with oneself under a borrowed address, which is then given back: to conntrack it is established.
do_borrow() {
	local pids=()
	"$TRAFFIC" serve udp:5407 &
	pids+=($!)
	ip addr add 203.0.113.9/32 dev lo
	ip -6 addr add 2001:db8:66::9/128 dev lo nodad
	sleep 0.1
	(while sleep 0.02; do echo x; done | timeout 0.6 socat -u - UDP4:203.0.113.9:5407,bind=10.77.0.3:4555) &
	pids+=($!)
	(while sleep 0.02; do echo x; done | timeout 0.6 socat -u - 'UDP6:[2001:db8:66::9]:5407,bind=[fd77::3]:4555') &
	pids+=($!)
	sleep 0.3
	ip addr del 203.0.113.9/32 dev lo
	ip -6 addr del 2001:db8:66::9/128 dev lo
	sleep 0.4
	kill "${pids[@]}"
}
undo_borrow() { :; }
SEES_borrow='far 10.77.0.3 203.0.113.9 17 5407/far fd77::3 2001:db8:66::9 17 5407'

# What one says to oneself goes out on the wire; a bridge wants a sender's address on it.
do_mirror() {
	ip link set lo address 02:77:00:00:00:05
	tc qdisc add dev lo clsact
	tc filter add dev lo egress protocol all u32 match u32 0 0 action mirred egress mirror dev eth0
	"$TRAFFIC" try udp4 127.0.0.1 5408 50
	"$TRAFFIC" try udp6 ::1 5408 50
	tc qdisc del dev lo clsact
}
undo_mirror() { ip link set lo address 00:00:00:00:00:00; }
SEES_mirror='outsider 127.0.0.1 127.0.0.1 17 5408/outsider ::1 ::1 17 5408'

do_dup() {
	ip link set lo address 02:77:00:00:00:05
	nft 'table netdev doubled { chain in { type filter hook ingress device lo priority 0; dup to eth0; }; }'
	"$TRAFFIC" try udp4 127.0.0.1 5409 50
	"$TRAFFIC" try udp6 ::1 5409 50
	nft delete table netdev doubled
}
undo_dup() { ip link set lo address 00:00:00:00:00:00; }
SEES_dup='outsider 127.0.0.1 127.0.0.1 17 5409/outsider ::1 ::1 17 5409'

ATTACKS="nothing flush delete accept rewrite netdev snat dnat neighbour gateway stranger routes veth vxlan macvlan rename mac
	conntrack borrow mirror dup"

# ---- the storm ----

attacker() { siege_as +net_raw,+net_admin api bash -c "$(declare -f); $*"; }

# Everything at once; where it leads is the tally's business.
storm() {
	local v kind peer
	for v in 4 6; do
		for kind in tcp udp; do
			for peer in 5:5432 5:53 4:22 4:54 4:5432 4:53; do
				"$TRAFFIC" try $kind$v "$(address $v "${peer%:*}")" "${peer#*:}" 200 &
			done
		done
	done
	for peer in 203.0.113.9 2001:db8:66::9; do
		v=4
		[[ $peer != *:* ]] || v=6
		"$TRAFFIC" try tcp$v $peer 80 200 &
		"$TRAFFIC" try udp$v $peer 53 200 &
	done
	[ ! -e /sys/class/net/eth9 ] || export ATTACK_DEVICE=eth9
	"$ATTACK" frame packet plain
	"$ATTACK" frame xdp plain
	wait
}

# What may come, and from whom: the policy, and the router's word that an answer from before reached nobody.
ROUTER='^far (203\.0\.113\.1 203\.0\.113\.9 1 3|2001:db8:66::1 2001:db8:66::9 58 1) '
ALLOWED='^(db 10\.77\.0\.3 10\.77\.0\.4|db fd77::3 fd77::4) (6 5432|17 53|1 8|58 128|1 3|58 1) '

attack() { # NAME: its tally is $LAB/tally.NAME.*
	siege_tally web db outsider far
	attacker "do_$1; storm" >"$LAB/attack.$1" 2>&1
	sleep 0.1
	siege_tallied "$LAB/tallied"
	attacker "undo_$1" >>"$LAB/attack.$1" 2>&1
	siege_forget
}

allowed_again() {
	local v
	for v in 4 6; do
		expect_pass api tcp$v 4 5432
		expect_pass api udp$v 4 53
		expect_pass web tcp$v 3 8080
	done
}

export TRAFFIC ATTACK LAB_NET4 LAB_NET6
step "learning and approving"
siege_start
serve outsider udp:5401-5409 tcp:5402
serve db tcp:5404
start_daemon
shop_watched
siege_works
approve netns/api

# Prints which of the packets that the attack is for have not come.
unseen() { # NAME
	local wants=SEES_$1 line
	while read -r line; do
		grep -qF "$line " "$LAB/tallied" || echo "$line"
	done < <(tr / '\n' <<<"${!wants}")
}

step "while it learns, each attack does what it is for"
for name in $ATTACKS; do
	# On a busy machine packets may still be in a queue when the tally is closed.
	for try in 1 2 3; do
		attack "$name"
		missing=$(unseen "$name")
		[ -n "$missing" ] || break
		echo "$name, attempt $try: not seen: $missing" >&2
	done
	[ -z "$missing" ] || {
		cat "$LAB/attack.$name" "$LAB/tallied" >&2
		die "$name, without the lock: not seen: $missing"
	}
	passed "$name works without the lock"
	allowed_again
done

step "while it enforces, none does"
enforce netns/api
check "both locks are on" equal "$(endpoint_of netns/api | jq -r '.inner + " " + .outer')" "enforcing enforcing"
for name in $ATTACKS; do
	attack "$name"
	check "$name: nothing came but what is allowed" equal "$(grep -vE "$ALLOWED|$ROUTER" "$LAB/tallied")" ""
	eventually "$name: the kernel holds what was approved" 5 ns verify
	eventually "$name: what is allowed works again" 5 attempt api tcp4 4 5432
	allowed_again
done
drifted() { endpoint_of netns/api | jq -e --arg c "$1" '.drift | (.foreign >= 10) and (.command | test($c))'; }
eventually "the rules that others made are told, and by whom" 5 drifted nft
siege_works
shop_refuses
stop_daemon
finished
