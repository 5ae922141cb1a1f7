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
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment || !attachment->adopted)
			continue;
		(void)ns_attachment_harvest(attachment, NULL);
		note(ns_lock_remove(attachment->lock, &local), &local, &first, err);
		n++;
	}
	ns_log_info("rules removed from %zu endpoints: nothing is restricted any more", n);
	return first;
}
