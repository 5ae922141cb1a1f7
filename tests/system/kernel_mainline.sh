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
