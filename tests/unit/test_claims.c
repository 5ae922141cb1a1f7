/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "claims.h"

static void claim(struct ns_claims *claims, const char *addr, uint64_t cookie, const char *workload)
{
	struct ns_addr a;

	assert_int_equal(ns_addr_parse(addr, &a, NULL), 0);
	assert_int_equal(ns_claims_add(claims, &a, cookie, workload, NULL), 0);
}

static bool believed(const struct ns_claims *claims, const char *addr, uint64_t cookie)
{
	struct ns_addr a;

	assert_int_equal(ns_addr_parse(addr, &a, NULL), 0);
	for (size_t i = 0; i < claims->n; i++)
		if (claims->claims[i].cookie == cookie && ns_addr_equal(&claims->claims[i].addr, &a))
			return claims->claims[i].believed;
	fail_msg("%s of %llu is not there", addr, (unsigned long long)cookie);
	return false;
}

static void test_the_first_keeps_it(void **state)
{
	static const char *const addresses[] = { "10.0.0.2", "fd00::2" };

	for (size_t i = 0; i < 2; i++) {
		struct ns_claims first = NS_CLAIMS_INIT, second = NS_CLAIMS_INIT, third = NS_CLAIMS_INIT;
		const struct ns_claims none = NS_CLAIMS_INIT;

		claim(&first, addresses[i], 9, "db");
		ns_claims_settle(&first, &none);
		assert_true(believed(&first, addresses[i], 9));
		claim(&second, addresses[i], 5, "attacker"); /* older endpoint, younger claim */
		claim(&second, addresses[i], 9, "db");
		ns_claims_settle(&second, &first);
		assert_true(believed(&second, addresses[i], 9));
		assert_false(believed(&second, addresses[i], 5));
		claim(&third, addresses[i], 5, "other"); /* the first owner is gone: the address moves on */
		ns_claims_settle(&third, &second);
		assert_true(believed(&third, addresses[i], 5));
		ns_claims_release(&first);
		ns_claims_release(&second);
		ns_claims_release(&third);
	}
}

static void test_nobody_was_first(void **state)
{
	struct ns_claims claims = NS_CLAIMS_INIT;
	const struct ns_claims none = NS_CLAIMS_INIT;

	claim(&claims, "10.0.0.2", 5, "a");
	claim(&claims, "10.0.0.2", 9, "b");
	claim(&claims, "10.0.0.3", 5, "web"); /* replicas behind one address are no rivals */
	claim(&claims, "10.0.0.3", 9, "web");
	ns_claims_settle(&claims, &none);
	assert_false(believed(&claims, "10.0.0.2", 5));
	assert_false(believed(&claims, "10.0.0.2", 9));
	assert_true(believed(&claims, "10.0.0.3", 5));
	assert_true(believed(&claims, "10.0.0.3", 9));
	ns_claims_release(&claims);
}

static void test_the_host_is_the_host(void **state)
{
	struct ns_claims before = NS_CLAIMS_INIT, claims = NS_CLAIMS_INIT;
	const struct ns_claims none = NS_CLAIMS_INIT;

	claim(&before, "10.0.0.1", 7, "a");
	ns_claims_settle(&before, &none);
	claim(&claims, "10.0.0.1", 7, "a");
	claim(&claims, "10.0.0.1", 0, "");
	ns_claims_settle(&claims, &before);
	assert_true(believed(&claims, "10.0.0.1", 0));
	assert_false(believed(&claims, "10.0.0.1", 7));
	ns_claims_release(&before);
	ns_claims_release(&claims);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_keeps_it),
		cmocka_unit_test(test_nobody_was_first),
		cmocka_unit_test(test_the_host_is_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
