/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The address book: names to addresses and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <nanoseg/book.h>

static struct ns_addr addr(const char *text)
{
	struct ns_addr ret;

	assert_int_equal(ns_addr_parse(text, &ret, NULL), 0);
	return ret;
}

static struct ns_prefix prefix(const char *text)
{
	struct ns_prefix ret;

	assert_int_equal(ns_prefix_parse(text, &ret, NULL), 0);
	return ret;
}

static void add(struct ns_book *book, const char *workload, const char *text)
{
	struct ns_addr a = addr(text);

	assert_int_equal(ns_book_add_workload(book, workload, &a, NULL), 0);
}

static const struct ns_book_view nowhere = { 0 };

#define LIST_MAX 512

static int append(void *ctx, const struct ns_addr *a)
{
	char text[NS_ADDR_TEXT_MAX], *list = ctx;

	(void)snprintf(list + strlen(list), LIST_MAX - strlen(list), "%s ", ns_addr_format(a, text));
	return 0;
}

static void expect_workload(const struct ns_book *book, const char *workload, const char *wanted)
{
	char list[LIST_MAX] = "";

	assert_int_equal(ns_book_each_workload(book, workload, append, list), 0);
	assert_string_equal(list, wanted);
}

static void expect_class(const struct ns_book *book, const char *text, enum ns_peer_class wanted,
			 const char *wanted_name)
{
	const struct ns_prefix links[] = { prefix("10.0.0.0/24"), prefix("fd00::/64"), prefix("10.9.0.0/31") };
	struct ns_addr a = addr(text);
	const char *name;

	const struct ns_book_view view = { links, 3, false };

	assert_int_equal(ns_book_classify(book, &view, &a, &name), wanted);
	assert_string_equal(name, wanted_name);
}

static void test_replicas_sorted_once(void **state)
{
	struct ns_book *book;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	add(book, "compose/shop/web", "fd00::7");
	add(book, "compose/shop/web", "10.0.0.9");
	add(book, "compose/shop/web", "10.0.0.7");
	add(book, "compose/shop/web", "10.0.0.9");
	add(book, "compose/shop/we", "10.0.0.1");
	expect_workload(book, "compose/shop/web", "10.0.0.7 10.0.0.9 fd00::7 ");
	expect_workload(book, "compose/shop/we", "10.0.0.1 ");
	expect_workload(book, "compose/shop/webs", "");
	ns_book_clear(book);
	expect_workload(book, "compose/shop/web", "");
	add(book, "compose/shop/web", "10.0.0.7");
	expect_workload(book, "compose/shop/web", "10.0.0.7 ");
	assert_null(ns_book_free(book));
	assert_null(ns_book_free(NULL));
}

static void test_addresses_that_name_nobody(void **state)
{
	static const char *const nobody[] = { "127.0.0.1", "::1",     "224.0.0.1",   "ff02::1",        "0.0.0.0",
					      "::",        "fe80::1", "169.254.1.1", "255.255.255.255" };
	struct ns_book *book;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++)
		add(book, "w", nobody[i]);
	expect_workload(book, "w", "");
	ns_book_free(book);
}

static void test_classify_order(void **state)
{
	struct ns_addr shared = addr("10.0.0.5"), host = addr("10.0.0.1"), service = addr("fd00::53"),
		       named = addr("203.0.114.9");
	struct ns_book *book;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	assert_int_equal(ns_book_add_name(book, "example.org", &named, NULL), 0);
	assert_int_equal(ns_book_add_service(book, "dns", &service, NULL), 0);
	assert_int_equal(ns_book_add_service(book, "dns", &shared, NULL), 0);
	assert_int_equal(ns_book_add_host(book, &host, NULL), 0);
	assert_int_equal(ns_book_add_host(book, &shared, NULL), 0);
	expect_class(book, "10.0.0.5", NS_PEER_HOST, "");
	add(book, "zeta", "10.0.0.5");
	add(book, "alpha", "10.0.0.5");
	expect_class(book, "10.0.0.5", NS_PEER_WORKLOAD, "alpha");
	expect_class(book, "10.0.0.1", NS_PEER_HOST, "");
	expect_class(book, "fd00::53", NS_PEER_SERVICE, "dns");
	expect_class(book, "203.0.114.9", NS_PEER_NAME, "example.org");
	ns_book_free(book);
}

static void test_classify_by_number(void **state)
{
	const struct ns_addr none = { 0 };
	struct ns_book *book;
	const char *name;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	expect_class(book, "224.0.0.251", NS_PEER_MULTICAST, "");
	expect_class(book, "ff02::fb", NS_PEER_MULTICAST, "");
	expect_class(book, "255.255.255.255", NS_PEER_BROADCAST, "");
	expect_class(book, "10.0.0.255", NS_PEER_BROADCAST, "");
	expect_class(book, "10.9.0.1", NS_PEER_CIDR, "");                  /* a /31 has no broadcast */
	expect_class(book, "fd00::ffff:ffff:ffff:ffff", NS_PEER_CIDR, ""); /* nor has IPv6 */
	expect_class(book, "10.1.0.255", NS_PEER_CIDR, "");
	expect_class(book, "fe80::1", NS_PEER_CIDR, "");
	expect_class(book, "0.0.0.0", NS_PEER_CIDR, "");
	expect_class(book, "8.8.8.8", NS_PEER_INTERNET, "");
	expect_class(book, "2001:4860:4860::8888", NS_PEER_INTERNET, "");
	expect_class(book, "64:ff9b::a00:1", NS_PEER_CIDR, ""); /* NAT64 of a private address */
	expect_class(book, "2001:2::1", NS_PEER_CIDR, "");
	assert_int_equal(ns_book_classify(book, &nowhere, &none, &name), NS_PEER_ANY);
	ns_book_free(book);
}

static int stop_at_once(void *ctx, const struct ns_addr *a)
{
	++*(int *)ctx;
	return -7;
}

static void test_walk_stops(void **state)
{
	struct ns_book *book;
	int calls = 0;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	add(book, "w", "10.0.0.1");
	add(book, "w", "fd00::1");
	assert_int_equal(ns_book_each_workload(book, "w", stop_at_once, &calls), -7);
	assert_int_equal(calls, 1);
	ns_book_free(book);
}

static void test_many(void **state)
{
	struct ns_book *book;
	char name[32], text[32];

	assert_int_equal(ns_book_new(&book, NULL), 0);
	for (unsigned i = 0; i < 4000; i++) {
		unsigned n = i * 2654435761u % 65536; /* not in order */

		(void)snprintf(name, sizeof(name), "w%u", n);
		(void)snprintf(text, sizeof(text), i % 2 ? "10.0.%u.%u" : "fd00::%u:%u", n >> 8, n & 255);
		add(book, name, text);
	}
	for (unsigned i = 0; i < 4000; i++) {
		unsigned n = i * 2654435761u % 65536;

		(void)snprintf(name, sizeof(name), "w%u", n);
		(void)snprintf(text, sizeof(text), i % 2 ? "10.0.%u.%u" : "fd00::%u:%u", n >> 8, n & 255);
		struct ns_addr a = addr(text);
		const char *found;

		assert_int_equal(ns_book_classify(book, &nowhere, &a, &found), NS_PEER_WORKLOAD);
		assert_string_equal(found, name);
	}
	ns_book_free(book);
}

static void publish(struct ns_book *book, const char *workload, uint8_t protocol, const char *host, uint16_t first,
		    uint16_t last)
{
	const struct ns_published published = { protocol, addr(host), first, last, 80 };

	assert_int_equal(ns_book_publish(book, workload, &published, NULL), 0);
}

static void add_host(struct ns_book *book, const char *text)
{
	struct ns_addr a = addr(text);

	assert_int_equal(ns_book_add_host(book, &a, NULL), 0);
}

static int append_ported(void *ctx, const struct ns_ported *ported)
{
	char lo[NS_ADDR_TEXT_MAX], hi[NS_ADDR_TEXT_MAX], *list = ctx;

	(void)snprintf(list + strlen(list), LIST_MAX - strlen(list), "%s-%s/%u:%u-%u ",
		       ns_addr_format(&ported->addrs.lo, lo), ns_addr_format(&ported->addrs.hi, hi), ported->protocol,
		       ported->first, ported->last);
	return 0;
}

static void expect_published(const struct ns_book *book, const char *service, bool host, const char *wanted)
{
	char list[LIST_MAX] = "";

	assert_int_equal(ns_book_each_published(book, service, host, append_ported, list), 0);
	assert_string_equal(list, wanted);
}

static void expect_peer(const struct ns_book *book, bool host, enum ns_direction direction, uint8_t protocol,
			const char *text, uint16_t port, enum ns_peer_class wanted, const char *wanted_name)
{
	const struct ns_book_view view = { .host = host };
	const struct ns_tuple tuple = { direction, protocol, port, addr(text), { 0 } };
	const char *name;

	assert_int_equal(ns_book_classify_peer(book, &view, &tuple, &name), wanted);
	assert_string_equal(name, wanted_name);
}

static void test_published_ports(void **state)
{
	struct ns_book *book;

	assert_int_equal(ns_book_new(&book, NULL), 0);
	add_host(book, "192.0.2.1");
	add_host(book, "172.17.0.1");
	add_host(book, "2001:db8::1");
	add(book, "docker/web", "172.17.0.2");
	publish(book, "docker/web", 6, "0.0.0.0", 8080, 8082);
	publish(book, "docker/web", 6, "0.0.0.0", 8080, 8082);
	publish(book, "docker/web", 6, "::", 8080, 8082);
	publish(book, "docker/dns", 17, "172.17.0.1", 53, 53);
	publish(book, "docker/away", 6, "192.0.2.99", 99, 99);
	publish(book, "docker/home", 6, "127.0.0.1", 77, 77);
	publish(book, "docker/one", 6, "192.0.2.1", 8081, 8081);
	publish(book, "docker/ping", 1, "0.0.0.0", 8, 8);
	publish(book, "docker/back", 6, "0.0.0.0", 9, 8);
	expect_published(book, "published/docker/web", false,
			 "172.17.0.1-172.17.0.1/6:8080-8082 192.0.2.1-192.0.2.1/6:8080-8082 "
			 "2001:db8::1-2001:db8::1/6:8080-8082 ");
	expect_published(book, "published/docker/web", true,
			 "172.17.0.1-172.17.0.1/6:8080-8082 192.0.2.1-192.0.2.1/6:8080-8082 "
			 "127.0.0.0-127.255.255.255/6:8080-8082 2001:db8::1-2001:db8::1/6:8080-8082 "
			 "::1-::1/6:8080-8082 ");
	expect_published(book, "published/docker/dns", false, "172.17.0.1-172.17.0.1/17:53-53 ");
	expect_published(book, "published/docker/away", false, "");
	expect_published(book, "published/docker/home", false, "");
	expect_published(book, "published/docker/home", true, "127.0.0.1-127.0.0.1/6:77-77 ");
	expect_published(book, "published/docker/ping", false, "");
	expect_published(book, "published/docker/back", false, "");
	expect_published(book, "docker/web", false, "");

	expect_peer(book, false, NS_EGRESS, 6, "192.0.2.1", 8080, NS_PEER_SERVICE, "published/docker/web");
	expect_peer(book, false, NS_EGRESS, 6, "192.0.2.1", 8081, NS_PEER_SERVICE, "published/docker/one");
	expect_peer(book, false, NS_TRANSIT, 6, "172.17.0.1", 8081, NS_PEER_SERVICE, "published/docker/web");
	expect_peer(book, false, NS_EGRESS, 6, "2001:db8::1", 8082, NS_PEER_SERVICE, "published/docker/web");
	expect_peer(book, false, NS_EGRESS, 6, "192.0.2.1", 8083, NS_PEER_HOST, "");
	expect_peer(book, false, NS_EGRESS, 17, "192.0.2.1", 8080, NS_PEER_HOST, "");
	expect_peer(book, false, NS_INGRESS, 6, "192.0.2.1", 8080, NS_PEER_HOST, "");
	expect_peer(book, false, NS_EGRESS, 17, "172.17.0.1", 53, NS_PEER_SERVICE, "published/docker/dns");
	expect_peer(book, false, NS_EGRESS, 17, "192.0.2.1", 53, NS_PEER_HOST, "");
	expect_peer(book, false, NS_EGRESS, 6, "192.0.2.99", 99, NS_PEER_CIDR, "");
	expect_peer(book, false, NS_EGRESS, 6, "172.17.0.2", 8080, NS_PEER_WORKLOAD, "docker/web");
	expect_peer(book, false, NS_EGRESS, 6, "127.0.0.1", 77, NS_PEER_CIDR, "");
	expect_peer(book, true, NS_EGRESS, 6, "127.0.0.1", 77, NS_PEER_SERVICE, "published/docker/home");
	expect_peer(book, true, NS_EGRESS, 6, "127.8.0.1", 8080, NS_PEER_SERVICE, "published/docker/web");
	expect_peer(book, true, NS_EGRESS, 6, "127.0.0.1", 78, NS_PEER_HOST, "");
	expect_peer(book, true, NS_EGRESS, 6, "::1", 78, NS_PEER_HOST, "");
	expect_peer(book, false, NS_EGRESS, 6, "::1", 78, NS_PEER_CIDR, "");
	ns_book_free(book);
}

static int append_loss(void *ctx, const struct ns_addr *a, enum ns_peer_class peer_class, const char *name)
{
	char text[NS_ADDR_TEXT_MAX], *list = ctx;

	(void)snprintf(list + strlen(list), LIST_MAX - strlen(list), "%s:%s%s ", ns_addr_format(a, text),
		       ns_peer_class_format(peer_class), name);
	return 0;
}

static void test_losses(void **state)
{
	struct ns_addr service = addr("10.96.0.1");
	struct ns_book *before, *after;
	char list[LIST_MAX] = "";

	assert_int_equal(ns_book_new(&before, NULL), 0);
	assert_int_equal(ns_book_new(&after, NULL), 0);
	add(before, "a", "10.0.0.1");
	add(after, "b", "10.0.0.1");
	add(before, "a", "fd00::1");
	add(before, "stays", "10.0.0.2");
	add(after, "stays", "10.0.0.2");
	add(after, "new", "10.0.0.3");
	add_host(before, "10.0.0.9");
	add(before, "z", "10.0.0.8");
	add_host(before, "10.0.0.8"); /* not whom it stood for */
	add(after, "z", "10.0.0.8");
	assert_int_equal(ns_book_add_service(before, "s", &service, NULL), 0);
	assert_int_equal(ns_book_each_lost(before, after, append_loss, list), 0);
	assert_string_equal(list, "10.0.0.1:workloada 10.0.0.9:host 10.96.0.1:services fd00::1:workloada ");
	assert_true(ns_book_publishes_the_same(before, after));
	publish(before, "a", 6, "0.0.0.0", 80, 80);
	assert_false(ns_book_publishes_the_same(before, after));
	publish(after, "b", 6, "0.0.0.0", 80, 80);
	assert_false(ns_book_publishes_the_same(before, after));
	publish(before, "b", 6, "0.0.0.0", 80, 80);
	publish(after, "a", 6, "0.0.0.0", 80, 80);
	assert_true(ns_book_publishes_the_same(before, after));
	ns_book_free(before);
	ns_book_free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replicas_sorted_once), cmocka_unit_test(test_addresses_that_name_nobody),
		cmocka_unit_test(test_classify_order),       cmocka_unit_test(test_classify_by_number),
		cmocka_unit_test(test_walk_stops),           cmocka_unit_test(test_many),
		cmocka_unit_test(test_published_ports),      cmocka_unit_test(test_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
