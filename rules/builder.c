/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "builder.h"

void ns_builder_fail(struct ns_builder *b, int code)
{
	if (b->code == 0)
		b->code = code;
}

/* After a plan builder returned NULL, having said why. */
static void fail_as_said(struct ns_builder *b)
{
	ns_builder_fail(b, b->err && b->err->code < 0 ? b->err->code : -ENOMEM);
}

/* Copies a name that must fit; one that does not is a mistake in the compiler, and an error rather than a cut name. */
static void copy_name(struct ns_builder *b, char ret[static NS_NFT_NAME_MAX], const char *name)
{
	if (strlen(name) >= NS_NFT_NAME_MAX)
		ns_builder_fail(b, ns_error_set(b->err, -ENAMETOOLONG, "name '%s' is too long", name));
	else
		memcpy(ret, name, strlen(name) + 1);
}

void ns_builder_set(struct ns_builder *b, const struct ns_plan_set *definition)
{
	struct ns_plan_set *set;

	if (b->code < 0)
		return;
	set = ns_plan_add_set(b->plan, definition->name, b->err);
	if (!set) {
		fail_as_said(b);
		return;
	}
	*set = *definition;
	set->elements = NULL;
	set->n_elements = set->elements_allocated = 0;
}

void ns_builder_counter_object(struct ns_builder *b, const char *name)
{
	if (b->code == 0 && !ns_plan_add_counter(b->plan, name, b->err))
		fail_as_said(b);
}

void ns_builder_chain(struct ns_builder *b, const char *name)
{
	if (b->code < 0)
		return;
	if (ns_plan_add_chain(b->plan, name, b->err))
		b->chain = b->plan->n_chains - 1;
	else
		fail_as_said(b);
}

void ns_builder_base_chain(struct ns_builder *b, const char *name, uint32_t hook, int32_t priority, uint32_t policy)
{
	struct ns_plan_chain *chain;

	ns_builder_chain(b, name);
	if (b->code < 0)
		return;
	chain = &b->plan->chains[b->chain];
	chain->base = true;
	chain->hook = hook;
	chain->priority = priority;
	chain->policy = policy;
}

void ns_builder_device(struct ns_builder *b, const char *device)
{
	if (b->code < 0)
		return;
	if (!*device || strlen(device) >= NS_IFNAME_MAX)
		ns_builder_fail(b, ns_error_set(b->err, -EINVAL, "'%.32s' is no name of a device", device));
	else
		memcpy(b->plan->chains[b->chain].device, device, strlen(device) + 1);
}

void ns_builder_rule(struct ns_builder *b, const char *comment)
{
	struct ns_plan_rule *rule;

	if (b->code < 0)
		return;
	rule = ns_plan_add_rule(&b->plan->chains[b->chain], b->err);
	if (!rule)
		fail_as_said(b);
	else if (comment)
		(void)snprintf(rule->comment, sizeof(rule->comment), "%s", comment);
}

/* The next statement of the rule that was begun last; NULL after an error. */
static struct ns_stmt *next(struct ns_builder *b, enum ns_stmt_kind kind)
{
	struct ns_plan_chain *chain;
	struct ns_plan_rule *rule;
	struct ns_stmt *stmt;

	if (b->code < 0)
		return NULL;
	chain = &b->plan->chains[b->chain];
	rule = &chain->rules[chain->n_rules - 1];
	if (rule->n_stmts == NS_RULE_STMTS_MAX) {
		ns_builder_fail(b, ns_error_set(b->err, -E2BIG, "chain %s: a rule of more than %d statements",
						chain->name, NS_RULE_STMTS_MAX));
		return NULL;
	}
	stmt = &rule->stmts[rule->n_stmts++];
	stmt->kind = kind;
	return stmt;
}

void ns_builder_meta(struct ns_builder *b, uint32_t key, uint8_t reg)
{
	struct ns_stmt *stmt = next(b, NS_STMT_META);

	if (!stmt)
		return;
	stmt->meta.key = key;
	stmt->meta.reg = reg;
}

void ns_builder_fib_type(struct ns_builder *b, uint32_t flags, uint8_t reg)
{
	struct ns_stmt *stmt = next(b, NS_STMT_FIB);

	if (!stmt)
		return;
	stmt->fib.flags = flags;
	stmt->fib.reg = reg;
}

static void socket_key(struct ns_builder *b, uint32_t key, uint32_t level, uint8_t reg)
{
	struct ns_stmt *stmt = next(b, NS_STMT_SOCKET);

	if (!stmt)
		return;
	stmt->socket.key = key;
	stmt->socket.level = level;
	stmt->socket.reg = reg;
}

void ns_builder_socket_cgroup(struct ns_builder *b, uint32_t level, uint8_t reg)
{
	socket_key(b, NFT_SOCKET_CGROUPV2, level, reg);
}

void ns_builder_socket_wildcard(struct ns_builder *b, uint8_t reg)
{
	socket_key(b, NFT_SOCKET_WILDCARD, 0, reg);
}

void ns_builder_ct(struct ns_builder *b, uint32_t key, uint8_t reg)
{
	struct ns_stmt *stmt = next(b, NS_STMT_CT);

	if (!stmt)
		return;
	stmt->ct.key = key;
	stmt->ct.reg = reg;
	stmt->ct.dir = NS_CT_DIR_NONE;
}

void ns_builder_payload(struct ns_builder *b, uint32_t base, uint32_t offset, uint32_t length, uint8_t reg)
{
	struct ns_stmt *stmt = next(b, NS_STMT_PAYLOAD);

	if (!stmt)
		return;
	stmt->payload.base = base;
	stmt->payload.offset = offset;
	stmt->payload.length = length;
	stmt->payload.reg = reg;
}

void ns_builder_immediate(struct ns_builder *b, uint8_t reg, const void *data, uint8_t length)
{
	struct ns_stmt *stmt = next(b, NS_STMT_IMMEDIATE);

	if (!stmt)
		return;
	stmt->immediate.reg = reg;
	stmt->immediate.length = length;
	memcpy(stmt->immediate.data, data, length);
}

void ns_builder_immediate_zero(struct ns_builder *b, uint8_t reg, uint8_t length)
{
	static const uint8_t zero[NS_STMT_DATA_MAX];

	ns_builder_immediate(b, reg, zero, length);
}

void ns_builder_mask(struct ns_builder *b, uint8_t reg, const void *mask, uint8_t length)
{
	struct ns_stmt *stmt = next(b, NS_STMT_BITWISE);

	if (!stmt)
		return;
	stmt->bitwise.sreg = stmt->bitwise.dreg = reg;
	stmt->bitwise.length = length;
	memcpy(stmt->bitwise.mask, mask, length);
}

void ns_builder_cmp(struct ns_builder *b, uint32_t op, uint8_t reg, const void *data, uint8_t length)
{
	struct ns_stmt *stmt = next(b, NS_STMT_CMP);

	if (!stmt)
		return;
	stmt->cmp.op = op;
	stmt->cmp.reg = reg;
	stmt->cmp.length = length;
	memcpy(stmt->cmp.data, data, length);
}

void ns_builder_cmp8(struct ns_builder *b, uint32_t op, uint8_t reg, uint8_t value)
{
	ns_builder_cmp(b, op, reg, &value, sizeof(value));
}

void ns_builder_cmp32(struct ns_builder *b, uint32_t op, uint8_t reg, uint32_t host_order)
{
	ns_builder_cmp(b, op, reg, &host_order, sizeof(host_order));
}

void ns_builder_lookup(struct ns_builder *b, const char *set, uint8_t reg, bool invert)
{
	struct ns_stmt *stmt = next(b, NS_STMT_LOOKUP);

	if (!stmt)
		return;
	copy_name(b, stmt->lookup.set, set);
	stmt->lookup.reg = reg;
	stmt->lookup.invert = invert;
}

void ns_builder_add(struct ns_builder *b, const char *set, uint8_t reg)
{
	struct ns_stmt *stmt = next(b, NS_STMT_DYNSET);

	if (!stmt)
		return;
	copy_name(b, stmt->dynset.set, set);
	stmt->dynset.op = NFT_DYNSET_OP_ADD;
	stmt->dynset.reg = reg;
	/* The set's own definition gives its elements their counter; saying it twice would not be read back. */
	stmt->dynset.counter = false;
}

void ns_builder_counter(struct ns_builder *b, const char *name)
{
	struct ns_stmt *stmt = next(b, NS_STMT_OBJREF);

	if (stmt)
		copy_name(b, stmt->objref.name, name);
}

void ns_builder_limit_second(struct ns_builder *b)
{
	struct ns_stmt *stmt = next(b, NS_STMT_LIMIT);

	if (!stmt)
		return;
	stmt->limit.rate = 1;
	stmt->limit.unit_s = 1;
	stmt->limit.burst = 1; /* 0 would be read back as the kernel's default of 5 */
}

void ns_builder_log(struct ns_builder *b, uint16_t group, const char *prefix)
{
	struct ns_stmt *stmt = next(b, NS_STMT_LOG);

	if (!stmt)
		return;
	stmt->log.group = group;
	stmt->log.snaplen = NS_NFLOG_SNAPLEN;
	(void)snprintf(stmt->log.prefix, sizeof(stmt->log.prefix), "%s", prefix);
}

void ns_builder_reject(struct ns_builder *b, uint32_t type, uint8_t code)
{
	struct ns_stmt *stmt = next(b, NS_STMT_REJECT);

	if (!stmt)
		return;
	stmt->reject.type = type;
	stmt->reject.code = code;
}

void ns_builder_verdict(struct ns_builder *b, int32_t code, const char *chain)
{
	struct ns_stmt *stmt = next(b, NS_STMT_VERDICT);

	if (!stmt)
		return;
	stmt->verdict.code = code;
	if (chain)
		copy_name(b, stmt->verdict.chain, chain);
}

void ns_builder_accept(struct ns_builder *b)
{
	ns_builder_verdict(b, NF_ACCEPT, NULL);
}
