#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Addresses move, policies do not: a peer gets a new address, and then a new instance altogether. The policy fits without
# a new approval, the old address is refused, and only elements of sets have changed.
. "$(dirname "$0")/../lib/lab.sh"
. "$NS_SOURCE/tests/lib/shop.sh"

# The table without its elements.
structure() {
	kernel_table api | jq 'del(.. | .elem?)'
}
both() { # EXPECTATION N: of the database's port, in both families
	local v
	for v in 4 6; do
		"$1" api tcp$v "$2" 5432
	done
}
# since TIME JQ-CONDITION: of what was recorded of the api's kernel since then, which claims no more than was read.
since() {
	ns evidence export --output "$LAB/evidence.json" || true
	jq -e --arg since "$1" ".workloads[] | select(.name == \"netns/api\") | [.readbacks[] | select(.time > \$since)] | $2" "$LAB/evidence.json"
}
answers() { attempt api tcp4 "$1" 5432 && attempt api tcp6 "$1" 5432; }

shop_start
start_daemon
shop_watched
shop_works
approve netns/api
enforce netns/api
shop_works
check "the whole table was read" since "" '.[0] | .extent == "table" and .table_read == .time'
digest=$(digest_of netns/api)
rules=$(structure)
check "sets without their elements can be compared" grep -q egress4 <<<"$rules"

step "the same instance, another address"
for v in 4 6; do
	before=$(date -u +%FT%T.%6NZ)
	ip -n db -$v addr del "$(address $v 4)/$([ $v = 4 ] && echo 24 || echo 64)" dev eth0
	ip -n db -$v addr add "$(address $v 40)/$([ $v = 4 ] && echo 24 || echo 64)" dev eth0
	eventually "the new address is allowed, IPv$v" 10 attempt api tcp$v 40 5432
	# The short road alone was taken: whatever compiles a policy as a whole reads more than what has changed.
	check "only what has changed was read, IPv$v" since "$before" 'length > 0 and all(.extent == "changes" and .table_read < .time and .equal)'
done
ip -n db route replace default via 10.77.0.1
ip -n db -6 route replace default via fd77::1
eventually "the new address is allowed" 10 answers 40
both expect_pass 40
expect_refused api tcp4 40 22
expect_refused api tcp6 40 22

step "somebody else takes the old address"
ip -n outsider addr add 10.77.0.4/24 dev eth0
ip -n outsider -6 addr add fd77::4/64 dev eth0 nodad
check "it is reachable from elsewhere" attempt web tcp4 4 5432
both expect_refused 4
check "only elements have changed" equal "$(structure)" "$rules"

step "a new instance with the name of the old one"
ns_remove db
gone() { ! has_endpoint netns/db; }
eventually "the old one is gone" 15 gone
both expect_refused 40
ns_container db 41
serve db tcp:5432 tcp:22 udp:53
eventually "the new one is allowed" 15 answers 41
both expect_pass 41
expect_refused api tcp6 41 22
check "only elements have changed" equal "$(structure)" "$rules"
check "the approval is the old one" equal "$(digest_of netns/api)" "$digest"

step "the enforced workload itself comes back with a new address"
ns_remove api
eventually "gone" 15 not has_endpoint netns/api
ns_container api 30
serve api tcp:8080 tcp:8081
wait_inner netns/api enforcing
eventually "it works again" 5 answers 41
both expect_pass 41
expect_refused api tcp4 41 22
expect_refused api tcp6 5 5432
check "web still gets in" attempt web tcp4 30 8080
check "web still gets in, IPv6" attempt web tcp6 30 8080
expect_refused outsider tcp4 30 8080
expect_refused outsider tcp6 30 8080
check "the approval is the old one" equal "$(digest_of netns/api)" "$digest"
stop_daemon
finished
