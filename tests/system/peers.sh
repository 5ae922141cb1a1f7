#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Peers that mean something: a service address that the host turns into a container's (DNAT), a port of the host behind
# which a proxy is, the host's addresses as they come and go; and addresses that change hands between what is learned,
# with an agent and without.
. "$(dirname "$0")/../lib/lab.sh"
# Nobody's link is held here: one of them begins while no agent runs.
# shellcheck disable=SC2034
LAB_GATE=none

# try FROM KIND ADDRESS PORT: 0 when it passed.
try() {
	ip netns exec "$1" "$TRAFFIC" try "$2" "$3" "$4" $((1000 * NS_SLOW)) >/dev/null
}
tries() { # N FROM KIND ADDRESS PORT
	local i n=$1
	shift
	for ((i = 0; i < n; i++)); do
		check "$*, time $i" try "$@"
	done
}
refused() { # FROM KIND ADDRESS PORT
	local outcome
	outcome=$(ip netns exec "$1" "$TRAFFIC" try "$2" "$3" "$4" 500) && die "$* passed, and must be refused"
	[ "$outcome" = timeout ] || die "$*: $outcome, wanted timeout"
	passed "$* is refused"
}
refuse_at() { # refused, many at a time; all_refused judges
	(refused "$@") &
	NS_REFUSALS+=($!)
	NS_CHECKS=$((NS_CHECKS + 1))
}
# The container and its link, at once: the next one gets both, and nobody takes it for the one before.
end_container() { # NAME N
	ip link del "v$2"
	ns_remove "$1"
	ip -n client neigh flush dev eth0
	ip -n client -6 neigh flush dev eth0
}
egress() { # WORKLOAD CLASS NAME PORT ADDRESS
	has_edge "$1" ".direction == \"egress\" and .peer.class == \"$2\" and (.peer.name // \"\") == \"$3\" and .port == $4 and .peer.address == \"$5\""
}
ingress() { # WORKLOAD CLASS NAME PORT
	has_edge "$1" ".direction == \"ingress\" and .peer.class == \"$2\" and (.peer.name // \"\") == \"$3\" and .port == $4"
}
# Packets of the client's edges to a workload's UDP port; empty: no edge.
packets() {
	nsj graph netns/client | jq --arg w "$1" --argjson p "$2" --arg f "$3" '[.edges[] |
		select(.direction == "egress" and .peer.name == $w and .port == $p and
		((.peer.address | contains(":")) == ($f == "6"))) | .packets] | add // empty'
}
counted() { # WORKLOAD PORT FAMILY PACKETS
	equal "$(packets "$1" "$2" "$3")" "$4"
}

# api on the bridge, web behind the host on a link of its own, so that answers come back through the host.
far_container() { # NAME
	ip netns add "$1"
	ip link add vfar type veth peer name eth0 netns "$1"
	ip addr add 10.78.0.1/24 dev vfar
	ip -6 addr add fd78::1/64 dev vfar nodad
	ip link set vfar up
	ip -n "$1" link set lo up
	ip -n "$1" addr add 10.78.0.2/24 dev eth0
	ip -n "$1" -6 addr add fd78::2/64 dev eth0 nodad
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via 10.78.0.1
	ip -n "$1" -6 route add default via fd78::1
}

proxy() { # PORT: of the host, to web's 80
	socat "TCP4-LISTEN:$1,fork,reuseaddr" TCP4:10.78.0.2:80 2>/dev/null &
	socat "TCP6-LISTEN:$1,fork,reuseaddr,ipv6only=1" "TCP6:[fd78::2]:80" 2>/dev/null &
	disown -a
	wait_for 5 equal "$(ss -Hltn "sport = :$1" | wc -l)" 2
}

configure() { # SERVICE-ADDRESS…
	local addresses="$*"
	write_config
	printf '[services]\nshop/web = %s\n' "${addresses// /, }" >>"$LAB/nanoseg.conf"
}

step "a service, a proxy, and the host"
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ns_container api 2
ns_container client 3
far_container web
serve web tcp:80 tcp:81
nft -f - <<-'EOR'
	table inet lab {
		chain services {
			type nat hook prerouting priority dstnat;
			ip daddr { 10.96.0.80, 10.96.0.81 } dnat ip to 10.78.0.2
			ip6 daddr { fd96::80, fd96::81 } dnat ip6 to fd78::2
		}
	}
EOR
proxy 9090
proxy 9091
configure 10.96.0.80 fd96::80
# This nft does not come to an end in the host's namespace while a gate stands; the rules above are in already.
start_daemon
for name in api client web; do
	wait_inner "netns/$name" learning
done
tries 1 api tcp4 10.96.0.80 80
tries 1 api tcp6 fd96::80 80
tries 1 api tcp4 10.77.0.1 9090
tries 1 api tcp6 fd77::1 9090
tries 1 api tcp4 10.78.0.1 9090
tries 1 api tcp6 fd78::1 9090
check "the service, IPv4" egress netns/api service shop/web 80 10.96.0.80
check "the service, IPv6" egress netns/api service shop/web 80 fd96::80
check "the proxy is the host, IPv4" egress netns/api host "" 9090 10.77.0.1
check "the proxy is the host, IPv6" egress netns/api host "" 9090 fd77::1
check "and so is its address on another link, IPv4" egress netns/api host "" 9090 10.78.0.1
check "and so is its address on another link, IPv6" egress netns/api host "" 9090 fd78::1
check "DNAT shows who asked" ingress netns/web workload netns/api 80
check "a proxy does not" ingress netns/web host "" 80

step "the same under a policy, in both locks"
approve netns/api
enforce netns/api
allowed() { # FAMILY SERVICE HOST HOST-ELSEWHERE WEB
	tries 1 api "tcp$1" "$2" 80
	tries 1 api "tcp$1" "$3" 9090
	tries 1 api "tcp$1" "$4" 9090
	refuse_at api "tcp$1" "$2" 81
	refuse_at api "tcp$1" "$3" 9091
	refuse_at api "tcp$1" "$5" 80
}
allowed 4 10.96.0.80 10.77.0.1 10.78.0.1 10.78.0.2
allowed 6 fd96::80 fd77::1 fd78::1 fd78::2
refuse_at api tcp4 10.96.0.81 80
refuse_at api tcp6 fd96::81 80
all_refused
check "the outer lock is there" equal "$(endpoint_of netns/api | jq -r .outer)" enforcing

step "addresses of the service and of the host that come later"
configure 10.96.0.81 fd96::81
kill -HUP "$DAEMON"
eventually "the new address, IPv4" 5 try api tcp4 10.96.0.81 80
eventually "the new address, IPv6" 5 try api tcp6 fd96::81 80
refuse_at api tcp4 10.96.0.80 80
refuse_at api tcp6 fd96::80 80
ip addr add 10.77.0.200/24 dev br0
ip -6 addr add fd77::200/64 dev br0 nodad
eventually "the host's new address, IPv4" 5 try api tcp4 10.77.0.200 9090
eventually "the host's new address, IPv6" 5 try api tcp6 fd77::200 9090
all_refused

step "an address changes hands between two edges"
ns_container first 20
serve first udp:53
wait_inner netns/first learning
tries 3 client udp4 10.77.0.20 53
tries 3 client udp6 fd77::20 53
end_container first 20
ns_container second 20
serve second udp:53
wait_inner netns/second learning
before=$(date -u +%Y-%m-%dT%H:%M:%S)
tries 5 client udp4 10.77.0.20 53
tries 5 client udp6 fd77::20 53
for v in 4 6; do
	check "the first's figures stay its own, IPv$v" counted netns/first 53 $v 3
	check "the second has its own, IPv$v" counted netns/second 53 $v 5
done
late() {
	nsj graph netns/client | jq -e --arg t "$before" '[.edges[] |
		select(.peer.name == "netns/second" and .first_seen < $t)] | length == 0'
}
check "and begins after the first" late

step "and while no agent runs"
kill_daemon
end_container second 20
ns_container third 20
serve third udp:53
tries 2 client udp4 10.77.0.20 53
tries 2 client udp6 fd77::20 53
start_daemon
wait_inner netns/third learning
has_gap() {
	nsj graph netns/client | jq -e '.gaps[] | select(.cause |
		startswith("addresses changed hands while no agent ran: 10.77.0.20"))'
}
check "nobody knows whose that was, and it is said" has_gap
for v in 4 6; do
	check "the second got none of it, IPv$v" counted netns/second 53 $v 5
	check "nor did the third, IPv$v" counted netns/third 53 $v ""
done
tries 4 client udp4 10.77.0.20 53
tries 4 client udp6 fd77::20 53
for v in 4 6; do
	check "what comes later is the third's, IPv$v" counted netns/third 53 $v 4
done
stop_daemon
finished
