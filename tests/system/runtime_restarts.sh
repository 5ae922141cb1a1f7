#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Docker restarts: containers, and the engine itself, by SIGTERM with and without live-restore and by SIGKILL, with the daemon
# killed meanwhile too; its socket appears late. Two enforced containers try what is forbidden all the time, from the first
# instruction of each start on: none of it arrives, and what is allowed goes on. One that learns goes on learning.
LAB_DOCKER_SOCKET=/run/docker.sock
LAB_LOG_LEVEL=${LAB_LOG_LEVEL:-info}
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/docker.sh"
. "$NS_SOURCE/tests/lib/runtimes.sh"
. "$NS_SOURCE/tests/lib/restless.sh"

looper() { # NAME
	docker_run "$1" --restart always --network own -v "$OUT:/out" -- sh /out/loop "$1"
}
all_go_on() {
	restless_go_on client1 client2 learner
}
all_locked() {
	local name
	for name in client1 client2 server; do
		rt_locked docker/$name || return 1
	done
}
learner_packets() {
	nsj graph docker/learner | jq '[.edges[] | select(.port == 5432 and .peer.name == "docker/server") | .packets] | add'
}
learns_on() {
	local now
	now=$(learner_packets)
	check "the graph is there" at_least "$now" 1
	more_packets() { [ "$(learner_packets)" -gt "$now" ]; }
	eventually "the learner's figures go on" 10 more_packets
}
live_restore() {
	jq -n --argjson on "$1" '{"live-restore": $on}' >/run/daemon.json
}
term_engine() {
	kill -TERM "$DOCKERD"
	wait_for 20 not kill -0 "$DOCKERD" || die "dockerd does not end"
}
engine() {
	docker_engine --config-file /run/daemon.json
}

step "the engine comes after the daemon"
start_daemon
check "nobody is there" rt_source_is docker absent
live_restore true
docker_start --config-file /run/daemon.json
rt_heard docker
docker network create --ipv6 --subnet 172.31.0.0/16 --subnet fd99:5::/64 -o com.docker.network.bridge.name=own0 own >/dev/null ||
	die "docker network create"
restless_script
docker_run server --restart always --network own --ip $SERVER4 --ip6 $SERVER6 -- traffic serve tcp:5432 tcp:22
restless_far own0
touch "$OUT/go"
looper open
eventually "with no lock, what is forbidden later arrives" 10 restless_heard open
docker rm -f open >/dev/null
rm "$OUT/go"
restless_reset

step "learn, approve, enforce"
for name in client1 client2 learner; do
	looper $name
done
rt_look client1 client2 learner server
for name in client1 client2 learner; do
	wait_inner docker/$name learning
	rt_pass $name tcp server own 5432
	rt_learned docker/$name docker/server 5432
done
for name in client1 client2 server; do
	approve docker/$name
	enforce docker/$name
done
digests=$(digest_of docker/client1; digest_of docker/server)
touch "$OUT/go"
all_go_on
check "all is locked" all_locked

step "a container restarts, the server too"
docker restart -t 0 client1 server learner >/dev/null
eventually "all is locked" 15 all_locked
all_go_on
learns_on

step "the engine restarts, its containers live on"
fails=$(restless_lines client1 fail)-$(restless_lines client2 fail)
term_engine
eventually "it is missed" 10 not rt_source_is docker ok
all_go_on
engine
rt_heard docker
all_go_on
check "nothing allowed failed" equal "$(restless_lines client1 fail)-$(restless_lines client2 fail)" "$fails"
check "all is locked" all_locked
check "no gap for those that live on" jq -e '[.gaps[] | select(.cause | test("joined late|agent down"))] | length == 0' \
	<(nsj graph docker/learner)
learns_on

step "it is killed, and so is the daemon"
live_restore false
kill -HUP "$DOCKERD"
not_live() { [ "$(docker info -f '{{.LiveRestoreEnabled}}')" = false ]; }
eventually "without live-restore" 5 not_live
kill -9 "$DOCKERD"
all_go_on
kill_daemon
all_go_on
start_daemon
check "they are known without it" all_locked
all_go_on
check "the gap is told" jq -e '[.gaps[] | select(.cause | test("agent down"))] | length == 1' <(nsj graph docker/learner)
# It ends the containers that it finds, and starts them again.
engine
rt_heard docker
all_go_on
eventually "all is locked" 15 all_locked
learns_on

step "it stops and starts with its containers"
term_engine
nobody() { [ "$(nsj endpoints | jq '[.[] | select(.runtime == "docker")] | length')" = 0 ]; }
eventually "all ended" 10 nobody
engine
eventually "all is locked" 15 all_locked
all_go_on
learns_on
check "no new approval" equal "$(digest_of docker/client1; digest_of docker/server)" "$digests"
eventually "as planned" 10 ns verify
check "the learner's proposal tells of the gap" test "$(nsj policy propose docker/learner | jq '.gaps | length')" -ge 1
looper open
eventually "though without a lock it still would" 10 restless_heard open
stop_daemon
docker_stop
finished
