/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What somebody else wrote into a table of ours, as the kernel would tell it: never taken for something of ours.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/decode.h"

static const struct ns_nft_scope scope = { NFPROTO_INET, "nanoseg" };

static _Alignas(8) char buf[8192];

static struct nlmsghdr *begin(uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfgen;

	nlh->nlmsg_type = (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | type);
	nfgen = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfgen));
	nfgen->nfgen_family = NFPROTO_INET;
	return nlh;
}

/* ---- expressions ---- */

static void put_be32(struct nlmsghdr *nlh, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(nlh, type, htonl(value));
}

static void put_log_level(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_LOG_LEVEL, 4);
}

static void put_log_threshold(struct nlmsghdr *nlh)
{
	mnl_attr_put_u16(nlh, NFTA_LOG_GROUP, htons(1));
	mnl_attr_put_u16(nlh, NFTA_LOG_QTHRESHOLD, htons(20));
}

static void put_meta_set(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_META_KEY, NFT_META_MARK);
	put_be32(nlh, NFTA_META_SREG, NFT_REG_1);
}

static void put_payload_write(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_PAYLOAD_SREG, NFT_REG_1);
	put_be32(nlh, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	put_be32(nlh, NFTA_PAYLOAD_OFFSET, 8);
	put_be32(nlh, NFTA_PAYLOAD_LEN, 1);
}

static void put_shift(struct nlmsghdr *nlh)
{
	struct nlattr *data;

	put_be32(nlh, NFTA_BITWISE_SREG, NFT_REG_1);
	put_be32(nlh, NFTA_BITWISE_DREG, NFT_REG_1);
	put_be32(nlh, NFTA_BITWISE_LEN, 4);
	put_be32(nlh, NFTA_BITWISE_OP, NFT_BITWISE_LSHIFT);
	data = mnl_attr_nest_start(nlh, NFTA_BITWISE_DATA);
	put_be32(nlh, NFTA_DATA_VALUE, 1);
	mnl_attr_nest_end(nlh, data);
}

static void put_byte_limit(struct nlmsghdr *nlh)
{
	mnl_attr_put_u64(nlh, NFTA_LIMIT_RATE, htobe64(1));
	mnl_attr_put_u64(nlh, NFTA_LIMIT_UNIT, htobe64(1));
	put_be32(nlh, NFTA_LIMIT_BURST, 5);
	put_be32(nlh, NFTA_LIMIT_TYPE, NFT_LIMIT_PKT_BYTES);
}

static void put_map_lookup(struct nlmsghdr *nlh)
{
	mnl_attr_put_strz(nlh, NFTA_LOOKUP_SET, "egress4");
	put_be32(nlh, NFTA_LOOKUP_SREG, NFT_REG_1);
	put_be32(nlh, NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
}

static void put_long_lookup(struct nlmsghdr *nlh)
{
	mnl_attr_put_strz(nlh, NFTA_LOOKUP_SET, "a-set-with-a-name-longer-than-any-of-ours");
	put_be32(nlh, NFTA_LOOKUP_SREG, NFT_REG_1);
}

static void put_inverted_dynset(struct nlmsghdr *nlh)
{
	mnl_attr_put_strz(nlh, NFTA_DYNSET_SET_NAME, "egress4");
	put_be32(nlh, NFTA_DYNSET_SREG_KEY, NFT_REG_1);
	put_be32(nlh, NFTA_DYNSET_OP, NFT_DYNSET_OP_ADD);
	put_be32(nlh, NFTA_DYNSET_FLAGS, NFT_DYNSET_F_INV);
}

static void put_quota_dynset(struct nlmsghdr *nlh)
{
	struct nlattr *expression;

	mnl_attr_put_strz(nlh, NFTA_DYNSET_SET_NAME, "egress4");
	put_be32(nlh, NFTA_DYNSET_SREG_KEY, NFT_REG_1);
	put_be32(nlh, NFTA_DYNSET_OP, NFT_DYNSET_OP_ADD);
	expression = mnl_attr_nest_start(nlh, NFTA_DYNSET_EXPR);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "quota");
	mnl_attr_nest_end(nlh, expression);
}

static void put_other_object(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_QUOTA);
	mnl_attr_put_strz(nlh, NFTA_OBJREF_IMM_NAME, "refused");
}

static void put_short_number(struct nlmsghdr *nlh)
{
	mnl_attr_put_u16(nlh, NFTA_META_KEY, 1);
	put_be32(nlh, NFTA_META_DREG, NFT_REG_1);
}

static void put_bad_register(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_META_KEY, NFT_META_MARK);
	put_be32(nlh, NFTA_META_DREG, NFT_REG32_15 + 1);
}

static void put_socket_without_level(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_SOCKET_KEY, NFT_SOCKET_CGROUPV2);
	put_be32(nlh, NFTA_SOCKET_DREG, NFT_REG_1);
}

static void put_socket_with_stray_level(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_SOCKET_KEY, NFT_SOCKET_MARK);
	put_be32(nlh, NFTA_SOCKET_DREG, NFT_REG_1);
	put_be32(nlh, NFTA_SOCKET_LEVEL, 2);
}

static void put_socket_without_key(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_SOCKET_DREG, NFT_REG_1);
	put_be32(nlh, NFTA_SOCKET_LEVEL, 2);
}

static void put_socket_and_more(struct nlmsghdr *nlh)
{
	put_socket_without_level(nlh);
	put_be32(nlh, NFTA_SOCKET_LEVEL, 2);
	put_be32(nlh, NFTA_SOCKET_LEVEL + 1, 2);
}

static void put_socket_to_verdict(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_SOCKET_KEY, NFT_SOCKET_CGROUPV2);
	put_be32(nlh, NFTA_SOCKET_DREG, NFT_REG_VERDICT);
	put_be32(nlh, NFTA_SOCKET_LEVEL, 2);
}

static void put_reset_with_code(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
	mnl_attr_put_u8(nlh, NFTA_REJECT_ICMP_CODE, 3);
}

static void put_nothing(struct nlmsghdr *nlh)
{
}

static void test_expressions(void **state)
{
	static const struct {
		const char *name;
		void (*put)(struct nlmsghdr *nlh);
	} cases[] = { { "log", put_log_level },
		      { "log", put_log_threshold },
		      { "meta", put_meta_set },
		      { "meta", put_short_number },
		      { "meta", put_bad_register },
		      { "payload", put_payload_write },
		      { "bitwise", put_shift },
		      { "limit", put_byte_limit },
		      { "lookup", put_map_lookup },
		      { "lookup", put_long_lookup },
		      { "dynset", put_inverted_dynset },
		      { "dynset", put_quota_dynset },
		      { "objref", put_other_object },
		      { "socket", put_socket_without_level },
		      { "socket", put_socket_with_stray_level },
		      { "socket", put_socket_without_key },
		      { "socket", put_socket_and_more },
		      { "socket", put_socket_to_verdict },
		      { "socket", put_nothing },
		      { "reject", put_reset_with_code },
		      { "masq", put_nothing },
		      { "immediate", put_nothing },
		      { "cmp", put_nothing },
		      { "log", put_nothing },
		      { "", put_nothing } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nlmsghdr *nlh = begin(NFT_MSG_NEWRULE);
		struct nlattr *list, *expression, *data;
		char chain[NS_NFT_NAME_MAX];
		struct ns_plan_rule rule;

		mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, "nanoseg");
		mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, "output");
		list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
		expression = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
		mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, cases[i].name);
		data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
		cases[i].put(nlh);
		mnl_attr_nest_end(nlh, data);
		mnl_attr_nest_end(nlh, expression);
		mnl_attr_nest_end(nlh, list);
		assert_int_equal(ns_nft_decode_rule(nlh, &scope, chain, &rule, NULL), 1);
		assert_int_equal(rule.n_stmts, 1);
		assert_int_equal(rule.stmts[0].kind, NS_STMT_INVALID);
		assert_false(ns_plan_rule_equal(&rule, &rule));
	}
}

static void test_longer_rule(void **state)
{
	struct nlmsghdr *nlh = begin(NFT_MSG_NEWRULE);
	char chain[NS_NFT_NAME_MAX];
	struct ns_plan_rule rule;
	struct nlattr *list;

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, "nanoseg");
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, "output");
	list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	for (unsigned i = 0; i <= NS_RULE_STMTS_MAX; i++) {
		struct nlattr *expression = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);

		mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
		mnl_attr_nest_end(nlh, expression);
	}
	mnl_attr_nest_end(nlh, list);
	assert_int_equal(ns_nft_decode_rule(nlh, &scope, chain, &rule, NULL), 1);
	assert_int_equal(rule.n_stmts, NS_RULE_STMTS_MAX);
	assert_int_equal(rule.stmts[NS_RULE_STMTS_MAX - 1].kind, NS_STMT_INVALID);
}

/* ---- sets ---- */

static struct nlmsghdr *begin_set(uint32_t flags, uint32_t type, uint32_t length)
{
	struct nlmsghdr *nlh = begin(NFT_MSG_NEWSET);

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, "nanoseg");
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, "egress4");
	put_be32(nlh, NFTA_SET_FLAGS, flags);
	put_be32(nlh, NFTA_SET_KEY_TYPE, type);
	put_be32(nlh, NFTA_SET_KEY_LEN, length);
	return nlh;
}

static void assert_odd(const struct nlmsghdr *nlh, bool odd)
{
	struct ns_plan_set set;

	assert_int_equal(ns_nft_decode_set(nlh, &scope, &set, NULL), 1);
	assert_int_equal(set.n_fields == 0, odd);
}

static void test_sets(void **state)
{
	const uint32_t type = 12 << 12 | 7 << 6 | 13;
	struct nlmsghdr *nlh;
	struct nlattr *nest;

	assert_odd(begin_set(0, type, 12), false);
	assert_odd(begin_set(NFT_SET_MAP, type, 12), true);
	assert_odd(begin_set(NFT_SET_OBJECT, type, 12), true);
	assert_odd(begin_set(NFT_SET_ANONYMOUS, type, 12), true);
	assert_odd(begin_set(NFT_SET_CONSTANT, type, 12), true);
	assert_odd(begin_set(0, type, 16), true); /* the kernel compares other bytes than the type says */
	assert_odd(begin_set(0, 22, 4), true);    /* a type no plan has */
	assert_odd(begin_set(0, 22, 0), true);
	assert_odd(begin_set(0, 0, 4), true);                    /* none */
	assert_odd(begin_set(0, 0xffffffff, 12), true);          /* too many fields */
	assert_odd(begin_set(NFT_SET_INTERVAL, type, 12), true); /* intervals without their fields */
	assert_odd(begin_set(NFT_SET_CONCAT, type, 12), true);
	nlh = begin_set(0, type, 12);
	mnl_attr_put_u64(nlh, NFTA_SET_TIMEOUT, htobe64(5000));
	assert_odd(nlh, true);
	nlh = begin_set(NFT_SET_TIMEOUT, type, 12);
	put_be32(nlh, NFTA_SET_GC_INTERVAL, 10);
	assert_odd(nlh, true);
	nlh = begin_set(0, type, 12);
	nest = mnl_attr_nest_start(nlh, NFTA_SET_EXPR);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "quota");
	mnl_attr_nest_end(nlh, nest);
	assert_odd(nlh, true);
	nlh = begin_set(NFT_SET_EXPR, type, 12);
	mnl_attr_nest_end(nlh, mnl_attr_nest_start(nlh, NFTA_SET_EXPRESSIONS));
	assert_odd(nlh, true);
}

/* ---- chains, objects, names ---- */

static struct nlmsghdr *begin_chain(uint32_t flags, const char *type)
{
	struct nlmsghdr *nlh = begin(NFT_MSG_NEWCHAIN);
	struct nlattr *hook;

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, "nanoseg");
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, "output");
	hook = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	put_be32(nlh, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
	put_be32(nlh, NFTA_HOOK_PRIORITY, 0);
	mnl_attr_nest_end(nlh, hook);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, type);
	put_be32(nlh, NFTA_CHAIN_FLAGS, flags);
	return nlh;
}

static uint32_t hook_of(const struct nlmsghdr *nlh)
{
	struct ns_plan_chain chain;

	assert_int_equal(ns_nft_decode_chain(nlh, &scope, &chain, NULL), 1);
	assert_true(chain.base);
	return chain.hook;
}

static void test_chains(void **state)
{
	struct nlmsghdr *nlh;
	struct nlattr *hook, *devices;

	assert_int_equal(hook_of(begin_chain(NFT_CHAIN_BASE, "filter")), NF_INET_LOCAL_OUT);
	assert_int_equal(hook_of(begin_chain(NFT_CHAIN_BASE, "nat")), NS_NFT_HOOK_FOREIGN);
	assert_int_equal(hook_of(begin_chain(NFT_CHAIN_BASE | NFT_CHAIN_HW_OFFLOAD, "filter")), NS_NFT_HOOK_FOREIGN);
	nlh = begin_chain(NFT_CHAIN_BASE, "filter");
	hook = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK); /* the last of two counts */
	put_be32(nlh, NFTA_HOOK_HOOKNUM, 0);
	devices = mnl_attr_nest_start(nlh, NFTA_HOOK_DEVS);
	mnl_attr_put_strz(nlh, NS_NFTA_DEVICE_NAME, "eth0");
	mnl_attr_put_strz(nlh, NS_NFTA_DEVICE_NAME, "eth1");
	mnl_attr_nest_end(nlh, devices);
	mnl_attr_nest_end(nlh, hook);
	assert_int_equal(hook_of(nlh), NS_NFT_HOOK_FOREIGN);
}

static void test_names_and_objects(void **state)
{
	static const char longer[] = "a-name-that-is-longer-than-any-of-ours";
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan_counter counter;
	struct ns_plan_chain chain;
	struct ns_plan_set set;
	struct nlmsghdr *nlh = begin(NFT_MSG_NEWCHAIN);

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, "nanoseg");
	assert_int_equal(ns_nft_decode_chain(nlh, &scope, &chain, NULL), -EBADMSG); /* no name */
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, longer);
	assert_int_equal(ns_nft_decode_chain(nlh, &scope, &chain, NULL), -EOVERFLOW);
	nlh = begin(NFT_MSG_NEWSET);
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, "nanoseg");
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, longer);
	assert_int_equal(ns_nft_decode_set(nlh, &scope, &set, NULL), -EOVERFLOW);
	nlh = begin(NFT_MSG_NEWOBJ);
	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, "nanoseg");
	mnl_attr_put_strz(nlh, NFTA_OBJ_NAME, "q");
	put_be32(nlh, NFTA_OBJ_TYPE, NFT_OBJECT_QUOTA);
	assert_int_equal(ns_nft_decode_counter(nlh, &scope, &counter, &err), -EOVERFLOW);
	assert_string_equal(err.text, "object q is no counter");
	nlh = begin(NFT_MSG_NEWFLOWTABLE);
	mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_TABLE, "nanoseg");
	mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_NAME, "f");
	assert_int_equal(ns_nft_decode_flowtable(nlh, &scope, &err), -EOVERFLOW);
	assert_string_equal(err.text, "flowtable f");
}

/* ---- elements ---- */

static const struct ns_plan_set ports = { .name = "ports", .fields = { NS_FIELD_PORT }, .n_fields = 1 };

struct seen {
	unsigned n, odd, ends;
};

static int note(void *ctx, const struct ns_plan_element *element, bool end, struct ns_error *err)
{
	struct seen *seen = ctx;

	seen->n++;
	seen->odd += !element;
	seen->ends += end;
	return 0;
}

static struct seen read_element(void (*put)(struct nlmsghdr *nlh), int expected)
{
	struct nlmsghdr *nlh = begin(NFT_MSG_NEWSETELEM);
	struct nlattr *list, *element;
	struct seen seen = { 0 };

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, "nanoseg");
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, "ports");
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	put(nlh);
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, list);
	assert_int_equal(ns_nft_decode_elements(nlh, &scope, &ports, note, &seen, NULL), expected);
	return seen;
}

static void put_key(struct nlmsghdr *nlh, uint16_t type, size_t length)
{
	struct nlattr *key = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, length, "12345678");
	mnl_attr_nest_end(nlh, key);
}

static void put_plain(struct nlmsghdr *nlh)
{
	put_key(nlh, NFTA_SET_ELEM_KEY, 2);
}

static void put_catch_all(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_SET_ELEM_FLAGS, 2); /* NFT_SET_ELEM_CATCHALL, 5.13 */
}

static void put_long_key(struct nlmsghdr *nlh)
{
	put_key(nlh, NFTA_SET_ELEM_KEY, 4);
}

static void put_long_end(struct nlmsghdr *nlh)
{
	put_plain(nlh);
	put_key(nlh, NFTA_SET_ELEM_KEY_END, 8);
}

static void put_end(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	put_plain(nlh);
}

static void put_expired(struct nlmsghdr *nlh)
{
	mnl_attr_put_u64(nlh, NFTA_SET_ELEM_EXPIRATION, 0);
	put_plain(nlh);
}

static void put_short_timeout(struct nlmsghdr *nlh)
{
	put_be32(nlh, NFTA_SET_ELEM_TIMEOUT, 1);
	put_plain(nlh);
}

static void test_elements(void **state)
{
	assert_int_equal(read_element(put_plain, 1).odd, 0);
	assert_int_equal(read_element(put_catch_all, 1).odd, 1);
	assert_int_equal(read_element(put_long_key, 1).odd, 1);
	assert_int_equal(read_element(put_long_end, 1).odd, 1);
	assert_int_equal(read_element(put_end, 1).ends, 1);
	assert_int_equal(read_element(put_expired, 1).n, 0);
	assert_int_equal(read_element(put_short_timeout, -EBADMSG).n, 0);
}

/* A comment in user data that says it is longer than it is. */
static void test_comments(void **state)
{
	static const uint8_t notes[][6] = {
		{ 0, 200, 'a', 0 }, { 0, 4, 'a', 'b', 'c', 'd' }, { 0 }, { 5, 0, 0, 2, 'x', 0 }
	};
	static const char *const expected[] = { "", "", "", "x" };
	char text[4];

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		struct nlmsghdr *nlh = begin(NFT_MSG_NEWRULE);
		struct ns_attrs attrs;

		mnl_attr_put(nlh, NFTA_RULE_USERDATA, sizeof(notes[i]), notes[i]);
		ns_attrs_parse_message(&attrs, nlh);
		ns_attrs_comment(&attrs, NFTA_RULE_USERDATA, 0, text, sizeof(text));
		assert_string_equal(text, expected[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_longer_rule),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_names_and_objects),
		cmocka_unit_test(test_elements),
		cmocka_unit_test(test_comments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
