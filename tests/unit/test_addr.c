/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <nanoseg/addr.h>

static struct ns_addr addr(const char *text)
{
	struct ns_addr a;

	assert_int_equal(ns_addr_parse(text, &a, NULL), 0);
	return a;
}

static void test_parse_and_format(void **state)
{
	static const char *const good[] = { "0.0.0.0", "10.1.2.3", "255.255.255.255", "::",
					    "::1",     "fe80::1",  "2001:db8::5:1" };
	static const char *const bad[] = { "",    "10.1.2", "10.1.2.3.4", "10.1.2.256", "fe80::1%eth0",
					   "1:2", "::g",    " ::1",       "010.1.2.3x" };
	char buf[NS_ADDR_TEXT_MAX];
	struct ns_addr a = { .family = 77 };

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		a = addr(good[i]);
		assert_string_equal(ns_addr_format(&a, buf), good[i]);
	}
	a.family = 77;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct ns_error err = NS_ERROR_INIT;

		assert_true(ns_addr_parse(bad[i], &a, &err) < 0);
		assert_true(err.text[0] != '\0');
		assert_int_equal(a.family, 77); /* untouched */
	}
}

/* Words of 0 to 4 digits, zeros anywhere: as the C library writes them. */
static void test_format_as_inet_ntop(void **state)
{
	static const uint8_t high[] = { 0, 0, 0, 0x01, 0xff }, low[] = { 0, 0x05, 0xb8, 0x20, 0xff };
	char buf[NS_ADDR_TEXT_MAX], expected[NS_ADDR_TEXT_MAX];

	for (unsigned n = 0; n < 390625; n++) { /* 5^8 */
		struct ns_addr a = { .family = AF_INET6 };
		unsigned rest = n;

		for (size_t i = 0; i < 8; i++, rest /= 5) {
			a.bytes[2 * i] = high[rest % 5];
			a.bytes[2 * i + 1] = low[rest % 5];
		}
		assert_non_null(inet_ntop(AF_INET6, a.bytes, expected, sizeof expected));
		if (strcmp(ns_addr_format(&a, buf), expected) != 0)
			fail_msg("%s, not %s", buf, expected);
	}
}

static void test_scopes(void **state)
{
	static const struct {
		const char *text;
		enum ns_addr_scope scope;
	} cases[] = {
		{ "8.8.8.8", NS_ADDR_GLOBAL },
		{ "10.0.0.1", NS_ADDR_PRIVATE },
		{ "172.15.255.255", NS_ADDR_GLOBAL },
		{ "172.16.0.0", NS_ADDR_PRIVATE },
		{ "172.31.255.255", NS_ADDR_PRIVATE },
		{ "172.32.0.0", NS_ADDR_GLOBAL },
		{ "100.64.0.1", NS_ADDR_PRIVATE },
		{ "100.128.0.1", NS_ADDR_GLOBAL },
		{ "169.254.169.254", NS_ADDR_LINK_LOCAL },
		{ "127.0.0.11", NS_ADDR_LOOPBACK },
		{ "224.0.0.251", NS_ADDR_MULTICAST },
		{ "255.255.255.255", NS_ADDR_BROADCAST },
		{ "240.0.0.1", NS_ADDR_PRIVATE },
		{ "0.0.0.0", NS_ADDR_UNSPECIFIED },
		{ "0.0.0.1", NS_ADDR_PRIVATE },
		{ "198.19.0.1", NS_ADDR_PRIVATE },
		{ "2606:4700::1111", NS_ADDR_GLOBAL },
		{ "fd00::1", NS_ADDR_PRIVATE },
		{ "fe80::1", NS_ADDR_LINK_LOCAL },
		{ "febf::1", NS_ADDR_LINK_LOCAL },
		{ "fec0::1", NS_ADDR_PRIVATE },
		{ "ff02::1", NS_ADDR_MULTICAST },
		{ "::", NS_ADDR_UNSPECIFIED },
		{ "::1", NS_ADDR_LOOPBACK },
		{ "::ffff:8.8.8.8", NS_ADDR_PRIVATE },
		{ "64:ff9b::808:808", NS_ADDR_PRIVATE },
		{ "64:ff9b:1::1", NS_ADDR_PRIVATE },
		{ "64:ff9b::a00:1", NS_ADDR_PRIVATE },
		{ "2001:1:ffff::1", NS_ADDR_GLOBAL },
		{ "2001:2::1", NS_ADDR_PRIVATE },
		{ "2001:2:1::1", NS_ADDR_GLOBAL },
		{ "2001:db8::1", NS_ADDR_PRIVATE },
		{ "4000::1", NS_ADDR_PRIVATE },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ns_addr a = addr(cases[i].text);

		if (ns_addr_scope(&a) != cases[i].scope)
			fail_msg("%s: scope %d", cases[i].text, (int)ns_addr_scope(&a));
	}
}

static void test_steps(void **state)
{
	struct ns_addr a = addr("10.0.0.255"), top = addr("255.255.255.255"), zero6 = addr("::");
	struct ns_addr want = addr("10.0.1.0"), six = addr("fd00::ffff"), want6 = addr("fd00::1:0");

	assert_true(ns_addr_increment(&a));
	assert_true(ns_addr_equal(&a, &want));
	assert_true(ns_addr_decrement(&a));
	want = addr("10.0.0.255");
	assert_true(ns_addr_equal(&a, &want));
	assert_true(ns_addr_increment(&six));
	assert_true(ns_addr_equal(&six, &want6));
	assert_false(ns_addr_increment(&top));
	assert_false(ns_addr_decrement(&zero6));
	assert_true(ns_addr_compare(&a, &six) < 0);
}

static void test_prefixes(void **state)
{
	static const char *const bad[] = { "10.0.0.0/33", "10.0.0.1/8", "fd00::/129",    "10.0.0.0/",
					   "10.0.0.0/8x", "/8",         "10.0.0.0/0008", "10.0.0.0/-1" };
	struct ns_prefix p;
	struct ns_error err = NS_ERROR_INIT;
	char buf[NS_PREFIX_TEXT_MAX];
	struct ns_addr in = addr("10.255.0.1"), out = addr("11.0.0.0"), six = addr("fd00::1");

	assert_int_equal(ns_prefix_parse("10.0.0.0/8", &p, NULL), 0);
	assert_string_equal(ns_prefix_format(&p, buf), "10.0.0.0/8");
	assert_true(ns_prefix_contains(&p, &in));
	assert_false(ns_prefix_contains(&p, &out));
	assert_false(ns_prefix_contains(&p, &six));
	assert_string_equal(ns_addr_format(&(struct ns_addr){ 0 }, buf), "");
	in = ns_prefix_range(&p).hi;
	assert_string_equal(ns_addr_format(&in, buf), "10.255.255.255");
	in = ns_prefix_broadcast(&p);
	assert_string_equal(ns_addr_format(&in, buf), "10.255.255.255");
	assert_int_equal(ns_prefix_parse("fd00::1", &p, NULL), 0);
	assert_int_equal(p.length, 128);
	assert_string_equal(ns_prefix_format(&p, buf), "fd00::1");
	assert_int_equal(ns_prefix_broadcast(&p).family, 0);
	assert_int_equal(ns_prefix_parse("::/0", &p, NULL), 0);
	assert_true(ns_prefix_contains(&p, &six));
	assert_int_equal(ns_prefix_parse("10.1.2.252/30", &p, NULL), 0);
	in = ns_prefix_range(&p).hi;
	assert_string_equal(ns_addr_format(&in, buf), "10.1.2.255");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (ns_prefix_parse(bad[i], &p, &err) == 0)
			fail_msg("%s was taken", bad[i]);
	(void)ns_prefix_parse("10.0.0.1/8", &p, &err);
	assert_non_null(strstr(err.text, "write 10.0.0.0/8"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format), cmocka_unit_test(test_format_as_inet_ntop),
		cmocka_unit_test(test_scopes),           cmocka_unit_test(test_steps),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
