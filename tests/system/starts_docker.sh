#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Closed from birth under Docker: a container with an approved policy, whose first instruction sends forbidden packets, is
# started 50 times, while others churn, and with the daemon killed between two starts. None of the packets leaves, and the
# allowed connection works within 100 ms of the first instruction.
LAB_DOCKER_SOCKET=/run/docker.sock
LAB_NETNS_DIRS="/run/netns /run/docker/netns"
LAB_LOG_LEVEL=${LAB_LOG_LEVEL:-info}
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/docker.sh"
. "$NS_SOURCE/tests/lib/starts.sh"

STARTS_BRIDGE=starts0
STARTS_FAR4=172.31.250.9/16
STARTS_FAR6=fd99:5::250:9/64
STARTS_WORKLOAD=compose/starts/probe

start_one() {
	local cookie=$1
	shift
	docker run --rm --name "probe-$cookie" --network starts -v "$STARTS_OUT:/out" \
		--label com.docker.compose.project=starts --label com.docker.compose.service=probe \
		nanoseg-test:1 first "$@" >>"$LAB/probe.log" 2>&1
}

churn_one() {
	docker rm -f "churn-$1" >/dev/null 2>&1
	docker run -d --name "churn-$1" --network starts nanoseg-test:1 first pause >/dev/null
}

docker_start
docker network create --ipv6 --subnet 172.31.0.0/16 --subnet fd99:5::/64 -o com.docker.network.bridge.name=$STARTS_BRIDGE \
	starts >/dev/null || die "docker network create"
starts_far
docker_run server --network starts -- traffic serve tcp:$STARTS_PORT
STARTS_NEAR4=$(docker_address server 4 starts)
STARTS_NEAR6=$(docker_address server 6 starts)

step "with nobody to stop them"
starts_open 1 4

step "learning and approving"
start_daemon
starts_approve
starts_story 100
starts_story_killed 200
stop_daemon
docker_stop
finished
