/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Written and read without a kernel in between: each construct says the same after both. (With the kernel in between:
 * tests/system/test_roundtrip.c.) And what can be cut short anywhere without harm.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/decode.h"

static const struct ns_nft_scope scope = { NFPROTO_INET, "nanoseg" };
static const struct ns_nft_scope elsewhere = { NFPROTO_INET, "filter" };
static const struct ns_nft_scope netdev = { NFPROTO_NETDEV, "nanoseg" };

static struct ns_nft_batch *new_batch(void)
{
	struct ns_nft_batch *batch = NULL;

	assert_int_equal(ns_nft_batch_new(&batch, NULL), 0);
	return batch;
}

static struct ns_plan_rule every_statement(void)
{
	struct ns_plan_rule rule = { .comment = "each of them", .n_stmts = 12 };
	struct ns_stmt *s = rule.stmts;

	s[0] = (struct ns_stmt){ .kind = NS_STMT_META, .meta = { NFT_META_L4PROTO, 15 } };
	s[1] = (struct ns_stmt){ .kind = NS_STMT_CT, .ct = { NFT_CT_PROTO_DST, 4, 1 } };
	s[2] = (struct ns_stmt){ .kind = NS_STMT_PAYLOAD, .payload = { NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1 } };
	s[3] = (struct ns_stmt){ .kind = NS_STMT_IMMEDIATE, .immediate = { 8, 3, { 1, 2, 3 } } };
	s[4] = (struct ns_stmt){ .kind = NS_STMT_BITWISE, .bitwise = { 8, 12, 2, { 0xff, 0x0f }, { 0, 1 } } };
	s[5] = (struct ns_stmt){ .kind = NS_STMT_CMP, .cmp = { NFT_CMP_GTE, 12, 16, { 9, 8, 7 } } };
	s[6] = (struct ns_stmt){ .kind = NS_STMT_LOOKUP, .lookup = { "egress4", 1, true } };
	s[7] = (struct ns_stmt){ .kind = NS_STMT_DYNSET, .dynset = { "seen", NFT_DYNSET_OP_UPDATE, 2, true, 9000 } };
	s[8] = (struct ns_stmt){ .kind = NS_STMT_OBJREF, .objref = { "refused" } };
	s[9] = (struct ns_stmt){ .kind = NS_STMT_LIMIT, .limit = { 10, 60, 7, true } };
	s[10] = (struct ns_stmt){ .kind = NS_STMT_LOG, .log = { 28275, 128, "nanoseg:deny:egress" } };
	s[11] = (struct ns_stmt){ .kind = NS_STMT_VERDICT, .verdict = { NFT_JUMP, "aside" } };
	return rule;
}

static struct ns_plan_rule the_rest(void)
{
	struct ns_plan_rule rule = { .n_stmts = 5 };

	rule.stmts[0].kind = NS_STMT_COUNTER;
	rule.stmts[1] = (struct ns_stmt){ .kind = NS_STMT_REJECT, .reject = { NFT_REJECT_ICMPX_UNREACH, 3 } };
	rule.stmts[2] = (struct ns_stmt){ .kind = NS_STMT_SOCKET, .socket = { NFT_SOCKET_CGROUPV2, 3, 14 } };
	rule.stmts[3] = (struct ns_stmt){ .kind = NS_STMT_SOCKET, .socket = { NFT_SOCKET_MARK, 0, 5 } };
	rule.stmts[4] = (struct ns_stmt){ .kind = NS_STMT_VERDICT, .verdict = { NF_DROP, "" } };
	return rule;
}

/* Every shorter message, with the header's length told truly, and the last byte before the end of its memory. */
static void cut_short(const struct nlmsghdr *whole, void (*decode)(const struct nlmsghdr *nlh))
{
	for (uint32_t length = sizeof(*whole); length < whole->nlmsg_len; length++) {
		struct nlmsghdr *part = malloc(length);

		assert_non_null(part);
		memcpy(part, whole, length);
		part->nlmsg_len = length;
		decode(part);
		free(part);
	}
}

static void decode_any_rule(const struct nlmsghdr *nlh)
{
	char chain[NS_NFT_NAME_MAX];
	struct ns_plan_rule rule;

	assert_true(ns_nft_decode_rule(nlh, &scope, chain, &rule, NULL) <= 1);
}

static int each_rule(void *ctx, const struct nlmsghdr *nlh, const char *what)
{
	const struct ns_plan_rule *wanted = ctx;
	char chain[NS_NFT_NAME_MAX] = "untouched";
	struct ns_plan_rule rule;

	assert_string_equal(what, "chain output, rule 3");
	assert_int_equal(ns_nft_decode_rule(nlh, &elsewhere, chain, &rule, NULL), 0);
	assert_int_equal(ns_nft_decode_rule(nlh, &netdev, chain, &rule, NULL), 0);
	assert_string_equal(chain, "untouched");
	assert_int_equal(ns_nft_decode_rule(nlh, &scope, chain, &rule, NULL), 1);
	assert_string_equal(chain, "output");
	assert_true(ns_plan_rule_equal(wanted, &rule));
	cut_short(nlh, decode_any_rule);
	return 0;
}

static void test_rules(void **state)
{
	struct ns_plan_rule rules[] = { every_statement(), the_rest() };

	for (size_t i = 0; i < 2; i++) {
		struct ns_nft_batch *batch = new_batch();

		ns_nft_put_rule(batch, &scope, "output", 3, &rules[i]);
		assert_int_equal(ns_nft_batch_messages(batch), 1);
		assert_int_equal(ns_nft_batch_walk(batch, each_rule, &rules[i]), 0);
		ns_nft_batch_free(batch);
	}
}

static void test_bad_statement_is_named(void **state)
{
	struct ns_plan_rule rule = the_rest();
	struct ns_nft_batch *batch = new_batch();
	struct ns_error err = NS_ERROR_INIT;

	rule.stmts[1].kind = NS_STMT_INVALID;
	ns_nft_put_rule(batch, &scope, "output", 3, &rule);
	assert_int_equal(ns_nft_batch_send(NULL, batch, &err), -EINVAL);
	assert_string_equal(err.text, "chain output, rule 3: statement 1 cannot be written");
	ns_nft_batch_free(batch);
}

static void decode_any_set(const struct nlmsghdr *nlh)
{
	struct ns_plan_set set;

	assert_true(ns_nft_decode_set(nlh, &scope, &set, NULL) <= 1);
}

static int each_set(void *ctx, const struct nlmsghdr *nlh, const char *what)
{
	const struct ns_plan_set *wanted = ctx;
	struct ns_plan_set set;

	assert_int_equal(ns_nft_decode_set(nlh, &elsewhere, &set, NULL), 0);
	assert_int_equal(ns_nft_decode_set(nlh, &scope, &set, NULL), 1);
	assert_true(ns_plan_set_same_definition(wanted, &set));
	cut_short(nlh, decode_any_set);
	return 0;
}

/* Every set of flags over one field, three, and as many as there may be. */
static void test_sets(void **state)
{
	for (unsigned flags = 0; flags < 96; flags++) {
		struct ns_plan_set set = { .name = "tuples",
					   .fields = { NS_FIELD_PORT, NS_FIELD_IPV6, NS_FIELD_PROTO, NS_FIELD_IFNAME,
						       NS_FIELD_MARK },
					   .n_fields = flags / 32 == 0   ? 1
						       : flags / 32 == 1 ? 3
									 : 5 };
		struct ns_nft_batch *batch = new_batch();

		set.interval = flags & 1;
		set.dynamic = flags & 2;
		set.timeout = flags & 4;
		set.counter = flags & 8;
		set.size = flags & 16 ? 1024 : set.dynamic ? NS_NFT_DYNAMIC_SET_SIZE : 0;
		ns_nft_put_set(batch, &scope, &set);
		assert_int_equal(ns_nft_batch_walk(batch, each_set, &set), 0);
		assert_int_equal(ns_nft_batch_messages(batch), 1);
		ns_nft_batch_free(batch);
	}
}

static void test_key_types(void **state)
{
	const struct ns_plan_set set = { .fields = { NS_FIELD_PROTO, NS_FIELD_IPV4, NS_FIELD_PORT }, .n_fields = 3 };
	const struct ns_plan_set one = { .fields = { NS_FIELD_PROTO }, .n_fields = 1 };
	const struct ns_plan_set wide = {
		.fields = { NS_FIELD_IPV6, NS_FIELD_IPV6, NS_FIELD_IPV6, NS_FIELD_IPV6, NS_FIELD_PORT }, .n_fields = 5
	};
	const struct ns_plan_set none = { 0 };

	assert_int_equal(ns_nft_key_type(&set), 12 << 12 | 7 << 6 | 13);
	assert_int_equal(ns_nft_key_length(&set), 12);
	assert_int_equal(ns_nft_key_length(&one), 1);
	assert_int_equal(ns_nft_key_length(&wide), 0); /* 68 bytes; a key has 64 */
	assert_int_equal(ns_nft_key_length(&none), 0);
}

static void decode_any_chain(const struct nlmsghdr *nlh)
{
	struct ns_plan_chain chain;

	assert_true(ns_nft_decode_chain(nlh, &netdev, &chain, NULL) <= 1);
}

static bool same_chain(const struct ns_plan_chain *a, const struct ns_plan_chain *b)
{
	return strcmp(a->name, b->name) == 0 && a->base == b->base && a->hook == b->hook &&
	       a->priority == b->priority && a->policy == b->policy && strcmp(a->device, b->device) == 0;
}

static int each_chain(void *ctx, const struct nlmsghdr *nlh, const char *what)
{
	const struct ns_plan_chain *wanted = ctx;
	struct ns_plan_chain chain;

	assert_int_equal(ns_nft_decode_chain(nlh, &scope, &chain, NULL), 0);
	assert_int_equal(ns_nft_decode_chain(nlh, &netdev, &chain, NULL), 1);
	assert_true(same_chain(&chain, wanted));
	cut_short(nlh, decode_any_chain);
	return 0;
}

static void test_chains(void **state)
{
	static const struct ns_plan_chain chains[] = {
		{ .name = "regular" },
		{ .name = "in", .base = true, .hook = 0, .priority = -300, .policy = NF_DROP, .device = "eth0" },
		{ .name = "out", .base = true, .hook = 1, .priority = INT32_MAX, .policy = NF_ACCEPT, .device = "v*" },
	};

	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		struct ns_nft_batch *batch = new_batch();
		struct ns_plan_chain chain = chains[i];

		ns_nft_put_chain(batch, &netdev, &chain);
		assert_int_equal(ns_nft_batch_walk(batch, each_chain, &chain), 0);
		ns_nft_batch_free(batch);
	}
}

static int each_table(void *ctx, const struct nlmsghdr *nlh, const char *what)
{
	struct ns_nft_table table;

	assert_int_equal(ns_nft_decode_table(nlh, &elsewhere, &table, NULL), 0);
	assert_int_equal(ns_nft_decode_table(nlh, &scope, &table, NULL), 1);
	assert_int_equal(table.flags, 6);
	assert_int_equal(table.owner, 0);
	return 0;
}

static int each_counter(void *ctx, const struct nlmsghdr *nlh, const char *what)
{
	struct ns_plan_counter counter;

	assert_int_equal(ns_nft_decode_counter(nlh, &elsewhere, &counter, NULL), 0);
	assert_int_equal(ns_nft_decode_counter(nlh, &scope, &counter, NULL), 1);
	assert_string_equal(counter.name, "refused");
	return 0;
}

static void test_table_and_counter(void **state)
{
	struct ns_nft_batch *batch = new_batch();

	ns_nft_put_table(batch, &scope, NS_NFT_TABLE_F_OWNER | NS_NFT_TABLE_F_PERSIST);
	assert_int_equal(ns_nft_batch_walk(batch, each_table, NULL), 0);
	ns_nft_batch_free(batch);
	batch = new_batch();
	ns_nft_put_counter(batch, &scope, "refused");
	assert_int_equal(ns_nft_batch_walk(batch, each_counter, NULL), 0);
	ns_nft_batch_free(batch);
}

static const struct ns_plan_set tuples = {
	.name = "egress6", .fields = { NS_FIELD_PROTO, NS_FIELD_IPV6, NS_FIELD_PORT }, .n_fields = 3, .interval = true
};

static int check_element(void *ctx, const struct ns_plan_element *element, bool end, struct ns_error *err)
{
	const struct ns_plan_element *wanted = ctx;

	assert_non_null(element);
	assert_false(end);
	assert_memory_equal(element, wanted, sizeof(*element));
	return 7;
}

static int ignore_element(void *ctx, const struct ns_plan_element *element, bool end, struct ns_error *err)
{
	return 0;
}

static void decode_any_elements(const struct nlmsghdr *nlh)
{
	assert_true(ns_nft_decode_elements(nlh, &scope, &tuples, ignore_element, NULL, NULL) <= 1);
}

static int each_elements(void *ctx, const struct nlmsghdr *nlh, const char *what)
{
	struct ns_plan_set other = tuples;

	(void)snprintf(other.name, sizeof(other.name), "%s", "other");
	assert_int_equal(ns_nft_decode_elements(nlh, &elsewhere, &tuples, check_element, ctx, NULL), 0);
	assert_int_equal(ns_nft_decode_elements(nlh, &scope, &other, check_element, ctx, NULL), 0);
	assert_int_equal(ns_nft_decode_elements(nlh, &scope, &tuples, check_element, ctx, NULL), 7);
	cut_short(nlh, decode_any_elements);
	return 0;
}

static void test_element(void **state)
{
	struct ns_plan_element element = { .key = { 6, [4] = 0xfd, [20] = 1 },
					   .key_end = { 6, [4] = 0xfd, [19] = 0xff, [20] = 2 },
					   .tag = "r17",
					   .timeout_ms = 1234 };
	struct ns_nft_batch *batch = new_batch();
	struct ns_nft_elements writer;

	ns_nft_elements_begin(&writer, batch, &scope, &tuples, false);
	ns_nft_elements_add(&writer, &element);
	ns_nft_elements_end(&writer);
	assert_int_equal(ns_nft_batch_walk(batch, each_elements, &element), 0);
	ns_nft_batch_free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),   cmocka_unit_test(test_bad_statement_is_named),
		cmocka_unit_test(test_sets),    cmocka_unit_test(test_key_types),
		cmocka_unit_test(test_chains),  cmocka_unit_test(test_table_and_counter),
		cmocka_unit_test(test_element),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
