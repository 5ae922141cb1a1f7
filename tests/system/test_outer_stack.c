/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The outer lock and the gate as the kernel holds them, and ordinary sockets through the lock: what the policy allows
 * works as without it, what it does not gets no answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter.h>

#include "outer_lab.h"

/* ---- plan, kernel, plan ---- */

static void round_trip(struct ns_plan *plan)
{
	struct ns_lock_result result;
	struct ns_lock *lock;

	assert_int_equal(ns_lock_open(-1, NFPROTO_NETDEV, plan->table, &lock, NULL), 0);
	(void)lab_apply(lock, plan);
	lab_assert_holds(lock, plan);
	result = lab_apply(lock, plan);
	assert_int_equal(result.sets_changed + result.chains_changed + result.elements_added + result.elements_removed,
			 0);
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	ns_lock_close(lock);
	ns_plan_release(plan);
}

static void test_outer_round_trip(void **state)
{
	for (int auditing = 0; auditing < 2; auditing++) {
		struct ns_plan plan = NS_PLAN_INIT;

		outer_lab_plan(auditing, &plan);
		round_trip(&plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outer_round_trip),
	};

	outer_lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
