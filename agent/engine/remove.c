/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Taking everything out again: for uninstalling, never when the agent stops.
 */
#include <linux/netfilter.h>

#include "cleanup.h"
#include "engine_private.h"
#include "log.h"

NS_DEFINE_CLEANUP(struct ns_lock *, ns_lock_close)

static void note(int r, const struct ns_error *local, int *first, struct ns_error *err)
{
	if (r == 0)
		return;
	ns_log_error("%s", local->text);
	if (*first == 0) {
		*first = r;
		if (err)
			*err = *local;
	}
}

/* Outer locks of whatever endpoint, also of those that ended while no agent ran. */
static int remove_outer(void *ctx, const char *table)
{
	struct ns_engine *engine = ctx;
	NS_CLEANUP(ns_lock_closep) struct ns_lock *lock = NULL;
	struct ns_error err = NS_ERROR_INIT;
	uint64_t cookie;
	int r;

	if (ns_outer_table_cookie(table, &cookie) < 0)
		return 0;
	r = ns_lock_open_on(engine->host, NFPROTO_NETDEV, table, &lock, &err);
	if (r == 0)
		r = ns_lock_remove(lock, &err);
	if (r < 0)
		ns_log_error("%s", err.text);
	return r;
}

/* Members' tables of one namespace, also of those that the watcher has not told of. */
static int remove_member(void *ctx, const char *table)
{
	NS_CLEANUP(ns_lock_closep) struct ns_lock *lock = NULL;
	struct ns_error err = NS_ERROR_INIT;
	uint64_t cgroup;
	int r;

	if (ns_member_table_cgroup(table, &cgroup) < 0)
		return 0;
	r = ns_lock_open_on(ctx, NFPROTO_INET, table, &lock, &err);
	if (r == 0)
		r = ns_lock_remove(lock, &err);
	if (r < 0)
		ns_log_error("%s", err.text);
	return r;
}

static void remove_members(struct ns_nft *nft, int *first, struct ns_error *err)
{
	struct ns_error local = NS_ERROR_INIT;

	note(ns_lock_list(nft, NFPROTO_INET, NS_MEMBER_TABLE_PREFIX, remove_member, nft, &local), &local, first, err);
}

/* Inner locks; returns how many there were. */
static size_t remove_inner(struct ns_engine *engine, bool members, int *first, struct ns_error *err)
{
	struct ns_error local = NS_ERROR_INIT;
	size_t n = 0;

	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment || !attachment->adopted || ns_endpoint_is_member(endpoint) != members)
			continue;
		(void)ns_attachment_harvest(attachment, NULL);
		note(ns_lock_remove(attachment->lock, &local), &local, first, err);
		if (!members)
			remove_members(attachment->nft, first, err);
		n++;
	}
	return n;
}

int ns_engine_remove_rules(struct ns_engine *engine, struct ns_error *err)
{
	struct ns_error local = NS_ERROR_INIT;
	size_t n = 0;
	int first = 0;

	/* The gate first: what has no lock any more must not stay behind a closed link. */
	if (engine->gate.lock)
		note(ns_lock_remove(engine->gate.lock, &local), &local, &first, err);
	if (engine->host)
		note(ns_lock_list(engine->host, NFPROTO_NETDEV, NS_OUTER_TABLE_PREFIX, remove_outer, engine, &local),
		     &local, &first, err);
	/* Members first, over the sockets that own their tables. */
	for (int members = 1; members >= 0; members--)
		n += remove_inner(engine, members, &first, err);
	if (engine->host)
		remove_members(engine->host, &first, err);
	ns_log_info("rules removed from %zu endpoints: nothing is restricted any more", n);
	return first;
}
