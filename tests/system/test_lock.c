/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The lock on one table: all or nothing, the smallest difference, and whose table it is. What packets do to figures is
 * tried with packets.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "nft/dump.h"
#include "nft/socket.h"

#include "enforce_lab.h"

static void accept_protocol(struct ns_plan_chain *chain, uint8_t protocol)
{
	struct ns_plan_rule *rule = plan_rule(chain, "");
	struct ns_stmt *stmt = plan_stmt(rule, NS_STMT_META);

	stmt->meta.key = NFT_META_L4PROTO;
	stmt = plan_stmt(rule, NS_STMT_CMP);
	stmt->cmp.length = 1;
	stmt->cmp.data[0] = protocol;
	plan_verdict(rule, NF_ACCEPT, NULL);
}

/* What an endpoint's table is like, small: two exact sets, one of ranges, a dynamic one for the rest, counters. */
static void endpoint_plan(struct ns_plan *plan)
{
	static const struct {
		int family;
		const char *set, *range, *seen;
		enum ns_field field;
	} kinds[] = { { AF_INET, "egress4", "egress4_range", "deny_egress4", NS_FIELD_IPV4 },
		      { AF_INET6, "egress6", "egress6_range", "deny_egress6", NS_FIELD_IPV6 } };
	struct ns_plan_chain *output;
	struct ns_plan_rule *rule;
	struct ns_plan_set *set;

	plan_begin(plan, NFPROTO_INET);
	assert_non_null(ns_plan_add_counter(plan, "refused", NULL));
	output = plan_base(plan, "output", NF_INET_LOCAL_OUT, 0, NF_ACCEPT);
	accept_protocol(output, IPPROTO_ICMP); /* nobody listens: each datagram is answered */
	accept_protocol(output, IPPROTO_ICMPV6);
	for (size_t i = 0; i < 2; i++) {
		const char *a = i ? "::1" : "127.0.0.1";

		set = plan_set(plan, kinds[i].set, 3, NS_FIELD_PROTO, kinds[i].field, NS_FIELD_PORT);
		set->counter = true;
		plan_element(set, "r1", "udp", a, "1001");
		plan_element(set, "r2", "udp", a, "1002");
		set = plan_set(plan, kinds[i].range, 3, NS_FIELD_PROTO, kinds[i].field, NS_FIELD_PORT);
		set->counter = true;
		set->interval = true;
		plan_element(set, "r3", "udp", a, "2000-2999");
		set = plan_set(plan, kinds[i].seen, 3, NS_FIELD_PROTO, kinds[i].field, NS_FIELD_PORT);
		set->counter = true;
		set->dynamic = true;
		set->size = 100;
		rule = plan_rule(output, "exact");
		plan_tuple(rule, kinds[i].family, false);
		plan_lookup(rule, kinds[i].set);
		plan_verdict(rule, NF_ACCEPT, NULL);
		rule = plan_rule(output, "ranges");
		plan_tuple(rule, kinds[i].family, false);
		plan_lookup(rule, kinds[i].range);
		plan_verdict(rule, NF_ACCEPT, NULL);
		rule = plan_rule(output, "the rest");
		plan_tuple(rule, kinds[i].family, false);
		LAB_COPY(plan_stmt(rule, NS_STMT_DYNSET)->dynset.set, kinds[i].seen);
		LAB_COPY(plan_stmt(rule, NS_STMT_OBJREF)->objref.name, "refused");
		plan_verdict(rule, NF_DROP, NULL);
	}
	ns_plan_normalise(plan);
}

static void send_both(uint16_t port)
{
	lab_send_udp("127.0.0.1", port);
	lab_send_udp("::1", port);
}

static uint64_t refused(void)
{
	uint64_t packets, bytes;
	struct ns_nft *nft;

	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	assert_int_equal(ns_nft_get_counter(nft, NFPROTO_INET, "nanoseg", "refused", &packets, &bytes, NULL), 0);
	ns_nft_close(nft);
	return packets;
}

struct tally {
	size_t n;
	uint64_t packets;
};

static int count_element(void *ctx, const struct ns_plan_element *element, size_t key_length)
{
	struct tally *tally = ctx;

	assert_true(key_length == 12 || key_length == 24);
	tally->n++;
	tally->packets += element->packets;
	return 0;
}

static struct tally dump(const char *set)
{
	struct tally tally = { 0 };
	struct ns_error err = NS_ERROR_INIT;
	struct ns_nft *nft;

	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	if (ns_nft_dump_elements(nft, NFPROTO_INET, "nanoseg", set, count_element, &tally, &err) < 0)
		fail_msg("%s", err.text);
	ns_nft_close(nft);
	return tally;
}

/* A namespace a test, so that a failing one leaves the next alone. */
static int setup(void **state)
{
	lab_enter();
	return 0;
}

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

/* ---- dumps ---- */

static int stop(void *ctx, const struct ns_plan_element *element, size_t key_length)
{
	++*(unsigned *)ctx;
	return -ECANCELED;
}

static void test_dumps(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_error err = NS_ERROR_INIT;
	uint64_t packets = 77, bytes = 77;
	struct ns_plan plan;
	struct ns_nft *nft;
	unsigned calls = 0;

	endpoint_plan(&plan);
	lab_apply(lock, &plan);
	send_both(1001);
	assert_int_equal(dump("egress4").n, 2);
	assert_int_equal(dump("egress6").packets, 1);
	assert_int_equal(dump("egress6_range").n, 1);
	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	assert_int_equal(ns_nft_dump_elements(nft, NFPROTO_INET, "nanoseg", "nothing", stop, &calls, &err), -ENOENT);
	assert_non_null(strstr(err.text, "nothing"));
	assert_int_equal(ns_nft_dump_elements(nft, NFPROTO_INET, "nothing", "egress4", stop, &calls, NULL), -ENOENT);
	assert_int_equal(calls, 0);
	assert_int_equal(ns_nft_dump_elements(nft, NFPROTO_INET, "nanoseg", "egress4", stop, &calls, NULL), -ECANCELED);
	assert_int_equal(calls, 1);
	assert_int_equal(ns_nft_get_counter(nft, NFPROTO_INET, "nanoseg", "nothing", &packets, &bytes, NULL), -ENOENT);
	assert_int_equal(packets, 77);
	ns_nft_close(nft);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

/* Another process writes answers of its own to our port: none of them is believed. */
static void test_forged_answers(void **state)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr error;
	} forged = { .nlh = { .nlmsg_len = sizeof(forged), .nlmsg_type = NLMSG_ERROR }, .error = { .error = -EPERM } };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int forger = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct ns_error err = NS_ERROR_INIT;
	uint32_t generation;
	struct ns_nft *nft;

	assert_true(forger >= 0);
	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	to.nl_pid = ns_nft_port(nft);
	forged.nlh.nlmsg_pid = to.nl_pid;
	for (forged.nlh.nlmsg_seq = 0; forged.nlh.nlmsg_seq < 64; forged.nlh.nlmsg_seq++)
		assert_int_equal(sendto(forger, &forged, sizeof(forged), 0, (struct sockaddr *)&to, sizeof(to)),
				 sizeof(forged));
	if (ns_nft_generation(nft, &generation, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(generation > 0);
	ns_nft_close(nft);
	close(forger);
}

/* ---- whose table it is ---- */

/* Where a table cannot be owned: anybody can change it, and the next apply makes it right again. */
static void plain_table(void)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_lock_result result;
	struct ns_plan plan;

	endpoint_plan(&plan);
	assert_false(lab_apply(lock, &plan).adopted);
	assert_int_equal(ns_lock_protection(lock), NS_LOCK_UNPROTECTED);
	send_both(1001);
	assert_int_equal(lab_run("nft delete element inet nanoseg egress4 '{ udp . 127.0.0.1 . 1002 }'", NULL), 0);
	assert_int_equal(lab_run("nft insert rule inet nanoseg output accept", NULL), 0);
	result = lab_apply(lock, &plan);
	assert_int_equal(result.elements_added, 1);
	assert_int_equal(result.chains_changed, 1);
	lab_assert_holds(lock, &plan);
	assert_int_equal(lab_run("nft flush ruleset", NULL), 0);
	assert_false(lab_apply(lock, &plan).adopted);
	lab_assert_holds(lock, &plan);
	send_both(1001);
	ns_lock_close(lock);
	lock = lab_lock(NFPROTO_INET);
	result = lab_apply(lock, &plan);
	assert_true(result.adopted);
	assert_int_equal(result.sets_changed + result.chains_changed + result.elements_added, 0);
	assert_int_equal(lab_packets(lock, "egress6", "r1"), 1);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

static void owned_table(void)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET), *other;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_lock_result result;
	struct ns_plan plan;
	char *output;

	endpoint_plan(&plan);
	assert_false(lab_apply(lock, &plan).adopted);
	assert_int_equal(ns_lock_protection(lock), NS_LOCK_OWNED);
	send_both(1001);

	/* Root in the same namespace, another process. */
	assert_int_equal(lab_run("nft flush ruleset", NULL), 0);
	lab_assert_holds(lock, &plan);
	assert_int_equal(lab_run("nft delete table inet nanoseg", &output), 1);
	assert_non_null(strstr(output, "Operation not permitted"));
	free(output);
	assert_int_equal(lab_run("nft delete element inet nanoseg egress4 '{ udp . 127.0.0.1 . 1001 }'", NULL), 1);
	assert_int_equal(lab_run("nft add rule inet nanoseg output accept", NULL), 1);
	lab_assert_holds(lock, &plan);

	/* Another lock, while this one lives. */
	other = lab_lock(NFPROTO_INET);
	assert_int_equal(ns_lock_apply(other, &plan, &result, &err), -EPERM);
	assert_non_null(strstr(err.text, "owned by another process"));
	assert_int_equal(ns_lock_remove(other, NULL), -EPERM);
	lab_assert_holds(other, &plan); /* reading is anybody's */

	/* The lock goes; the table stays, and works. */
	ns_lock_close(lock);
	lab_assert_holds(other, &plan);
	send_both(1001);
	send_both(7777);

	/* The next lock adopts it; figures go on. */
	result = lab_apply(other, &plan);
	assert_true(result.adopted);
	assert_int_equal(result.elements_added + result.elements_removed + result.sets_changed + result.chains_changed,
			 0);
	assert_int_equal(ns_lock_protection(other), NS_LOCK_OWNED);
	assert_false(lab_apply(other, &plan).adopted);
	send_both(1001);
	assert_int_equal(lab_packets(other, "egress4", "r1"), 3);
	assert_int_equal(lab_packets(other, "egress6", "r1"), 3);
	assert_int_equal(refused(), 2);
	assert_int_equal(dump("deny_egress6").n, 1);
	assert_int_equal(lab_run("nft delete table inet nanoseg", NULL), 1);
	ns_plan_release(&plan);
	ns_lock_close(other);
}

static void test_owner(void **state)
{
	if (lab_protection() == NS_LOCK_OWNED)
		owned_table();
	else
		plain_table();
}

/* A process that applied the plan is killed: rules stay, and the next one adopts them, with a change of plan in the
 * same transaction. */
static void test_killed_owner(void **state)
{
	struct ns_lock_result result;
	struct ns_lock *lock;
	struct ns_plan plan;
	int ready[2];
	char byte;
	pid_t pid;

	endpoint_plan(&plan);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		lock = NULL;
		if (ns_lock_open(-1, NFPROTO_INET, NS_TABLE_NAME, &lock, NULL) < 0 ||
		    ns_lock_apply(lock, &plan, &result, NULL) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	lock = lab_lock(NFPROTO_INET);
	if (lab_protection() == NS_LOCK_OWNED)
		assert_int_equal(ns_lock_apply(lock, &plan, &result, NULL), -EPERM);
	send_both(1001);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	lab_assert_holds(lock, &plan);
	send_both(1001);
	plan_element(ns_plan_find_set(&plan, "egress4"), "r6", "udp", "127.0.0.1", "1006");
	ns_plan_normalise(&plan);
	result = lab_apply(lock, &plan);
	assert_true(result.adopted);
	assert_int_equal(result.elements_added, 1);
	assert_int_equal(lab_packets(lock, "egress4", "r1"), 2);
	assert_int_equal(lab_packets(lock, "egress6", "r1"), 2);
	close(ready[0]);
	close(ready[1]);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

/* Somebody made a table of our name first, with things no plan can say: it is replaced, in one transaction. */
static void test_intruders(void **state)
{
	static const char *const intruders[] = {
		"table inet nanoseg { }",
		"table inet nanoseg { flags dormant; }",
		"table inet nanoseg { quota q { over 10 mbytes; }; }",
		"table inet nanoseg { map m { type ipv4_addr : verdict; elements = { 10.0.0.1 : accept }; }; }",
		"table inet nanoseg { chain output { type nat hook output priority 0; accept; }; }",
		"table inet nanoseg { chain a-chain-with-a-name-longer-than-any-of-ours { accept; }; }",
		"table inet nanoseg { set a-set-with-a-name-longer-than-any-of-ours { type ipv4_addr; }; }",
		"table inet nanoseg { counter refused { packets 5 bytes 5; }; counter x { packets 1 bytes 1; }; }",
		"table inet nanoseg { chain output { type filter hook output priority 0; ip ttl set 5; accept; }; }",
		"table inet nanoseg { set egress4 { type inet_proto . ipv4_addr . inet_service; timeout 5s; }; }",
	};
	struct ns_plan plan;
	char command[512];

	endpoint_plan(&plan);
	for (size_t i = 0; i < sizeof(intruders) / sizeof(intruders[0]); i++) {
		struct ns_lock *lock = lab_lock(NFPROTO_INET);

		snprintf(command, sizeof(command), "nft '%s'", intruders[i]);
		if (lab_run(command, NULL) != 0)
			fail_msg("nft does not take: %s", intruders[i]);
		lab_apply(lock, &plan);
		lab_assert_holds(lock, &plan);
		assert_int_equal(ns_lock_protection(lock), lab_protection());
		assert_int_equal(ns_lock_remove(lock, NULL), 0);
		ns_lock_close(lock);
	}
	ns_plan_release(&plan);
}

static void test_other_tables_stay(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	char *before, *after;
	struct ns_plan plan;

	assert_int_equal(lab_run("nft 'table inet filter { set s { type ipv4_addr; elements = { 10.0.0.1 }; }; "
				 "chain output { type filter hook output priority 10; ip daddr @s drop; }; }; "
				 "table ip nanoseg { chain output { accept; }; }; "
				 "table ip6 nat { chain docker { type nat hook output priority -100; }; }'",
				 NULL),
			 0);
	assert_int_equal(lab_run("nft list ruleset", &before), 0);
	endpoint_plan(&plan);
	lab_apply(lock, &plan);
	lab_assert_holds(lock, &plan);
	plan_element(ns_plan_find_set(&plan, "egress4"), "r6", "udp", "127.0.0.1", "1006");
	ns_plan_normalise(&plan);
	lab_apply(lock, &plan);
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	assert_int_equal(lab_run("nft list ruleset", &after), 0);
	assert_string_equal(before, after);
	assert_int_equal(lab_run("nft flush ruleset", NULL), 0);
	free(before);
	free(after);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

/* Another process commits to a table of its own all the time: generations change under every dump and every batch. */
static void test_busy_neighbour(void **state)
{
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_plan plan;
	pid_t pid;

	endpoint_plan(&plan);
	for (unsigned i = 0; i < 3000; i++) {
		char port[8];

		snprintf(port, sizeof(port), "%u", 10000 + i);
		plan_element(ns_plan_find_set(&plan, "egress6"), "r5", "tcp", "fd00::1", port);
	}
	ns_plan_normalise(&plan);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execlp("sh", "sh", "-c",
		       "while :; do printf 'add table inet busy\\nadd counter inet busy c\\ndelete table inet busy\\n' "
		       "| "
		       "nft -f -; done",
		       (char *)NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 20; i++) {
		plan_element(ns_plan_find_set(&plan, "egress4"), "r6", "udp", "127.0.0.1", i % 2 ? "1006" : "1007");
		ns_plan_normalise(&plan);
		lab_apply(lock, &plan);
		lab_assert_holds(lock, &plan);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	ns_plan_release(&plan);
	ns_lock_close(lock);
	lab_run("sleep 0.2; nft delete table inet busy", NULL);
}

/* ---- size ---- */

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void add_many(struct ns_plan *plan, const char *name, unsigned n)
{
	struct ns_plan_set *set = ns_plan_find_set(plan, name);

	for (unsigned i = 0; i < n; i++) {
		struct ns_plan_element *element = ns_plan_add_element(set, NULL);
		size_t at = set->fields[1] == NS_FIELD_IPV6 ? 16 : 4;

		assert_non_null(element);
		element->key[0] = IPPROTO_TCP;
		element->key[4] = 10;
		element->key[at + 1] = (uint8_t)(i >> 16);
		element->key[at + 2] = (uint8_t)(i >> 8);
		element->key[at + 3] = (uint8_t)i;
		element->key[at + 4] = 1;
		memcpy(element->key_end, element->key, sizeof(element->key));
		snprintf(element->tag, sizeof(element->tag), "rule-%u", i % 1000);
	}
}

static void test_many_elements(void **state)
{
	enum { MANY = 50000 }; /* in each family */
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	struct ns_lock_result result;
	struct timespec start;
	struct ns_plan plan;

	endpoint_plan(&plan);
	add_many(&plan, "egress4", MANY);
	add_many(&plan, "egress6", MANY);
	ns_plan_normalise(&plan);
	clock_gettime(CLOCK_MONOTONIC, &start);
	result = lab_apply(lock, &plan);
	print_message("%zu elements into a new table: %.2f s\n", result.elements_added, seconds_since(&start));
	assert_int_equal(result.elements_added, 2 * MANY + 6);
	lab_assert_holds(lock, &plan);

	plan_element(ns_plan_find_set(&plan, "egress6"), "r6", "udp", "::1", "1006");
	ns_plan_normalise(&plan);
	clock_gettime(CLOCK_MONOTONIC, &start);
	result = lab_apply(lock, &plan);
	print_message("one more: %.2f s\n", seconds_since(&start));
	assert_int_equal(result.elements_added, 1);
	assert_int_equal(result.elements_removed, 0);

	ns_plan_find_set(&plan, "egress4")->n_elements = 2;
	clock_gettime(CLOCK_MONOTONIC, &start);
	result = lab_apply(lock, &plan);
	print_message("%zu elements fewer: %.2f s\n", result.elements_removed, seconds_since(&start));
	assert_int_equal(result.elements_removed, MANY);
	ns_plan_release(&plan);
	ns_lock_close(lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_unsupported_plan_first, setup), /* first in the process */
		cmocka_unit_test_setup(test_bad_rule_changes_nothing, setup),
		cmocka_unit_test_setup(test_bad_element_changes_nothing, setup),
		cmocka_unit_test_setup(test_first_batch_that_fails_leaves_no_table, setup),
		cmocka_unit_test_setup(test_refused_plans, setup),
		cmocka_unit_test_setup(test_untouched_elements_keep_their_figures, setup),
		cmocka_unit_test_setup(test_tag_changes_replace_the_element, setup),
		cmocka_unit_test_setup(test_tree_changes, setup),
		cmocka_unit_test_setup(test_dynamic_elements_stay, setup),
		cmocka_unit_test_setup(test_chains_change_alone, setup),
		cmocka_unit_test_setup(test_remade_under_the_same_name, setup),
		cmocka_unit_test_setup(test_sweep, setup),
		cmocka_unit_test_setup(test_dumps, setup),
		cmocka_unit_test_setup(test_forged_answers, setup),
		cmocka_unit_test_setup(test_owner, setup),
		cmocka_unit_test_setup(test_killed_owner, setup),
		cmocka_unit_test_setup(test_intruders, setup),
		cmocka_unit_test_setup(test_other_tables_stay, setup),
		cmocka_unit_test_setup(test_busy_neighbour, setup),
		cmocka_unit_test_setup(test_many_elements, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
