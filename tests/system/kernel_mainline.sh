#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The main line in short, for slow machines with another kernel: learn, approve, enforce, kill -9, adopt.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"

step "Linux $(uname -r)"
ns doctor || die "doctor"
shop_start
start_daemon 60
shop_watched

step "learn"
shop_works
eventually "the graph" 10 has_edge netns/api '.port == 5432'
shop_learned

step "approve, enforce"
approve netns/api
enforce netns/api
shop_works
shop_refuses
for v in 4 6; do
	eventually "denies" 10 has_deny netns/api ".direction == \"ingress\" and .port == 8080 and .peer.address == \"$(address $v 5)\""
done

outer_is() {
	[ "$(nsj endpoints | jq -r ".[] | select(.workload == \"$1\") | .outer")" = "$2" ]
}
drift_of() {
	nsj endpoints | jq -e ".[] | select(.workload == \"$1\") | .drift | $2"
}
# Status is 1 where tables cannot be owned and the containers have NET_ADMIN, and there is no /dev/fd on every machine.
gate_works() {
	{ nsj status || true; } | jq -e '.gate.state == "standing" or .gate.state == "on events"'
}

step "the outer lock and the gate"
check "the outer lock is in" outer_is netns/api enforcing
check "as planned" ns verify
check "the gate" gate_works
ns_container late 40
eventually "a container that comes later is let in" 10 attempt late tcp4 2 80
check "and in IPv6" attempt late tcp6 2 80

step "root in the container takes the rules away"
handle() { ip netns exec api nft -aj list tables inet | jq '.nftables[] | .table? | select(.name == "nanoseg") | .handle'; }
owned=$(nsj verify | jq -r '.locks[] | select(.workload == "netns/api" and .lock == "inner") | .protection')
before=$(handle)
in_ns api nft flush ruleset
in_ns api nft add table inet mine
case $owned in
owned) check "nobody can, where tables are owned" equal "$(handle)" "$before" ;;
plain) eventually "the process is named" 10 drift_of netns/api '.repaired > 0 and (.command | test("nft"))' ;;
*) die "neither owned nor plain: '$owned'" ;;
esac
eventually "as planned again" 10 ns verify
shop_works
shop_refuses
in_ns api nft delete table inet mine

step "kill -9"
table=$(kernel_table api)
kill_daemon
check "the rules stay" equal "$(kernel_table api)" "$table"
shop_works
shop_refuses

step "adopt"
start_daemon 60
wait_inner netns/api enforcing
check "the same rules" equal "$(kernel_table api)" "$table"
shop_works
shop_refuses
check "denies go on" has_deny netns/api '.direction == "ingress" and .port == 8080 and .packets > 1'
stop_daemon
check "SIGTERM leaves the rules" equal "$(kernel_table api)" "$table"
finished
