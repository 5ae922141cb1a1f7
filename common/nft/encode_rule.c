/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rules as messages, one nftables expression a statement.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/encode.h"

NS_DEFINE_CLEANUP(struct nftnl_rule *, nftnl_rule_free)
NS_DEFINE_CLEANUP(struct nftnl_expr *, nftnl_expr_free)
NS_DEFINE_CLEANUP(struct nftnl_udata_buf *, nftnl_udata_buf_free)

static const char *const names[] = {
	[NS_STMT_META] = "meta",         [NS_STMT_CT] = "ct",           [NS_STMT_SOCKET] = "socket",
	[NS_STMT_FIB] = "fib",           [NS_STMT_PAYLOAD] = "payload", [NS_STMT_IMMEDIATE] = "immediate",
	[NS_STMT_BITWISE] = "bitwise",   [NS_STMT_CMP] = "cmp",         [NS_STMT_LOOKUP] = "lookup",
	[NS_STMT_DYNSET] = "dynset",     [NS_STMT_COUNTER] = "counter", [NS_STMT_OBJREF] = "objref",
	[NS_STMT_LIMIT] = "limit",       [NS_STMT_LOG] = "log",         [NS_STMT_REJECT] = "reject",
	[NS_STMT_VERDICT] = "immediate",
};

static uint32_t slot(uint8_t reg)
{
	return NFT_REG32_00 + (uint32_t)reg;
}

static bool set_bitwise(struct nftnl_expr *e, const struct ns_stmt *stmt)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, slot(stmt->bitwise.sreg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, slot(stmt->bitwise.dreg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, stmt->bitwise.length);
	return nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, stmt->bitwise.mask, stmt->bitwise.length) == 0 &&
	       nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, stmt->bitwise.xor, stmt->bitwise.length) == 0;
}

static bool set_dynset(struct nftnl_expr *e, const struct ns_stmt *stmt)
{
	struct nftnl_expr *counter;

	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, slot(stmt->dynset.reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, stmt->dynset.op);
	if (stmt->dynset.timeout_ms)
		nftnl_expr_set_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT, stmt->dynset.timeout_ms);
	if (stmt->dynset.counter) {
		counter = nftnl_expr_alloc("counter");
		if (!counter)
			return false;
		nftnl_expr_set(e, NFTNL_EXPR_DYNSET_EXPR, counter, 0); /* owned by e from here on */
	}
	return nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, stmt->dynset.set) == 0;
}

static bool set_limit(struct nftnl_expr *e, const struct ns_stmt *stmt)
{
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, stmt->limit.rate);
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, stmt->limit.unit_s);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, stmt->limit.burst);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, stmt->limit.invert ? NFT_LIMIT_F_INV : 0);
	return true;
}

static bool set_log(struct nftnl_expr *e, const struct ns_stmt *stmt)
{
	nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP, stmt->log.group);
	if (stmt->log.snaplen)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_SNAPLEN, stmt->log.snaplen);
	return !stmt->log.prefix[0] || nftnl_expr_set_str(e, NFTNL_EXPR_LOG_PREFIX, stmt->log.prefix) == 0;
}

/* A chain's name comes with a jump or goto and with nothing else. */
static bool set_verdict(struct nftnl_expr *e, const struct ns_stmt *stmt)
{
	bool jumps = stmt->verdict.code == NFT_JUMP || stmt->verdict.code == NFT_GOTO;

	if (jumps != (stmt->verdict.chain[0] != '\0'))
		return false;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)stmt->verdict.code);
	return !jumps || nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, stmt->verdict.chain) == 0;
}

/* Only a cgroup has a level. */
static bool set_socket(struct nftnl_expr *e, const struct ns_stmt *stmt)
{
	if (stmt->socket.key != NFT_SOCKET_CGROUPV2 && stmt->socket.level)
		return false;
	nftnl_expr_set_u32(e, NFTNL_EXPR_SOCKET_KEY, stmt->socket.key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_SOCKET_DREG, slot(stmt->socket.reg));
	if (stmt->socket.key == NFT_SOCKET_CGROUPV2)
		nftnl_expr_set_u32(e, NFTNL_EXPR_SOCKET_LEVEL, stmt->socket.level);
	return true;
}

/* Those that load a register. */
static bool set_load(struct nftnl_expr *e, const struct ns_stmt *stmt)
{
	switch (stmt->kind) {
	case NS_STMT_META:
		nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, stmt->meta.key);
		nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, slot(stmt->meta.reg));
		return true;
	case NS_STMT_FIB:
		nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
		nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, stmt->fib.flags);
		nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, slot(stmt->fib.reg));
		return true;
	case NS_STMT_CT:
		nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, stmt->ct.key);
		nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, slot(stmt->ct.reg));
		if (stmt->ct.dir != NS_CT_DIR_NONE)
			nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR, stmt->ct.dir);
		return true;
	case NS_STMT_SOCKET:
		return set_socket(e, stmt);
	case NS_STMT_PAYLOAD:
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, stmt->payload.base);
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, stmt->payload.offset);
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, stmt->payload.length);
		nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, slot(stmt->payload.reg));
		return true;
	case NS_STMT_IMMEDIATE:
		nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, slot(stmt->immediate.reg));
		return nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, stmt->immediate.data, stmt->immediate.length) == 0;
	case NS_STMT_BITWISE:
		return set_bitwise(e, stmt);
	default:
		return false;
	}
}

static bool set_use(struct nftnl_expr *e, const struct ns_stmt *stmt)
{
	switch (stmt->kind) {
	case NS_STMT_CMP:
		nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, slot(stmt->cmp.reg));
		nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, stmt->cmp.op);
		return nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, stmt->cmp.data, stmt->cmp.length) == 0;
	case NS_STMT_LOOKUP:
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, slot(stmt->lookup.reg));
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, stmt->lookup.invert ? NFT_LOOKUP_F_INV : 0);
		return nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, stmt->lookup.set) == 0;
	case NS_STMT_DYNSET:
		return set_dynset(e, stmt);
	case NS_STMT_COUNTER:
		return true;
	case NS_STMT_OBJREF:
		nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
		return nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, stmt->objref.name) == 0;
	case NS_STMT_LIMIT:
		return set_limit(e, stmt);
	case NS_STMT_LOG:
		return set_log(e, stmt);
	case NS_STMT_REJECT:
		nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, stmt->reject.type);
		if (stmt->reject.type != NFT_REJECT_TCP_RST)
			nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, stmt->reject.code);
		return true;
	case NS_STMT_VERDICT:
		return set_verdict(e, stmt);
	default:
		return false;
	}
}

static int add_stmt(struct nftnl_rule *rule, const struct ns_stmt *stmt)
{
	NS_CLEANUP(nftnl_expr_freep) struct nftnl_expr *e = NULL;
	unsigned kind = stmt->kind;

	if (kind == NS_STMT_INVALID || kind >= sizeof(names) / sizeof(names[0]))
		return -EINVAL;
	e = nftnl_expr_alloc(names[kind]);
	if (!e)
		return -ENOMEM;
	if (kind <= NS_STMT_BITWISE ? !set_load(e, stmt) : !set_use(e, stmt))
		return -EINVAL;
	nftnl_rule_add_expr(rule, NS_TAKE(e));
	return 0;
}

static int add_comment(struct nftnl_rule *rule, const char *comment)
{
	NS_CLEANUP(nftnl_udata_buf_freep) struct nftnl_udata_buf *notes = NULL;

	if (!comment[0])
		return 0;
	notes = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
	if (!notes || !nftnl_udata_put_strz(notes, NFTNL_UDATA_RULE_COMMENT, comment) ||
	    nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(notes), nftnl_udata_buf_len(notes)) < 0)
		return -ENOMEM;
	return 0;
}

void ns_nft_put_rule(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const char *chain, size_t number,
		     const struct ns_plan_rule *rule)
{
	NS_CLEANUP(nftnl_rule_freep) struct nftnl_rule *r = nftnl_rule_alloc();
	struct nlmsghdr *nlh;
	int error = r ? add_comment(r, rule->comment) : -ENOMEM;

	if (error == 0 && (nftnl_rule_set_str(r, NFTNL_RULE_TABLE, scope->table) < 0 ||
			   nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, chain) < 0))
		error = -ENOMEM;
	for (unsigned i = 0; error == 0 && i < rule->n_stmts; i++) {
		error = i < NS_RULE_STMTS_MAX ? add_stmt(r, &rule->stmts[i]) : -EINVAL;
		if (error == -EINVAL) {
			ns_nft_batch_fail(batch, -EINVAL, "chain %s, rule %zu: statement %u cannot be written", chain,
					  number, i);
			return;
		}
	}
	if (error < 0) {
		ns_nft_batch_fail(batch, error, "no memory for rule %zu of chain %s", number, chain);
		return;
	}
	nlh = ns_nft_batch_add(batch, NFT_MSG_NEWRULE, scope->family, NLM_F_CREATE | NLM_F_APPEND, "chain %s, rule %zu",
			       chain, number);
	if (nlh)
		nftnl_rule_nlmsg_build_payload(nlh, r);
}
