/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Plans as data: limits, order, equality, text, difference.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <cmocka.h>

#include <nanoseg/plan.h>

static struct ns_plan_element *element(struct ns_plan_set *set, uint8_t port, const char *tag)
{
	struct ns_plan_element *e = ns_plan_add_element(set, NULL);

	assert_non_null(e);
	e->key[1] = e->key_end[1] = port;
	(void)snprintf(e->tag, sizeof(e->tag), "%s", tag);
	return e;
}

static void accept_rule(struct ns_plan_chain *chain, uint8_t protocol, const char *comment)
{
	struct ns_plan_rule *rule = ns_plan_add_rule(chain, NULL);

	assert_non_null(rule);
	(void)snprintf(rule->comment, sizeof(rule->comment), "%s", comment);
	rule->stmts[0].kind = NS_STMT_META;
	rule->stmts[0].meta.key = NFT_META_L4PROTO;
	rule->stmts[1].kind = NS_STMT_CMP;
	rule->stmts[1].cmp.length = 1;
	rule->stmts[1].cmp.data[0] = protocol;
	rule->stmts[2].kind = NS_STMT_VERDICT;
	rule->stmts[2].verdict.code = NF_ACCEPT;
	rule->n_stmts = 3;
}

/* A small table: one counter, two sets, a base chain and another. */
static void make_plan(struct ns_plan *plan)
{
	struct ns_plan_chain *chain;
	struct ns_plan_set *set;

	*plan = (struct ns_plan)NS_PLAN_INIT;
	plan->family = NFPROTO_INET;
	strcpy(plan->table, "nanoseg");
	assert_non_null(ns_plan_add_counter(plan, "z", NULL));
	assert_non_null(ns_plan_add_counter(plan, "a", NULL));
	set = ns_plan_add_set(plan, "ports", NULL);
	set->fields[0] = NS_FIELD_PORT;
	set->n_fields = 1;
	set->counter = true;
	element(set, 90, "r2");
	element(set, 80, "r1");
	element(set, 90, "r3");
	set = ns_plan_add_set(plan, "dyn", NULL);
	set->fields[0] = NS_FIELD_PROTO;
	set->fields[1] = NS_FIELD_IPV6;
	set->n_fields = 2;
	set->dynamic = true;
	set->size = 16;
	assert_non_null(ns_plan_add_element(set, NULL));
	chain = ns_plan_add_chain(plan, "input", NULL);
	chain->base = true;
	chain->hook = NF_INET_LOCAL_IN;
	chain->policy = NF_DROP;
	accept_rule(chain, 6, "web");
	accept_rule(chain, 17, "");
	accept_rule(chain, 1, "");
	assert_non_null(ns_plan_add_chain(plan, "aside", NULL));
	ns_plan_normalise(plan);
}

static const char canonical[] = "table inet nanoseg\n"
				"counter a\n"
				"counter z\n"
				"set dyn { proto . ipv6; dynamic; size 16 }\n"
				"set ports { port; counter }\n"
				"element ports { 80 } r1\n"
				"element ports { 90 } r2\n"
				"chain aside\n"
				"chain input hook input priority 0 policy drop\n"
				"rule input: meta l4proto -> 0 | 0 == 0x06 | accept # web\n"
				"rule input: meta l4proto -> 0 | 0 == 0x11 | accept\n"
				"rule input: meta l4proto -> 0 | 0 == 0x01 | accept\n";

static void expect_text(const struct ns_plan *plan, const char *wanted)
{
	char *text;

	assert_int_equal(ns_plan_print(plan, &text, NULL), 0);
	assert_string_equal(text, wanted);
	free(text);
}

static void expect_difference(const struct ns_plan *wanted, const struct ns_plan *found, size_t max, const char *text)
{
	char *difference;

	assert_int_equal(ns_plan_difference(wanted, found, max, &difference, NULL), 0);
	assert_string_equal(difference, text);
	free(difference);
}

static void test_canonical_text(void **state)
{
	struct ns_plan plan;
	char digest[72], again[72];

	make_plan(&plan);
	expect_text(&plan, canonical);
	assert_int_equal(ns_plan_digest(&plan, digest, NULL), 0);
	assert_int_equal(strncmp(digest, "sha256:", 7), 0);
	assert_int_equal(strlen(digest), 71);
	/* Figures and handles are no part of it. */
	plan.sets[1].elements[0].packets = 7;
	plan.counters[0].bytes = 7;
	plan.chains[0].rules[0].handle = 7;
	plan.sets[0].elements[0].key[0] = 7; /* of a dynamic set */
	assert_int_equal(ns_plan_digest(&plan, again, NULL), 0);
	assert_string_equal(digest, again);
	plan.sets[1].elements[0].key[1] = 81;
	assert_int_equal(ns_plan_digest(&plan, again, NULL), 0);
	assert_string_not_equal(digest, again);
	ns_plan_release(&plan);
	ns_plan_release(&plan);
}

static void test_no_difference(void **state)
{
	struct ns_plan a, b, empty = NS_PLAN_INIT;

	make_plan(&a);
	make_plan(&b);
	b.chains[0].rules[1].handle = 9;
	expect_difference(&a, &b, 10, "");
	expect_difference(&empty, &empty, 10, "");
	ns_plan_release(&a);
	ns_plan_release(&b);
}

static void test_difference_of_each_kind(void **state)
{
	struct ns_plan a, b;
	struct ns_plan_chain *input;

	make_plan(&a);
	make_plan(&b);
	strcpy(b.counters[1].name, "b");
	strcpy(b.sets[1].elements[0].tag, "other");
	element(&b.sets[1], 99, "r9");
	b.sets[0].size = 17;
	input = ns_plan_find_chain(&b, "input");
	input->policy = NF_ACCEPT;
	input->rules[0] = input->rules[1]; /* the first is gone, the second there twice */
	strcpy(ns_plan_find_chain(&b, "aside")->name, "beside");
	ns_plan_normalise(&b);
	expect_difference(&a, &b, 100,
			  "+counter b\n"
			  "-counter z\n"
			  "-set dyn { proto . ipv6; dynamic; size 16 }\n"
			  "+set dyn { proto . ipv6; dynamic; size 17 }\n"
			  "-element ports { 80 } r1\n"
			  "+element ports { 80 } other\n"
			  "+element ports { 99 } r9\n"
			  "-chain aside\n"
			  "+chain beside\n"
			  "-chain input hook input priority 0 policy drop\n"
			  "+chain input hook input priority 0 policy accept\n"
			  "-rule input: meta l4proto -> 0 | 0 == 0x06 | accept # web\n"
			  "+rule input: meta l4proto -> 0 | 0 == 0x11 | accept\n");
	expect_difference(&a, &b, 2, "+counter b\n-counter z\nand 11 more\n");
	expect_difference(&a, &b, 0, "and 13 more\n");
	ns_plan_release(&a);
	ns_plan_release(&b);
}

static void test_rules_are_aligned(void **state)
{
	struct ns_plan a, b;
	struct ns_plan_chain *chain;

	make_plan(&a);
	make_plan(&b);
	chain = ns_plan_find_chain(&b, "input");
	accept_rule(chain, 99, "put in front");
	struct ns_plan_rule last = chain->rules[3];
	memmove(&chain->rules[1], &chain->rules[0], 3 * sizeof(last));
	chain->rules[0] = last;
	expect_difference(&a, &b, 100, "+rule input: meta l4proto -> 0 | 0 == 0x63 | accept # put in front\n");
	expect_difference(&b, &a, 100, "-rule input: meta l4proto -> 0 | 0 == 0x63 | accept # put in front\n");
	ns_plan_release(&a);
	ns_plan_release(&b);
}

static void test_set_of_another_type(void **state)
{
	struct ns_plan a, b;

	make_plan(&a);
	make_plan(&b);
	ns_plan_find_set(&b, "ports")->interval = true;
	expect_difference(&a, &b, 100,
			  "-set ports { port; counter }\n"
			  "+set ports { port; interval; counter }\n"
			  "-element ports { 80 } r1\n"
			  "-element ports { 90 } r2\n"
			  "+element ports { 80 } r1\n"
			  "+element ports { 90 } r2\n");
	ns_plan_release(&a);
	ns_plan_release(&b);
}

static void test_foreign_bytes_stay_on_their_line(void **state)
{
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_plan_set *set;

	plan.family = NFPROTO_NETDEV;
	strcpy(plan.table, "t\n");
	set = ns_plan_add_set(&plan, "s\x1b", NULL);
	set->fields[0] = NS_FIELD_IFNAME;
	set->fields[1] = NS_FIELD_ETHER;
	set->fields[2] = NS_FIELD_MARK;
	set->n_fields = 3;
	memcpy(element(set, 0, "\"\n")->key, "eth0", sizeof("eth0"));
	element(set, 1, "")->key[0] = ' ';
	set->elements[1].key[24] = 3;
	set->elements[1].key[22] = 1; /* in the padding of the second field */
	expect_text(&plan, "table netdev t\\x0a\n"
			   "set s\\x1b { ifname . ether . mark }\n"
			   "element s\\x1b { \"eth0\" . 00:00:00:00:00:00 . 0 } \\x22\\x0a\n"
			   "element s\\x1b { 0x20010000000000000000000000000000 . 0x0000000000000100 . 3 }\n");
	ns_plan_release(&plan);
}

static void test_every_statement_has_its_text(void **state)
{
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_plan_rule *rule;
	const struct ns_stmt stmts[NS_RULE_STMTS_MAX] = {
		{ .kind = NS_STMT_CT, .ct = { NFT_CT_STATE, 1, NS_CT_DIR_NONE } },
		{ .kind = NS_STMT_BITWISE, .bitwise = { 1, 1, 4, { 2 }, { 0 } } },
		{ .kind = NS_STMT_PAYLOAD, .payload = { NFT_PAYLOAD_LL_HEADER, 6, 6, 2 } },
		{ .kind = NS_STMT_IMMEDIATE, .immediate = { 4, 2, { 0xab, 0xcd } } },
		{ .kind = NS_STMT_DYNSET, .dynset = { "s", NFT_DYNSET_OP_UPDATE, 0, true, 5000 } },
		{ .kind = NS_STMT_COUNTER },
		{ .kind = NS_STMT_OBJREF, .objref = { "c" } },
		{ .kind = NS_STMT_LIMIT, .limit = { 1, 60, 5, true } },
		{ .kind = NS_STMT_LOG, .log = { 7, 64, "p" } },
		{ .kind = NS_STMT_REJECT, .reject = { NFT_REJECT_TCP_RST, 0 } },
		{ .kind = NS_STMT_LOOKUP, .lookup = { "s", 3, true } },
		{ .kind = NS_STMT_VERDICT, .verdict = { NFT_JUMP, "next" } },
	};
	char *text;

	plan.family = NFPROTO_INET;
	strcpy(plan.table, "t");
	rule = ns_plan_add_rule(ns_plan_add_chain(&plan, "c", NULL), NULL);
	memcpy(rule->stmts, stmts, sizeof(stmts));
	rule->n_stmts = NS_RULE_STMTS_MAX;
	assert_int_equal(ns_plan_print(&plan, &text, NULL), 0);
	assert_string_equal(strstr(text, "rule"),
			    "rule c: ct state -> 1 | 1 & 0x00000002 ^ 0x00000000 -> 1 | link 6,6 -> 2 | 0xabcd -> 4 | "
			    "update @s 0 counter timeout 5000ms | counter | counter c | limit over 1/60s burst 5 | "
			    "log group 7 snaplen 64 prefix \"p\" | reject tcp-reset 0 | 3 not in @s | jump next\n");
	free(text);
	/* Each statement alone makes a rule unlike another; figures do not. */
	for (size_t i = 0; i < NS_RULE_STMTS_MAX; i++) {
		struct ns_plan_rule other = *rule;

		assert_true(ns_plan_rule_equal(rule, &other));
		if (other.stmts[i].kind == NS_STMT_COUNTER) {
			other.stmts[i].counter.packets = 5;
			assert_true(ns_plan_rule_equal(rule, &other));
			other.stmts[i].kind = NS_STMT_INVALID;
		} else {
			uint32_t *first = (uint32_t *)(void *)&other.stmts[i].meta;

			*first ^= 1;
		}
		assert_false(ns_plan_rule_equal(rule, &other));
	}
	ns_plan_release(&plan);
}

/* Cgroups are told as numbers, the same on every machine. */
static void test_sockets_have_their_text(void **state)
{
	const uint64_t cgroup = UINT64_C(0x1234567890);
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_plan_rule *rule;
	struct ns_plan_set *set;
	struct ns_plan_rule other;
	char *text;

	plan.family = NFPROTO_INET;
	strcpy(plan.table, "t");
	set = ns_plan_add_set(&plan, "others_2", NULL);
	set->fields[0] = NS_FIELD_CGROUP;
	set->n_fields = 1;
	memcpy(ns_plan_add_element(set, NULL)->key, &cgroup, sizeof(cgroup));
	assert_int_equal(ns_plan_set_key_length(set), 8);
	rule = ns_plan_add_rule(ns_plan_add_chain(&plan, "c", NULL), NULL);
	rule->n_stmts = 5;
	rule->stmts[0] = (struct ns_stmt){ .kind = NS_STMT_SOCKET, .socket = { NFT_SOCKET_CGROUPV2, 2, 1 } };
	rule->stmts[1] = (struct ns_stmt){ .kind = NS_STMT_CMP, .cmp = { NFT_CMP_EQ, 1, 8, { 0 } } };
	memcpy(rule->stmts[1].cmp.data, &cgroup, sizeof(cgroup));
	rule->stmts[2] = (struct ns_stmt){ .kind = NS_STMT_SOCKET, .socket = { NFT_SOCKET_WILDCARD, 0, 1 } };
	rule->stmts[3] = (struct ns_stmt){ .kind = NS_STMT_CMP, .cmp = { NFT_CMP_EQ, 1, 1, { 1 } } };
	rule->stmts[4] = (struct ns_stmt){ .kind = NS_STMT_SOCKET, .socket = { 77, 3, 0 } };
	assert_int_equal(ns_plan_print(&plan, &text, NULL), 0);
	assert_string_equal(text, "table inet t\n"
				  "set others_2 { cgroup }\n"
				  "element others_2 { 78187493520 }\n"
				  "chain c\n"
				  "rule c: socket cgroupv2 level 2 -> 1 | 1 == 0x0000001234567890 | "
				  "socket wildcard -> 1 | 1 == 0x01 | socket 77 level 3 -> 0\n");
	free(text);
	other = *rule;
	assert_true(ns_plan_rule_equal(rule, &other));
	other.stmts[0].socket.level = 3;
	assert_false(ns_plan_rule_equal(rule, &other));
	ns_plan_release(&plan);
}

static void test_limits(void **state)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_plan_chain *chain;
	char name[NS_NFT_NAME_MAX + 1];

	for (int i = 0; i < NS_PLAN_SETS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "s%d", i);
		assert_non_null(ns_plan_add_set(&plan, name, &err));
	}
	assert_null(ns_plan_add_set(&plan, "more", &err));
	assert_int_equal(err.code, -E2BIG);
	assert_string_equal(err.text, "plan: more than 64 sets");
	assert_null(ns_plan_add_set(&plan, "s0", &err));
	assert_int_equal(err.code, -EEXIST);
	memset(name, 'x', NS_NFT_NAME_MAX);
	name[NS_NFT_NAME_MAX] = '\0';
	assert_null(ns_plan_add_chain(&plan, name, &err));
	assert_int_equal(err.code, -ENAMETOOLONG);
	assert_null(ns_plan_add_chain(&plan, "", &err));
	chain = ns_plan_add_chain(&plan, "c", &err);
	for (int i = 0; i < NS_CHAIN_RULES_MAX; i++)
		assert_non_null(ns_plan_add_rule(chain, &err));
	assert_null(ns_plan_add_rule(chain, &err));
	assert_string_equal(err.text, "c: more than 128 rules");
	assert_ptr_equal(ns_plan_find_chain(&plan, "c"), chain);
	assert_null(ns_plan_find_chain(&plan, "d"));
	ns_plan_release(&plan);
}

static void test_fields(void **state)
{
	struct ns_plan_set set = { .fields = { NS_FIELD_PROTO, NS_FIELD_ETHER, NS_FIELD_PORT }, .n_fields = 3 };

	assert_int_equal(ns_field_length(NS_FIELD_ETHER), 6);
	assert_int_equal(ns_field_padded_length(NS_FIELD_ETHER), 8);
	assert_int_equal(ns_field_padded_length(NS_FIELD_PROTO), 4);
	assert_int_equal(ns_field_length(NS_FIELD_INVALID), 0);
	assert_int_equal(ns_plan_set_key_length(&set), 16);
	/* Of a set without intervals only the key counts. */
	struct ns_plan_element a = { .key = { 1 } }, b = { .key = { 1 }, .key_end = { 9 } };

	assert_int_equal(ns_plan_element_compare(&set, &a, &b), 0);
	set.interval = true;
	assert_true(ns_plan_element_compare(&set, &a, &b) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_text),
		cmocka_unit_test(test_no_difference),
		cmocka_unit_test(test_difference_of_each_kind),
		cmocka_unit_test(test_rules_are_aligned),
		cmocka_unit_test(test_set_of_another_type),
		cmocka_unit_test(test_foreign_bytes_stay_on_their_line),
		cmocka_unit_test(test_every_statement_has_its_text),
		cmocka_unit_test(test_sockets_have_their_text),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
