# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# A small shop in a lab: web (2), api (3), db (4) and an outsider (5). What they do while learning is what shop_works
# checks afterwards; shop_refuses is what none of them ever did. Every line has its IPv6 twin.

shop_start() {
	ns_container web 2
	ns_container api 3
	ns_container db 4
	ns_container outsider 5
	serve web tcp:80
	serve api tcp:8080 tcp:8081
	serve db tcp:5432 tcp:22 udp:53 udp:54
	# The outsider offers the same things as the database: only who it is differs.
	serve outsider tcp:5432 tcp:80 udp:53
}

shop_watched() {
	local name
	for name in web api db outsider; do
		eventually "$name is watched" 15 has_endpoint "netns/$name"
		wait_inner "netns/$name" learning
	done
}

# Used for learning, and to check that what was learned still works.
shop_works() {
	local v
	for v in 4 6; do
		expect_pass api tcp$v 4 5432
		expect_pass api udp$v 4 53
		expect_pass api ping$v 4
		expect_pass web tcp$v 3 8080
	done
}

# The api workload is enforced: what it never did, and what was never done to it.
shop_refuses() {
	local v
	for v in 4 6; do
		refuse api tcp$v 4 22       # a new port on a known peer
		refuse api tcp$v 5 5432     # a known port on an unknown peer
		refuse api udp$v 4 54       # the same in UDP
		refuse api udp$v 5 53
		refuse api ping$v 5         # ICMP to where it never went
		refuse outsider tcp$v 3 8080 # an outsider comes in
		refuse outsider ping$v 3
		refuse web tcp$v 3 8081     # a known client asks for a new port
		refuse web ping$v 3         # and for ICMP never seen
	done
	refuse api icmp4 4 13 # an ICMP type never seen, to a peer that is pinged
	all_refused
}

# The same attempts, none of them refused.
shop_open() {
	local v
	for v in 4 6; do
		expect_pass api tcp$v 4 22
		expect_pass api tcp$v 5 5432
		expect_pass api udp$v 4 54
		expect_pass outsider tcp$v 3 8080
		expect_pass web tcp$v 3 8081
	done
}

# The edges of the graph that shop_works made, seen from both ends.
shop_learned() {
	local v icmp
	for v in 4 6; do
		icmp=$([ $v = 4 ] && echo icmp || echo icmpv6)
		local db at
		db=".peer.name == \"netns/db\" and .peer.address == \"$(address $v 4)\""
		at=".peer.name == \"netns/api\" and .peer.address == \"$(address $v 3)\""
		check "api to db, TCP, IPv$v" has_edge netns/api ".direction == \"egress\" and $db and .protocol == \"tcp\" and .port == 5432"
		check "api to db, UDP, IPv$v" has_edge netns/api ".direction == \"egress\" and $db and .protocol == \"udp\" and .port == 53"
		check "api pings db, IPv$v" has_edge netns/api ".direction == \"egress\" and $db and .protocol == \"$icmp\" and .icmp_type == $([ $v = 4 ] && echo 8 || echo 128)"
		check "web to api, IPv$v" has_edge netns/web ".direction == \"egress\" and $at and .port == 8080"
		check "api from web, IPv$v" has_edge netns/api ".direction == \"ingress\" and .peer.name == \"netns/web\" and .port == 8080"
		check "db from api, IPv$v" has_edge netns/db ".direction == \"ingress\" and .peer.name == \"netns/api\" and .peer.class == \"workload\" and .port == 5432"
	done
}
