#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# When links open: a workload that starts closed gets nothing before its policy is in force, one that starts open is not
# waited for, the others learn from their first packet; a link that leads to nobody known waits, and then opens.
. "$(dirname "$0")/../lib/lab.sh"

gate_of() { # WORKLOAD: the gate's word for its endpoint
	nsj endpoints | jq -r ".[] | select(.workload == \"$1\") | .gate"
}
gate_is() { # WORKLOAD PATTERN
	gate_of "$1" | grep -qE "$2"
}
closed_port() { # NAME PATTERN
	{ nsj status || true; } | jq -e ".gate.closed[] | select(.port == \"$1\") | .why | test(\"$2\")"
}
unmanaged() {
	{ nsj status || true; } | jq -e ".gate.unmanaged | index(\"$1\")"
}
reaches() { # FROM N: both families
	attempt_for 500 "$1" tcp4 "$2" 80 && attempt_for 500 "$1" tcp6 "$2" 80
}
reaches_nothing() {
	local v
	for v in 4 6; do
		expect_refused "$1" tcp$v "$2" 80
	done
}

write_config
sed -i 's/^gate = .*/gate = v*\ngate_standing = never\ngate_wait = 2s/' "$LAB/nanoseg.conf"
cat >>"$LAB/nanoseg.conf" <<-EOC
	[start]
	netns/vault-* = closed
	netns/free    = open
EOC
ns_container before 2
serve before tcp:80
start_daemon
eventually "who was there before is left alone" 5 reaches before 2

step "each as it is told"
ns_container vault-1 10
ns_container free 11
ns_container any 12
for name in vault-1 free any; do
	eventually "$name is there" 10 has_endpoint "netns/$name"
done
eventually "the vault is closed, and it is said" 5 gate_is netns/vault-1 "closed: 'start' is closed"
eventually "the others are open" 5 gate_is netns/any '^open$'
check "and the free one" gate_is netns/free '^open$'
serve vault-1 tcp:80
check "any" reaches any 2
check "free" reaches free 2
reaches_nothing vault-1 2
reaches_nothing before 10
eventually "the first packet was learned" 5 has_edge netns/any '.port == 80 and .direction == "egress"'

step "a policy of its own opens it"
jq -n '{schema: "nanoseg/policy/1", workload: "netns/vault-1", revision: 1, verdict: "drop", rules: [
	{id: "in", direction: "ingress", peer: {class: "workload", name: "netns/before"}, protocol: "tcp", ports: [80]}]}' \
	>"$LAB/policy.json"
check "written by hand" ns policy edit netns/vault-1 --file "$LAB/policy.json"
check "approved" ns policy approve netns/vault-1 --digest "$(digest_of netns/vault-1)" --reason "by hand"
reaches_nothing before 10 # approved is not yet in force
enforce netns/vault-1
eventually "open" 5 gate_is netns/vault-1 '^open$'
eventually "who may comes in" 5 reaches before 10
reaches_nothing any 10
reaches_nothing vault-1 2

step "SIGHUP"
sed -i 's/^netns\/vault-\*.*/netns\/any = closed/' "$LAB/nanoseg.conf"
kill -HUP "$DAEMON"
eventually "closed from now on" 10 gate_is netns/any "closed: 'start' is closed"
reaches_nothing any 2
eventually "what has a policy in force stays open" 5 reaches before 10

step "a link to nobody known"
ip link add v90 type veth peer name other
eventually "closed" 2 closed_port v90 "no known container yet"
eventually "open after its wait, and named" 10 unmanaged v90
ip link del v90
eventually "forgotten" 5 not unmanaged v90
check "as planned" ns verify
stop_daemon
finished
