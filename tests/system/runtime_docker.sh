#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Docker as it is used: plain containers on the default bridge, a compose project on a network of its own, a label that names
# the workload; all in both families. Names, learn, approve, enforce; then what happens to containers in their life: another
# address on either side, a second replica, networks connected and disconnected, pause, rename, removal.
LAB_DOCKER_SOCKET=/run/docker.sock
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/docker.sh"
. "$NS_SOURCE/tests/lib/runtimes.sh"

compose() {
	docker-compose --project-name shop --file "$LAB/compose.json" "$@" >"$LAB/compose.log" 2>&1 ||
		die "docker-compose $*: $(tail -n 3 "$LAB/compose.log")"
}
# What everybody did while learning.
works() {
	rt_pass plain1 tcp plain2 bridge 5432
	rt_pass shop_api_1 tcp shop_db_1 shop_default 5432
	rt_pass shop_api_1 udp shop_db_1 shop_default 5353
	rt_pass labelled tcp shop_api_1 shop_default 8080
}
refused() {
	rt_refuse plain1 tcp plain2 bridge 22
	rt_refuse other tcp plain2 bridge 5432
	rt_refuse plain1 tcp other bridge 5432
	rt_refuse plain2 ping plain1 bridge
	rt_refuse shop_api_1 tcp shop_db_1 shop_default 22
	rt_refuse shop_api_1 udp stranger shop_default 5353
	rt_refuse labelled tcp shop_db_1 shop_default 5432
	rt_refuse stranger tcp shop_api_1 shop_default 8080
	rt_refuse stranger ping labelled shop_default
	all_refused
}

# The default bridge has IPv6 as well.
docker_start --ipv6 --fixed-cidr-v6 fd99:1::/64
jq -n '{version: "2.4", networks: {default: {driver: "bridge", enable_ipv6: true,
		ipam: {config: [{subnet: "172.31.0.0/16"}, {subnet: "fd99:5::/64"}]}}},
	services: {
		db: {image: "nanoseg-test:1", init: true, command: ["traffic", "serve", "tcp:5432", "tcp:22", "udp:5353"]},
		api: {image: "nanoseg-test:1", init: true, command: ["traffic", "serve", "tcp:8080"]}}}' >"$LAB/compose.json"
write_config
# Old nft programs cannot list the standing gate's wildcards.
echo "gate_standing = never" >>"$LAB/nanoseg.conf"
start_daemon
rt_heard docker

step "who they are"
compose up -d
docker_run plain1 -- sleep 1000
docker_run plain2 -- traffic serve tcp:5432 tcp:22
docker_run other -- traffic serve tcp:5432
docker_run labelled --network shop_default --label nanoseg.workload=front/client --label com.docker.compose.project=shop \
	--label com.docker.compose.service=web -- sleep 1000
docker_run stranger --network shop_default -- traffic serve tcp:5432 udp:5353
rt_look plain1 plain2 other labelled stranger shop_db_1 shop_api_1
for pair in docker/plain1=plain1 docker/plain2=plain2 docker/stranger=stranger front/client=labelled compose/shop/db=shop_db_1 \
	compose/shop/api=shop_api_1; do
	workload=${pair%=*} name=${pair#*=}
	eventually "$name is $workload" 15 has_endpoint "$workload"
	wait_inner "$workload" learning
	check "$workload is what the engine calls $name" equal "$(endpoint_of "$workload" | jq -r '"\(.runtime) \(.container_id) \(.name)"')" \
		"docker $(docker inspect "$name" | jq -r '"\(.[0].Id) \(.[0].Name[1:])"')"
done

step "learn, approve, enforce"
for name in shop_db_1 shop_api_1; do
	wait_for 10 docker_serves "$name" || die "$name does not serve"
done
works
rt_learned docker/plain1 docker/plain2 5432
rt_learned compose/shop/api compose/shop/db 5432
rt_learned compose/shop/api compose/shop/db 5353
rt_learned front/client compose/shop/api 8080
for workload in docker/plain1 docker/plain2 front/client compose/shop/db compose/shop/api; do
	approve "$workload"
	enforce "$workload"
done
works
refused
digests=$(for workload in docker/plain1 docker/plain2 compose/shop/api; do digest_of "$workload"; done)

step "another address, on either side"
for name in plain2 plain1; do
	old4=$(rt_address $name 4 bridge) old6=$(rt_address $name 6 bridge)
	docker stop -t 0 $name >/dev/null
	# A container of its own takes the address that is free now.
	docker_run squatter-$name -- traffic serve tcp:5432
	rt_look squatter-$name
	check "the squatter has the address" equal "$(rt_address squatter-$name 4 bridge)" "$old4"
	docker start $name >/dev/null
	rt_look $name
	check "$name has another address" test "$(rt_address $name 4 bridge)" != "$old4" -a "$(rt_address $name 6 bridge)" != "$old6"
	eventually "$name is locked" 15 rt_locked docker/$name
done
eventually "they find each other" 10 rt_reaches plain1 tcp plain2 bridge 5432
rt_refuse plain1 tcp squatter-plain2 bridge 5432
rt_refuse squatter-plain1 tcp plain2 bridge 5432
works
refused
docker restart -t 0 plain2 >/dev/null
rt_look plain2
eventually "restarted, it is locked" 15 rt_locked docker/plain2
eventually "and found" 10 rt_reaches plain1 tcp plain2 bridge 5432

step "a second replica"
compose up -d --scale api=2
rt_look shop_api_2
eventually "two replicas of one workload, both locked" 15 rt_endpoints_are compose/shop/api \
	'.inner == "enforcing" and .outer == "enforcing" and .gate == "open"' 2
wait_for 10 docker_serves shop_api_2 || die "the second replica does not serve"
rt_pass shop_api_2 tcp shop_db_1 shop_default 5432
rt_pass labelled tcp shop_api_2 shop_default 8080
rt_refuse shop_api_2 tcp shop_db_1 shop_default 22
rt_refuse shop_api_2 tcp shop_api_1 shop_default 8080
rt_refuse stranger tcp shop_api_2 shop_default 8080
all_refused
check "no new approval" equal "$(for workload in docker/plain1 docker/plain2 compose/shop/api; do digest_of "$workload"; done)" "$digests"

step "another network"
docker network create --ipv6 --subnet 172.30.0.0/16 --subnet fd99:6::/64 side >/dev/null || die "docker network create"
docker network connect side shop_db_1
docker network connect side stranger
docker network connect side shop_api_1
rt_look shop_db_1 stranger shop_api_1
device=$(rt_host_device shop_api_1 "$(rt_address shop_api_1 4 side)")
eventually "the outer lock is on its new link, $device" 10 rt_has_outer "$device"
eventually "the policy counts there" 10 rt_reaches shop_api_1 tcp shop_db_1 side 5432
rt_pass shop_api_1 udp shop_db_1 side 5353
rt_refuse shop_api_1 tcp shop_db_1 side 22
rt_refuse shop_api_1 tcp stranger side 5432
rt_refuse stranger tcp shop_api_1 side 8080
rt_refuse stranger tcp shop_db_1 side 5432
all_refused
side4=$(rt_address shop_db_1 4 side) side6=$(rt_address shop_db_1 6 side)
check "its address is in the peer's sets" rt_names shop_api_1 "$side4"
docker network disconnect side shop_db_1
eventually "its address is forgotten, IPv4" 10 rt_forgotten "$side4" shop_api_1
eventually "its address is forgotten, IPv6" 10 rt_forgotten "$side6" shop_api_1
docker network disconnect side shop_api_1
eventually "the lock is off" 10 not rt_has_outer "$device"
works
refused

step "paused, and renamed"
docker pause shop_db_1 >/dev/null
check "paused, it is locked" rt_locked compose/shop/db
rt_refuse shop_api_1 tcp shop_db_1 shop_default 22
docker rename plain2 renamed
docker rename stranger moved
eventually "one that learns takes the new name" 10 has_endpoint docker/moved
all_refused
docker unpause shop_db_1 >/dev/null
check "the rules outlive the name" equal "$(nsj endpoints | jq -r '.[] | select(.name == "renamed") | "\(.workload) \(.inner) \(.outer)"')" \
	"docker/plain2 enforcing enforcing"
works
refused
check "as planned" ns verify

step "removed"
old4=$(rt_address shop_db_1 4 shop_default) old6=$(rt_address shop_db_1 6 shop_default)
docker rm -f shop_db_1 >/dev/null
eventually "its address is forgotten, IPv4" 10 rt_forgotten "$old4" shop_api_1
eventually "its address is forgotten, IPv6" 10 rt_forgotten "$old6" shop_api_1
check "there are outer locks" not rt_nothing_outer
docker ps -aq | xargs docker rm -f >/dev/null
nobody() { [ "$(nsj endpoints)" = "[]" ]; }
eventually "no endpoint is left" 15 nobody
eventually "no outer lock is left" 5 rt_nothing_outer
eventually "the gate minds nothing" 5 rt_gate_forgot
stop_daemon
docker_stop
finished
