#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The main line over plain namespaces: learn, propose, approve, audit, enforce, edit, and back.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"

exit_code() { # WANTED COMMAND…
	local wanted=$1 got=0
	shift
	"$@" >/dev/null 2>&1 || got=$?
	equal "$got" "$wanted"
}

step "the command without a daemon"
write_config
check "3: no daemon" exit_code 3 ns status
check "2: usage" exit_code 2 ns policy approve
check "a good configuration" "$NANOSEGD" --config "$LAB/nanoseg.conf" --check-config
sed 's/^verdict.*/verdict = perhaps/' "$LAB/nanoseg.conf" >"$LAB/bad.conf"
check "a bad configuration" not "$NANOSEGD" --config "$LAB/bad.conf" --check-config 2>/dev/null
check "no configuration where one is named" not "$NANOSEGD" --config "$LAB/none.conf" --check-config 2>/dev/null

step "learning"
shop_start
# Somebody else's table in a container: it stays as it is, whatever happens.
in_ns api nft 'add table ip docker_like; add chain ip docker_like dns { type nat hook output priority -100; policy accept; }'
foreign=$(in_ns api nft list table ip docker_like)
start_daemon
shop_watched
shop_works
eventually "the graph" 5 has_edge netns/api '.port == 5432'
shop_learned
check "endpoints have their addresses" test "$(endpoint_of netns/api | jq '[.addresses[] | select(startswith("10.77.0.3") or startswith("fd77::3"))] | length')" = 2
check "and their times" test "$(endpoint_of netns/api | jq -r .since | grep -cE '^[0-9-]{10}T[0-9:]{8}\.[0-9]+Z$')" = 1
check "edges count packets" test "$(nsj graph netns/api | jq '[.edges[] | select(.port == 5432 and .packets >= 1 and .bytes > 0)] | length')" -ge 2
check "as a table" grep -q 5432 <(ns graph netns/api)
check "as a drawing" grep -q digraph <(ns graph --format dot)
check "1: an unknown workload" exit_code 1 ns policy show netns/nobody
check "1: nothing to enforce yet" exit_code 1 ns mode netns/api enforcing
check "still learning" inner_is netns/api learning

step "proposing and approving"
digest=$(nsj policy propose netns/api | jq -er .digest) || die "no digest in the proposal"
check "the policy shows that digest" equal "$(digest_of netns/api)" "$digest"
check "rules carry evidence" test "$(nsj policy show netns/api | jq '[.rules[] | select(.evidence.packets < 1)] | length')" = 0
check "peers by name" test "$(nsj policy show netns/api | jq '[.rules[] | select(.peer.class == "workload" and .peer.name == "netns/db")] | length')" -ge 1
check "no address in it" not grep -qE '10\.77|fd77' <(nsj policy show netns/api)
check "1: another digest is not approved" exit_code 1 ns policy approve netns/api --digest "sha256:$(printf '0%.0s' {1..64})" --reason no
check "1: enforcing needs an approval" exit_code 1 ns mode netns/api enforcing
check "2: an approval needs a reason" exit_code 2 ns policy approve netns/api --digest "$digest"
check "approved" ns policy approve netns/api --digest "$digest" --reason "looked at every rule"
check "in the history" test "$(nsj policy history netns/api | grep -c "looked at every rule")" -ge 1

step "auditing: would be refused is logged, and passes"
check "auditing" ns mode netns/api auditing
wait_inner netns/api auditing
shop_works
shop_open
for v in 4 6; do
	eventually "logged: new port, IPv$v" 5 has_deny netns/api ".direction == \"egress\" and .port == 22 and .peer.address == \"$(address $v 4)\" and .audited"
	eventually "logged: outsider, IPv$v" 5 has_deny netns/api ".direction == \"ingress\" and .port == 8080 and .peer.address == \"$(address $v 5)\" and .audited"
done

step "enforcing"
ip netns exec web "$TRAFFIC" hold tcp6 "$(address 6 3)" 8080 >"$LAB/hold" &
holder=$!
eventually "a connection from before" 5 grep -q alive "$LAB/hold"
enforce netns/api
shop_works
shop_refuses
check "the connection from before goes on" kill -0 "$holder"
check "the host is no peer either, IPv4" not "$TRAFFIC" try tcp4 "$(address 4 3)" 8080 500
check "the host is no peer either, IPv6" not "$TRAFFIC" try tcp6 "$(address 6 3)" 8080 500
for v in 4 6; do
	eventually "a new port, IPv$v" 5 has_deny netns/api ".direction == \"egress\" and .protocol == \"tcp\" and .port == 22 and .peer.address == \"$(address $v 4)\" and (.audited | not)"
	eventually "an unknown peer, IPv$v" 5 has_deny netns/api ".direction == \"egress\" and .port == 5432 and .peer.name == \"netns/outsider\" and .peer.address == \"$(address $v 5)\""
	eventually "an outsider, IPv$v" 5 has_deny netns/api ".direction == \"ingress\" and .port == 8080 and .peer.address == \"$(address $v 5)\" and (.audited | not)"
	eventually "UDP, IPv$v" 5 has_deny netns/api ".direction == \"egress\" and .protocol == \"udp\" and .port == 54 and .peer.address == \"$(address $v 4)\""
done
eventually "pings" 5 has_deny netns/api '.protocol == "icmp" and .direction == "egress"'
eventually "pings, IPv6" 5 has_deny netns/api '.protocol == "icmpv6" and .direction == "egress"'
check "denies count" test "$(nsj denies | jq '[.[] | select(.packets < 1)] | length')" = 0
check "other workloads are as open as before" attempt outsider tcp4 2 80

step "evidence"
ns evidence export --output "$LAB/evidence.json" >/dev/null || die "no evidence"
check "the digest that was approved" equal "$(jq -r '.workloads[] | select(.name == "netns/api") | .digest' "$LAB/evidence.json")" "$digest"
check "what was planned is in the kernel" jq -e '[.workloads[] | select(.name == "netns/api") | .readback[] | select(.equal and .plan_digest == .kernel_digest)] | length == 1' "$LAB/evidence.json"
check "the audit chain holds" jq -e '.audit.entries > 0 and (.audit.verified | . == true or . == "ok")' "$LAB/evidence.json"
check "who, when and why" jq -e '[.workloads[] | select(.name == "netns/api") | .approvals[] | select(.reason == "looked at every rule")] | length == 1' "$LAB/evidence.json"

step "reject instead of drop"
expect_outcome timeout api tcp4 4 22
expect_outcome timeout api tcp6 4 22
nsj policy show netns/api | jq '{schema, workload, revision, rules, verdict: "reject"}' >"$LAB/policy.json"
check "edited" ns policy edit netns/api --file "$LAB/policy.json"
expect_outcome timeout api tcp4 4 22 # nobody has approved it
check "approved" ns policy approve netns/api --digest "$(digest_of netns/api)" --reason "fail fast"
wait_inner netns/api enforcing
for v in 4 6; do
	expect_outcome reset api tcp$v 4 22
	expect_outcome timeout outsider tcp$v 3 8080 # who comes in meets the outer lock, which has no answers
	expect_outcome "prohibited blocked" api udp$v 4 54
done
shop_works

step "back to the rules of the first revision, as the README says"
now=$(nsj policy list | jq '.[] | select(.workload == "netns/api") | .newest_revision')
nsj policy show netns/api --revision 1 | jq ".revision = $now" | ns policy edit netns/api --file - >"$LAB/undone" ||
	die "not proposed: $(cat "$LAB/cli.err")"
check "approved" ns policy approve netns/api --digest "$(digest_of netns/api)" --reason "back"
for v in 4 6; do
	expect_outcome timeout api tcp$v 4 22
done
shop_works

step "SIGHUP"
check "drop by default" test "$(nsj policy propose netns/db | jq -r .digest >/dev/null; nsj policy show netns/db | jq -r .verdict)" = drop
sed -i 's/^verdict.*/verdict = reject/' "$LAB/nanoseg.conf"
kill -HUP "$DAEMON"
db_verdict() { nsj policy propose netns/db >/dev/null && [ "$(nsj policy show netns/db | jq -r .verdict)" = "$1" ]; }
eventually "the new default" 10 db_verdict reject
waits() { # KEYS: the last word of the log on what only a restart changes
	equal "$(sed -n 's/.*before nanosegd is restarted: //p' "$LAB/daemon.log" | tail -n 1)" "$1"
}
check "all of it is in force" waits ''
sed -i 's/^scan_interval.*/scan_interval = 2s/' "$LAB/nanoseg.conf"
printf '[names]\nrules = compose name\n' >>"$LAB/nanoseg.conf"
kill -HUP "$DAEMON"
eventually "what waits for a restart is named" 10 waits '[watch] scan_interval, [names] rules'
echo nonsense >"$LAB/nanoseg.conf"
kill -HUP "$DAEMON"
sleep 0.5
check "a bad file changes nothing" db_verdict reject
write_config

step "SIGTERM leaves the rules"
before=$(kernel_table api)
check "there are rules" grep -q '"hook": "output"' <<<"$before"
stop_daemon
check "the same rules" equal "$(kernel_table api)" "$before"
shop_works
expect_refused api tcp4 4 22
expect_refused outsider tcp6 3 8080
start_daemon
wait_inner netns/api enforcing
check "the same after the start" equal "$(kernel_table api)" "$before"
shop_works
shop_refuses

step "somebody changes the rules while no agent runs"
stop_daemon
check "what nobody owns can be changed" in_ns api nft insert rule inet nanoseg output accept
start_daemon
wait_inner netns/api enforcing
check "the same as before" equal "$(kernel_table api)" "$before"
check "it is told" jq -e '.[] | select(.workload == "netns/api") | .drift.repaired == 1 and (.drift.what | test("while no agent ran"))' <(nsj endpoints)
check "of nobody else" jq -e '[.[] | select(.drift != null)] | length == 1' <(nsj endpoints)
shop_refuses

step "back to learning"
check "learning" ns mode netns/api learning
wait_inner netns/api learning
shop_open
shop_works
eventually "learned anew" 5 has_edge netns/api '.port == 22 and .direction == "egress"'

step "the machine"
check "the foreign table is as it was" equal "$(in_ns api nft list table ip docker_like)" "$foreign"
check "nothing in the host's own namespace" equal "$(nft list tables)" ""
check "status" jq -e '.endpoints == 4 and (.version | length > 0) and .kernel and .modes' <(nsj status)
check "doctor" jq -e 'length > 5 and all(.[]; has("feature") and has("available") and has("needed_for") and has("fallback"))' <(nsj doctor)

step "taking everything out again"
approve netns/db
enforce netns/db
check "as planned" ns verify
check "the gate stands" jq -e '.gate.state == "standing" or .gate.state == "on events"' <(nsj status)
check "not while it runs" not "$NANOSEGD" --config "$LAB/nanoseg.conf" --remove-rules
stop_daemon
expect_refused outsider tcp4 4 22
expect_refused outsider tcp6 4 22
check "removed" "$NANOSEGD" --config "$LAB/nanoseg.conf" --remove-rules
check "nothing in the host's own namespace" equal "$(nft list tables)" ""
for name in web api db outsider; do
	check "nothing of ours in $name" not in_ns "$name" nft list table inet nanoseg
done
check "the foreign table is as it was" equal "$(in_ns api nft list table ip docker_like)" "$foreign"
shop_open
finished
