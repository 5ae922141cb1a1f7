/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Equality of rules: member by member, since the union's unused bytes and figures mean nothing.
 */
#include <string.h>

#include <nanoseg/plan.h>

static bool same_bytes(uint8_t length_a, const uint8_t *a, uint8_t length_b, const uint8_t *b)
{
	return length_a == length_b && length_a <= NS_STMT_DATA_MAX && memcmp(a, b, length_a) == 0;
}

static bool bitwise_equal(const struct ns_stmt *a, const struct ns_stmt *b)
{
	return a->bitwise.sreg == b->bitwise.sreg && a->bitwise.dreg == b->bitwise.dreg &&
	       same_bytes(a->bitwise.length, a->bitwise.mask, b->bitwise.length, b->bitwise.mask) &&
	       same_bytes(a->bitwise.length, a->bitwise.xor, b->bitwise.length, b->bitwise.xor);
}

static bool verdict_equal(const struct ns_stmt *a, const struct ns_stmt *b)
{
	return a->verdict.code == b->verdict.code && strcmp(a->verdict.chain, b->verdict.chain) == 0;
}

static bool stmt_equal(const struct ns_stmt *a, const struct ns_stmt *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case NS_STMT_META:
		return a->meta.key == b->meta.key && a->meta.reg == b->meta.reg;
	case NS_STMT_SOCKET:
		return a->socket.key == b->socket.key && a->socket.level == b->socket.level &&
		       a->socket.reg == b->socket.reg;
	case NS_STMT_FIB:
		return a->fib.flags == b->fib.flags && a->fib.reg == b->fib.reg;
	case NS_STMT_CT:
		return a->ct.key == b->ct.key && a->ct.reg == b->ct.reg && a->ct.dir == b->ct.dir;
	case NS_STMT_PAYLOAD:
		return a->payload.base == b->payload.base && a->payload.offset == b->payload.offset &&
		       a->payload.length == b->payload.length && a->payload.reg == b->payload.reg;
	case NS_STMT_IMMEDIATE:
		return a->immediate.reg == b->immediate.reg &&
		       same_bytes(a->immediate.length, a->immediate.data, b->immediate.length, b->immediate.data);
	case NS_STMT_BITWISE:
		return bitwise_equal(a, b);
	case NS_STMT_CMP:
		return a->cmp.op == b->cmp.op && a->cmp.reg == b->cmp.reg &&
		       same_bytes(a->cmp.length, a->cmp.data, b->cmp.length, b->cmp.data);
	case NS_STMT_LOOKUP:
		return strcmp(a->lookup.set, b->lookup.set) == 0 && a->lookup.reg == b->lookup.reg &&
		       a->lookup.invert == b->lookup.invert;
	case NS_STMT_DYNSET:
		return strcmp(a->dynset.set, b->dynset.set) == 0 && a->dynset.op == b->dynset.op &&
		       a->dynset.reg == b->dynset.reg && a->dynset.counter == b->dynset.counter &&
		       a->dynset.timeout_ms == b->dynset.timeout_ms;
	case NS_STMT_COUNTER:
		return true;
	case NS_STMT_OBJREF:
		return strcmp(a->objref.name, b->objref.name) == 0;
	case NS_STMT_LIMIT:
		return a->limit.rate == b->limit.rate && a->limit.unit_s == b->limit.unit_s &&
		       a->limit.burst == b->limit.burst && a->limit.invert == b->limit.invert;
	case NS_STMT_LOG:
		return a->log.group == b->log.group && a->log.snaplen == b->log.snaplen &&
		       strcmp(a->log.prefix, b->log.prefix) == 0;
	case NS_STMT_REJECT:
		return a->reject.type == b->reject.type && a->reject.code == b->reject.code;
	case NS_STMT_VERDICT:
		return verdict_equal(a, b);
	case NS_STMT_INVALID:
		break;
	}
	return false; /* a statement that says nothing equals nothing */
}

bool ns_plan_rule_equal(const struct ns_plan_rule *a, const struct ns_plan_rule *b)
{
	if (a->n_stmts != b->n_stmts || a->n_stmts > NS_RULE_STMTS_MAX || strcmp(a->comment, b->comment) != 0)
		return false;
	for (unsigned i = 0; i < a->n_stmts; i++)
		if (!stmt_equal(&a->stmts[i], &b->stmts[i]))
			return false;
	return true;
}
