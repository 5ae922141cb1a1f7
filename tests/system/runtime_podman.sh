#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Podman as it is used: plain containers on the default network, containers on a network of their own in both families,
# labels that name the workload. Names, learn, approve, enforce; then what happens to containers in their life: another
# address on either side, a replica, networks connected and disconnected, pause, rename, removal, a reset of everything.
LAB_ENGINE=podman
LAB_PODMAN_SOCKET=/run/podman.sock
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/podman.sh"
RT=pm
. "$NS_SOURCE/tests/lib/runtimes.sh"

run() { # NAME OPTION… -- COMMAND…
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	pm run -d --name "$name" "${options[@]}" nanoseg-test:1 "$@" >"$LAB/run.out" 2>&1 || die "podman run $name: $(cat "$LAB/run.out")"
	[[ $* != *serve* ]] || wait_for 10 serves "$name" || die "$name does not serve: $(pm logs "$name" 2>&1 | tail -n 3)"
}
serves() {
	grep -q ready <(pm logs "$1" 2>/dev/null)
}
works() {
	RT_FAMILIES=4 rt_pass plain tcp box podman 5432
	rt_pass api tcp db own 5432
	rt_pass api udp db own 5353
	rt_pass client tcp api own 8080
}
refused() {
	RT_FAMILIES=4 rt_refuse plain tcp box podman 22
	RT_FAMILIES=4 rt_refuse box ping plain podman
	rt_refuse api tcp db own 22
	rt_refuse api udp stranger own 5353
	rt_refuse client tcp db own 5432
	rt_refuse stranger tcp api own 8080
	rt_refuse stranger ping client own
	all_refused
}
start() { # NAME
	pm start "$1" >/dev/null || die "podman start"
	[ "$1" = plain ] || wait_for 10 serves "$1"
	rt_look "$1"
}

podman_start
podman_network own 172.31.0.0/16 fd99:5::/64 >/dev/null
write_config
# Old nft programs cannot list the standing gate's wildcards.
echo "gate_standing = never" >>"$LAB/nanoseg.conf"
start_daemon
rt_heard podman

step "who they are"
run plain -- sleep 1000
run box -- traffic serve tcp:5432 tcp:22
run db --network own --label nanoseg.workload=shop/db -- traffic serve tcp:5432 tcp:22 udp:5353
run api --network own -- traffic serve tcp:8080
run client --network own --label nanoseg.workload=front/client -- sleep 1000
run stranger --network own -- traffic serve tcp:5432 udp:5353
rt_look plain box db api client stranger
for pair in podman/plain=plain podman/box=box shop/db=db podman/api=api front/client=client podman/stranger=stranger; do
	workload=${pair%=*} name=${pair#*=}
	eventually "$name is $workload" 15 has_endpoint "$workload"
	wait_inner "$workload" learning
	check "$workload is what the engine calls $name" equal "$(endpoint_of "$workload" | jq -r '"\(.runtime) \(.container_id) \(.name)"')" \
		"podman $(pm inspect "$name" | jq -r '"\(.[0].Id) \(.[0].Name)"')"
done

step "learn, approve, enforce"
works
RT_FAMILIES=4 rt_learned podman/plain podman/box 5432
rt_learned podman/api shop/db 5432
rt_learned podman/api shop/db 5353
rt_learned front/client podman/api 8080
for workload in podman/plain podman/box shop/db podman/api front/client; do
	approve "$workload"
	enforce "$workload"
done
works
refused
digests=$(for workload in shop/db podman/api; do digest_of "$workload"; done)

step "another address, on either side"
for name in db api; do
	old4=$(rt_address $name 4 own) old6=$(rt_address $name 6 own)
	pm stop -t 0 $name >/dev/null
	# A container of its own takes the address that is free now.
	run squatter-$name --network "own:ip=$old4,ip=$old6" -- traffic serve tcp:5432 tcp:8080
	rt_look squatter-$name
	start $name
	check "$name has another address" test "$(rt_address $name 4 own)" != "$old4" -a "$(rt_address $name 6 own)" != "$old6"
done
eventually "the database is locked" 15 rt_locked shop/db
eventually "and the api" 15 rt_locked podman/api
eventually "they find each other" 10 rt_reaches api tcp db own 5432
rt_refuse api tcp squatter-db own 5432
rt_refuse squatter-api tcp db own 5432
rt_refuse client tcp squatter-api own 8080
works
refused
pm restart -t 0 db >/dev/null
start db
eventually "restarted, it is locked" 15 rt_locked shop/db
eventually "and found" 10 rt_reaches api tcp db own 5432

step "a second replica"
run db-2 --network own --label nanoseg.workload=shop/db -- traffic serve tcp:5432 tcp:22 udp:5353
rt_look db-2
eventually "two replicas of one workload, both locked" 15 rt_endpoints_are shop/db \
	'.inner == "enforcing" and .outer == "enforcing" and .gate == "open"' 2
eventually "the api finds it" 10 rt_reaches api tcp db-2 own 5432
rt_refuse api tcp db-2 own 22
rt_refuse db-2 tcp db own 5432
rt_refuse stranger tcp db-2 own 5432
all_refused
check "no new approval" equal "$(for workload in shop/db podman/api; do digest_of "$workload"; done)" "$digests"

step "another network"
podman_network side 172.30.0.0/16 fd99:6::/64 >/dev/null
for name in db stranger api; do
	pm network connect side $name || die "podman network connect"
done
rt_look db stranger api
device=$(rt_host_device api "$(rt_address api 4 side)")
eventually "the outer lock is on its new link, $device" 10 rt_has_outer "$device"
eventually "the policy counts there" 10 rt_reaches api tcp db side 5432
rt_refuse api tcp db side 22
rt_refuse api tcp stranger side 5432
rt_refuse stranger tcp api side 8080
all_refused
side4=$(rt_address db 4 side) side6=$(rt_address db 6 side)
check "its address is in the peer's sets" rt_names api "$side4"
pm network disconnect side db
eventually "its address is forgotten, IPv4" 10 rt_forgotten "$side4" api
eventually "its address is forgotten, IPv6" 10 rt_forgotten "$side6" api
pm network disconnect side api
eventually "the lock is off" 10 not rt_has_outer "$device"
works
refused

step "paused, and renamed"
pm pause db >/dev/null
check "paused, it is locked" rt_locked shop/db
rt_refuse api tcp db own 22
pm rename box renamed
pm rename stranger moved
eventually "one that learns takes the new name" 10 has_endpoint podman/moved
all_refused
pm unpause db >/dev/null
check "the rules outlive the name" equal "$(nsj endpoints | jq -r --arg id "$(pm inspect renamed | jq -r '.[0].Id')" '
	.[] | select(.container_id == $id) | "\(.workload) \(.inner) \(.outer)"')" "podman/box enforcing enforcing"
works
refused
check "as planned" ns verify

step "removed"
old4=$(rt_address db 4 own) old6=$(rt_address db 6 own)
pm rm -f -t 0 db >/dev/null
eventually "its address is forgotten, IPv4" 10 rt_forgotten "$old4" api
eventually "its address is forgotten, IPv6" 10 rt_forgotten "$old6" api
check "there are outer locks" not rt_nothing_outer
pm rm -af -t 0 >/dev/null
nobody() { [ "$(nsj endpoints)" = "[]" ]; }
eventually "no endpoint is left" 15 nobody
eventually "no outer lock is left" 5 rt_nothing_outer
eventually "the gate minds nothing" 5 rt_gate_forgot
stop_daemon
podman_stop
finished
