/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Plan, kernel, plan: what is read back is what was written, for every construct a plan can hold. nft(8) is the
 * second opinion: it lists the table too, in words of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "enforce_lab.h"

/* Applies to an empty namespace's table, reads back, applies again (nothing to do), and asks nft for `words`. */
static void round_trip(struct ns_plan *plan, const char *words)
{
	struct ns_lock *lock = lab_lock(plan->family);
	struct ns_lock_result result;
	char *listing = NULL;

	ns_plan_normalise(plan);
	lab_apply(lock, plan);
	lab_assert_holds(lock, plan);
	result = lab_apply(lock, plan);
	assert_int_equal(result.sets_changed + result.chains_changed + result.elements_added + result.elements_removed,
			 0);
	assert_int_equal(
		lab_run(plan->family == NFPROTO_INET ? "nft list table inet nanoseg" : "nft list table netdev nanoseg",
			&listing),
		0);
	if (words && !strstr(listing, words))
		fail_msg("nft does not say '%s' but:\n%s", words, listing);
	free(listing);
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	assert_int_equal(ns_lock_read(lock, plan, NULL), -ENOENT);
	ns_lock_close(lock);
	ns_plan_release(plan);
}

static void test_table(void **state)
{
	struct ns_plan plan;

	plan_begin(&plan, NFPROTO_INET);
	round_trip(&plan, "table inet nanoseg");
}

static void test_counters(void **state)
{
	struct ns_plan plan;

	plan_begin(&plan, NFPROTO_INET);
	assert_non_null(ns_plan_add_counter(&plan, "zulu", NULL));
	assert_non_null(ns_plan_add_counter(&plan, "alpha", NULL));
	round_trip(&plan, "counter alpha");
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
		round_trip(&plan, i % 2 ? "policy drop" : "policy accept");
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
		round_trip(&plan, hook == NF_NETDEV_INGRESS ? "hook ingress" : "hook egress");
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
	round_trip(&plan, NULL); /* nft 1.0.6 has no word for it */
	plan_begin(&plan, NFPROTO_NETDEV);
	chain = plan_base(&plan, "gate", NF_NETDEV_INGRESS, -300, NF_ACCEPT);
	LAB_COPY(chain->device, "fourteenchars*"); /* the longest with its star: 15 bytes would leave no room */
	round_trip(&plan, NULL);
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
		round_trip(&plan, NULL);
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
		round_trip(&plan, "meta mark 0x");
	}
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
		round_trip(&plan, NULL);
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
		round_trip(&plan, NULL);
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
		round_trip(&plan, NULL);
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
		round_trip(&plan, NULL);
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
			round_trip(&plan, NULL);
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
		round_trip(&plan, invert ? "!= @ports" : "@ports accept");
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
		round_trip(&plan, deletes                           ? "delete @seen"
				  : ops[i % 3] == NFT_DYNSET_OP_ADD ? "add @seen"
								    : "update @seen");
	}
}

static void test_counter_and_objref(void **state)
{
	struct ns_plan plan;
	struct ns_plan_rule *rule = one_rule(&plan);

	plan_stmt(rule, NS_STMT_COUNTER);
	round_trip(&plan, "counter packets 0 bytes 0 comment \"why it is there\"");
	rule = one_rule(&plan);
	assert_non_null(ns_plan_add_counter(&plan, "refused", NULL));
	LAB_COPY(plan_stmt(rule, NS_STMT_OBJREF)->objref.name, "refused");
	round_trip(&plan, "counter name \"refused\"");
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
		round_trip(&plan, i >= 4 ? "limit rate over 1" : "limit rate 1");
	}
}

static void test_log(void **state)
{
	struct ns_plan plan;
	struct ns_stmt *stmt = plan_stmt(one_rule(&plan), NS_STMT_LOG);

	stmt->log.group = 28275;
	stmt->log.snaplen = 128;
	LAB_COPY(stmt->log.prefix, "nanoseg:deny:egress");
	round_trip(&plan, "log prefix \"nanoseg:deny:egress\" group 28275 snaplen 128");
	stmt = plan_stmt(one_rule(&plan), NS_STMT_LOG);
	stmt->log.group = 0;
	round_trip(&plan, "log group 0");
	stmt = plan_stmt(one_rule(&plan), NS_STMT_LOG);
	stmt->log.group = 65535;
	memset(stmt->log.prefix, 'x', NS_LOG_PREFIX_MAX - 1);
	round_trip(&plan, "group 65535");
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
		round_trip(&plan, cases[i].words);
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
		round_trip(&plan, words[i]);
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
	round_trip(&plan, NULL);
}

/* ---- sets ---- */

static void test_single_fields(void **state)
{
	static const struct {
		enum ns_field field;
		const char *a, *b, *words;
	} cases[] = { { NS_FIELD_PROTO, "tcp", "udp", "type inet_proto" },
		      { NS_FIELD_IPV4, "10.0.0.1", "192.168.1.255", "type ipv4_addr" },
		      { NS_FIELD_IPV6, "::1", "fd00::ffff", "type ipv6_addr" },
		      { NS_FIELD_PORT, "80", "65535", "type inet_service" },
		      { NS_FIELD_ETHER, "02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "type ether_addr" },
		      { NS_FIELD_IFNAME, "eth0", "veth1234", "type ifname" },
		      { NS_FIELD_MARK, "1", "4294967295", "type mark" } };
	struct ns_plan plan;

	for (size_t i = 0; i < 4 * sizeof(cases) / sizeof(cases[0]); i++) {
		size_t c = i / 4;
		struct ns_plan_set *set;

		plan_begin(&plan, NFPROTO_INET);
		set = plan_set(&plan, "one", 1, cases[c].field);
		set->counter = i & 1;
		if (i & 2) {
			plan_element(set, "r1", cases[c].a);
			plan_element(set, "a-tag-as-long-as-it-may-be-31-c", cases[c].b);
		}
		round_trip(&plan, cases[c].words);
	}
}

static void fill_tuples(struct ns_plan_set *set, bool v6)
{
	const char *a = v6 ? "fd00::1" : "10.0.0.1", *b = v6 ? "fd00::2" : "10.0.0.2";

	plan_element(set, "r1", "tcp", a, "80");
	plan_element(set, "r2", "udp", a, "80");
	plan_element(set, "", "tcp", b, "443");
	plan_element(set, "r3", v6 ? "icmpv6" : "icmp", b, "2048");
}

static void test_tuples(void **state)
{
	struct ns_plan plan;

	for (unsigned i = 0; i < 16; i++) {
		bool v6 = i & 1;
		struct ns_plan_set *set;

		plan_begin(&plan, NFPROTO_INET);
		set = plan_set(&plan, "tuples", 3, NS_FIELD_PROTO, v6 ? NS_FIELD_IPV6 : NS_FIELD_IPV4, NS_FIELD_PORT);
		set->counter = i & 2;
		set->size = i & 4 ? 4 : 0; /* exactly as many as there are */
		if (i & 8)
			fill_tuples(set, v6);
		round_trip(&plan, v6 ? "type inet_proto . ipv6_addr . inet_service"
				     : "type inet_proto . ipv4_addr . inet_service");
	}
}

static void test_widest_key(void **state)
{
	struct ns_plan plan;
	struct ns_plan_set *set;

	plan_begin(&plan, NFPROTO_INET);
	set = plan_set(&plan, "transit6", 4, NS_FIELD_PROTO, NS_FIELD_IPV6, NS_FIELD_IPV6, NS_FIELD_PORT);
	plan_element(set, "r1", "tcp", "fd00::1", "fd00::2", "80");
	set = plan_set(&plan, "link", 5, NS_FIELD_MARK, NS_FIELD_ETHER, NS_FIELD_IPV4, NS_FIELD_PROTO, NS_FIELD_PORT);
	plan_element(set, "r2", "7", "02:00:00:00:00:01", "10.0.0.1", "tcp", "80");
	set = plan_set(&plan, "names", 2, NS_FIELD_IFNAME, NS_FIELD_IPV6);
	plan_element(set, "r3", "eth0", "fd00::1");
	round_trip(&plan, "mark . ether_addr . ipv4_addr . inet_proto . inet_service");
}

static void test_dynamic(void **state)
{
	struct ns_plan plan;

	for (unsigned i = 0; i < 8; i++) {
		struct ns_plan_set *set;

		plan_begin(&plan, NFPROTO_INET);
		set = plan_set(&plan, "seen", 3, NS_FIELD_PROTO, i & 1 ? NS_FIELD_IPV6 : NS_FIELD_IPV4, NS_FIELD_PORT);
		set->dynamic = true;
		set->counter = i & 2;
		set->timeout = i & 4;
		set->size = 65535;
		round_trip(&plan, i & 4 ? "flags dynamic,timeout" : "flags dynamic");
	}
}

static void test_ranges(void **state)
{
	struct ns_plan plan;

	for (unsigned i = 0; i < 4; i++) {
		bool v6 = i & 1;
		struct ns_plan_set *set;

		plan_begin(&plan, NFPROTO_INET);
		set = plan_set(&plan, "ranges", 3, NS_FIELD_PROTO, v6 ? NS_FIELD_IPV6 : NS_FIELD_IPV4, NS_FIELD_PORT);
		set->interval = true;
		set->counter = i & 2;
		plan_element(set, "r1", "tcp", v6 ? "fd00::-fd00::ffff" : "10.0.0.0-10.0.255.255", "80");
		plan_element(set, "r2", "tcp", v6 ? "fd01::1" : "10.1.0.1", "1024-65535");
		plan_element(set, "r3", "udp",
			     v6 ? "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "0.0.0.0-255.255.255.255", "0-65535");
		plan_element(set, "r4", "0-5", v6 ? "fd02::3-fd02::17" : "10.2.0.3-10.2.0.17", "5-5");
		plan_element(set, "", v6 ? "icmpv6" : "icmp", v6 ? "fd03::1" : "10.3.0.1", "2048");
		round_trip(&plan, "flags interval");
	}
}

static void test_tree(void **state)
{
	static const struct {
		enum ns_field field;
		const char *ranges[6];
	} cases[] = { { NS_FIELD_PORT, { "0", "1-5", "6-9", "80", "100-65534", "65535" } },
		      { NS_FIELD_PORT, { "0-65535" } },
		      { NS_FIELD_PORT, { "7", "1000-65535" } },
		      { NS_FIELD_PROTO, { "0-5", "tcp", "17-255" } },
		      { NS_FIELD_IPV4, { "0.0.0.0-9.255.255.255", "10.0.0.0-10.0.0.0", "224.0.0.0-255.255.255.255" } },
		      { NS_FIELD_IPV4, { "0.0.0.0-255.255.255.255" } },
		      { NS_FIELD_IPV6,
			{ "::-fd00::", "fd00::1-fd00::ff", "ff00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" } } };
	struct ns_plan plan;

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct ns_plan_set *set;
		char tag[8];

		plan_begin(&plan, NFPROTO_INET);
		set = plan_set(&plan, "tree", 1, cases[i / 2].field);
		set->interval = true;
		set->counter = i & 1;
		for (size_t j = 0; j < 6 && cases[i / 2].ranges[j]; j++) {
			snprintf(tag, sizeof(tag), "r%zu", j);
			plan_element(set, tag, cases[i / 2].ranges[j]);
		}
		round_trip(&plan, "flags interval");
	}
	plan_begin(&plan, NFPROTO_INET);
	plan_set(&plan, "tree", 1, NS_FIELD_IPV6)->interval = true;
	round_trip(&plan, "flags interval");
}

/* An element's own time, in a set that lets elements go: put in when the set is made. */
static void test_timeouts(void **state)
{
	struct ns_plan plan;
	struct ns_plan_set *set;
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	char *listing = NULL;

	plan_begin(&plan, NFPROTO_INET);
	set = plan_set(&plan, "served", 1, NS_FIELD_PORT);
	set->timeout = true;
	plan_element(set, "r1", "53")->timeout_ms = 180000;
	ns_plan_normalise(&plan);
	lab_apply(lock, &plan);
	assert_int_equal(lab_run("nft list set inet nanoseg served", &listing), 0);
	assert_non_null(strstr(listing, "53 timeout 3m"));
	free(listing);
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	ns_lock_close(lock);
	round_trip(&plan, "flags timeout");
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
		cmocka_unit_test(test_registers),
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
		cmocka_unit_test(test_single_fields),
		cmocka_unit_test(test_tuples),
		cmocka_unit_test(test_widest_key),
		cmocka_unit_test(test_dynamic),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_timeouts),
	};

	lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
