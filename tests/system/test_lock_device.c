/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Chains of family netdev, and their devices that come, go and get other names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/netfilter.h>

#include "lock_plan.h"

static struct ns_plan_chain *chain_on(struct ns_plan *plan, const char *name, const char *device)
{
	struct ns_plan_chain *chain = plan_base(plan, name, NF_NETDEV_INGRESS, -400, NF_ACCEPT);

	LAB_COPY(chain->device, device);
	plan_stmt(plan_rule(chain, ""), NS_STMT_COUNTER);
	return chain;
}

static void plan_on(struct ns_plan *plan, const char *first, const char *second)
{
	plan_begin(plan, NFPROTO_NETDEV);
	chain_on(plan, "one", first);
	if (second)
		chain_on(plan, "two", second);
	ns_plan_normalise(plan);
}

/* Its chain goes with it, or stays without it (6.16): the plan without it is put in, and so is the next. */
static void test_gone(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_NETDEV);
	struct ns_error err = NS_ERROR_INIT;
	struct ns_lock_result result;
	struct ns_plan both, one;
	int r;

	assert_int_equal(lab_run("ip link add d1 type veth peer name e1; ip link add d2 type veth peer name e2", NULL),
			 0);
	plan_on(&both, "d1", "d2");
	plan_on(&one, "d1", NULL);
	lab_apply(lock, &both);
	assert_int_equal(lab_run("ip link del d2", NULL), 0);
	lab_apply(lock, &one);
	lab_assert_holds(lock, &one);
	r = ns_lock_apply(lock, &both, &result, &err);
	if (lab_kernel_at_least(6, 16)) { /* the chain waits for its device */
		assert_int_equal(r, 0);
		lab_assert_holds(lock, &both);
	} else {
		assert_int_equal(r, -ENODEV);
		assert_non_null(strstr(err.text, "on device d2"));
		lab_assert_holds(lock, &one);
	}
	assert_int_equal(lab_run("ip link add d2 type veth peer name e2", NULL), 0);
	lab_apply(lock, &both);
	lab_assert_holds(lock, &both);
	ns_plan_release(&both);
	ns_plan_release(&one);
	ns_lock_close(lock);
}

static void test_renamed(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_NETDEV);
	struct ns_plan before, after;
	char *listing;

	assert_int_equal(lab_run("ip link add d1 type veth peer name e1", NULL), 0);
	plan_on(&before, "d1", NULL);
	plan_on(&after, "d7", NULL);
	lab_apply(lock, &before);
	assert_int_equal(lab_run("ip link set d1 name d7", NULL), 0);
	lab_apply(lock, &after);
	lab_assert_holds(lock, &after);
	assert_int_equal(lab_run("nft list chain netdev nanoseg one", &listing), 0);
	assert_non_null(strstr(listing, "d7"));
	free(listing);
	ns_plan_release(&before);
	ns_plan_release(&after);
	ns_lock_close(lock);
}

/* As many chains as a plan may have, one more and one less. */
static void test_many(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_NETDEV);
	struct timespec begin, end;
	struct ns_lock_result result;
	struct ns_plan plan;
	double ms;

	plan_begin(&plan, NFPROTO_NETDEV);
	for (unsigned i = 0; i < NS_PLAN_CHAINS_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%u", i);
		plan_chain(&plan, name);
	}
	ns_plan_normalise(&plan);
	lab_apply(lock, &plan);
	plan_stmt(plan_rule(&plan.chains[500], ""), NS_STMT_COUNTER);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	result = lab_apply(lock, &plan);
	clock_gettime(CLOCK_MONOTONIC, &end);
	ms = (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
	printf("one of %d chains changed: %.1f ms\n", NS_PLAN_CHAINS_MAX, ms);
	assert_int_equal(result.chains_changed, 1);
	lab_assert_holds(lock, &plan);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_gone, lock_setup),
		cmocka_unit_test_setup(test_renamed, lock_setup),
		cmocka_unit_test_setup(test_many, lock_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
