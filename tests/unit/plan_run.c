/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "plan_run.h"

#define REGISTERS 16
#define DEPTH_MAX 16 /* NFT_JUMP_STACK_SIZE */

struct run {
	const struct ns_plan *plan;
	const struct run_packet *packet;
	enum run_sets sets;
	uint8_t registers[REGISTERS * 4];
	struct run_result *result;
};

enum outcome { NO_MATCH, MATCHED, ENDED };

static void see(struct run *run, const char *what, const char *name, const uint8_t *key, size_t length)
{
	char *to = run->result->seen;
	size_t at = strlen(to), size = sizeof(run->result->seen);

	at += (size_t)snprintf(to + at, size - at, "%s %s", what, name);
	for (size_t i = 0; i < length && at < size; i++)
		at += (size_t)snprintf(to + at, size - at, "%s%02x", i ? "" : " ", key[i]);
	if (at + 2 >= size)
		abort();
	memcpy(to + at, "\n", 2);
}

static void store(struct run *run, uint8_t reg, const void *data, size_t length)
{
	size_t padded = (length + 3) & ~(size_t)3;

	if (reg * 4u + padded > sizeof(run->registers))
		abort();
	memset(run->registers + reg * 4, 0, padded);
	memcpy(run->registers + reg * 4, data, length);
}

static void store32(struct run *run, uint8_t reg, uint32_t value)
{
	store(run, reg, &value, sizeof(value));
}

static bool load_payload(struct run *run, const struct ns_stmt *stmt)
{
	const struct run_packet *packet = run->packet;
	size_t from = stmt->payload.offset;

	if (stmt->payload.base == NFT_PAYLOAD_NETWORK_HEADER)
		from += packet->network;
	else if (stmt->payload.base == NFT_PAYLOAD_TRANSPORT_HEADER && packet->transport)
		from += packet->transport;
	else if (stmt->payload.base != NFT_PAYLOAD_LL_HEADER)
		return false;
	if (from + stmt->payload.length > packet->length)
		return false;
	store(run, stmt->payload.reg, packet->data + from, stmt->payload.length);
	return true;
}

static bool load_meta(struct run *run, const struct ns_stmt *stmt)
{
	const struct run_packet *packet = run->packet;

	switch (stmt->meta.key) {
	case NFT_META_NFPROTO:
		store(run, stmt->meta.reg, &packet->nfproto, 1);
		return true;
	case NFT_META_L4PROTO:
		store(run, stmt->meta.reg, &packet->l4proto, 1);
		return packet->transport != 0;
	case NFT_META_IIF:
		store32(run, stmt->meta.reg, packet->iif);
		return true;
	case NFT_META_OIF:
		store32(run, stmt->meta.reg, packet->oif);
		return true;
	case NFT_META_SKUID:
		store32(run, stmt->meta.reg, packet->skuid);
		return packet->has_user;
	default:
		abort();
	}
}

static bool load_ct(struct run *run, const struct ns_stmt *stmt)
{
	switch (stmt->ct.key) {
	case NFT_CT_STATE:
		store32(run, stmt->ct.reg, run->packet->ct_state);
		return true;
	case NFT_CT_STATUS:
		store32(run, stmt->ct.reg, run->packet->ct_status);
		return true;
	case NFT_CT_DIRECTION:
		store(run, stmt->ct.reg, &run->packet->ct_direction, 1);
		return true;
	default:
		abort();
	}
}

static bool load_socket(struct run *run, const struct ns_stmt *stmt)
{
	if (stmt->socket.key == NFT_SOCKET_WILDCARD)
		store32(run, stmt->socket.reg, 0);
	else
		store(run, stmt->socket.reg, &run->packet->cgroup, sizeof(run->packet->cgroup));
	return run->packet->has_socket && (stmt->socket.key == NFT_SOCKET_WILDCARD || run->packet->cgroup);
}

static bool compare(const struct run *run, const struct ns_stmt *stmt)
{
	int order = memcmp(run->registers + stmt->cmp.reg * 4, stmt->cmp.data, stmt->cmp.length);

	switch (stmt->cmp.op) {
	case NFT_CMP_EQ:
		return order == 0;
	case NFT_CMP_NEQ:
		return order != 0;
	case NFT_CMP_LT:
		return order < 0;
	case NFT_CMP_LTE:
		return order <= 0;
	case NFT_CMP_GT:
		return order > 0;
	case NFT_CMP_GTE:
		return order >= 0;
	default:
		abort();
	}
}

static bool within(const struct ns_plan_set *set, const struct ns_plan_element *e, const uint8_t *key)
{
	size_t at = 0;

	for (unsigned i = 0; i < set->n_fields; i++) {
		size_t length = ns_field_length(set->fields[i]);

		if (memcmp(key + at, e->key + at, length) < 0 || memcmp(key + at, e->key_end + at, length) > 0)
			return false;
		at += ns_field_padded_length(set->fields[i]);
	}
	return true;
}

static const struct ns_plan_set *set_named(const struct run *run, const char *name)
{
	const struct ns_plan_set *set = ns_plan_find_set(run->plan, name);

	if (!set)
		abort();
	return set;
}

static bool look_up(struct run *run, const struct ns_stmt *stmt)
{
	const struct ns_plan_set *set = set_named(run, stmt->lookup.set);
	const uint8_t *key = run->registers + stmt->lookup.reg * 4;
	const struct ns_plan_element *found = NULL;
	size_t length = ns_plan_set_key_length(set);

	if (set->dynamic) {
		if (run->sets == RUN_KNOWN)
			see(run, "counted", set->name, key, length);
		return (run->sets == RUN_KNOWN) != stmt->lookup.invert;
	}
	for (size_t i = 0; i < set->n_elements && !found; i++)
		if (within(set, &set->elements[i], key))
			found = &set->elements[i];
	if (found && set->counter)
		see(run, "counted", set->name, found->key, length);
	return (found != NULL) != stmt->lookup.invert;
}

static bool add(struct run *run, const struct ns_stmt *stmt)
{
	const struct ns_plan_set *set = set_named(run, stmt->dynset.set);

	if (run->sets == RUN_FULL)
		return false;
	see(run, run->sets == RUN_KNOWN ? "counted" : "added", set->name, run->registers + stmt->dynset.reg * 4,
	    ns_plan_set_key_length(set));
	return true;
}

static void mask(struct run *run, const struct ns_stmt *stmt)
{
	uint8_t data[NS_STMT_DATA_MAX];

	for (size_t i = 0; i < stmt->bitwise.length; i++)
		data[i] = (run->registers[stmt->bitwise.sreg * 4 + i] & stmt->bitwise.mask[i]) ^ stmt->bitwise.xor [i];
	store(run, stmt->bitwise.dreg, data, stmt->bitwise.length);
}

/* Verdicts aside. */
static bool step(struct run *run, const struct ns_stmt *stmt)
{
	switch (stmt->kind) {
	case NS_STMT_META:
		return load_meta(run, stmt);
	case NS_STMT_CT:
		return load_ct(run, stmt);
	case NS_STMT_SOCKET:
		return load_socket(run, stmt);
	case NS_STMT_FIB:
		store32(run, stmt->fib.reg, run->packet->fib_type);
		return true;
	case NS_STMT_PAYLOAD:
		return load_payload(run, stmt);
	case NS_STMT_IMMEDIATE:
		store(run, stmt->immediate.reg, stmt->immediate.data, stmt->immediate.length);
		return true;
	case NS_STMT_BITWISE:
		mask(run, stmt);
		return true;
	case NS_STMT_CMP:
		return compare(run, stmt);
	case NS_STMT_LOOKUP:
		return look_up(run, stmt);
	case NS_STMT_DYNSET:
		return add(run, stmt);
	case NS_STMT_OBJREF:
		see(run, "counter", stmt->objref.name, NULL, 0);
		return true;
	case NS_STMT_LOG:
		see(run, "log", stmt->log.prefix, NULL, 0);
		return true;
	default:
		abort();
	}
}

static const struct ns_plan_chain *chain_named(const struct run *run, const char *name)
{
	const struct ns_plan_chain *chain = ns_plan_find_chain(run->plan, name);

	if (!chain)
		abort();
	return chain;
}

static enum outcome run_chain(struct run *run, const struct ns_plan_chain *chain, unsigned depth);

/* MATCHED: the chain is left. */
static enum outcome conclude(struct run *run, const struct ns_stmt *stmt, unsigned depth)
{
	switch (stmt->verdict.code) {
	case NF_ACCEPT:
	case NF_DROP:
		run->result->accepted = stmt->verdict.code == NF_ACCEPT;
		return ENDED;
	case NFT_JUMP:
		return run_chain(run, chain_named(run, stmt->verdict.chain), depth + 1) == ENDED ? ENDED : NO_MATCH;
	case NFT_GOTO:
		return run_chain(run, chain_named(run, stmt->verdict.chain), depth) == ENDED ? ENDED : MATCHED;
	case NFT_RETURN:
		return MATCHED;
	default:
		abort();
	}
}

static enum outcome run_rule(struct run *run, const struct ns_plan_rule *rule, unsigned depth)
{
	for (unsigned i = 0; i < rule->n_stmts; i++) {
		const struct ns_stmt *stmt = &rule->stmts[i];

		if (stmt->kind == NS_STMT_VERDICT)
			return conclude(run, stmt, depth);
		if (stmt->kind == NS_STMT_REJECT) {
			see(run, "reject", stmt->reject.type == NFT_REJECT_TCP_RST ? "reset" : "error", NULL, 0);
			return ENDED;
		}
		if (!step(run, stmt))
			return NO_MATCH;
	}
	return NO_MATCH;
}

static enum outcome run_chain(struct run *run, const struct ns_plan_chain *chain, unsigned depth)
{
	if (depth > DEPTH_MAX)
		abort();
	for (size_t i = 0; i < chain->n_rules; i++) {
		enum outcome outcome = run_rule(run, &chain->rules[i], depth);

		if (outcome != NO_MATCH)
			return outcome;
	}
	return MATCHED;
}

void plan_run(const struct ns_plan *plan, const char *base_chain, const struct run_packet *packet, enum run_sets sets,
	      struct run_result *ret)
{
	struct run run = { .plan = plan, .packet = packet, .sets = sets, .result = ret };
	const struct ns_plan_chain *chain = chain_named(&run, base_chain);

	memset(ret, 0, sizeof(*ret));
	memset(run.registers, 0xa5, sizeof(run.registers)); /* nothing may be read that was not loaded */
	if (run_chain(&run, chain, 0) != ENDED)
		ret->accepted = chain->policy == NF_ACCEPT;
}
