/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The layout: names, keys and log prefixes, each there and back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <string.h>

#include <cmocka.h>

#include <nanoseg/layout.h>

static struct ns_addr addr(const char *text)
{
	struct ns_addr ret = { 0 };

	if (text)
		assert_int_equal(ns_addr_parse(text, &ret, NULL), 0);
	return ret;
}

static void test_roles(void **state)
{
	size_t n;
	const struct ns_set_role *roles = ns_layout_roles(&n);

	assert_int_equal(n, 31);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(ns_layout_role(roles[i].name), &roles[i]);
		assert_string_equal(ns_layout_set_name(roles[i].purpose, roles[i].direction, roles[i].family),
				    roles[i].name);
	}
	assert_null(ns_layout_role("port_protocols"));
	assert_null(ns_layout_role(""));
	assert_null(ns_layout_set_name(NS_PURPOSE_ALLOW, NS_INGRESS, 0));
	assert_string_equal(ns_layout_set_name(NS_PURPOSE_ALLOW_RANGE, NS_TRANSIT, AF_INET6), "transit6_range");
	assert_string_equal(ns_layout_set_name(NS_PURPOSE_LEARN, NS_INGRESS, 0), "learn_ports");
}

static void expect_key(const char *set, uint8_t protocol, uint16_t port, const char *source, const char *peer,
		       const uint8_t *wanted, size_t wanted_length)
{
	const struct ns_set_role *role = ns_layout_role(set);
	struct ns_tuple tuple = { role->direction, protocol, port, addr(peer), addr(source) }, back;
	uint8_t key[NS_KEY_MAX];

	assert_int_equal(ns_layout_key(role, &tuple, key), wanted_length);
	assert_memory_equal(key, wanted, wanted_length);
	assert_int_equal(ns_layout_tuple(role, key, wanted_length, &back), 0);
	assert_int_equal(back.direction, role->direction);
	assert_int_equal(back.protocol, protocol);
	assert_int_equal(back.port, port);
	assert_true(ns_addr_equal(&back.peer, &tuple.peer));
	assert_true(ns_addr_equal(&back.source, &tuple.source));
}

static void test_keys(void **state)
{
	expect_key("egress4", IPPROTO_TCP, 443, NULL, "10.1.2.3",
		   (const uint8_t[]){ 6, 0, 0, 0, 10, 1, 2, 3, 1, 187, 0, 0 }, 12);
	expect_key("deny_ingress6", IPPROTO_UDP, 53, NULL, "fd00::1",
		   (const uint8_t[]){ 17, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 53, 0, 0 },
		   24);
	expect_key("learn_egress4", IPPROTO_ICMP, 8, NULL, "10.1.2.3",
		   (const uint8_t[]){ 1, 0, 0, 0, 10, 1, 2, 3, 8, 0, 0, 0 }, 12);
	expect_key("ingress6", IPPROTO_ICMPV6, 128, NULL, "fd00::1",
		   (const uint8_t[]){ 58, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 128, 0, 0, 0 },
		   24);
	expect_key("egress4", IPPROTO_GRE, 0, NULL, "10.1.2.3",
		   (const uint8_t[]){ 47, 0, 0, 0, 10, 1, 2, 3, 0, 0, 0, 0 }, 12);
	expect_key("transit4", IPPROTO_SCTP, 65535, "10.0.0.1", "10.0.0.2",
		   (const uint8_t[]){ 132, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 255, 255, 0, 0 }, 16);
	expect_key("learn_ports", IPPROTO_TCP, 80, NULL, NULL, (const uint8_t[]){ 6, 0, 0, 0, 0, 80, 0, 0 }, 8);
}

static void test_transit6_key(void **state)
{
	uint8_t wanted[40] = { 6 };

	memcpy(wanted + 4, addr("fd00::a").bytes, 16);
	memcpy(wanted + 20, addr("fd00::b").bytes, 16);
	wanted[37] = 22;
	expect_key("learn_transit6", IPPROTO_TCP, 22, "fd00::a", "fd00::b", wanted, sizeof(wanted));
}

static void test_keys_that_cannot_be(void **state)
{
	const struct ns_set_role *role = ns_layout_role("egress4");
	const uint8_t good[12] = { 6, 0, 0, 0, 10, 1, 2, 3, 1, 187, 0, 0 };
	struct ns_tuple tuple = { .port = 4711 };
	uint8_t key[12];

	assert_int_equal(ns_layout_tuple(role, good, 11, &tuple), -EINVAL);
	assert_int_equal(ns_layout_tuple(role, good, 0, &tuple), -EINVAL);
	assert_int_equal(ns_layout_tuple(ns_layout_role("egress6"), good, 12, &tuple), -EINVAL);
	memcpy(key, good, 12);
	key[1] = 1; /* padding of the protocol */
	assert_int_equal(ns_layout_tuple(role, key, 12, &tuple), -EINVAL);
	memcpy(key, good, 12);
	key[11] = 1; /* padding of the port */
	assert_int_equal(ns_layout_tuple(role, key, 12, &tuple), -EINVAL);
	memcpy(key, good, 12);
	key[0] = IPPROTO_ICMP; /* type 1 with a second byte */
	assert_int_equal(ns_layout_tuple(role, key, 12, &tuple), -EINVAL);
	key[0] = IPPROTO_GRE; /* a port where there is none */
	assert_int_equal(ns_layout_tuple(role, key, 12, &tuple), -EINVAL);
	assert_int_equal(tuple.port, 4711); /* untouched on failure */
}

static void test_log_prefixes(void **state)
{
	static const enum ns_log_kind kinds[] = { NS_LOG_LEARN, NS_LOG_DENY, NS_LOG_AUDIT, NS_LOG_FULL };
	static const enum ns_direction directions[] = { NS_INGRESS, NS_EGRESS, NS_TRANSIT };
	static const char *const bad[] = { "",
					   "nanoseg:",
					   "nanoseg:learn",
					   "nanoseg:learn:",
					   "nanoseg:learn:up",
					   "nanoseg:learnx:egress",
					   "nanoseg:learn:egress ",
					   "learn:egress",
					   "nanoseg:invalid:egress" };
	char prefix[NS_LOG_PREFIX_MAX];
	enum ns_direction direction;
	enum ns_log_kind kind;

	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < 3; j++) {
			ns_layout_log_prefix(kinds[i], directions[j], prefix);
			assert_int_equal(ns_layout_log_parse(prefix, &kind, &direction), 0);
			assert_int_equal(kind, kinds[i]);
			assert_int_equal(direction, directions[j]);
		}
	}
	ns_layout_log_prefix(NS_LOG_DENY, NS_INGRESS, prefix);
	assert_string_equal(prefix, "nanoseg:deny:ingress");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ns_layout_log_parse(bad[i], &kind, &direction), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),        cmocka_unit_test(test_keys),
		cmocka_unit_test(test_transit6_key), cmocka_unit_test(test_keys_that_cannot_be),
		cmocka_unit_test(test_log_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
