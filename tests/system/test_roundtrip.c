/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Plan, kernel, plan: what is read back is what was written, for every chain and every statement a plan can hold.
 * nft(8) is the second opinion: it lists the table too, in words of its own.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include "enforce_lab.h"

static void test_table(void **state)
{
	struct ns_plan plan;

	plan_begin(&plan, NFPROTO_INET);
	lab_round_trip(&plan, "table inet nanoseg");
}

static void test_counters(void **state)
{
	struct ns_plan plan;

	plan_begin(&plan, NFPROTO_INET);
	assert_non_null(ns_plan_add_counter(&plan, "zulu", NULL));
	assert_non_null(ns_plan_add_counter(&plan, "alpha", NULL));
	lab_round_trip(&plan, "counter alpha");
}

static void test_chains(void **state)
{
	static const uint32_t hooks[] = { NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT,
					  NF_INET_POST_ROUTING };
	struct ns_plan plan;
	char name[16];

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		plan_begin(&plan, NFPROTO_INET);
		snprintf(name, sizeof(name), "hook%zu", i);
		plan_base(&plan, name, hooks[i], (int32_t)i * 100 - 250, i % 2 ? NF_DROP : NF_ACCEPT);
		plan_chain(&plan, "regular");
		lab_round_trip(&plan, i % 2 ? "policy drop" : "policy accept");
	}
}

static void test_netdev(void **state)
{
	struct ns_plan plan;
	struct ns_plan_chain *chain;

	for (uint32_t hook = NF_NETDEV_INGRESS; hook <= NF_NETDEV_EGRESS; hook++) {
		plan_begin(&plan, NFPROTO_NETDEV);
		chain = plan_base(&plan, "gate", hook, -300, NF_DROP);
		LAB_COPY(chain->device, "lo");
		lab_round_trip(&plan, hook == NF_NETDEV_INGRESS ? "hook ingress" : "hook egress");
	}
}

static void test_wildcard_device(void **state)
{
	struct ns_plan plan;
	struct ns_plan_chain *chain;

	plan_begin(&plan, NFPROTO_NETDEV);
	chain = plan_base(&plan, "gate", NF_NETDEV_INGRESS, -300, NF_ACCEPT);
	LAB_COPY(chain->device, "veth*");
	if (!lab_kernel_at_least(6, 16)) {
		struct ns_lock *lock = lab_lock(NFPROTO_NETDEV);
		struct ns_lock_result result;

		assert_true(ns_lock_apply(lock, &plan, &result, NULL) < 0);
		assert_int_equal(ns_lock_read(lock, &plan, NULL), -ENOENT);
		ns_lock_close(lock);
		ns_plan_release(&plan);
		return;
	}
	lab_round_trip(&plan, NULL); /* nft 1.0.6 has no word for it */
	plan_begin(&plan, NFPROTO_NETDEV);
	chain = plan_base(&plan, "gate", NF_NETDEV_INGRESS, -300, NF_ACCEPT);
	LAB_COPY(chain->device, "fourteenchars*"); /* the longest with its star: 15 bytes would leave no room */
	lab_round_trip(&plan, NULL);
}

/* ---- statements: one rule each, in a chain of its own ---- */

static struct ns_plan_rule *one_rule(struct ns_plan *plan)
{
	plan_begin(plan, NFPROTO_INET);
	return plan_rule(plan_base(plan, "input", NF_INET_LOCAL_IN, 0, NF_ACCEPT), "why it is there");
}

static void test_meta(void **state)
{
	static const uint32_t keys[] = { NFT_META_LEN,     NFT_META_PROTOCOL, NFT_META_NFPROTO, NFT_META_L4PROTO,
					 NFT_META_IIF,     NFT_META_OIF,      NFT_META_IIFNAME, NFT_META_OIFNAME,
					 NFT_META_MARK,    NFT_META_PKTTYPE,  NFT_META_SKUID,   NFT_META_CGROUP,
					 NFT_META_SDIFNAME };
	struct ns_plan plan;
	struct ns_stmt *stmt;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		stmt = plan_stmt(one_rule(&plan), NS_STMT_META);
		stmt->meta.key = keys[i];
		stmt->meta.reg = (uint8_t)(i % 13); /* old and new register names, with room for an interface name */
		lab_round_trip(&plan, NULL);
	}
}

static void test_fib(void **state)
{
	static const struct {
		uint32_t flags;
		const char *words;
	} cases[] = {
		{ NFTA_FIB_F_SADDR, "fib saddr type local" },
		{ NFTA_FIB_F_DADDR, "fib daddr type local" },
		{ NFTA_FIB_F_SADDR | NFTA_FIB_F_MARK, "fib saddr . mark type local" },
		{ NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF, "fib saddr . iif type local" },
	};
	struct ns_plan plan;
	struct ns_stmt *stmt;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ns_plan_rule *rule = one_rule(&plan);
		uint32_t type = RTN_LOCAL;

		stmt = plan_stmt(rule, NS_STMT_FIB);
		stmt->fib.flags = cases[i].flags;
		stmt->fib.reg = (uint8_t)(4 * i);
		stmt = plan_stmt(rule, NS_STMT_CMP);
		stmt->cmp.op = NFT_CMP_EQ;
		stmt->cmp.reg = (uint8_t)(4 * i);
		stmt->cmp.length = sizeof(type);
		memcpy(stmt->cmp.data, &type, sizeof(type));
		lab_round_trip(&plan, cases[i].words);
	}
}

static void test_registers(void **state)
{
	struct ns_plan plan;
	struct ns_stmt *stmt;

	for (uint8_t reg = 0; reg < 16; reg++) {
		struct ns_plan_rule *rule = one_rule(&plan);

		stmt = plan_stmt(rule, NS_STMT_META);
		stmt->meta.key = NFT_META_MARK;
		stmt->meta.reg = reg;
		stmt = plan_stmt(rule, NS_STMT_CMP);
		stmt->cmp.op = NFT_CMP_EQ;
		stmt->cmp.reg = reg;
		stmt->cmp.length = 4;
		stmt->cmp.data[0] = reg;
		lab_round_trip(&plan, "meta mark 0x");
	}
}

static void test_socket(void **state)
{
	static const struct {
		uint32_t key, level;
		const char *words;
	} cases[] = {
		{ NFT_SOCKET_TRANSPARENT, 0, "socket transparent" },
		{ NFT_SOCKET_MARK, 0, "socket mark" },
		{ NFT_SOCKET_WILDCARD, 0, "socket wildcard" },
		{ NFT_SOCKET_CGROUPV2, 1, "socket cgroupv2 level 1" },
		{ NFT_SOCKET_CGROUPV2, 7, "socket cgroupv2 level 7" },
		{ NFT_SOCKET_CGROUPV2, 255, "socket cgroupv2 level 255" },
	};
	struct ns_plan plan;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const uint8_t lengths[] = {
			[NFT_SOCKET_TRANSPARENT] = 1,
			[NFT_SOCKET_MARK] = 4,
			[NFT_SOCKET_WILDCARD] = 1,
			[NFT_SOCKET_CGROUPV2] = 8,
		};
		struct ns_plan_rule *rule = one_rule(&plan);
		struct ns_stmt *stmt = plan_stmt(rule, NS_STMT_SOCKET);

		stmt->socket.key = cases[i].key;
		stmt->socket.level = cases[i].level;
		stmt->socket.reg = (uint8_t)(2 * i);
		stmt = plan_stmt(rule, NS_STMT_CMP);
		stmt->cmp.op = NFT_CMP_EQ;
		stmt->cmp.reg = (uint8_t)(2 * i);
		stmt->cmp.length = lengths[cases[i].key];
		stmt->cmp.data[0] = 1;
		lab_round_trip(&plan, cases[i].words);
	}
}

/* Numbers of no cgroup there is: nft(8) lists those as numbers. */
static void test_socket_set(void **state)
{
	struct ns_plan plan;
	struct ns_plan_rule *rule = one_rule(&plan);
	struct ns_plan_set *set = plan_set(&plan, "others_1", 1, NS_FIELD_CGROUP);
	struct ns_stmt *stmt = plan_stmt(rule, NS_STMT_SOCKET);

	plan_element(set, "", "18446744073709551614");
	plan_element(set, "r1", "4294967297");
	stmt->socket.key = NFT_SOCKET_CGROUPV2;
	stmt->socket.level = 1;
	stmt = plan_stmt(rule, NS_STMT_LOOKUP);
	LAB_COPY(stmt->lookup.set, "others_1");
	plan_verdict(rule, NF_ACCEPT, NULL);
	lab_round_trip(&plan, "socket cgroupv2 level 1 @others_1 accept");
}

static void test_ct(void **state)
{
	static const struct {
		uint32_t key;
		uint8_t dir;
	} cases[] = { { NFT_CT_STATE, NS_CT_DIR_NONE },
		      { NFT_CT_STATUS, NS_CT_DIR_NONE },
		      { NFT_CT_DIRECTION, NS_CT_DIR_NONE },
		      { NFT_CT_MARK, NS_CT_DIR_NONE },
		      { NFT_CT_PROTO_DST, 0 },
		      { NFT_CT_PROTO_SRC, 1 },
		      { NFT_CT_SRC_IP, 0 },
		      { NFT_CT_DST_IP6, 1 } };
	struct ns_plan plan;
	struct ns_stmt *stmt;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stmt = plan_stmt(one_rule(&plan), NS_STMT_CT);
		stmt->ct.key = cases[i].key;
		stmt->ct.dir = cases[i].dir;
		stmt->ct.reg = 4;
		lab_round_trip(&plan, NULL);
	}
}

static void test_payload(void **state)
{
	static const struct {
		uint32_t base, offset, length;
	} cases[] = { { NFT_PAYLOAD_LL_HEADER, 6, 6 },        { NFT_PAYLOAD_NETWORK_HEADER, 9, 1 },
		      { NFT_PAYLOAD_NETWORK_HEADER, 16, 4 },  { NFT_PAYLOAD_NETWORK_HEADER, 24, 16 },
		      { NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2 }, { NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1 } };
	struct ns_plan plan;
	struct ns_stmt *stmt;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stmt = plan_stmt(one_rule(&plan), NS_STMT_PAYLOAD);
		stmt->payload.base = cases[i].base;
		stmt->payload.offset = cases[i].offset;
		stmt->payload.length = cases[i].length;
		stmt->payload.reg = (uint8_t)(2 * i);
		lab_round_trip(&plan, NULL);
	}
}

static void test_immediate(void **state)
{
	struct ns_plan plan;
	struct ns_stmt *stmt;

	for (uint8_t length = 1; length <= NS_STMT_DATA_MAX; length++) {
		stmt = plan_stmt(one_rule(&plan), NS_STMT_IMMEDIATE);
		stmt->immediate.reg = 8;
		stmt->immediate.length = length;
		for (uint8_t i = 0; i < length; i++)
			stmt->immediate.data[i] = (uint8_t)(0xf0 + i);
		lab_round_trip(&plan, NULL);
	}
}

static void test_bitwise(void **state)
{
	static const uint8_t lengths[] = { 1, 2, 4, 8, 16 };
	struct ns_plan plan;
	struct ns_stmt *stmt;

	for (size_t i = 0; i < sizeof(lengths); i++) {
		struct ns_plan_rule *rule = one_rule(&plan);

		stmt = plan_stmt(rule, NS_STMT_PAYLOAD);
		stmt->payload.base = NFT_PAYLOAD_NETWORK_HEADER;
		stmt->payload.length = 16;
		stmt->payload.reg = 4;
		stmt = plan_stmt(rule, NS_STMT_BITWISE);
		stmt->bitwise.sreg = 4;
		stmt->bitwise.dreg = 8;
		stmt->bitwise.length = lengths[i];
		memset(stmt->bitwise.mask, 0x3f, lengths[i]);
		memset(stmt->bitwise.xor, i % 2 ? 0x05 : 0, lengths[i]);
		lab_round_trip(&plan, NULL);
	}
}

static void test_cmp(void **state)
{
	static const uint8_t lengths[] = { 1, 2, 4, 6, 16 };
	struct ns_plan plan;
	struct ns_stmt *stmt;

	for (uint32_t op = NFT_CMP_EQ; op <= NFT_CMP_GTE; op++) {
		for (size_t i = 0; i < sizeof(lengths); i++) {
			struct ns_plan_rule *rule = one_rule(&plan);

			stmt = plan_stmt(rule, NS_STMT_PAYLOAD);
			stmt->payload.base = NFT_PAYLOAD_NETWORK_HEADER;
			stmt->payload.length = lengths[i];
			stmt = plan_stmt(rule, NS_STMT_CMP);
			stmt->cmp.op = op;
			stmt->cmp.length = lengths[i];
			for (uint8_t j = 0; j < lengths[i]; j++)
				stmt->cmp.data[j] = (uint8_t)(j + 1);
			lab_round_trip(&plan, NULL);
		}
	}
}

static void test_lookup(void **state)
{
	struct ns_plan plan;

	for (int invert = 0; invert < 2; invert++) {
		struct ns_plan_rule *rule = one_rule(&plan);

		plan_set(&plan, "ports", 1, NS_FIELD_PORT);
		plan_tuple(rule, AF_INET, true);
		plan_lookup(rule, "ports");
		rule->stmts[rule->n_stmts - 1].lookup.reg = 2;
		rule->stmts[rule->n_stmts - 1].lookup.invert = invert;
		plan_verdict(rule, NF_ACCEPT, NULL);
		lab_round_trip(&plan, invert ? "!= @ports" : "@ports accept");
	}
}

static void test_dynset(void **state)
{
	static const uint32_t ops[] = { NFT_DYNSET_OP_ADD, NFT_DYNSET_OP_UPDATE, NFT_DYNSET_OP_DELETE };
	struct ns_plan plan;

	for (unsigned i = 0; i < 12; i++) {
		struct ns_plan_rule *rule = one_rule(&plan);
		struct ns_plan_set *set = plan_set(&plan, "seen", 3, NS_FIELD_PROTO, NS_FIELD_IPV4, NS_FIELD_PORT);
		struct ns_stmt *stmt;
		bool deletes = ops[i % 3] == NFT_DYNSET_OP_DELETE;

		set->dynamic = true;
		set->size = 1000;
		set->timeout = i >= 6 && !deletes;
		set->counter = i % 2;
		plan_tuple(rule, AF_INET, true);
		stmt = plan_stmt(rule, NS_STMT_DYNSET);
		LAB_COPY(stmt->dynset.set, "seen");
		stmt->dynset.op = ops[i % 3];
		stmt->dynset.timeout_ms = set->timeout ? 60000 : 0;
		stmt->dynset.counter = !set->counter && !deletes;
		lab_round_trip(&plan, deletes                           ? "delete @seen"
				      : ops[i % 3] == NFT_DYNSET_OP_ADD ? "add @seen"
									: "update @seen");
	}
}

static void test_counter_and_objref(void **state)
{
	struct ns_plan plan;
	struct ns_plan_rule *rule = one_rule(&plan);

	plan_stmt(rule, NS_STMT_COUNTER);
	lab_round_trip(&plan, "counter packets 0 bytes 0 comment \"why it is there\"");
	rule = one_rule(&plan);
	assert_non_null(ns_plan_add_counter(&plan, "refused", NULL));
	LAB_COPY(plan_stmt(rule, NS_STMT_OBJREF)->objref.name, "refused");
	lab_round_trip(&plan, "counter name \"refused\"");
}

static void test_limit(void **state)
{
	static const uint64_t units[] = { 1, 60, 3600, 86400 };
	struct ns_plan plan;

	for (size_t i = 0; i < 8; i++) {
		struct ns_stmt *stmt = plan_stmt(one_rule(&plan), NS_STMT_LIMIT);

		stmt->limit.rate = 10 + i;
		stmt->limit.unit_s = units[i % 4];
		stmt->limit.burst = 7;
		stmt->limit.invert = i >= 4;
		lab_round_trip(&plan, i >= 4 ? "limit rate over 1" : "limit rate 1");
	}
}

static void test_log(void **state)
{
	struct ns_plan plan;
	struct ns_stmt *stmt = plan_stmt(one_rule(&plan), NS_STMT_LOG);

	stmt->log.group = 28275;
	stmt->log.snaplen = 128;
	LAB_COPY(stmt->log.prefix, "nanoseg:deny:egress");
	lab_round_trip(&plan, "log prefix \"nanoseg:deny:egress\" group 28275 snaplen 128");
	stmt = plan_stmt(one_rule(&plan), NS_STMT_LOG);
	stmt->log.group = 0;
	lab_round_trip(&plan, "log group 0");
	stmt = plan_stmt(one_rule(&plan), NS_STMT_LOG);
	stmt->log.group = 65535;
	memset(stmt->log.prefix, 'x', NS_LOG_PREFIX_MAX - 1);
	lab_round_trip(&plan, "group 65535");
}

static void test_reject(void **state)
{
	static const struct {
		uint32_t type;
		uint8_t code;
		const char *words;
	} cases[] = { { NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_ADMIN_PROHIBITED,
			"reject with icmpx admin-prohibited" },
		      { NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_NO_ROUTE, "reject with icmpx no-route" },
		      { NFT_REJECT_TCP_RST, 0, "reject with tcp reset" } };
	struct ns_plan plan;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ns_plan_rule *rule = one_rule(&plan);
		struct ns_stmt *stmt = plan_stmt(rule, NS_STMT_META);

		stmt->meta.key = NFT_META_L4PROTO;
		stmt = plan_stmt(rule, NS_STMT_CMP);
		stmt->cmp.length = 1;
		stmt->cmp.data[0] = IPPROTO_TCP;
		stmt = plan_stmt(rule, NS_STMT_REJECT);
		stmt->reject.type = cases[i].type;
		stmt->reject.code = cases[i].code;
		lab_round_trip(&plan, cases[i].words);
	}
}

static void test_verdicts(void **state)
{
	static const int32_t codes[] = { NF_ACCEPT, NF_DROP, NFT_CONTINUE, NFT_RETURN, NFT_JUMP, NFT_GOTO };
	static const char *const words[] = { "accept", "drop", "continue", "return", "jump aside", "goto aside" };
	struct ns_plan plan;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct ns_plan_rule *rule;

		plan_begin(&plan, NFPROTO_INET);
		plan_chain(&plan, "aside");
		rule = plan_rule(plan_chain(&plan, "input"), "");
		plan_verdict(rule, codes[i], codes[i] == NFT_JUMP || codes[i] == NFT_GOTO ? "aside" : NULL);
		lab_round_trip(&plan, words[i]);
	}
}

/* As long as a rule may be, with a comment as long as it may be; as many rules as a chain may have. */
static void test_bounds(void **state)
{
	struct ns_plan plan;
	struct ns_plan_chain *chain;

	plan_begin(&plan, NFPROTO_INET);
	chain = plan_chain(&plan, "a-name-as-long-as-it-may-be-31c");
	for (unsigned i = 0; i < NS_CHAIN_RULES_MAX; i++) {
		struct ns_plan_rule *rule = plan_rule(chain, "");

		memset(rule->comment, 'c', sizeof(rule->comment) - 1);
		while (rule->n_stmts < NS_RULE_STMTS_MAX)
			plan_stmt(rule, NS_STMT_COUNTER);
	}
	lab_round_trip(&plan, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_netdev),
		cmocka_unit_test(test_wildcard_device),
		cmocka_unit_test(test_meta),
		cmocka_unit_test(test_fib),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_socket_set),
		cmocka_unit_test(test_ct),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_immediate),
		cmocka_unit_test(test_bitwise),
		cmocka_unit_test(test_cmp),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_dynset),
		cmocka_unit_test(test_counter_and_objref),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_reject),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_bounds),
	};

	lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
