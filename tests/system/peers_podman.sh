#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Ports that Podman publishes, for a container and for a pod: named by their workload, and allowed for it alone.
LAB_ENGINE=podman
# shellcheck disable=SC2034
LAB_PODMAN_SOCKET=/run/podman.sock
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/podman.sh"

run() { # NAME OPTION… : an echo server on 80 and 53
	local name=$1
	shift
	pm run -d --name "$name" "$@" nanoseg-test:1 traffic serve tcp:80 tcp:81 udp:53 >"$LAB/run.out" 2>&1 ||
		die "podman run $name: $(cat "$LAB/run.out")"
	wait_for 10 serves "$name" || die "$name does not serve"
}
serves() {
	grep -q ready <(pm logs "$1" 2>/dev/null)
}
published() { # NAME PORT FAMILY
	has_edge netns/client ".direction == \"egress\" and .peer.class == \"service\" and .peer.name == \"published/$1\" and
		.port == $2 and .peer.address == \"$(address "$3" 1)\""
}
# By the engine, which tells the ports as well; a name alone may come before.
told() {
	endpoint_of "$1" | jq -e '.provisional | not'
}
works() {
	local v
	for v in 4 6; do
		expect_pass client tcp$v 1 8080
		expect_pass client udp$v 1 5353
		expect_pass client tcp$v 1 7070
	done
}

ns_container client 2
ns_container free 3
podman_start
podman_network back 10.79.0.0/24 fd79::/64 >/dev/null
run web --network back -p 8080:80 -p 5353:53/udp -p 9000-9003:80-83
pm pod create --name shop --network back -p 7070:80 -p 7071:81 >/dev/null || die "podman pod create"
run front --pod shop
write_config
# Old nft programs, and Podman's iptables, cannot read the standing gate's wildcards.
echo "gate_standing = never" >>"$LAB/nanoseg.conf"
start_daemon
for name in netns/client podman/web podman/shop; do
	eventually "$name is known" 15 told "$name"
done

step "who is asked"
works
for v in 4 6; do
	check "the container's port, IPv$v" published podman/web 8080 $v
	check "and UDP, IPv$v" published podman/web 5353 $v
	check "the pod's port, IPv$v" published podman/shop 7070 $v
done

step "under a policy"
approve netns/client
enforce netns/client
works
for v in 4 6; do
	refuse client tcp$v 1 9001
	refuse client tcp$v 1 7071
done
all_refused

step "the pod has gone, and another has its port"
pm pod rm -f -t 0 shop >/dev/null
run thief --network back -p 7070:80
for v in 4 6; do
	check "it is there, IPv$v" in_ns free "$TRAFFIC" try tcp$v "$(address $v 1)" 7070 $((1000 * NS_SLOW))
	refuse client tcp$v 1 7070
done
all_refused
# Not IPv6: with the pod, netavark 1.4 takes away what forwards the other's port.
expect_pass client tcp4 1 8080
stop_daemon
podman_stop
finished
