#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Closed from birth under Kubernetes' runtime interface (containerd, CNI with the chained plugin): a pod with an approved
# policy, whose container's first instruction sends forbidden packets, is started 50 times, while others churn, and with the
# daemon killed between two starts. None of the packets leaves, and the allowed connection works within 100 ms of the first
# instruction.
LAB_ENGINE=containerd
LAB_LOG_LEVEL=${LAB_LOG_LEVEL:-info}
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/cri.sh"
. "$NS_SOURCE/tests/lib/starts.sh"

STARTS_BRIDGE=$CRI_BRIDGE
STARTS_WORKLOAD=k8s/starts/probe
CRI_SUBNETS=(172.33.0.0/16 fd99:7::/64)
STARTS_FAR4=172.33.250.9/16
STARTS_FAR6=fd99:7::250:9/64

start_one() {
	local cookie=$1 uid=uid-$1 pod status=1
	shift
	pod=$(cri_run probe "$uid" 2>>"$LAB/probe.log") || return 1
	if cri_exec "$pod" probe "$uid" first "$@" >>"$LAB/probe.log" 2>&1; then
		# It ends when it has written its report.
		wait_for 30 test -e "$STARTS_OUT/$cookie"
		status=$?
	fi
	cri_remove "$pod" 2>>"$LAB/probe.log" && return $status
}

churn_one() {
	local file=$LAB/churn.pod.$1
	# Else there are more of them than of those that are looked at.
	[ ! -e "$file" ] || { cri_remove "$(cat "$file")" && sleep 0.2; }
	cri_run "churn-$1" one >"$file"
}

# cri_chained ON-TIMEOUT TIMEOUT: pods go through the plugin from now on.
cri_chained() {
	CRI_CHAIN="{\"type\": \"nanoseg-cni\", \"socket\": \"$LAB/run/nanosegd.sock\", \"timeout\": \"$2\", \"onTimeout\": \"$1\"}"
	cri_network "${CRI_SUBNETS[@]}"
}

# containerd has read the new list: a pod goes through the plugin when the daemon knows it by its Kubernetes name.
cri_asks_plugin() {
	local pod status
	pod=$(cri_run asks one) || return 1
	has_endpoint k8s/starts/asks
	status=$?
	cri_remove "$pod"
	return $status
}

# ... and when it is to go on without the daemon, with the daemon dead: a pod starts at all.
cri_goes_on() {
	local pod
	pod=$(cri_run asks one) && cri_remove "$pod"
}

mkdir -p "$STARTS_OUT"
cri_start "${CRI_SUBNETS[@]}"
server=$(cri_run server one) || die "no pod: $(tail -n 3 "$LAB/containerd.log")"
cri_exec "$server" server one traffic serve tcp:$STARTS_PORT >/dev/null || die "no server"
starts_far
STARTS_NEAR4=$(cri_address "$server" 4)
STARTS_NEAR6=$(cri_address "$server" 6)

step "with nobody to stop them"
starts_open 1 4

step "learning and approving"
start_daemon
ln -s "${NANOSEG_CNI:-$NS_BUILD/agent/hooks/nanoseg-cni}" $CRI_DIR/bin/nanoseg-cni
cri_chained fail 1s
eventually "the plugin is asked" 10 cri_asks_plugin
starts_approve
starts_story 100

step "the daemon is killed between two starts"
kill_daemon
starts_refused 200
cri_chained continue 200ms
eventually "the plugin goes on without the daemon" 10 cri_goes_on
starts_dead 204 207
cri_chained fail 1s
start_daemon
starts_closed "after" 208 211
cri_remove "$server"
stop_daemon
cri_stop
finished
