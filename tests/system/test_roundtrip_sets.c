/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Plan, kernel, plan, for every set and every element a plan can hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "enforce_lab.h"

static void test_single_fields(void **state)
{
	static const struct {
		enum ns_field field;
		const char *a, *b, *words;
	} cases[] = { { NS_FIELD_PROTO, "tcp", "udp", "type inet_proto" },
		      { NS_FIELD_IPV4, "10.0.0.1", "192.168.1.255", "type ipv4_addr" },
		      { NS_FIELD_IPV6, "::1", "fd00::ffff", "type ipv6_addr" },
		      { NS_FIELD_PORT, "80", "65535", "type inet_service" },
		      { NS_FIELD_ETHER, "02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "type ether_addr" },
		      { NS_FIELD_IFNAME, "eth0", "veth1234", "type ifname" },
		      { NS_FIELD_MARK, "1", "4294967295", "type mark" },
		      { NS_FIELD_CGROUP, "1", "18446744073709551615", "type cgroupsv2" } };
	struct ns_plan plan;

	for (size_t i = 0; i < 4 * sizeof(cases) / sizeof(cases[0]); i++) {
		size_t c = i / 4;
		struct ns_plan_set *set;

		plan_begin(&plan, NFPROTO_INET);
		set = plan_set(&plan, "one", 1, cases[c].field);
		set->counter = i & 1;
		if (i & 2) {
			plan_element(set, "r1", cases[c].a);
			plan_element(set, "a-tag-as-long-as-it-may-be-31-c", cases[c].b);
		}
		lab_round_trip(&plan, cases[c].words);
	}
}

static void fill_tuples(struct ns_plan_set *set, bool v6)
{
	const char *a = v6 ? "fd00::1" : "10.0.0.1", *b = v6 ? "fd00::2" : "10.0.0.2";

	plan_element(set, "r1", "tcp", a, "80");
	plan_element(set, "r2", "udp", a, "80");
	plan_element(set, "", "tcp", b, "443");
	plan_element(set, "r3", v6 ? "icmpv6" : "icmp", b, "2048");
}

static void test_tuples(void **state)
{
	struct ns_plan plan;

	for (unsigned i = 0; i < 16; i++) {
		bool v6 = i & 1;
		struct ns_plan_set *set;

		plan_begin(&plan, NFPROTO_INET);
		set = plan_set(&plan, "tuples", 3, NS_FIELD_PROTO, v6 ? NS_FIELD_IPV6 : NS_FIELD_IPV4, NS_FIELD_PORT);
		set->counter = i & 2;
		set->size = i & 4 ? 4 : 0; /* exactly as many as there are */
		if (i & 8)
			fill_tuples(set, v6);
		lab_round_trip(&plan, v6 ? "type inet_proto . ipv6_addr . inet_service"
					 : "type inet_proto . ipv4_addr . inet_service");
	}
}

static void test_widest_key(void **state)
{
	struct ns_plan plan;
	struct ns_plan_set *set;

	plan_begin(&plan, NFPROTO_INET);
	set = plan_set(&plan, "transit6", 4, NS_FIELD_PROTO, NS_FIELD_IPV6, NS_FIELD_IPV6, NS_FIELD_PORT);
	plan_element(set, "r1", "tcp", "fd00::1", "fd00::2", "80");
	set = plan_set(&plan, "link", 5, NS_FIELD_MARK, NS_FIELD_ETHER, NS_FIELD_IPV4, NS_FIELD_PROTO, NS_FIELD_PORT);
	plan_element(set, "r2", "7", "02:00:00:00:00:01", "10.0.0.1", "tcp", "80");
	set = plan_set(&plan, "names", 2, NS_FIELD_IFNAME, NS_FIELD_IPV6);
	plan_element(set, "r3", "eth0", "fd00::1");
	lab_round_trip(&plan, "mark . ether_addr . ipv4_addr . inet_proto . inet_service");
}

static void test_dynamic(void **state)
{
	struct ns_plan plan;

	for (unsigned i = 0; i < 8; i++) {
		struct ns_plan_set *set;

		plan_begin(&plan, NFPROTO_INET);
		set = plan_set(&plan, "seen", 3, NS_FIELD_PROTO, i & 1 ? NS_FIELD_IPV6 : NS_FIELD_IPV4, NS_FIELD_PORT);
		set->dynamic = true;
		set->counter = i & 2;
		set->timeout = i & 4;
		set->size = 65535;
		lab_round_trip(&plan, i & 4 ? "flags dynamic,timeout" : "flags dynamic");
	}
}

static void test_ranges(void **state)
{
	struct ns_plan plan;

	for (unsigned i = 0; i < 4; i++) {
		bool v6 = i & 1;
		struct ns_plan_set *set;

		plan_begin(&plan, NFPROTO_INET);
		set = plan_set(&plan, "ranges", 3, NS_FIELD_PROTO, v6 ? NS_FIELD_IPV6 : NS_FIELD_IPV4, NS_FIELD_PORT);
		set->interval = true;
		set->counter = i & 2;
		plan_element(set, "r1", "tcp", v6 ? "fd00::-fd00::ffff" : "10.0.0.0-10.0.255.255", "80");
		plan_element(set, "r2", "tcp", v6 ? "fd01::1" : "10.1.0.1", "1024-65535");
		plan_element(set, "r3", "udp",
			     v6 ? "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "0.0.0.0-255.255.255.255", "0-65535");
		plan_element(set, "r4", "0-5", v6 ? "fd02::3-fd02::17" : "10.2.0.3-10.2.0.17", "5-5");
		plan_element(set, "", v6 ? "icmpv6" : "icmp", v6 ? "fd03::1" : "10.3.0.1", "2048");
		lab_round_trip(&plan, "flags interval");
	}
}

static void test_tree(void **state)
{
	static const struct {
		enum ns_field field;
		const char *ranges[6];
	} cases[] = { { NS_FIELD_PORT, { "0", "1-5", "6-9", "80", "100-65534", "65535" } },
		      { NS_FIELD_PORT, { "0-65535" } },
		      { NS_FIELD_PORT, { "7", "1000-65535" } },
		      { NS_FIELD_PROTO, { "0-5", "tcp", "17-255" } },
		      { NS_FIELD_IPV4, { "0.0.0.0-9.255.255.255", "10.0.0.0-10.0.0.0", "224.0.0.0-255.255.255.255" } },
		      { NS_FIELD_IPV4, { "0.0.0.0-255.255.255.255" } },
		      { NS_FIELD_IPV6,
			{ "::-fd00::", "fd00::1-fd00::ff", "ff00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" } } };
	struct ns_plan plan;

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct ns_plan_set *set;
		char tag[8];

		plan_begin(&plan, NFPROTO_INET);
		set = plan_set(&plan, "tree", 1, cases[i / 2].field);
		set->interval = true;
		set->counter = i & 1;
		for (size_t j = 0; j < 6 && cases[i / 2].ranges[j]; j++) {
			snprintf(tag, sizeof(tag), "r%zu", j);
			plan_element(set, tag, cases[i / 2].ranges[j]);
		}
		lab_round_trip(&plan, "flags interval");
	}
	plan_begin(&plan, NFPROTO_INET);
	plan_set(&plan, "tree", 1, NS_FIELD_IPV6)->interval = true;
	lab_round_trip(&plan, "flags interval");
}

/* An element's own time, in a set that lets elements go: put in when the set is made. */
static void test_timeouts(void **state)
{
	struct ns_plan plan;
	struct ns_plan_set *set;
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	char *listing = NULL;

	plan_begin(&plan, NFPROTO_INET);
	set = plan_set(&plan, "served", 1, NS_FIELD_PORT);
	set->timeout = true;
	plan_element(set, "r1", "53")->timeout_ms = 180000;
	ns_plan_normalise(&plan);
	lab_apply(lock, &plan);
	assert_int_equal(lab_run("nft list set inet nanoseg served", &listing), 0);
	assert_non_null(strstr(listing, "53 timeout 3m"));
	free(listing);
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	ns_lock_close(lock);
	lab_round_trip(&plan, "flags timeout");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_fields), cmocka_unit_test(test_tuples), cmocka_unit_test(test_widest_key),
		cmocka_unit_test(test_dynamic),       cmocka_unit_test(test_ranges), cmocka_unit_test(test_tree),
		cmocka_unit_test(test_timeouts),
	};

	lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
