/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The lock on one table: all or nothing, and the smallest difference. What packets do to figures is tried with packets.
 */
#include <errno.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "lock_plan.h"

/* ---- all or nothing ---- */

static void test_bad_rule_changes_nothing(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan good, bad;
	struct ns_lock_result result;

	endpoint_plan(&good);
	lab_apply(lock, &good);
	endpoint_plan(&bad);
	plan_element(ns_plan_find_set(&bad, "egress4"), "r9", "udp", "127.0.0.1", "1999");
	plan_set(&bad, "another", 1, NS_FIELD_PORT);
	plan_lookup(plan_rule(ns_plan_find_chain(&bad, "output"), ""), "there-is-no-such-set");
	ns_plan_normalise(&bad);
	assert_int_equal(ns_lock_apply(lock, &bad, &result, &err), -ENOENT);
	assert_non_null(strstr(err.text, "chain output, rule 9"));
	assert_non_null(strstr(err.text, "No such file or directory"));
	lab_assert_holds(lock, &good);
	ns_plan_release(&good);
	ns_plan_release(&bad);
	ns_lock_close(lock);
}

static void test_bad_element_changes_nothing(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan good, bad;
	struct ns_lock_result result;
	int r;

	endpoint_plan(&good);
	lab_apply(lock, &good);
	endpoint_plan(&bad);
	plan_element(ns_plan_find_set(&bad, "egress6"), "r8", "udp", "::1", "1998");
	/* Overlaps r3 in part: pipapo refuses that. */
	plan_element(ns_plan_find_set(&bad, "egress4_range"), "r9", "udp", "127.0.0.1", "2500-3500");
	ns_plan_normalise(&bad);
	r = ns_lock_apply(lock, &bad, &result, &err);
	assert_true(r == -EEXIST || r == -ENOTEMPTY);
	assert_non_null(strstr(err.text, "elements of set egress4_range"));
	lab_assert_holds(lock, &good);
	ns_plan_release(&good);
	ns_plan_release(&bad);
	ns_lock_close(lock);
}

static void test_first_batch_that_fails_leaves_no_table(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_lock_result result;
	struct ns_plan plan;

	endpoint_plan(&plan);
	plan_verdict(plan_rule(ns_plan_find_chain(&plan, "output"), ""), NFT_JUMP, "nowhere");
	assert_int_equal(ns_lock_apply(lock, &plan, &result, NULL), -ENOENT);
	assert_int_equal(lab_run("nft list table inet nanoseg", NULL), 1);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

/* The first plan of the process asks for what no kernel has: that says nothing of whether tables can be owned. */
static void test_unsupported_plan_first(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_error err = NS_ERROR_INIT;
	struct ns_lock_result result;
	struct ns_plan plan;

	plan_begin(&plan, NFPROTO_INET);
	plan_base(&plan, "hook", 77, 0, NF_ACCEPT);
	assert_int_equal(ns_lock_apply(lock, &plan, &result, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "chain hook"));
	ns_plan_release(&plan);
	endpoint_plan(&plan);
	lab_apply(lock, &plan);
	assert_int_equal(ns_lock_protection(lock), lab_protection());
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

static void test_refused_plans(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_lock_result result;
	struct ns_plan plan;
	struct ns_plan_set *set;

	endpoint_plan(&plan); /* not sorted */
	set = ns_plan_find_set(&plan, "egress4");
	set->elements[0] = set->elements[1];
	assert_int_equal(ns_lock_apply(lock, &plan, &result, NULL), -EINVAL);
	ns_plan_release(&plan);
	endpoint_plan(&plan); /* another table */
	LAB_COPY(plan.table, "filter");
	assert_int_equal(ns_lock_apply(lock, &plan, &result, NULL), -EINVAL);
	ns_plan_release(&plan);
	plan_begin(&plan, NFPROTO_INET); /* a range in a set without ranges */
	set = plan_set(&plan, "ports", 1, NS_FIELD_PORT);
	plan_element(set, "r1", "80")->key_end[1] = 90;
	assert_int_equal(ns_lock_apply(lock, &plan, &result, NULL), -EINVAL);
	set->interval = true;
	set->elements[0].key_end[1] = 70; /* the wrong way round */
	assert_int_equal(ns_lock_apply(lock, &plan, &result, NULL), -EINVAL);
	ns_plan_release(&plan);
	plan_begin(&plan, NFPROTO_INET); /* a range of marks */
	set = plan_set(&plan, "marks", 2, NS_FIELD_MARK, NS_FIELD_PORT);
	set->interval = true;
	plan_element(set, "r1", "1-2", "80");
	assert_int_equal(ns_lock_apply(lock, &plan, &result, NULL), -EINVAL);
	set->n_fields = 0; /* no key at all */
	assert_int_equal(ns_lock_apply(lock, &plan, &result, NULL), -EINVAL);
	ns_plan_release(&plan);
	assert_int_equal(lab_run("nft list table inet nanoseg", NULL), 1);
	ns_lock_close(lock);
}

/* ---- the smallest difference ---- */

static void test_untouched_elements_keep_their_figures(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_lock_result result;
	struct ns_plan plan;
	struct ns_plan_set *set;

	endpoint_plan(&plan);
	lab_apply(lock, &plan);
	for (unsigned i = 0; i < 3; i++)
		send_both(1001);
	send_both(1002);
	send_both(2345);
	assert_int_equal(lab_packets(lock, "egress4", "r1"), 3);
	assert_int_equal(lab_packets(lock, "egress6", "r1"), 3);
	assert_int_equal(lab_packets(lock, "egress4_range", "r3"), 1);

	for (unsigned v6 = 0; v6 < 2; v6++) {
		const char *a = v6 ? "::1" : "127.0.0.1";

		set = ns_plan_find_set(&plan, v6 ? "egress6" : "egress4");
		assert_string_equal(set->elements[1].tag, "r2");
		set->n_elements = 1; /* r2 goes, r4 comes */
		plan_element(set, "r4", "udp", a, "1004");
		plan_element(ns_plan_find_set(&plan, v6 ? "egress6_range" : "egress4_range"), "r5", "udp", a,
			     "4000-4999");
	}
	ns_plan_normalise(&plan);
	result = lab_apply(lock, &plan);
	assert_int_equal(result.elements_added, 4);
	assert_int_equal(result.elements_removed, 2);
	assert_int_equal(result.sets_changed, 0);
	assert_int_equal(result.chains_changed, 0);
	lab_assert_holds(lock, &plan);
	send_both(1001);
	send_both(2345);
	send_both(1004);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		assert_int_equal(lab_packets(lock, v6 ? "egress6" : "egress4", "r1"), 4);
		assert_int_equal(lab_packets(lock, v6 ? "egress6" : "egress4", "r4"), 1);
		assert_int_equal(lab_packets(lock, v6 ? "egress6_range" : "egress4_range", "r3"), 2);
	}
	assert_int_equal(refused(), 0);
	send_both(1002);
	assert_int_equal(refused(), 2);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

static void test_tag_changes_replace_the_element(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_lock_result result;
	struct ns_plan plan;

	endpoint_plan(&plan);
	lab_apply(lock, &plan);
	LAB_COPY(ns_plan_find_set(&plan, "egress4")->elements[0].tag, "other");
	LAB_COPY(ns_plan_find_set(&plan, "egress4_range")->elements[0].tag, "other");
	result = lab_apply(lock, &plan);
	assert_int_equal(result.elements_added, 2);
	assert_int_equal(result.elements_removed, 2);
	lab_assert_holds(lock, &plan);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

/* A tree's neighbours: one range grows into the place of another. */
static void test_tree_changes(void **state)
{
	static const char *const steps[][3] = { { "1-5", "6-9", "20-65535" },
						{ "1-9", "20-65535" },
						{ "1-5", "6-9" },
						{ "5-6", "0-1" },
						{ "0-65535" },
						{ "7" } };
	struct ns_lock *lock = lab_lock(NFPROTO_INET);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct ns_plan plan;
		struct ns_plan_set *set;

		plan_begin(&plan, NFPROTO_INET);
		set = plan_set(&plan, "ports", 1, NS_FIELD_PORT);
		set->interval = true;
		for (size_t j = 0; j < 3 && steps[i][j]; j++)
			plan_element(set, "r1", steps[i][j]);
		ns_plan_normalise(&plan);
		lab_apply(lock, &plan);
		lab_assert_holds(lock, &plan);
		ns_plan_release(&plan);
	}
	ns_lock_close(lock);
}

static void test_dynamic_elements_stay(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_plan plan;

	endpoint_plan(&plan);
	lab_apply(lock, &plan);
	send_both(5000);
	send_both(5001);
	send_both(5001);
	assert_int_equal(dump("deny_egress4").n, 2);
	/* Another rule in the chain that adds to them, another element elsewhere. */
	plan_stmt(plan_rule(ns_plan_find_chain(&plan, "output"), "one more"), NS_STMT_COUNTER);
	plan_element(ns_plan_find_set(&plan, "egress4"), "r7", "udp", "127.0.0.1", "1007");
	ns_plan_normalise(&plan);
	assert_int_equal(lab_apply(lock, &plan).chains_changed, 1);
	send_both(5001);
	assert_int_equal(dump("deny_egress4").n, 2);
	assert_int_equal(dump("deny_egress4").packets, 4);
	assert_int_equal(dump("deny_egress6").packets, 4);
	assert_int_equal(refused(), 8);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

static uint64_t rule_packets(struct ns_lock *lock, const char *chain_name)
{
	struct ns_plan found = NS_PLAN_INIT;
	uint64_t packets;

	assert_int_equal(ns_lock_read(lock, &found, NULL), 0);
	packets = ns_plan_find_chain(&found, chain_name)->rules[0].stmts[0].counter.packets;
	ns_plan_release(&found);
	return packets;
}

static void test_chains_change_alone(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_lock_result result;
	struct ns_plan plan;
	struct ns_plan_chain *input, *output;

	plan_begin(&plan, NFPROTO_INET);
	plan_base(&plan, "input", NF_INET_LOCAL_IN, 0, NF_ACCEPT);
	plan_base(&plan, "output", NF_INET_LOCAL_OUT, 0, NF_ACCEPT);
	input = ns_plan_find_chain(&plan, "input");
	output = ns_plan_find_chain(&plan, "output");
	plan_stmt(plan_rule(input, ""), NS_STMT_COUNTER);
	plan_stmt(plan_rule(output, ""), NS_STMT_COUNTER);
	lab_apply(lock, &plan);
	send_both(9);
	assert_true(rule_packets(lock, "input") >= 2);

	/* Another rule in one: the other goes on counting. */
	plan_stmt(plan_rule(output, "second"), NS_STMT_COUNTER);
	result = lab_apply(lock, &plan);
	assert_int_equal(result.chains_changed, 1);
	assert_true(rule_packets(lock, "input") >= 2);
	assert_int_equal(rule_packets(lock, "output"), 0);

	/* A policy changes in place. */
	send_both(9);
	input->policy = NF_DROP;
	result = lab_apply(lock, &plan);
	assert_int_equal(result.chains_changed, 1);
	assert_true(rule_packets(lock, "input") >= 4);
	assert_true(rule_packets(lock, "output") >= 2);
	lab_assert_holds(lock, &plan);

	/* Priority and hook make it anew. */
	input->priority = 10;
	output->hook = NF_INET_FORWARD;
	result = lab_apply(lock, &plan);
	assert_int_equal(result.chains_changed, 2);
	lab_assert_holds(lock, &plan);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

/* A set of another kind under the same name: the rules that name it are written again, though they look the same. And
 * a chain that others jump to becomes a base chain. */
static void test_remade_under_the_same_name(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_plan plan;
	struct ns_plan_set *set;
	struct ns_plan_chain *aside;

	endpoint_plan(&plan);
	aside = plan_chain(&plan, "aside");
	plan_stmt(plan_rule(aside, ""), NS_STMT_COUNTER);
	plan_verdict(plan_rule(ns_plan_find_chain(&plan, "output"), "aside"), NFT_JUMP, "aside");
	lab_apply(lock, &plan);
	set = ns_plan_find_set(&plan, "egress4");
	set->interval = true;
	ns_plan_find_set(&plan, "deny_egress6")->size = 200;
	lab_apply(lock, &plan);
	lab_assert_holds(lock, &plan);
	send_both(1001);
	assert_int_equal(lab_packets(lock, "egress4", "r1"), 1);
	aside = ns_plan_find_chain(&plan, "aside");
	aside->base = true;
	aside->hook = NF_INET_LOCAL_IN;
	aside->policy = NF_ACCEPT;
	ns_plan_find_chain(&plan, "output")->n_rules--;
	lab_apply(lock, &plan);
	lab_assert_holds(lock, &plan);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

static void test_sweep(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_lock_result result;
	struct ns_plan full, empty;

	endpoint_plan(&full);
	lab_apply(lock, &full);
	plan_begin(&empty, NFPROTO_INET);
	result = lab_apply(lock, &empty);
	assert_int_equal(result.sets_changed, 6);
	assert_int_equal(result.chains_changed, 1);
	lab_assert_holds(lock, &empty);
	lab_apply(lock, &full);
	lab_assert_holds(lock, &full);
	ns_plan_release(&full);
	ns_lock_close(lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_unsupported_plan_first, lock_setup), /* first in the process */
		cmocka_unit_test_setup(test_bad_rule_changes_nothing, lock_setup),
		cmocka_unit_test_setup(test_bad_element_changes_nothing, lock_setup),
		cmocka_unit_test_setup(test_first_batch_that_fails_leaves_no_table, lock_setup),
		cmocka_unit_test_setup(test_refused_plans, lock_setup),
		cmocka_unit_test_setup(test_untouched_elements_keep_their_figures, lock_setup),
		cmocka_unit_test_setup(test_tag_changes_replace_the_element, lock_setup),
		cmocka_unit_test_setup(test_tree_changes, lock_setup),
		cmocka_unit_test_setup(test_dynamic_elements_stay, lock_setup),
		cmocka_unit_test_setup(test_chains_change_alone, lock_setup),
		cmocka_unit_test_setup(test_remade_under_the_same_name, lock_setup),
		cmocka_unit_test_setup(test_sweep, lock_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
