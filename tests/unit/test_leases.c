/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who had an address: leases, what the log told lately, and what a daemon before this one knew.
 */
#include "store_test.h"

#include "leases.h"

static struct ns_addr addr(const char *text)
{
	struct ns_addr ret;

	assert_int_equal(ns_addr_parse(text, &ret, NULL), 0);
	return ret;
}

static void end(struct ns_leases *leases, const char *text, const char *name, int64_t now)
{
	struct ns_addr a = addr(text);

	assert_int_equal(ns_leases_end(leases, &a, NS_PEER_WORKLOAD, name, now), 0);
}

#define NOW INT64_C(1000000000)

static void expect(const struct ns_leases *leases, const char *text, int64_t time, const char *wanted)
{
	struct ns_addr a = addr(text);
	const struct ns_lease *lease = ns_leases_at(leases, &a, time, NOW);

	assert_string_equal(lease ? lease->name : "the book's", wanted);
}

static void whoever_had_it_then(void **state)
{
	struct ns_leases leases = { 0 };

	expect(&leases, "10.0.0.2", 5, "the book's");
	end(&leases, "10.0.0.2", "a", 100);
	end(&leases, "fd00::2", "a", 100);
	end(&leases, "10.0.0.3", "other", 150);
	end(&leases, "10.0.0.2", "b", 200);
	expect(&leases, "10.0.0.2", 99, "a");
	expect(&leases, "10.0.0.2", 100, "b");
	expect(&leases, "10.0.0.2", 199, "b");
	expect(&leases, "10.0.0.2", 200, "the book's");
	expect(&leases, "fd00::2", 99, "a");
	expect(&leases, "fd00::2", 150, "the book's");
	expect(&leases, "10.0.0.3", 1, "other");
	expect(&leases, "10.0.0.4", 1, "the book's");
	ns_leases_release(&leases);
	expect(&leases, "10.0.0.2", 99, "the book's");
}

static void the_oldest_go(void **state)
{
	struct ns_leases leases = { 0 };
	char name[32];

	for (int i = 0; i < NS_LEASES_MAX + 10; i++) {
		(void)snprintf(name, sizeof name, "w%d", i);
		end(&leases, "10.0.0.2", name, 1000 + i);
	}
	assert_int_equal(leases.n, NS_LEASES_MAX);
	expect(&leases, "10.0.0.2", 1010, "w11");
	expect(&leases, "10.0.0.2", 1, "w10"); /* the oldest that is left */
	expect(&leases, "10.0.0.2", 1000 + NS_LEASES_MAX + 8, "w4105");
	ns_leases_release(&leases);
}

static void a_clock_that_goes_back(void **state)
{
	struct ns_leases leases = { 0 };
	struct ns_addr a = addr("10.0.0.2");

	end(&leases, "10.0.0.2", "a", 500);
	assert_non_null(ns_leases_at(&leases, &a, 400, 500));
	assert_null(ns_leases_at(&leases, &a, 400, 450)); /* it is 450 again: who has it now has it */
	end(&leases, "10.0.0.2", "b", 450);
	expect(&leases, "10.0.0.2", 400, "b");
	assert_int_equal(leases.n, 1);
	ns_leases_release(&leases);
}

static void lately(void **state)
{
	struct ns_recent recent = { 0 };
	struct ns_tuple tuple = { NS_EGRESS, 6, 80, addr("10.0.0.2"), { 0 } };

	assert_int_equal(ns_recent_time(&recent, &tuple), 0);
	ns_recent_note(&recent, &tuple, 7);
	ns_recent_note(&recent, &tuple, 9);
	assert_int_equal(recent.n, 1);
	assert_int_equal(ns_recent_time(&recent, &tuple), 7);
	tuple.direction = NS_INGRESS;
	assert_int_equal(ns_recent_time(&recent, &tuple), 0);
	for (uint16_t port = 1; port < NS_RECENT_MAX; port++) {
		tuple.port = port;
		ns_recent_note(&recent, &tuple, port);
	}
	assert_int_equal(recent.n, NS_RECENT_MAX);
	assert_false(recent.more);
	tuple.port = 9999;
	ns_recent_note(&recent, &tuple, 1);
	assert_true(recent.more);
	assert_int_equal(ns_recent_time(&recent, &tuple), 0);
	recent.overdue = true;
	ns_recent_clear(&recent);
	assert_false(recent.n || recent.more || recent.overdue);
}

static void put(struct ns_store *store, uint64_t cookie, const char *workload, int64_t since, int64_t ended,
		const char *address4, const char *address6)
{
	struct ns_endpoint *endpoint = calloc(1, sizeof *endpoint);

	assert_non_null(endpoint);
	endpoint->cookie = cookie;
	(void)snprintf(endpoint->workload, sizeof endpoint->workload, "%s", workload);
	(void)snprintf(endpoint->runtime, sizeof endpoint->runtime, "netns");
	endpoint->since = since;
	endpoint->addresses[0] = (struct ns_prefix){ addr(address4), 24 };
	endpoint->addresses[1] = (struct ns_prefix){ addr(address6), 64 };
	endpoint->n_addresses = 2;
	assert_int_equal(ns_store_put_endpoint(store, endpoint, ended, NULL), 0);
	free(endpoint);
}

static void expect_doubt(const struct ns_heirlooms *heirlooms, const char *text, const char *workload, bool wanted)
{
	struct ns_addr a = addr(text);

	assert_int_equal(ns_heirlooms_doubt(heirlooms, &a, workload), wanted);
}

static void before_this_daemon(void **state)
{
	struct ns_heirlooms heirlooms = { 0 };
	struct ns_store *store = ((struct fixture *)*state)->store;

	assert_int_equal(ns_store_heartbeat(store, 77, NULL), 0);
	put(store, 1, "ended", 10, 20, "10.0.0.1", "fd00::1");
	put(store, 2, "older", 20, 0, "10.0.0.2", "fd00::2");
	put(store, 3, "newer", 30, 0, "10.0.0.2", "fd00::3");
	put(store, NS_ENDPOINT_MEMBER_BIT | 5, "member", 40, 0, "10.0.0.2", "fd00::2");
	assert_int_equal(ns_heirlooms_load(&heirlooms, store, NULL), 0);
	assert_int_equal(heirlooms.since, 77);
	expect_doubt(&heirlooms, "10.0.0.1", "whoever", false);
	expect_doubt(&heirlooms, "10.0.0.2", "newer", false);
	expect_doubt(&heirlooms, "10.0.0.2", "older", true);
	expect_doubt(&heirlooms, "10.0.0.2", "", true);
	expect_doubt(&heirlooms, "fd00::2", "older", false);
	expect_doubt(&heirlooms, "fd00::2", "member", true);
	expect_doubt(&heirlooms, "fd00::3", "newer", false);
	expect_doubt(&heirlooms, "fd00::9", "whoever", false);
	ns_heirlooms_release(&heirlooms);
	expect_doubt(&heirlooms, "10.0.0.2", "", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_had_it_then),
		cmocka_unit_test(the_oldest_go),
		cmocka_unit_test(a_clock_that_goes_back),
		cmocka_unit_test(lately),
		cmocka_unit_test_setup_teardown(before_this_daemon, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
