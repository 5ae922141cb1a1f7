#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Rootless Podman: an ordinary user's containers, in namespaces that he made, are found through /proc and named below his
# number, whatever he calls them. They have no link for an outer lock; the inner one learns and enforces, in both families,
# also after a restart, and with the daemon killed. All of them have one address, behind slirp4netns: it is no peer's.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/rootless.sh"

run() { # NAME OPTION… -- COMMAND…
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	rl run -d --name "$name" --network slirp4netns:enable_ipv6=true "${options[@]}" nanoseg-test:1 "$@" >"$LAB/run.out" 2>&1 ||
		die "podman run $name: $(cat "$LAB/run.out")"
}
look() { # where the container "app" is now
	PID=$(rl inspect -f '{{.State.Pid}}' app)
	wait_for 10 app_has_network || die "slirp4netns gives no network"
}
app_has_network() {
	in_app ip -6 route show default | grep default >/dev/null && in_app ip route show default | grep default >/dev/null
}
in_app() {
	nsenter --target "$PID" --net -- "$@"
}
try() { # MS KIND TO-N [PORT]
	local ms=$(($1 * NS_SLOW)) kind=$2 n=$3
	shift 3
	in_app "$TRAFFIC" try "$kind" "$(address "${kind: -1}" "$n")" "$@" "$ms"
}
works() {
	local v outcome
	for v in 4 6; do
		outcome=$(try 3000 tcp$v 2 80) || die "TCP over IPv$v: $outcome"
		outcome=$(try 3000 udp$v 2 53) || die "UDP over IPv$v: $outcome"
		passed "what is allowed works, IPv$v"
	done
}
refused() {
	local v
	for v in 4 6; do
		refuse_one tcp$v 2 81
		refuse_one udp$v 2 54
		refuse_one tcp$v 3 80
		refuse_one udp$v 3 53
	done
	all_refused
}
refuse_one() {
	refused_one "$@" &
	NS_REFUSALS+=($!)
}
refused_one() {
	local outcome
	outcome=$(try 300 "$@") && die "$* passed, and must be refused"
	case $outcome in
	timeout | reset | blocked | prohibited | *abort*) passed "$* is refused ($outcome)" ;;
	*) die "$* did not run: $outcome" ;;
	esac
}
WORKLOAD=user/$ROOTLESS_UID/podman/app
enforcing_again() {
	nsj endpoints | jq -e --arg w "$WORKLOAD" --arg id "$(rl inspect -f '{{.Id}}' app)" \
		'map(select(.workload == $w)) | length == 1 and .[0].inner == "enforcing" and .[0].container_id == $id'
}

ns_container web 2
ns_container other 3
serve web tcp:80 tcp:81 udp:53 udp:54
serve other tcp:80 udp:53
rootless_start
run before -- sleep 1000
start_daemon
run app --label nanoseg.workload=netns/web -- sleep 1000

step "who they are"
eventually "one that was there before" 15 has_endpoint user/$ROOTLESS_UID/podman/before
eventually "one that comes, by no label that he gives it" 15 has_endpoint "$WORKLOAD"
wait_inner "$WORKLOAD" learning
check "as his Podman calls it" equal "$(endpoint_of "$WORKLOAD" | jq -r '"\(.runtime) \(.container_id) \(.name)"')" \
	"podman $(rl inspect -f '{{.Id}}' app) app"
check "the name in the lab is who it was" equal "$(nsj endpoints | jq '[.[] | select(.workload == "netns/web")] | length')" 1
check "it is said that only the inner lock holds" grep -q 'only the inner lock holds' <(endpoint_of "$WORKLOAD" | jq -r '.findings[]')

step "learn, approve, enforce"
look
works
for v in 4 6; do
	for port in 80 53; do
		eventually "learned, IPv$v, $port" 10 has_edge "$WORKLOAD" \
			".direction == \"egress\" and .port == $port and .peer.name == \"netns/web\" and .peer.address == \"$(address $v 2)\""
	done
done
approve "$WORKLOAD"
enforce "$WORKLOAD"
works
refused
app=$PID
PID=$(rl inspect -f '{{.State.Pid}}' before)
for v in 4 6; do
	for port in 81 80; do
		check "one without a lock gets there, IPv$v" try 3000 tcp$v $((port == 81 ? 2 : 3)) $port
	done
	check "one without a lock gets there, UDP over IPv$v" try 3000 udp$v 3 53
done

step "a user gives himself the address that a container will have"
for v in 4 6; do
	in_app ip -$v addr add "$(address $v 9)/$((v == 4 ? 24 : 64))" dev lo
	in_app ip -$v addr add "$(address $v 8)/$((v == 4 ? 24 : 64))" dev tap0
done
claimed() { nsj endpoints | jq -e --arg a "$(address 6 8)" 'any(.[]; .name == "before" and (.addresses | index($a)))'; }
eventually "it is seen" 10 claimed
ns_container late 8
eventually "the container comes" 15 has_endpoint netns/late
wait_inner netns/late learning
check "its addresses are its own" not grep -q 'not believed' <(nsj endpoints | jq -r '.[].findings[]')
PID=$app

step "restarted"
digest=$(digest_of "$WORKLOAD")
rl restart -t 0 app >/dev/null
look
eventually "enforcing again" 15 enforcing_again
works
refused
kill_daemon
works
refused
start_daemon
check "known again" enforcing_again
works
refused
check "no new approval" equal "$(digest_of "$WORKLOAD")" "$digest"
check "as planned" ns verify

step "removed"
rootless_stop
nobody() { [ "$(nsj endpoints | jq '[.[] | select(.runtime == "podman")] | length')" = 0 ]; }
eventually "no endpoint is left" 15 nobody
stop_daemon
finished
