#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Closed from birth under Podman, without and with the OCI hook: a container with an approved policy, whose first
# instruction sends forbidden packets, is started 50 times, while others churn, and with the daemon killed between two
# starts. None of the packets leaves, and the allowed connection works within 100 ms of the first instruction (without the
# hook, nearly always): an annotation names the workload, or the container's own name does, and either is known before
# Podman answers questions about the container.
LAB_ENGINE=podman
LAB_PODMAN_SOCKET=/run/podman.sock
LAB_LOG_LEVEL=${LAB_LOG_LEVEL:-info}
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/podman.sh"
. "$NS_SOURCE/tests/lib/starts.sh"

STARTS_FAR4=172.32.250.9/16
STARTS_FAR6=fd99:6::250:9/64
STARTS_WORKLOAD=starts/probe

start_one() {
	local cookie=$1
	shift
	local who=(--name "probe-$cookie" --annotation "nanoseg.workload=$STARTS_WORKLOAD")
	[[ "$STARTS_WORKLOAD" != podman/* ]] || who=(--name "${STARTS_WORKLOAD#podman/}")
	pm run --rm "${who[@]}" --network starts -v "$STARTS_OUT:/out" --cap-add NET_RAW nanoseg-test:1 first "$@" >>"$LAB/probe.log" 2>&1
}

churn_one() {
	pm rm -f -t 0 "churn-$1" >/dev/null 2>&1
	pm run -d --name "churn-$1" --network starts nanoseg-test:1 first pause >/dev/null
}

podman_start
STARTS_BRIDGE=$(podman_network starts 172.32.0.0/16 fd99:6::/64)
pm run -d --name server --network starts nanoseg-test:1 traffic serve tcp:$STARTS_PORT >/dev/null || die "podman run"
starts_far
STARTS_NEAR4=$(podman_address server 4 starts)
STARTS_NEAR6=$(podman_address server 6 starts)

step "with nobody to stop them"
starts_open 1 4

step "learning and approving"
start_daemon
# Podman tells nobody about a container that starts; without the hook nothing holds the start up, and the name is found some
# 50 ms before the first instruction. A lost neighbour solicitation costs a second.
STARTS_LATE_MAX=2
podman_ok() { [ "$(nsj status | jq -r '.sources[] | select(.source == "podman") | .state')" = ok ]; }
eventually "the engine is heard" 15 podman_ok
starts_approve
starts_story 100
starts_story_killed 200

step "by its own name"
STARTS_WORKLOAD=podman/named
starts_approve
for cookie in {250..254}; do
	starts_first "$cookie" 5000
done
starts_late 250 254 | tee "$LAB/late"
starts_times "named" 250 254
check "named: allowed in time, but for $STARTS_LATE_MAX" at_least "$STARTS_LATE_MAX" "$(wc -l <"$LAB/late")"
STARTS_WORKLOAD=starts/probe

step "with the hook"
STARTS_LATE_MAX=0
podman_hook "${NANOSEG_HOOK:-$NS_BUILD/agent/hooks/nanoseg-hook}" --socket "$LAB/run/nanosegd.sock" --timeout 1s
starts_story 300
kill_daemon
starts_refused 400
start_daemon
starts_closed "after" 404 407
stop_daemon
podman_stop
finished
