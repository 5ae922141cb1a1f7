#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A pod of Podman's: two containers in one network namespace, one of which may reach the database and the other may not, told
# apart by their cgroups; both families. Also after a restart of the containers, of the pod with another address, and with the
# daemon killed.
LAB_ENGINE=podman
LAB_PODMAN_SOCKET=/run/podman.sock
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/podman.sh"
RT=pm
. "$NS_SOURCE/tests/lib/runtimes.sh"
. "$NS_SOURCE/tests/lib/members.sh"

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
each() { # CHECK FROM PROTO TO [PORT]: in both families
	local check=$1 from=$2 proto=$3 to=$4 v
	shift 4
	for v in 4 6; do
		"$check" "$from" "$proto$v" "$(rt_address "$to" $v own)" "$@"
	done
}
look() {
	POD=$(pm pod inspect shop | jq -r .InfraContainerID)
	rt_look db client "$POD" app side
}
works() {
	each mb_pass app tcp db 5432
	each mb_pass side udp db 53
	each mb_pass client tcp "$POD" 8080
	each mb_pass client tcp "$POD" 9090
}
refused() {
	each mb_refuse side tcp db 5432
	each mb_refuse app udp db 53
	each mb_refuse app tcp db 22
	each mb_refuse side tcp db 22
	each mb_refuse client tcp "$POD" 8081
	all_refused
}
both_enforced() {
	mb_is podman/shop/app '.inner == "enforcing" and .member.table' && mb_is podman/shop/side '.inner == "enforcing" and .member.table'
}

podman_start
podman_network own 172.31.0.0/16 fd99:5::/64 >/dev/null
write_config
# Old nft programs cannot list the standing gate's wildcards.
echo "gate_standing = never" >>"$LAB/nanoseg.conf"
start_daemon
rt_heard podman

step "who they are"
run db --network own -- traffic serve tcp:5432 tcp:22 udp:53
run client --network own -- sleep 1000
pm pod create --name shop --network own >/dev/null || die "podman pod create"
run app --pod shop -- traffic serve tcp:8080 tcp:8081
run side --pod shop -- traffic serve tcp:9090
look
eventually "the pod" 10 mb_is podman/shop '.member == null and (.provisional | not)'
for name in app side; do
	eventually "$name" 10 mb_is "podman/shop/$name" '.member.of == "podman/shop" and .inner == "learning"'
done

step "each is learned by itself"
works
for v in 4 6; do
	six="(.peer.address | contains(\":\")) == ($v == 6)"
	eventually "app to db, IPv$v" 10 has_edge podman/shop/app ".direction == \"egress\" and .peer.name == \"podman/db\" and .port == 5432 and $six"
	eventually "side to db, IPv$v" 10 has_edge podman/shop/side ".direction == \"egress\" and .peer.name == \"podman/db\" and .port == 53 and $six"
	eventually "app is called, IPv$v" 10 has_edge podman/shop/app ".direction == \"ingress\" and .peer.name == \"podman/client\" and .port == 8080 and $six"
	eventually "side is called, IPv$v" 10 has_edge podman/shop/side ".direction == \"ingress\" and .port == 9090 and $six"
done
check "nothing of the side's is the app's" equal "$(edges podman/shop/app '.port == 53 or .port == 9090')" 0
check "nothing of the app's is the side's" equal "$(edges podman/shop/side '.port == 5432 or .port == 8080')" 0

step "one may reach the database, the other may not"
for name in app side; do
	approve podman/shop/$name
	enforce podman/shop/$name
done
works
refused
check "as planned" ns verify

step "the containers restart, the daemon is killed"
pm restart -t 0 app side >/dev/null || die "podman restart"
look
eventually "both are enforced again" 15 both_enforced
for name in app side; do
	wait_for 10 serves $name
done
kill_daemon
works
refused
start_daemon
eventually "both are known again" 10 both_enforced

step "the pod is made anew with another address"
old4=$(rt_address "$POD" 4 own) old6=$(rt_address "$POD" 6 own)
digests=$(digest_of podman/shop/app; digest_of podman/shop/side)
pm pod rm -f -t 0 shop >/dev/null
run squatter --network "own:ip=$old4,ip=$old6" -- sleep 1000
pm pod create --name shop --network own >/dev/null
run app --pod shop -- traffic serve tcp:8080 tcp:8081
run side --pod shop -- traffic serve tcp:9090
look
check "another address" test "$(rt_address "$POD" 4 own)" != "$old4"
eventually "both are enforced again" 15 both_enforced
works
refused
check "no new approval" equal "$(digest_of podman/shop/app; digest_of podman/shop/side)" "$digests"
check "as planned" ns verify

step "removed"
pm rm -f -t 0 side >/dev/null
one_left() { [ "$(nsj endpoints | jq '[.[] | select(.member)] | length')" = 1 ]; }
eventually "one member is left" 10 one_left
one_table() { [ "$(rt_in app nft list tables inet | grep -c 'nanoseg-')" = 1 ]; }
eventually "and its table" 10 one_table
pm pod rm -f -t 0 shop >/dev/null
pm rm -af -t 0 >/dev/null
nobody() { [ "$(nsj endpoints)" = "[]" ]; }
eventually "no endpoint is left" 15 nobody
eventually "no outer lock is left" 5 rt_nothing_outer
stop_daemon
podman_stop
finished
