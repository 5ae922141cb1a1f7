#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A pod of containerd with two containers in one network namespace: each is learned by itself, told apart by its cgroup;
# then one may reach the database, and the other may not, though both have the same address. The next pod of the same
# owner is under both policies, and the last one leaves nothing.
LAB_ENGINE=containerd
LAB_GATE=$'veth*\ngate_standing = never'
CRI_NAMESPACE=shop
CRI_STATE=/run/containerd
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/cri.sh"
. "$NS_SOURCE/tests/lib/members.sh"

declare -A POD=() RT_PID=() ADDRESS=()
WEB=k8s/shop/app/web
SIDE=k8s/shop/app/side

# pod NAME POD-NAME: an empty one. contain NAME POD-NAME CONTAINER WORD…: a container in it, CONTAINER in what follows.
pod() {
	local v
	POD[$1]=$(cri_run "$2" "uid-$2") || die "no pod $2: $(tail -n 3 "$LAB/containerd.log")"
	for v in 4 6; do
		ADDRESS[$1/$v]=$(cri_address "${POD[$1]}" $v) || die "the pod $2 has no IPv$v address"
	done
}

contain() {
	local id
	id=$(CRI_CONTAINER=$3 cri_exec "${POD[$1]}" "$2" "uid-$2" "${@:4}") || die "no container $3 in $2"
	RT_PID[$3]=$(cri_pid "$id") || die "$3 has no process"
}

app() { # RANDOM-PART
	pod app "app-5d4f8c7b9d-$1"
	contain app "app-5d4f8c7b9d-$1" web traffic serve tcp:8080
	contain app "app-5d4f8c7b9d-$1" side traffic serve tcp:9090
}

each() { # CHECK FROM PROTO POD PORT: in both families
	local v
	for v in 4 6; do
		"$1" "$2" "$3$v" "${ADDRESS[$4/$v]}" "$5"
	done
}

reaches() { # FROM POD PORT
	local v
	for v in 4 6; do
		mb_try 500 "$1" tcp$v "${ADDRESS[$2/$v]}" "$3" || return 1
	done
}

work() {
	each mb_pass web tcp db 5432
	each mb_pass side tcp outsider 5432
	each mb_pass outsider tcp app 8080
	each mb_pass db tcp app 9090
}

refused() {
	each mb_refuse side tcp db 5432
	each mb_refuse web tcp outsider 5432
	each mb_refuse web tcp db 22
	each mb_refuse side tcp outsider 22
	each mb_refuse outsider tcp app 9090
	each mb_refuse db tcp app 8080
	all_refused
}

split() { # each container is told apart, in one namespace
	nsj endpoints | jq -e --arg web $WEB --arg side $SIDE 'map(select(.workload == $web or .workload == $side)) |
		length == 2 and all(.member != null) and .[0].netns_cookie == .[1].netns_cookie'
}

enforced() {
	mb_is $WEB '.inner == "enforcing"' && mb_is $SIDE '.inner == "enforcing"'
}

tables() {
	timeout 20 nft list tables netdev | grep -c ' nanoseg-'
}

none_left() {
	[ "$(tables)" = 0 ]
}

cri_start 172.35.0.0/16 fd99:9::/64
start_daemon

step "two containers in a pod"
for name in db outsider; do
	pod $name $name
	contain $name $name $name traffic serve tcp:5432 tcp:22
done
app x2x4z
for name in db outsider app; do
	eventually "$name is known" 15 has_endpoint k8s/shop/$name
done
eventually "each container is a member" 15 split
for workload in $WEB $SIDE; do
	wait_inner $workload learning
done
eventually "the database serves" 10 reaches web db 5432
eventually "the outsider serves" 10 reaches side outsider 5432
work
for v in 4 6; do
	eventually "web's edge, IPv$v" 10 has_edge $WEB ".direction == \"egress\" and .peer.address == \"${ADDRESS[db/$v]}\""
	eventually "side's edge, IPv$v" 10 has_edge $SIDE ".direction == \"egress\" and .peer.address == \"${ADDRESS[outsider/$v]}\""
	eventually "web is asked, IPv$v" 10 has_edge $WEB ".direction == \"ingress\" and .peer.address == \"${ADDRESS[outsider/$v]}\" and .port == 8080"
	eventually "side is asked, IPv$v" 10 has_edge $SIDE ".direction == \"ingress\" and .peer.address == \"${ADDRESS[db/$v]}\" and .port == 9090"
done
check "web's are not side's" equal "$(edges $SIDE '.peer.name == "k8s/shop/db" and .direction == "egress"')" 0
check "nor the other way round" equal "$(edges $WEB '.peer.name == "k8s/shop/outsider" and .direction == "egress"')" 0

step "one may reach the database, the other may not"
for workload in $WEB $SIDE; do
	approve $workload
	enforce $workload
done
work
refused
eventually "web's attempt is told as its own" 10 has_deny $WEB '.direction == "egress" and .port == 22'

step "the next pod of the owner"
before=${ADDRESS[app/4]}
cri_remove "${POD[app]}"
eventually "the pod is gone" 15 not has_endpoint k8s/shop/app
eventually "its containers are" 15 not has_endpoint $WEB
app k7w2m
check "it has another address" not test "${ADDRESS[app/4]}" = "$before"
eventually "both policies are in force" 15 enforced
eventually "web reaches the database" 10 reaches web db 5432
eventually "side reaches the outsider" 10 reaches side outsider 5432
work
refused

step "removed"
for name in app db outsider; do
	cri_remove "${POD[$name]}"
	eventually "$name is gone" 15 not has_endpoint k8s/shop/$name
done
eventually "no outer lock is left" 10 none_left
stop_daemon
cri_stop
finished
