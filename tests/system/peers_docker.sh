#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Ports that Docker publishes: who asks the host there asks a workload, through DNAT or through Docker's proxy. The rule
# is for that port and holds while that workload publishes it, wherever the host and the workload have their addresses.
LAB_DOCKER_SOCKET=/run/docker.sock
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/docker.sh"

try() { # FROM KIND ADDRESS PORT
	if [ "$1" = near ]; then
		docker exec near traffic try "$2" "$3" "$4" $((1000 * NS_SLOW)) >/dev/null
	else
		ip netns exec "$1" "$TRAFFIC" try "$2" "$3" "$4" $((1000 * NS_SLOW)) >/dev/null
	fi
}
refuse_at() { # KIND ADDRESS PORT: from the client; all_refused judges
	(
		outcome=$(ip netns exec client "$TRAFFIC" try "$1" "$2" "$3" 500) && die "$* passed, and must be refused"
		[ "$outcome" = timeout ] || die "$*: $outcome, wanted timeout"
	) &
	NS_REFUSALS+=($!)
	NS_CHECKS=$((NS_CHECKS + 1))
}
egress() { # WORKLOAD CLASS NAME PORT ADDRESS
	has_edge "$1" ".direction == \"egress\" and .peer.class == \"$2\" and (.peer.name // \"\") == \"$3\" and .port == $4 and .peer.address == \"$5\""
}
ingress() { # WORKLOAD CLASS NAME PORT
	has_edge "$1" ".direction == \"ingress\" and .peer.class == \"$2\" and (.peer.name // \"\") == \"$3\" and .port == $4"
}
web() { # the workload docker/web, with its ports
	docker_run web --network back -p 8080:80 -p 8081:81 -p 5353:53/udp -p 10.77.0.1:7070:80 -- \
		traffic serve tcp:80 tcp:81 udp:53
}

step "a container with published ports, and who asks for them"
ns_container client 2
ip addr add 10.77.0.200/24 dev br0
docker_start
docker network create --ipv6 --subnet fd79::/64 --subnet 10.79.0.0/24 back >/dev/null || die "no network"
web
docker_run near --network back -- sleep 600
"$TRAFFIC" serve tcp:2222 >/dev/null 2>&1 &
disown
write_config
# Old nft programs, and Docker's iptables, cannot read the standing gate's wildcards.
echo "gate_standing = never" >>"$LAB/nanoseg.conf"
start_daemon
for name in netns/client docker/web docker/near; do
	wait_inner "$name" learning
done
for v in 4 6; do
	host=$(address $v 1)
	check "client, IPv$v" try client tcp$v "$host" 8080
	check "client, UDP, IPv$v" try client udp$v "$host" 5353
	check "client, the host itself, IPv$v" try client tcp$v "$host" 2222
	check "the published port, IPv$v" egress netns/client service published/docker/web 8080 "$host"
	check "and UDP, IPv$v" egress netns/client service published/docker/web 5353 "$host"
	check "the host's own port, IPv$v" egress netns/client host "" 2222 "$host"
done
check "on one address" try client tcp4 10.77.0.1 7070
check "it is named as well" egress netns/client service published/docker/web 7070 10.77.0.1
check "from the same network" try near tcp4 10.79.0.1 8080
check "through the proxy" egress docker/near service published/docker/web 8080 10.79.0.1
check "DNAT shows who asked" ingress docker/web workload netns/client 80
check "the proxy does not" ingress docker/web host "" 80

step "under a policy"
approve netns/client
enforce netns/client
for v in 4 6; do
	host=$(address $v 1)
	check "client, IPv$v" try client tcp$v "$host" 8080
	check "client, UDP, IPv$v" try client udp$v "$host" 5353
	check "client, the host itself, IPv$v" try client tcp$v "$host" 2222
	refuse_at tcp$v "$host" 8081
done
check "on another address of the host" try client tcp4 10.77.0.200 8080
check "on one address" try client tcp4 10.77.0.1 7070
refuse_at tcp4 10.77.0.200 7070
all_refused

step "another container publishes the port"
docker rm -f web >/dev/null
docker_run other --network back -p 8080:80 -- traffic serve tcp:80
wait_inner docker/other learning
check "it is there" "$TRAFFIC" try tcp4 10.77.0.1 8080 1000
for v in 4 6; do
	refuse_at tcp$v "$(address $v 1)" 8080
done
all_refused
docker rm -f other >/dev/null

step "the workload is back, with another address"
docker_run taken --network back -- sleep 600
web
eventually "its rules fit again, IPv4" 10 try client tcp4 10.77.0.1 8080
eventually "its rules fit again, IPv6" 10 try client tcp6 fd77::1 8080
stop_daemon
docker_stop
finished
