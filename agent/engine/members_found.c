/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Members' tables that were in the kernel before this daemon: whose they are is told by the watcher in a while, or by
 * nobody any more.
 */
#include <linux/netfilter.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attachment.h"
#include "cgroup2.h"
#include "cleanup.h"
#include "engine_private.h"
#include "log.h"

#define NS_CGROUPS_MAX 65536 /* of the machine */

NS_DEFINE_CLEANUP(struct ns_lock *, ns_lock_close)

/* A namespace's table has the members it leaves out in sets others_LEVEL. */
static unsigned level_of_set(const struct ns_plan_set *set)
{
	const char *digits = set->name + sizeof NS_SET_OTHERS_PREFIX - 1;
	unsigned long level;
	char *end;

	if (strncmp(set->name, NS_SET_OTHERS_PREFIX, sizeof NS_SET_OTHERS_PREFIX - 1) != 0)
		return 0;
	level = strtoul(digits, &end, 10);
	return end > digits && !*end && level <= NS_CGROUP_LEVELS_MAX ? (unsigned)level : 0;
}

void ns_members_recall(struct ns_attachment *base)
{
	NS_CLEANUP(ns_plan_release) struct ns_plan found = NS_PLAN_INIT;
	struct ns_members *members = &base->members;

	if (ns_lock_read_sets(base->lock, NS_SET_OTHERS_PREFIX, &found, NULL) < 0)
		return;
	for (size_t i = 0; i < found.n_sets; i++) {
		unsigned level = level_of_set(&found.sets[i]);

		for (size_t k = 0; level && k < found.sets[i].n_elements; k++) {
			struct ns_member_cgroup *to;

			if (!members->unclaimed)
				members->unclaimed = calloc(NS_MEMBERS_MAX, sizeof *members->unclaimed);
			if (!members->unclaimed || members->n_unclaimed == NS_MEMBERS_MAX)
				return;
			to = &members->unclaimed[members->n_unclaimed];
			memcpy(&to->id, found.sets[i].elements[k].key, sizeof to->id);
			to->level = level;
			members->n_unclaimed++;
		}
	}
}

void ns_members_claim(struct ns_attachment *member)
{
	struct ns_attachment *base = ns_member_base(member);

	for (size_t i = 0; base && i < base->members.n_unclaimed; i++) {
		if (base->members.unclaimed[i].id != member->endpoint->member.cgroup)
			continue;
		base->members.unclaimed[i] = base->members.unclaimed[--base->members.n_unclaimed];
		return;
	}
}

struct sweep {
	struct ns_engine *engine;
	struct ns_nft *nft;
	const uint64_t *ids; /* of all cgroups there are, sorted */
	size_t n_ids;
	int removed;
};

static int by_id(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool is_there(const struct sweep *sweep, uint64_t id)
{
	return sweep->n_ids && bsearch(&id, sweep->ids, sweep->n_ids, sizeof id, by_id);
}

static int sweep_table(void *ctx, const char *table)
{
	struct sweep *sweep = ctx;
	NS_CLEANUP(ns_lock_closep) struct ns_lock *lock = NULL;
	struct ns_error err = NS_ERROR_INIT;
	uint64_t id;

	if (ns_member_table_cgroup(table, &id) < 0 || is_there(sweep, id) ||
	    ns_engine_find_attachment(sweep->engine, NS_ENDPOINT_MEMBER_BIT | id))
		return 0;
	if (ns_lock_open_on(sweep->nft, NFPROTO_INET, table, &lock, &err) < 0 || ns_lock_remove(lock, &err) < 0)
		ns_log_warning("table inet %s of a container that is no more stays: %s", table, err.text);
	return 0;
}

static void sweep_namespace(struct sweep *sweep, struct ns_nft *nft)
{
	struct ns_error err = NS_ERROR_INIT;

	sweep->nft = nft;
	if (ns_lock_list(nft, NFPROTO_INET, NS_MEMBER_TABLE_PREFIX, sweep_table, sweep, &err) < 0)
		ns_log_warning("tables of ended containers could not be looked for: %s", err.text);
}

void ns_members_sweep(struct ns_engine *engine)
{
	NS_FREE uint64_t *ids = calloc(NS_CGROUPS_MAX, sizeof *ids);
	struct ns_error err = NS_ERROR_INIT;
	struct sweep sweep = { .engine = engine, .ids = ids };
	int n = ids ? ns_cgroup2_subtree("/", ids, NS_CGROUPS_MAX, &err) : -ENOMEM;

	if (n < 0)
		return; /* nothing can be told to be gone */
	sweep.n_ids = (size_t)n;
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *base = ns_attachment_of(endpoint);
		size_t kept = 0;

		if (!base || ns_endpoint_is_member(endpoint) || base->members.n_unclaimed == 0)
			continue;
		for (size_t i = 0; i < base->members.n_unclaimed; i++)
			if (is_there(&sweep, base->members.unclaimed[i].id))
				base->members.unclaimed[kept++] = base->members.unclaimed[i];
		base->dirty = base->dirty || kept != base->members.n_unclaimed;
		base->members.n_unclaimed = kept;
		/* The namespace's table takes the packets back before the other one goes. */
		if (base->dirty && ns_attachment_reconcile(base, NULL) < 0)
			continue;
		sweep_namespace(&sweep, base->nft);
	}
	if (engine->host)
		sweep_namespace(&sweep, engine->host);
}
