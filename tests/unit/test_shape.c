/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A table made for its policy says of every packet what the whole one says: the same verdict, the same figures, the
 * same elements added. Policies and packets come at random, the same ones each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shape_world.h"

#define POLICIES 300
#define PACKETS  300

static size_t count_rules(const struct ns_plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_chains; i++)
		n += plan->chains[i].n_rules;
	return n;
}

struct tally {
	unsigned accepted, refused, differences;
};

static void differ(const struct ns_plan *shaped, const struct ns_policy *policy, const char *chain,
		   const struct run_packet *packet, const struct run_result *a, const struct run_result *b)
{
	char *text = NULL;
	json_t *json = ns_policy_to_json(policy);

	print_error("%s: whole: %d\n%sshaped: %d\n%s", chain, a->accepted, a->seen, b->accepted, b->seen);
	for (size_t i = 0; i < packet->length; i++)
		print_error("%02x%s", packet->data[i], i + 1 == packet->length ? "\n" : " ");
	(void)json_dumpf(json, stderr, JSON_COMPACT);
	json_decref(json);
	if (ns_plan_print(shaped, &text, NULL) == 0)
		print_error("\n%s", text);
	free(text);
	fail();
}

static void compare(const struct ns_plan *whole, const struct ns_plan *shaped, const struct ns_policy *policy,
		    const char *chain, bool outgoing, struct shape_random *random, struct tally *tally)
{
	for (unsigned i = 0; i < PACKETS; i++) {
		struct run_packet packet;
		struct run_result a, b;

		shape_packet(random, outgoing, &packet);
		for (enum run_sets sets = 0; sets < RUN_SETS; sets++) {
			plan_run(whole, chain, &packet, sets, &a);
			plan_run(shaped, chain, &packet, sets, &b);
			if (a.accepted != b.accepted || strcmp(a.seen, b.seen) != 0)
				differ(shaped, policy, chain, &packet, &a, &b);
		}
		if (a.accepted)
			tally->accepted++;
		else
			tally->refused++;
	}
}

/* Both happen often, and something is left out: else nothing was shown. */
static void assert_telling(const struct tally *tally, size_t whole_rules, size_t shaped_rules)
{
	unsigned all = tally->accepted + tally->refused;

	assert_in_range(tally->accepted, all / 20, all - all / 20);
	assert_true(shaped_rules < whole_rules);
	print_message("%u accepted, %u refused; %zu rules of %zu\n", tally->accepted, tally->refused, shaped_rules,
		      whole_rules);
}

static void compile_outer(const struct ns_policy *policy, const struct ns_book *book, bool auditing, bool whole,
			  struct ns_plan *ret)
{
	static const struct ns_port_name port = { 7, "veth7" };
	struct ns_addr own[4];
	struct ns_prefix links[2];
	struct ns_error err = NS_ERROR_INIT;
	struct ns_outer_options options = { .cookie = 42,
					    .ports = &port,
					    .n_ports = 1,
					    .own = own,
					    .n_own = shape_own(own),
					    .macs = shape_macs,
					    .n_macs = 1,
					    .links = links,
					    .n_links = shape_links(links),
					    .egress_hook = true,
					    .whole = whole };

	if (ns_compile_outer(policy, book, auditing, &options, ret, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_outer(void **state)
{
	struct shape_random random = { 1 };
	struct ns_book *book = shape_book();
	struct tally tally = { 0 };
	size_t whole_rules = 0, shaped_rules = 0;

	for (unsigned i = 0; i < POLICIES; i++) {
		struct ns_plan whole = NS_PLAN_INIT, shaped = NS_PLAN_INIT;
		struct ns_policy policy;

		shape_policy(&random, &policy);
		compile_outer(&policy, book, i % 8 == 0, true, &whole);
		compile_outer(&policy, book, i % 8 == 0, false, &shaped);
		compare(&whole, &shaped, &policy, "from_7", true, &random, &tally);
		compare(&whole, &shaped, &policy, "to_7", false, &random, &tally);
		whole_rules += count_rules(&whole);
		shaped_rules += count_rules(&shaped);
		ns_plan_release(&whole);
		ns_plan_release(&shaped);
		ns_policy_release(&policy);
	}
	assert_telling(&tally, whole_rules, shaped_rules);
	ns_book_free(book);
}

/* The namespace's own table, without others in it and with, and those of members. */
static void test_inner(void **state)
{
	static const struct ns_member_cgroup member = { 7, 2 }, other = { 8, 1 };
	struct ns_prefix links[2];
	const struct ns_compile_options variants[] = {
		{ .links = links, .n_links = shape_links(links) },
		{ .links = links, .n_links = 2, .others = &other, .n_others = 1 },
		{ .links = links, .n_links = 2, .member = &member },
		{ .links = links, .n_links = 2, .member = &member, .host = true },
	};
	struct shape_random random = { 2 };
	struct ns_book *book = shape_book();
	struct tally tally = { 0 };
	size_t whole_rules = 0, shaped_rules = 0;

	for (unsigned i = 0; i < POLICIES; i++) {
		struct ns_compile_options options = variants[i % 4];
		struct ns_plan whole = NS_PLAN_INIT, shaped = NS_PLAN_INIT;
		bool auditing = i % 9 == 0;
		struct ns_policy policy;

		shape_policy(&random, &policy);
		assert_int_equal(ns_compile_enforce(&policy, book, auditing, &options, &shaped, NULL), 0);
		options.whole = true;
		assert_int_equal(ns_compile_enforce(&policy, book, auditing, &options, &whole, NULL), 0);
		compare(&whole, &shaped, &policy, "input", false, &random, &tally);
		compare(&whole, &shaped, &policy, "output", true, &random, &tally);
		if (!options.member)
			compare(&whole, &shaped, &policy, "forward", false, &random, &tally);
		whole_rules += count_rules(&whole);
		shaped_rules += count_rules(&shaped);
		ns_plan_release(&whole);
		ns_plan_release(&shaped);
		ns_policy_release(&policy);
	}
	assert_telling(&tally, whole_rules, shaped_rules);
	ns_book_free(book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outer),
		cmocka_unit_test(test_inner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
