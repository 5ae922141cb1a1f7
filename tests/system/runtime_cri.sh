#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# containerd, asked as a kubelet asks it, without a hook or a plugin of nanoseg: pods are known by what lasts of their
# names, from their bundles, learned and enforced; containerd is killed while learning and while enforcing, and neither
# rules nor edges are missing; a new pod of the same owner is under the policy at once.
LAB_ENGINE=containerd
LAB_GATE=$'veth*\ngate_standing = never'
CRI_NAMESPACE=shop
CRI_STATE=/run/containerd
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/cri.sh"
. "$NS_SOURCE/tests/lib/story.sh"

declare -A POD=() PID=() ADDRESS=()

# Their names are as a Deployment, a StatefulSet and a user makes them.
box_start() { # NAME N WORD…
	local box=$1 name=$1 uid=uid-$1-$2 id pid v
	case $box in
	api) name=api-5d4f8c7b9d-$(sed -n "$2p" <<<$'x2x4z\nk7w2m') ;;
	db) name=db-0 ;;
	esac
	shift 2
	POD[$box]=$(cri_run "$name" "$uid") || return 1
	id=$(cri_exec "${POD[$box]}" "$name" "$uid" "$@") || return 1
	pid=$(cri_pid "$id") || return 1
	PID[$box]=$pid
	for v in 4 6; do
		ADDRESS[$box/$v]=$(cri_address "${POD[$box]}" $v) || return 1
	done
}

box_stop() {
	cri_remove "${POD[$1]}"
}

box_pid() {
	echo "${PID[$1]}"
}

box_address() {
	echo "${ADDRESS[$1/$2]}"
}

box_workload() {
	case $1 in
	db) echo k8s/shop/db-N ;;
	*) echo "k8s/shop/$1" ;;
	esac
}

# ---- what goes on while containerd is away ----

cookies() {
	nsj endpoints | jq -c 'map({workload, cookie, mode, inner}) | sort_by(.workload)'
}

# going FILE VERB KIND ADDRESS …: from the api, until it is told to end.
GOING=()
going() {
	local file=$LAB/$1
	shift
	nsenter --target "${PID[api]}" --net -- "$TRAFFIC" "$@" >"$file" 2>&1 &
	GOING+=($!)
}

all_end() { # prints what each said
	kill -TERM "${GOING[@]}"
	wait "${GOING[@]}"
	GOING=()
}

going_on() { # FILE…: none has ended
	local pid
	for pid in "${GOING[@]}"; do
		kill -0 "$pid" || return 1
	done
}

# A witness of what arrives: of the api's, in the namespace of the one that must not be reached.
witness() { # NAME RULE…
	local name=$1
	shift
	inside "${PID[$name]}" nft -f - <<-EOC
		table inet witness {
			chain arrives {
				type filter hook prerouting priority -400; policy accept;
				ip saddr ${ADDRESS[api/4]} $* counter
				ip6 saddr ${ADDRESS[api/6]} $* counter
			}
		}
	EOC
}

arrived() { # NAME
	inside "${PID[$1]}" nft -j list table inet witness | jq '[.nftables[].rule?.expr[]?.counter?.packets // empty] | add'
}

containerd_dies() {
	kill -9 "$CONTAINERD"
	wait "$CONTAINERD" 2>/dev/null
}

cri_start 172.34.0.0/16 fd99:8::/64
start_daemon

step "learning, and containerd is killed"
story_begin
story_works
before=$(cookies)
for v in 4 6; do
	going "load$v" load tcp$v "${ADDRESS[db/$v]}" 5432 4 20
done
containerd_dies
for v in 4 6; do
	passes api tcp$v "${ADDRESS[db/$v]}" 8080 # never before
done
cri_serve
for v in 4 6; do
	eventually "learned meanwhile, IPv$v" 10 has_edge k8s/shop/api \
		".direction == \"egress\" and .port == 8080 and .peer.address == \"${ADDRESS[db/$v]}\""
done
check "nobody stopped" going_on
all_end
for v in 4 6; do
	check "IPv$v: no byte was lost: $(cat "$LAB/load$v")" grep -q 'broken 0' "$LAB/load$v"
done
check "all are who they were" equal "$(cookies)" "$before"

step "enforcing"
story_enforced

step "containerd is killed"
before=$(cookies)
for name in db outsider; do
	witness $name tcp dport 22
done
for v in 4 6; do
	going "load$v" load tcp$v "${ADDRESS[db/$v]}" 5432 4 20
	going "knock$v" knock tcp$v "${ADDRESS[db/$v]}" 22 50
	going "other$v" knock tcp$v "${ADDRESS[outsider/$v]}" 22 50
done
containerd_dies
story_works
cri_serve
story_works
check "nobody stopped" going_on
all_end
for v in 4 6; do
	check "IPv$v: no byte was lost: $(cat "$LAB/load$v")" grep -q 'broken 0' "$LAB/load$v"
	check "IPv$v: the forbidden was tried all the time: $(cat "$LAB/knock$v")" grep -qE 'passed 0 of [1-9]' "$LAB/knock$v"
	check "IPv$v: elsewhere too: $(cat "$LAB/other$v")" grep -qE 'passed 0 of [1-9]' "$LAB/other$v"
done
for name in db outsider; do
	check "nothing of it arrived at the $name" equal "$(arrived $name)" 0
done
check "all are who they were" equal "$(cookies)" "$before"

step "a new pod of the same owner"
story_again api 2
step "all are removed"
story_end
stop_daemon
cri_stop
finished
