/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Taking everything out again: for uninstalling, never when the agent stops.
 */
#include "engine_private.h"
#include "log.h"

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

int ns_engine_remove_rules(struct ns_engine *engine, struct ns_error *err)
{
	struct ns_error local = NS_ERROR_INIT;
	size_t n = 0;
	int first = 0;

	/* The gate first: what has no lock any more must not stay behind a closed link. */
	if (engine->gate.lock)
		note(ns_lock_remove(engine->gate.lock, &local), &local, &first, err);
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (!attachment)
			continue;
		(void)ns_attachment_harvest(attachment, NULL);
		if (attachment->outer.lock)
			note(ns_lock_remove(attachment->outer.lock, &local), &local, &first, err);
		note(ns_lock_remove(attachment->lock, &local), &local, &first, err);
		n++;
	}
	ns_log_info("rules removed from %zu endpoints: nothing is restricted any more", n);
	return first;
}
