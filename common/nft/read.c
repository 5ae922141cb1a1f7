/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "cleanup.h"
#include "nft/dump_set.h"
#include "nft/read.h"

/* A request holds names of at most NS_NFT_NAME_MAX bytes. */
#define REQUEST_BYTES 512

/* Chains are asked for by name, since a dump of chains is of all tables: a thousand endpoints' have a thousand times
 * as many, and a container's may be any number. Where one table has more than this, the dump is less work. */
#define CHAINS_BY_NAME_MAX 256

struct reader {
	struct ns_nft *nft;
	const struct ns_nft_scope *scope;
	struct ns_nft_reading *reading;
	const char *sets;                   /* nothing but sets, with the elements of those of this prefix; NULL: all */
	bool figures;                       /* of the counters, too */
	bool settled;                       /* the table is this socket's: nobody else can change it */
	bool interrupted;                   /* by somebody else's transactions */
	size_t chain;                       /* that of the last rule: they come chain by chain */
	size_t target;                      /* that the last verdict led to; those before have been described */
	bool described[NS_PLAN_CHAINS_MAX]; /* the others' names are known only */
};

void ns_nft_reading_release(struct ns_nft_reading *reading)
{
	ns_plan_release(&reading->plan);
	*reading = (struct ns_nft_reading)NS_NFT_READING_INIT;
}

bool ns_nft_set_elements_are_planned(const struct ns_plan_set *set)
{
	return !set->dynamic && !set->timeout;
}

/* What a plan has no room or no word for is noted, and reading goes on. */
static int beyond(struct reader *reader, int code, const struct ns_error *why, struct ns_error *err)
{
	if (code != -EOVERFLOW && code != -E2BIG)
		return ns_error_set(err, code, "%s", why->text);
	if (!reader->reading->beyond[0])
		(void)snprintf(reader->reading->beyond, sizeof(reader->reading->beyond), "%.127s", why->text);
	return 0;
}

static int changed(struct ns_error *err)
{
	return ns_error_set(err, -EINTR, "the ruleset changed while it was being read");
}

/* The place of the chain with that name, which is added when it is new. -ENOSPC: noted as beyond any plan. */
static int place_of_chain(struct reader *reader, const char *name, size_t *ret, struct ns_error *err)
{
	struct ns_plan *plan = &reader->reading->plan;
	struct ns_error why = NS_ERROR_INIT;
	struct ns_plan_chain *chain;
	int r;

	if (reader->chain < plan->n_chains && strcmp(plan->chains[reader->chain].name, name) == 0) {
		*ret = reader->chain;
		return 0;
	}
	chain = ns_plan_find_chain(plan, name);
	if (!chain)
		chain = ns_plan_add_chain(plan, name, &why);
	if (!chain) {
		r = beyond(reader, why.code, &why, err);
		return r < 0 ? r : -ENOSPC;
	}
	*ret = (size_t)(chain - plan->chains);
	return 0;
}

static int each_chain(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct reader *reader = ctx;
	struct ns_error why = NS_ERROR_INIT;
	struct ns_plan_chain found, *chain;
	size_t place;
	int r = ns_nft_decode_chain(message, reader->scope, &found, &why);

	if (r < 0)
		return beyond(reader, r, &why, err);
	if (r == 0)
		return 0;
	r = place_of_chain(reader, found.name, &place, err);
	if (r < 0)
		return r == -ENOSPC ? 0 : r;
	chain = &reader->reading->plan.chains[place];
	found.rules = chain->rules;
	found.n_rules = chain->n_rules;
	found.rules_allocated = chain->rules_allocated;
	*chain = found;
	reader->described[place] = true;
	return 0;
}

static int each_rule(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct reader *reader = ctx;
	struct ns_error why = NS_ERROR_INIT;
	struct ns_plan_rule found, *rule;
	char name[NS_NFT_NAME_MAX];
	size_t place;
	int r = ns_nft_decode_rule(message, reader->scope, name, &found, &why);

	if (r < 0)
		return beyond(reader, r, &why, err);
	if (r == 0)
		return 0;
	r = place_of_chain(reader, name, &place, err);
	if (r < 0)
		return r == -ENOSPC ? 0 : r;
	reader->chain = place;
	rule = ns_plan_add_rule(&reader->reading->plan.chains[place], &why);
	if (!rule)
		return beyond(reader, why.code, &why, err);
	*rule = found;
	return 0;
}

static int each_set(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct reader *reader = ctx;
	struct ns_error why = NS_ERROR_INIT;
	struct ns_plan_set found, *set;
	int r = ns_nft_decode_set(message, reader->scope, &found, &why);

	if (r < 0)
		return beyond(reader, r, &why, err);
	if (r == 0)
		return 0;
	set = ns_plan_add_set(&reader->reading->plan, found.name, &why);
	if (!set && why.code == -EEXIST)
		return reader->settled ? 0 : changed(err);
	if (!set)
		return beyond(reader, why.code, &why, err);
	*set = found;
	return 0;
}

static int each_object(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct reader *reader = ctx;
	struct ns_error why = NS_ERROR_INIT;
	struct ns_plan_counter found, *counter;
	int r = ns_nft_decode_counter(message, reader->scope, &found, &why);

	if (r < 0)
		return beyond(reader, r, &why, err);
	if (r == 0)
		return 0;
	counter = ns_plan_add_counter(&reader->reading->plan, found.name, &why);
	if (!counter && why.code == -EEXIST) /* come twice: the dump's place was another when it went on */
		return reader->settled ? 0 : changed(err);
	if (!counter)
		return beyond(reader, why.code, &why, err);
	*counter = found;
	return 0;
}

static int each_flowtable(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct reader *reader = ctx;
	struct ns_error why = NS_ERROR_INIT;
	int r = ns_nft_decode_flowtable(message, reader->scope, &why);

	return r < 0 ? beyond(reader, r, &why, err) : 0;
}

/* What is dumped, in this order; filtered by table. Of the last ones the kernel looks at all tables'. */
static const struct {
	const char *what;
	uint16_t type;
	uint16_t table_attr;
	ns_nft_each_message each;
} parts[] = {
	{ "sets", NFT_MSG_GETSET, NFTA_SET_TABLE, each_set },
	{ "rules", NFT_MSG_GETRULE, NFTA_RULE_TABLE, each_rule },
	{ "counters", NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, each_object },
	{ "flowtables", NFT_MSG_GETFLOWTABLE, NFTA_FLOWTABLE_TABLE, each_flowtable },
};
#define PARTS     (sizeof(parts) / sizeof(parts[0]))
#define OWN_PARTS 2 /* sets and rules */

static int ask(struct reader *reader, struct nlmsghdr *request, ns_nft_each_message each, const char *what,
	       struct ns_error *err)
{
	struct ns_error why = NS_ERROR_INIT;
	int r = ns_nft_request(reader->nft, request, each, reader, &why);

	if (r == -EINTR && reader->settled) {
		reader->interrupted = true;
		return 0;
	}
	if (r == -ENOENT) /* it went between two requests */
		r = -EINTR;
	return r < 0 ? ns_error_set(err, r, "read %s: %s", what, why.text) : 0;
}

static int read_part(struct reader *reader, size_t i, struct ns_error *err)
{
	char buf[REQUEST_BYTES];
	struct nlmsghdr *request = ns_nft_dump_request(buf, parts[i].type, reader->scope->family, true);

	mnl_attr_put_strz(request, parts[i].table_attr, reader->scope->table);
	return ask(reader, request, parts[i].each, parts[i].what, err);
}

static bool has_counter(const struct ns_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_counters; i++)
		if (strcmp(plan->counters[i].name, name) == 0)
			return true;
	return false;
}

static int learn_from(struct reader *reader, const struct ns_stmt *stmt, struct ns_error *err)
{
	struct ns_error why = NS_ERROR_INIT;
	size_t place;
	int r;

	if (stmt->kind == NS_STMT_VERDICT && stmt->verdict.chain[0]) {
		if (reader->target < reader->reading->plan.n_chains &&
		    strcmp(reader->reading->plan.chains[reader->target].name, stmt->verdict.chain) == 0)
			return 0;
		r = place_of_chain(reader, stmt->verdict.chain, &place, err);
		if (r == 0)
			reader->described[reader->target = place] = true;
		return r == -ENOSPC ? 0 : r;
	}
	if (stmt->kind != NS_STMT_OBJREF || reader->figures || has_counter(&reader->reading->plan, stmt->objref.name))
		return 0;
	if (!ns_plan_add_counter(&reader->reading->plan, stmt->objref.name, &why))
		return beyond(reader, why.code, &why, err);
	return 0;
}

/* As many as the table says it has? */
static bool is_complete(const struct reader *reader)
{
	const struct ns_plan *plan = &reader->reading->plan;

	return plan->n_chains + plan->n_sets + plan->n_counters == reader->reading->table.use;
}

/* A rule that names a counter holds on to it, and a chain that a verdict leads to is no base chain and becomes none
 * (nft_objref_select_ops, nft_verdict_init and nf_tables_addchain in the kernel): what rules tell need not be asked
 * for.
 */
static int learn_from_rules(struct reader *reader, struct ns_error *err)
{
	struct ns_plan *plan = &reader->reading->plan;

	for (size_t i = 0; i < plan->n_chains; i++) {
		for (size_t j = 0; j < plan->chains[i].n_rules; j++) {
			const struct ns_plan_rule *rule = &plan->chains[i].rules[j];
			int r = 0;

			for (unsigned k = 0; r == 0 && k < rule->n_stmts; k++)
				r = learn_from(reader, &rule->stmts[k], err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Nothing else is in the table than what has been seen: the rest need not be looked for. */
static int read_own_parts(struct reader *reader, bool *ret_all, struct ns_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < OWN_PARTS; i++)
		if (!reader->sets || parts[i].type == NFT_MSG_GETSET)
			r = read_part(reader, i, err);
	if (r == 0 && !reader->sets)
		r = learn_from_rules(reader, err);
	*ret_all = reader->sets || (!reader->figures && is_complete(reader));
	return r;
}

static int read_chains(struct reader *reader, struct ns_error *err)
{
	const struct ns_plan *plan = &reader->reading->plan;
	bool by_name = plan->n_chains <= CHAINS_BY_NAME_MAX && is_complete(reader);
	char buf[REQUEST_BYTES];
	int r = 0;

	if (!by_name)
		r = ask(reader, ns_nft_dump_request(buf, NFT_MSG_GETCHAIN, reader->scope->family, true), each_chain,
			"chains", err);
	/* And those that an interrupted dump has passed over. */
	for (size_t i = 0; r == 0 && i < plan->n_chains; i++) {
		struct nlmsghdr *request;

		if (reader->described[i])
			continue;
		request = ns_nft_dump_request(buf, NFT_MSG_GETCHAIN, reader->scope->family, false);
		mnl_attr_put_strz(request, NFTA_CHAIN_TABLE, reader->scope->table);
		mnl_attr_put_strz(request, NFTA_CHAIN_NAME, plan->chains[i].name);
		r = ask(reader, request, each_chain, "chain", err);
		if (r == 0 && !reader->described[i] && !reader->reading->beyond[0])
			r = changed(err);
	}
	return r;
}

static int take_element(void *ctx, const struct ns_plan_element *element, struct ns_error *err)
{
	struct ns_plan_set *set = ctx;
	struct ns_plan_element *copy = ns_plan_add_element(set, err);

	if (!copy)
		return err ? err->code : -ENOMEM;
	*copy = *element;
	return 0;
}

static int read_elements(struct reader *reader, struct ns_error *err)
{
	for (size_t i = 0; i < reader->reading->plan.n_sets; i++) {
		struct ns_plan_set *set = &reader->reading->plan.sets[i];
		struct ns_error why = NS_ERROR_INIT;
		bool odd = false;
		int r;

		if (set->n_fields == 0 || !ns_nft_set_elements_are_planned(set) ||
		    (reader->sets && strncmp(set->name, reader->sets, strlen(reader->sets)) != 0))
			continue;
		r = ns_nft_dump_set(reader->nft, reader->scope, set, reader->settled, take_element, set, &odd, &why);
		if (r < 0) {
			r = beyond(reader, r, &why, err);
			if (r < 0) {
				ns_error_context(err, "read set %s", set->name);
				return r;
			}
		}
		if (odd) { /* it holds what matches more than any key of ours: it is another set */
			set->n_fields = 0;
			set->n_elements = 0;
		}
	}
	return 0;
}

struct table_answer {
	const struct ns_nft_scope *scope;
	struct ns_nft_table table;
	bool exists;
};

static int each_table(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct table_answer *answer = ctx;
	int r = ns_nft_decode_table(message, answer->scope, &answer->table, err);

	answer->exists = answer->exists || r > 0;
	return r < 0 ? r : 0;
}

int ns_nft_read_table(struct ns_nft *nft, const struct ns_nft_scope *scope, bool *ret_exists, struct ns_nft_table *ret,
		      struct ns_error *err)
{
	struct table_answer answer = { .scope = scope };
	struct ns_error why = NS_ERROR_INIT;
	char buf[REQUEST_BYTES];
	struct nlmsghdr *request = ns_nft_dump_request(buf, NFT_MSG_GETTABLE, scope->family, false);
	int r;

	mnl_attr_put_strz(request, NFTA_TABLE_NAME, scope->table);
	r = ns_nft_request(nft, request, each_table, &answer, &why);
	if (r < 0 && r != -ENOENT)
		return ns_error_set(err, r, "read it: %s", why.text);
	*ret_exists = answer.exists;
	*ret = answer.table;
	return 0;
}

/* Whether an owned table was this socket's all the while, and all of it was seen. */
static int confirm(struct reader *reader, struct ns_error *err)
{
	const struct ns_nft_table *before = &reader->reading->table;
	struct ns_nft_table after = { 0 };
	bool exists = false;
	int r;

	if (!reader->interrupted)
		return 0;
	if (!reader->reading->beyond[0] && !reader->sets && !is_complete(reader))
		return changed(err);
	r = ns_nft_read_table(reader->nft, reader->scope, &exists, &after, err);
	if (r < 0)
		return r;
	return exists && after.owner == before->owner && after.flags == before->flags && after.use == before->use
		       ? 0
		       : changed(err);
}

static int read_once(struct reader *reader, struct ns_error *err)
{
	struct ns_nft_reading *reading = reader->reading;
	struct ns_nft_table *table = &reading->table;
	bool all = false;
	int r = ns_nft_read_table(reader->nft, reader->scope, &reading->exists, table, err);

	reading->plan.family = reader->scope->family;
	(void)snprintf(reading->plan.table, sizeof(reading->plan.table), "%s", reader->scope->table);
	if (r < 0 || !reading->exists)
		return r;
	/* Dormant: all of it is there, and none of it works. */
	if (table->flags & ~(NS_NFT_TABLE_F_OWNER | NS_NFT_TABLE_F_PERSIST))
		(void)snprintf(reading->beyond, sizeof(reading->beyond), "table flags 0x%x%s", table->flags,
			       table->flags & NFT_TABLE_F_DORMANT ? " (dormant)" : "");
	reader->settled = (table->flags & NS_NFT_TABLE_F_OWNER) && table->owner == ns_nft_port(reader->nft);
	r = read_own_parts(reader, &all, err);
	if (r == 0 && !all) /* and what rules have told of counters is told again */
		reading->plan.n_counters = 0;
	for (size_t i = OWN_PARTS; r == 0 && !all && i < PARTS; i++)
		r = read_part(reader, i, err);
	if (r == 0 && !reader->sets)
		r = read_chains(reader, err);
	if (r == 0)
		r = read_elements(reader, err);
	return r < 0 ? r : confirm(reader, err);
}

static int read_table(struct ns_nft *nft, const struct ns_nft_scope *scope, const char *prefix, bool figures,
		      struct ns_nft_reading *ret, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_reading_release) struct ns_nft_reading reading = NS_NFT_READING_INIT;
	int r;

	for (unsigned try = 0;; try++) {
		struct reader reader = { .target = SIZE_MAX,
					 .nft = nft,
					 .scope = scope,
					 .reading = &reading,
					 .sets = prefix,
					 .figures = figures };

		r = read_once(&reader, err);
		if (r != -EINTR || try + 1 == NS_NFT_DUMP_TRIES)
			break;
		ns_nft_reading_release(&reading);
		ns_nft_dump_pause(try);
	}
	if (r < 0) {
		ns_error_context(err, "table %s", scope->table);
		return r;
	}
	ns_plan_normalise(&reading.plan);
	*ret = reading;
	reading = (struct ns_nft_reading)NS_NFT_READING_INIT;
	return 0;
}

int ns_nft_read(struct ns_nft *nft, const struct ns_nft_scope *scope, bool figures, struct ns_nft_reading *ret,
		struct ns_error *err)
{
	return read_table(nft, scope, NULL, figures, ret, err);
}

int ns_nft_read_sets(struct ns_nft *nft, const struct ns_nft_scope *scope, const char *prefix,
		     struct ns_nft_reading *ret, struct ns_error *err)
{
	return read_table(nft, scope, prefix, false, ret, err);
}
