/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an endpoint may send as, when it may change its addresses itself and when it may not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "own.h"

#define COOKIE 7
#define ETH0   2

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 }, other_mac[6] = { 2, 0, 0, 0, 0, 2 };

struct fixture {
	struct ns_endpoint endpoint;
	struct ns_claims claims;
	struct ns_own own;
	struct ns_own_now now;
	size_t n_ports;
};

static struct ns_addr addr_of(const char *text)
{
	struct ns_addr addr;

	assert_int_equal(ns_addr_parse(text, &addr, NULL), 0);
	return addr;
}

static void add(struct fixture *f, const char *text)
{
	size_t i = f->endpoint.n_addresses++;

	f->endpoint.addresses[i].addr = addr_of(text);
	f->endpoint.address_index[i] = ETH0;
}

static void claim(struct fixture *f, const char *text, uint64_t cookie)
{
	struct ns_addr addr = addr_of(text);

	assert_int_equal(ns_claims_add(&f->claims, &addr, cookie, cookie == COOKIE ? "web" : "other", NULL), 0);
}

static void settle_claims(struct fixture *f)
{
	const struct ns_claims none = NS_CLAIMS_INIT;

	ns_claims_settle(&f->claims, &none);
}

static void look(struct fixture *f)
{
	const int interfaces[] = { ETH0, ETH0 + 1 };

	ns_own_now(&f->own, &f->endpoint, &f->claims, interfaces, f->n_ports, &f->now);
}

static bool may_send_from(const struct fixture *f, const char *text)
{
	struct ns_addr addr = addr_of(text);

	for (size_t i = 0; i < f->now.n_addresses; i++)
		if (ns_addr_equal(&f->now.addresses[i], &addr))
			return true;
	return false;
}

static void setup(struct fixture *f, bool net_admin)
{
	static const char *const addresses[] = { "10.0.0.2", "fd00::2", "fe80::1" };

	memset(f, 0, sizeof *f);
	f->n_ports = 1;
	f->own.changed = 1;
	f->endpoint.cookie = COOKIE;
	f->endpoint.net_admin = net_admin;
	f->endpoint.interfaces[0].index = ETH0;
	memcpy(f->endpoint.interfaces[0].mac, mac, 6);
	f->endpoint.n_interfaces = 1;
	for (size_t i = 0; i < 3; i++) {
		add(f, addresses[i]);
		claim(f, addresses[i], COOKIE);
	}
	add(f, "127.0.0.1");
	claim(f, "10.0.0.3", COOKIE); /* nobody else's: two more that may come later */
	claim(f, "fd00::3", COOKIE);
	claim(f, "10.0.0.1", 0); /* the host's */
	claim(f, "10.0.0.1", COOKIE);
	claim(f, "fd00::1", 0);
	claim(f, "fd00::1", COOKIE);
	settle_claims(f);
	look(f);
}

static void lock_it(struct fixture *f)
{
	const int interfaces[] = { ETH0 };

	ns_own_locked(&f->own, &f->now, interfaces, 1, f->own.changed);
}

/* Its addresses change, so long after they did before. */
static void change_after(struct fixture *f, int64_t us)
{
	ns_own_changed(&f->own, f->own.changed + us);
}

static void test_its_own(void **state)
{
	struct fixture f;

	setup(&f, false);
	assert_true(may_send_from(&f, "10.0.0.2"));
	assert_true(may_send_from(&f, "fd00::2"));
	assert_true(may_send_from(&f, "fe80::1"));
	assert_false(may_send_from(&f, "127.0.0.1"));
	assert_int_equal(f.now.n_addresses, 3);
	assert_int_equal(f.now.n_macs, 1);
	assert_memory_equal(f.now.macs[0], mac, 6);
	assert_int_equal(f.own.strangers, 0);
	ns_claims_release(&f.claims);
}

static void test_the_hosts_is_nobodys(void **state)
{
	struct fixture f;

	setup(&f, false);
	add(&f, "10.0.0.1");
	add(&f, "fd00::1");
	look(&f);
	assert_false(may_send_from(&f, "10.0.0.1"));
	assert_false(may_send_from(&f, "fd00::1"));
	assert_int_equal(f.own.strangers, 2);
	assert_string_equal(f.own.stranger, "10.0.0.1");
	ns_claims_release(&f.claims);
}

static void test_later_ones(void **state)
{
	static const bool admin[] = { false, true };

	for (size_t i = 0; i < 2; i++) {
		struct fixture f;

		setup(&f, admin[i]);
		lock_it(&f);
		change_after(&f, NS_OWN_SETTLE_US);
		add(&f, "10.0.0.3");
		add(&f, "fd00::3");
		add(&f, "fe80::3");
		memcpy(f.endpoint.interfaces[0].mac, other_mac, 6);
		look(&f);
		assert_int_equal(may_send_from(&f, "10.0.0.3"), !admin[i]);
		assert_int_equal(may_send_from(&f, "fd00::3"), !admin[i]);
		assert_int_equal(may_send_from(&f, "fe80::3"), !admin[i]);
		assert_true(may_send_from(&f, "10.0.0.2"));
		assert_int_equal(f.own.strangers, admin[i] ? 3 : 0);
		assert_int_equal(f.now.n_macs, 1);
		assert_memory_equal(f.now.macs[0], admin[i] ? mac : other_mac, 6);
		ns_claims_release(&f.claims);
	}
}

/* A system container configures itself while it starts. */
static void test_not_settled_yet(void **state)
{
	struct fixture f;

	setup(&f, true);
	f.endpoint.n_addresses = 0;
	look(&f);
	lock_it(&f);
	change_after(&f, NS_OWN_SETTLE_US - 1);
	add(&f, "10.0.0.2");
	look(&f);
	assert_true(may_send_from(&f, "10.0.0.2"));
	lock_it(&f);
	change_after(&f, 1);
	add(&f, "fd00::2");
	look(&f);
	assert_true(may_send_from(&f, "fd00::2"));
	lock_it(&f);
	change_after(&f, NS_OWN_SETTLE_US);
	add(&f, "10.0.0.3");
	look(&f);
	assert_false(may_send_from(&f, "10.0.0.3"));
	assert_true(may_send_from(&f, "10.0.0.2"));
	assert_true(may_send_from(&f, "fd00::2"));
	ns_own_unlocked(&f.own);
	look(&f);
	assert_true(may_send_from(&f, "10.0.0.3"));
	ns_claims_release(&f.claims);
}

/* Who never comes to rest is frozen all the same. */
static void test_restless(void **state)
{
	struct fixture f;

	setup(&f, true);
	lock_it(&f);
	for (int64_t us = 0; us < NS_OWN_SETTLE_MAX_US; us += 1000000)
		change_after(&f, 1000000);
	add(&f, "10.0.0.3");
	look(&f);
	assert_false(may_send_from(&f, "10.0.0.3"));
	assert_true(ns_own_is_stranger(&f.own, &f.endpoint, f.endpoint.n_addresses - 1));
	assert_true(may_send_from(&f, "10.0.0.2"));
	ns_claims_release(&f.claims);
}

static void test_taken_away_and_back(void **state)
{
	struct fixture f;

	setup(&f, true);
	lock_it(&f);
	change_after(&f, NS_OWN_SETTLE_US);
	f.endpoint.n_addresses = 0;
	look(&f);
	assert_int_equal(f.now.n_addresses, 0);
	lock_it(&f);
	change_after(&f, 1);
	add(&f, "10.0.0.2");
	add(&f, "fd00::2");
	look(&f);
	assert_true(may_send_from(&f, "10.0.0.2"));
	assert_true(may_send_from(&f, "fd00::2"));
	ns_claims_release(&f.claims);
}

/* Another interface, which only the runtime can have put there, is not settled yet. */
static void test_another_link(void **state)
{
	struct fixture f;

	setup(&f, true);
	lock_it(&f);
	change_after(&f, NS_OWN_SETTLE_US);
	add(&f, "10.0.0.3");
	f.endpoint.address_index[f.endpoint.n_addresses - 1] = ETH0 + 1;
	f.endpoint.interfaces[1].index = ETH0 + 1;
	memcpy(f.endpoint.interfaces[1].mac, other_mac, 6);
	f.endpoint.n_interfaces = 2;
	look(&f);
	assert_false(may_send_from(&f, "10.0.0.3")); /* of its own making: it leads to no port */
	assert_int_equal(f.now.n_macs, 1);
	f.n_ports = 2;
	look(&f);
	assert_true(may_send_from(&f, "10.0.0.3"));
	assert_int_equal(f.now.n_macs, 2);
	ns_claims_release(&f.claims);
}

static void test_recall(void **state)
{
	struct fixture f;
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_plan_set *set = ns_plan_add_set(&plan, "own6", NULL);
	struct ns_addr kept = addr_of("fd00::2");
	struct ns_plan_element *element;

	setup(&f, true);
	assert_non_null(set);
	element = ns_plan_add_element(set, NULL);
	assert_non_null(element);
	memcpy(element->key, mac, 6);
	memcpy(element->key + 8, kept.bytes, 16);
	ns_own_recall(&f.own, &plan);
	look(&f);
	assert_true(may_send_from(&f, "fd00::2"));
	assert_false(may_send_from(&f, "10.0.0.2")); /* it was not in the lock */
	assert_int_equal(f.now.n_macs, 1);
	ns_plan_release(&plan);
	ns_claims_release(&f.claims);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_its_own),      cmocka_unit_test(test_the_hosts_is_nobodys),
		cmocka_unit_test(test_later_ones),   cmocka_unit_test(test_not_settled_yet),
		cmocka_unit_test(test_restless),     cmocka_unit_test(test_taken_away_and_back),
		cmocka_unit_test(test_another_link), cmocka_unit_test(test_recall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
