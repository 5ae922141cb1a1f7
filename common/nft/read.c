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

struct reader {
	struct ns_nft *nft;
	const struct ns_nft_scope *scope;
	struct ns_nft_reading *reading;
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

static int each_table(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct reader *reader = ctx;
	int r = ns_nft_decode_table(message, reader->scope, &reader->reading->table, err);

	if (r <= 0)
		return r;
	reader->reading->exists = true;
	/* Dormant: all of it is there, and none of it works. */
	if (reader->reading->table.flags & ~(NS_NFT_TABLE_F_OWNER | NS_NFT_TABLE_F_PERSIST))
		(void)snprintf(reader->reading->beyond, sizeof(reader->reading->beyond), "table flags 0x%x%s",
			       reader->reading->table.flags,
			       reader->reading->table.flags & NFT_TABLE_F_DORMANT ? " (dormant)" : "");
	return 0;
}

static int each_chain(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct reader *reader = ctx;
	struct ns_error why = NS_ERROR_INIT;
	struct ns_plan_chain found, *chain;
	int r = ns_nft_decode_chain(message, reader->scope, &found, &why);

	if (r < 0)
		return beyond(reader, r, &why, err);
	if (r == 0)
		return 0;
	chain = ns_plan_add_chain(&reader->reading->plan, found.name, &why);
	if (!chain)
		return beyond(reader, why.code, &why, err);
	*chain = found;
	return 0;
}

static int each_rule(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	struct reader *reader = ctx;
	struct ns_error why = NS_ERROR_INIT;
	struct ns_plan_chain *chain;
	struct ns_plan_rule found, *rule;
	char name[NS_NFT_NAME_MAX];
	int r = ns_nft_decode_rule(message, reader->scope, name, &found, &why);

	if (r < 0)
		return beyond(reader, r, &why, err);
	if (r == 0)
		return 0;
	chain = ns_plan_find_chain(&reader->reading->plan, name);
	if (!chain) /* made since the chains were read, or beyond the limit */
		return reader->reading->beyond[0]
			       ? 0
			       : ns_error_set(err, -EINTR, "the ruleset changed while it was being read");
	rule = ns_plan_add_rule(chain, &why);
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

/* What is read, in this order: rules after their chains. table_attr: where the kernel filters by table. */
static const struct {
	const char *what;
	uint16_t type;
	uint16_t table_attr;
	bool dump;
	ns_nft_each_message each;
} parts[] = {
	{ "table", NFT_MSG_GETTABLE, NFTA_TABLE_NAME, false, each_table },
	{ "counters", NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, true, each_object },
	{ "flowtables", NFT_MSG_GETFLOWTABLE, NFTA_FLOWTABLE_TABLE, true, each_flowtable },
	{ "sets", NFT_MSG_GETSET, NFTA_SET_TABLE, true, each_set },
	{ "chains", NFT_MSG_GETCHAIN, 0, true, each_chain },
	{ "rules", NFT_MSG_GETRULE, NFTA_RULE_TABLE, true, each_rule },
};

static int read_part(struct reader *reader, size_t i, struct ns_error *err)
{
	char buf[REQUEST_BYTES];
	struct nlmsghdr *request = ns_nft_dump_request(buf, parts[i].type, reader->scope->family, parts[i].dump);
	int r;

	if (parts[i].table_attr)
		mnl_attr_put_strz(request, parts[i].table_attr, reader->scope->table);
	r = ns_nft_request(reader->nft, request, parts[i].each, reader, err);
	if (r < 0)
		ns_error_context(err, "read %s", parts[i].what);
	return r < 0 ? r : 0;
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

		if (set->n_fields == 0 || !ns_nft_set_elements_are_planned(set))
			continue;
		r = ns_nft_dump_set(reader->nft, reader->scope, set, take_element, set, &odd, &why);
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

static int read_once(struct reader *reader, struct ns_error *err)
{
	struct ns_plan *plan = &reader->reading->plan;

	plan->family = reader->scope->family;
	(void)snprintf(plan->table, sizeof(plan->table), "%s", reader->scope->table);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct ns_error why = NS_ERROR_INIT;
		int r = read_part(reader, i, &why);

		if (r == -ENOENT && i == 0)
			return 0;
		if (r == -ENOENT) /* it went between two requests */
			r = -EINTR;
		if (r < 0)
			return ns_error_set(err, r, "%s", why.text);
	}
	return read_elements(reader, err);
}

int ns_nft_read(struct ns_nft *nft, const struct ns_nft_scope *scope, struct ns_nft_reading *ret, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_reading_release) struct ns_nft_reading reading = NS_NFT_READING_INIT;
	struct reader reader = { .nft = nft, .scope = scope, .reading = &reading };

	for (unsigned try = 0;; try++) {
		struct ns_error why = NS_ERROR_INIT;
		int r = read_once(&reader, &why);

		if (r == -EINTR && try + 1 < NS_NFT_DUMP_TRIES) {
			ns_nft_reading_release(&reading);
			ns_nft_dump_pause(try);
			continue;
		}
		if (r < 0)
			return ns_error_set(err, r, "table %s: %s", scope->table, why.text);
		break;
	}
	ns_plan_normalise(&reading.plan);
	*ret = reading;
	reading = (struct ns_nft_reading)NS_NFT_READING_INIT;
	return 0;
}
