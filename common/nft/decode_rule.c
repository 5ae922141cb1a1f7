/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rules from messages. A reader of an expression fills the statement only when the statement says all that the
 * expression says: an attribute that it does not know may change the meaning.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/decode.h"

#define REGISTERS    16
#define BAD_REGISTER 0xff
#define BIT(n)       (UINT32_C(1) << (n))

/* No attribute but these is there. */
static bool only(const struct ns_attrs *attrs, uint32_t known)
{
	for (unsigned i = 0; i < NS_ATTRS_MAX; i++)
		if (attrs->by_type[i] && !(known & BIT(i)))
			return false;
	return !attrs->malformed;
}

/* The kernel names a register that begins at a multiple of 16 bytes by its old name, NFT_REG_1 to NFT_REG_4
 * (nft_dump_register in net/netfilter/nf_tables_api.c). */
static uint8_t slot_of(struct ns_attrs *attrs, unsigned type)
{
	uint32_t reg = ns_attrs_u32(attrs, type, NFT_REG_VERDICT);

	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return (uint8_t)((reg - NFT_REG_1) * 4);
	if (reg >= NFT_REG32_00 && reg < NFT_REG32_00 + REGISTERS)
		return (uint8_t)(reg - NFT_REG32_00);
	return BAD_REGISTER;
}

static bool take_data(struct ns_attrs *attrs, unsigned type, uint8_t *ret_length, uint8_t ret[static NS_STMT_DATA_MAX])
{
	struct ns_attrs data;
	const void *bytes;
	size_t length;

	ns_attrs_parse_nested(&data, attrs, type);
	bytes = ns_attrs_bytes(&data, NFTA_DATA_VALUE, &length);
	if (!bytes || length == 0 || length > NS_STMT_DATA_MAX)
		return false;
	memcpy(ret, bytes, length);
	*ret_length = (uint8_t)length;
	return true;
}

static bool take_meta(struct ns_attrs *a, struct ns_stmt *stmt)
{
	stmt->meta.key = ns_attrs_u32(a, NFTA_META_KEY, UINT32_MAX);
	stmt->meta.reg = slot_of(a, NFTA_META_DREG);
	return stmt->meta.reg != BAD_REGISTER && only(a, BIT(NFTA_META_KEY) | BIT(NFTA_META_DREG));
}

static bool take_fib(struct ns_attrs *a, struct ns_stmt *stmt)
{
	stmt->fib.flags = ns_attrs_u32(a, NFTA_FIB_FLAGS, UINT32_MAX);
	stmt->fib.reg = slot_of(a, NFTA_FIB_DREG);
	return stmt->fib.reg != BAD_REGISTER && ns_attrs_u32(a, NFTA_FIB_RESULT, 0) == NFT_FIB_RESULT_ADDRTYPE &&
	       only(a, BIT(NFTA_FIB_FLAGS) | BIT(NFTA_FIB_RESULT) | BIT(NFTA_FIB_DREG));
}

static bool take_socket(struct ns_attrs *a, struct ns_stmt *stmt)
{
	stmt->socket.key = ns_attrs_u32(a, NFTA_SOCKET_KEY, UINT32_MAX);
	stmt->socket.reg = slot_of(a, NFTA_SOCKET_DREG);
	stmt->socket.level = ns_attrs_u32(a, NFTA_SOCKET_LEVEL, 0);
	return stmt->socket.reg != BAD_REGISTER && ns_attrs_has(a, NFTA_SOCKET_KEY) &&
	       (stmt->socket.key == NFT_SOCKET_CGROUPV2 ? ns_attrs_has(a, NFTA_SOCKET_LEVEL)
							: stmt->socket.level == 0) &&
	       only(a, BIT(NFTA_SOCKET_KEY) | BIT(NFTA_SOCKET_DREG) | BIT(NFTA_SOCKET_LEVEL));
}

static bool take_ct(struct ns_attrs *a, struct ns_stmt *stmt)
{
	stmt->ct.key = ns_attrs_u32(a, NFTA_CT_KEY, UINT32_MAX);
	stmt->ct.reg = slot_of(a, NFTA_CT_DREG);
	stmt->ct.dir = ns_attrs_u8(a, NFTA_CT_DIRECTION, NS_CT_DIR_NONE);
	return stmt->ct.reg != BAD_REGISTER && only(a, BIT(NFTA_CT_KEY) | BIT(NFTA_CT_DREG) | BIT(NFTA_CT_DIRECTION));
}

static bool take_payload(struct ns_attrs *a, struct ns_stmt *stmt)
{
	stmt->payload.base = ns_attrs_u32(a, NFTA_PAYLOAD_BASE, UINT32_MAX);
	stmt->payload.offset = ns_attrs_u32(a, NFTA_PAYLOAD_OFFSET, 0);
	stmt->payload.length = ns_attrs_u32(a, NFTA_PAYLOAD_LEN, 0);
	stmt->payload.reg = slot_of(a, NFTA_PAYLOAD_DREG);
	return stmt->payload.reg != BAD_REGISTER && only(a, BIT(NFTA_PAYLOAD_BASE) | BIT(NFTA_PAYLOAD_OFFSET) |
								    BIT(NFTA_PAYLOAD_LEN) | BIT(NFTA_PAYLOAD_DREG));
}

static bool take_verdict(struct ns_attrs *data, struct ns_stmt *stmt)
{
	struct ns_attrs verdict;
	bool jumps;

	ns_attrs_parse_nested(&verdict, data, NFTA_DATA_VERDICT);
	if (!ns_attrs_has(&verdict, NFTA_VERDICT_CODE))
		return false;
	stmt->kind = NS_STMT_VERDICT;
	stmt->verdict.code = (int32_t)ns_attrs_u32(&verdict, NFTA_VERDICT_CODE, NF_DROP);
	(void)ns_attrs_string(&verdict, NFTA_VERDICT_CHAIN, stmt->verdict.chain, sizeof(stmt->verdict.chain));
	jumps = stmt->verdict.code == NFT_JUMP || stmt->verdict.code == NFT_GOTO;
	return jumps == (stmt->verdict.chain[0] != '\0') &&
	       only(&verdict, BIT(NFTA_VERDICT_CODE) | BIT(NFTA_VERDICT_CHAIN));
}

static bool take_immediate(struct ns_attrs *a, struct ns_stmt *stmt)
{
	struct ns_attrs data;

	if (!only(a, BIT(NFTA_IMMEDIATE_DREG) | BIT(NFTA_IMMEDIATE_DATA)))
		return false;
	ns_attrs_parse_nested(&data, a, NFTA_IMMEDIATE_DATA);
	if (ns_attrs_has(&data, NFTA_DATA_VERDICT))
		return ns_attrs_u32(a, NFTA_IMMEDIATE_DREG, UINT32_MAX) == NFT_REG_VERDICT && take_verdict(&data, stmt);
	stmt->immediate.reg = slot_of(a, NFTA_IMMEDIATE_DREG);
	return stmt->immediate.reg != BAD_REGISTER &&
	       take_data(a, NFTA_IMMEDIATE_DATA, &stmt->immediate.length, stmt->immediate.data);
}

static bool take_bitwise(struct ns_attrs *a, struct ns_stmt *stmt)
{
	uint8_t mask = 0, xor = 0;

	stmt->bitwise.sreg = slot_of(a, NFTA_BITWISE_SREG);
	stmt->bitwise.dreg = slot_of(a, NFTA_BITWISE_DREG);
	if (stmt->bitwise.sreg == BAD_REGISTER || stmt->bitwise.dreg == BAD_REGISTER ||
	    ns_attrs_u32(a, NFTA_BITWISE_OP, NFT_BITWISE_BOOL) != NFT_BITWISE_BOOL ||
	    !take_data(a, NFTA_BITWISE_MASK, &mask, stmt->bitwise.mask) ||
	    !take_data(a, NFTA_BITWISE_XOR, &xor, stmt->bitwise.xor))
		return false;
	stmt->bitwise.length = mask;
	return mask == xor&&ns_attrs_u32(a, NFTA_BITWISE_LEN, 0) ==
	       mask &&only(a, BIT(NFTA_BITWISE_SREG) | BIT(NFTA_BITWISE_DREG) | BIT(NFTA_BITWISE_LEN) |
				      BIT(NFTA_BITWISE_MASK) | BIT(NFTA_BITWISE_XOR) | BIT(NFTA_BITWISE_OP));
}

static bool take_cmp(struct ns_attrs *a, struct ns_stmt *stmt)
{
	stmt->cmp.op = ns_attrs_u32(a, NFTA_CMP_OP, UINT32_MAX);
	stmt->cmp.reg = slot_of(a, NFTA_CMP_SREG);
	return stmt->cmp.reg != BAD_REGISTER && take_data(a, NFTA_CMP_DATA, &stmt->cmp.length, stmt->cmp.data) &&
	       only(a, BIT(NFTA_CMP_OP) | BIT(NFTA_CMP_SREG) | BIT(NFTA_CMP_DATA));
}

static bool take_lookup(struct ns_attrs *a, struct ns_stmt *stmt)
{
	uint32_t flags = ns_attrs_u32(a, NFTA_LOOKUP_FLAGS, 0);

	stmt->lookup.reg = slot_of(a, NFTA_LOOKUP_SREG);
	stmt->lookup.invert = flags & NFT_LOOKUP_F_INV;
	return stmt->lookup.reg != BAD_REGISTER && !(flags & ~(uint32_t)NFT_LOOKUP_F_INV) &&
	       ns_attrs_string(a, NFTA_LOOKUP_SET, stmt->lookup.set, sizeof(stmt->lookup.set)) &&
	       only(a, BIT(NFTA_LOOKUP_SET) | BIT(NFTA_LOOKUP_SREG) | BIT(NFTA_LOOKUP_FLAGS));
}

static bool take_dynset(struct ns_attrs *a, struct ns_stmt *stmt)
{
	struct ns_attrs expression;

	stmt->dynset.reg = slot_of(a, NFTA_DYNSET_SREG_KEY);
	stmt->dynset.op = ns_attrs_u32(a, NFTA_DYNSET_OP, UINT32_MAX);
	stmt->dynset.timeout_ms = ns_attrs_u64(a, NFTA_DYNSET_TIMEOUT, 0);
	if (ns_attrs_has(a, NFTA_DYNSET_EXPR)) {
		ns_attrs_parse_nested(&expression, a, NFTA_DYNSET_EXPR);
		stmt->dynset.counter = ns_attrs_string_is(&expression, NFTA_EXPR_NAME, "counter");
		if (!stmt->dynset.counter)
			return false;
	}
	/* NFT_DYNSET_F_EXPR only says that there is an expression. */
	return stmt->dynset.reg != BAD_REGISTER &&
	       !(ns_attrs_u32(a, NFTA_DYNSET_FLAGS, 0) & ~(uint32_t)NFT_DYNSET_F_EXPR) &&
	       ns_attrs_string(a, NFTA_DYNSET_SET_NAME, stmt->dynset.set, sizeof(stmt->dynset.set)) &&
	       only(a, BIT(NFTA_DYNSET_SET_NAME) | BIT(NFTA_DYNSET_OP) | BIT(NFTA_DYNSET_SREG_KEY) |
			       BIT(NFTA_DYNSET_TIMEOUT) | BIT(NFTA_DYNSET_EXPR) | BIT(NFTA_DYNSET_FLAGS) |
			       BIT(NFTA_DYNSET_PAD));
}

static bool take_counter(struct ns_attrs *a, struct ns_stmt *stmt)
{
	ns_nft_decode_figures(a, &stmt->counter.packets, &stmt->counter.bytes);
	return only(a, BIT(NFTA_COUNTER_BYTES) | BIT(NFTA_COUNTER_PACKETS) | BIT(NFTA_COUNTER_PAD));
}

static bool take_objref(struct ns_attrs *a, struct ns_stmt *stmt)
{
	return ns_attrs_u32(a, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_UNSPEC) == NFT_OBJECT_COUNTER &&
	       ns_attrs_string(a, NFTA_OBJREF_IMM_NAME, stmt->objref.name, sizeof(stmt->objref.name)) &&
	       only(a, BIT(NFTA_OBJREF_IMM_TYPE) | BIT(NFTA_OBJREF_IMM_NAME));
}

static bool take_limit(struct ns_attrs *a, struct ns_stmt *stmt)
{
	uint32_t flags = ns_attrs_u32(a, NFTA_LIMIT_FLAGS, 0);

	stmt->limit.rate = ns_attrs_u64(a, NFTA_LIMIT_RATE, 0);
	stmt->limit.unit_s = ns_attrs_u64(a, NFTA_LIMIT_UNIT, 0);
	stmt->limit.burst = ns_attrs_u32(a, NFTA_LIMIT_BURST, 0);
	stmt->limit.invert = flags & NFT_LIMIT_F_INV;
	return ns_attrs_u32(a, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS) == NFT_LIMIT_PKTS &&
	       !(flags & ~(uint32_t)NFT_LIMIT_F_INV) &&
	       only(a, BIT(NFTA_LIMIT_RATE) | BIT(NFTA_LIMIT_UNIT) | BIT(NFTA_LIMIT_BURST) | BIT(NFTA_LIMIT_TYPE) |
			       BIT(NFTA_LIMIT_FLAGS) | BIT(NFTA_LIMIT_PAD));
}

static bool take_log(struct ns_attrs *a, struct ns_stmt *stmt)
{
	stmt->log.group = ns_attrs_u16(a, NFTA_LOG_GROUP, 0);
	stmt->log.snaplen = ns_attrs_u32(a, NFTA_LOG_SNAPLEN, 0);
	(void)ns_attrs_string(a, NFTA_LOG_PREFIX, stmt->log.prefix, sizeof(stmt->log.prefix));
	return ns_attrs_has(a, NFTA_LOG_GROUP) && ns_attrs_u16(a, NFTA_LOG_QTHRESHOLD, 0) == 0 &&
	       only(a, BIT(NFTA_LOG_GROUP) | BIT(NFTA_LOG_SNAPLEN) | BIT(NFTA_LOG_PREFIX) | BIT(NFTA_LOG_QTHRESHOLD));
}

static bool take_reject(struct ns_attrs *a, struct ns_stmt *stmt)
{
	stmt->reject.type = ns_attrs_u32(a, NFTA_REJECT_TYPE, UINT32_MAX);
	stmt->reject.code = ns_attrs_u8(a, NFTA_REJECT_ICMP_CODE, 0);
	return only(a,
		    BIT(NFTA_REJECT_TYPE) | (stmt->reject.type == NFT_REJECT_TCP_RST ? 0 : BIT(NFTA_REJECT_ICMP_CODE)));
}

static const struct {
	const char *name;
	enum ns_stmt_kind kind; /* an immediate may turn out to be a verdict */
	bool (*take)(struct ns_attrs *attrs, struct ns_stmt *stmt);
} expressions[] = {
	{ "meta", NS_STMT_META, take_meta },          { "ct", NS_STMT_CT, take_ct },
	{ "payload", NS_STMT_PAYLOAD, take_payload }, { "immediate", NS_STMT_IMMEDIATE, take_immediate },
	{ "bitwise", NS_STMT_BITWISE, take_bitwise }, { "cmp", NS_STMT_CMP, take_cmp },
	{ "lookup", NS_STMT_LOOKUP, take_lookup },    { "dynset", NS_STMT_DYNSET, take_dynset },
	{ "counter", NS_STMT_COUNTER, take_counter }, { "objref", NS_STMT_OBJREF, take_objref },
	{ "limit", NS_STMT_LIMIT, take_limit },       { "log", NS_STMT_LOG, take_log },
	{ "reject", NS_STMT_REJECT, take_reject },    { "fib", NS_STMT_FIB, take_fib },
	{ "socket", NS_STMT_SOCKET, take_socket },
};

static void take_expression(const struct nlattr *attr, struct ns_stmt *ret)
{
	struct ns_attrs attrs, data;
	struct ns_stmt stmt;

	memset(ret, 0, sizeof(*ret));
	ns_attrs_parse_within(&attrs, attr);
	ns_attrs_parse_nested(&data, &attrs, NFTA_EXPR_DATA);
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		if (!ns_attrs_string_is(&attrs, NFTA_EXPR_NAME, expressions[i].name))
			continue;
		memset(&stmt, 0, sizeof(stmt));
		stmt.kind = expressions[i].kind;
		if (expressions[i].take(&data, &stmt) && !data.malformed)
			*ret = stmt;
		return;
	}
}

int ns_nft_decode_rule(const struct nlmsghdr *message, const struct ns_nft_scope *scope,
		       char ret_chain[static NS_NFT_NAME_MAX], struct ns_plan_rule *ret, struct ns_error *err)
{
	const struct nfgenmsg *nfgen = mnl_nlmsg_get_payload(message);
	struct ns_plan_rule rule = { 0 };
	char chain[NS_NFT_NAME_MAX];
	const struct nlattr *attr;
	struct ns_attrs attrs;

	if (message->nlmsg_type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWRULE))
		return 0;
	ns_attrs_parse_message(&attrs, message);
	if (attrs.malformed)
		return ns_error_set(err, -EBADMSG, "nf_tables: malformed rule");
	if (nfgen->nfgen_family != scope->family || !ns_attrs_string_is(&attrs, NFTA_RULE_TABLE, scope->table))
		return 0;
	rule.handle = ns_attrs_u64(&attrs, NFTA_RULE_HANDLE, 0);
	if (attrs.malformed || !ns_attrs_has(&attrs, NFTA_RULE_CHAIN))
		return ns_error_set(err, -EBADMSG, "nf_tables: malformed rule");
	if (!ns_attrs_string(&attrs, NFTA_RULE_CHAIN, chain, sizeof(chain)))
		return ns_error_set(err, -EOVERFLOW, "rule in a chain with a name of more than %d bytes",
				    NS_NFT_NAME_MAX - 1);
	ns_attrs_comment(&attrs, NFTA_RULE_USERDATA, NFTNL_UDATA_RULE_COMMENT, rule.comment, sizeof(rule.comment));
	if (ns_attrs_has(&attrs, NFTA_RULE_EXPRESSIONS)) {
		const struct nlattr *list = attrs.by_type[NFTA_RULE_EXPRESSIONS];

		for (attr = ns_attr_first(list); attr; attr = ns_attr_next(list, attr)) {
			if (rule.n_stmts == NS_RULE_STMTS_MAX) {
				rule.stmts[NS_RULE_STMTS_MAX - 1].kind = NS_STMT_INVALID;
				break;
			}
			take_expression(attr, &rule.stmts[rule.n_stmts++]);
		}
	}
	memcpy(ret_chain, chain, sizeof(chain));
	*ret = rule;
	return 1;
}
