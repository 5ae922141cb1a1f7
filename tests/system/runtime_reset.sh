#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Podman's API comes after the daemon, goes, and comes back; containers start meanwhile and are known by what Podman left
# of them; then everything of Podman's is reset. One enforced container tries what is forbidden all the time, from its first
# instruction on: none of it arrives, and what is allowed goes on. One that learns goes on learning.
LAB_ENGINE=podman
LAB_PODMAN_SOCKET=/run/podman.sock
LAB_LOG_LEVEL=${LAB_LOG_LEVEL:-info}
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/podman.sh"
RT=pm
. "$NS_SOURCE/tests/lib/runtimes.sh"
. "$NS_SOURCE/tests/lib/restless.sh"

run() { # NAME COMMAND…
	local name=$1
	shift
	pm run -d --name "$name" "${RUN_OPTIONS[@]}" -v "$OUT:/out" nanoseg-test:1 "$@" >"$LAB/run.out" 2>&1 ||
		die "podman run $name: $(cat "$LAB/run.out")"
	[[ $* != *serve* ]] || wait_for 10 serves "$name" || die "$name does not serve: $(pm logs "$name" 2>&1 | tail -n 3)"
}
serves() {
	grep -q ready <(pm logs "$1" 2>/dev/null)
}
world() {
	podman_start
	BRIDGE=$(podman_network own 172.31.0.0/16 fd99:5::/64)
	RUN_OPTIONS=(--network "own:ip=$SERVER4,ip=$SERVER6")
	run server traffic serve tcp:5432 tcp:22
	RUN_OPTIONS=(--network own)
	restless_far "$BRIDGE"
	rt_look server
}

step "the API comes after the daemon"
start_daemon
check "nobody is there" rt_source_is podman absent
restless_script
world
rt_heard podman
touch "$OUT/go"
run open sh /out/loop open
eventually "with no lock, what is forbidden later arrives" 10 restless_heard open
pm rm -f -t 0 open >/dev/null
rm "$OUT/go"
restless_reset

step "learn, approve, enforce"
run client sh /out/loop client
run learner sh /out/loop learner
rt_look client learner
for name in client learner; do
	wait_inner podman/$name learning
	rt_pass $name tcp server own 5432
	rt_learned podman/$name podman/server 5432
done
for name in client server; do
	approve podman/$name
	enforce podman/$name
done
touch "$OUT/go"
restless_go_on client learner

step "the API goes"
fails=$(restless_lines client fail)
kill -9 "$PODMAN"
eventually "it is missed" 10 not rt_source_is podman ok
restless_go_on client learner
check "nothing allowed failed" equal "$(restless_lines client fail)" "$fails"
pm restart -t 0 client >/dev/null
eventually "a container that restarts is known without it" 15 rt_locked podman/client
restless_go_on client learner
RUN_OPTIONS+=(--label nanoseg.workload=late/labelled)
run labelled sleep 1000
RUN_OPTIONS=(--network own)
kill_daemon
restless_go_on client learner
start_daemon
eventually "with the daemon killed, too" 15 rt_locked podman/client
restless_go_on client learner
check "the gap is told" jq -e '[.gaps[] | select(.cause | test("agent down"))] | length == 1' <(nsj graph podman/learner)

step "the API comes back"
podman_service
rt_heard podman
eventually "and has told of a label" 10 has_endpoint late/labelled
rt_look labelled client learner
restless_go_on client learner
digest=$(digest_of podman/client)

step "everything is reset"
pm system reset --force >"$LAB/reset.log" 2>&1 || die "podman system reset: $(tail -n 3 "$LAB/reset.log")"
kill -9 "$PODMAN"
nobody() { [ "$(nsj endpoints | jq '[.[] | select(.runtime == "podman")] | length')" = 0 ]; }
eventually "all ended" 15 nobody
eventually "the engine is missed" 10 not rt_source_is podman ok
ip link del far0
ns_remove far
ip link del "$BRIDGE" 2>/dev/null # which it leaves when somebody else is on it
world
rt_heard podman
run client sh /out/loop client
run learner sh /out/loop learner
eventually "the client is locked" 15 rt_locked podman/client
eventually "and the server" 15 rt_locked podman/server
restless_go_on client learner
check "no new approval" equal "$(digest_of podman/client)" "$digest"
eventually "as planned" 10 ns verify
run open sh /out/loop open
eventually "though without a lock it still would" 10 restless_heard open
stop_daemon
podman_stop
finished
