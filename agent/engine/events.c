/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the watcher says, turned into attachments and marks; the work is done by the turn.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "engine_private.h"
#include "fdstore.h"
#include "gate_ports.h"
#include "log.h"

/* Who has which address has changed. What that takes away from others' rules is taken away as soon as this is told,
 * before anything else; no link opens for whoever has the address now until then. What it adds comes with the turn. At
 * the start the addresses are not all known yet. */
static bool follow(struct ns_engine *engine)
{
	engine->book_dirty = true;
	ns_engine_schedule(engine);
	if (engine->starting || ns_engine_rebuild_book(engine, NULL) < 0)
		return false;
	return true;
}

/* Not at the end of the round: a container's first packet follows its namespace, and its addresses, within
 * milliseconds, and who asks for a neighbour in vain asks again only after a second. */
static void apply_at_once(struct ns_engine *engine, struct ns_attachment *attachment)
{
	ns_members_decide(attachment->engine);
	(void)ns_attachment_reconcile(attachment, NULL);
	(void)ns_gate_update(engine, NULL);
	/* A daemon after this one has to know whose it is, also when nobody can be asked then. */
	ns_engine_store_endpoint(engine, attachment, 0);
}

/* Whose rules do not wait for the turn, which comes when nothing else is to be done: while namespaces come and go all
 * the time, that is a long time for a container whose link is closed until then. */
static bool is_waited_for(const struct ns_engine *engine, const struct ns_attachment *attachment)
{
	return ns_mode_in_force(attachment->mode) ||
	       (attachment->mode != NS_MODE_INVALID && ns_gate_is_closed_for(engine, attachment->endpoint));
}

static void attach(void *ctx, struct ns_endpoint *endpoint, int netns_fd)
{
	struct ns_engine *engine = ctx;
	struct ns_attachment *attachment = NULL;
	struct ns_error err = NS_ERROR_INIT;

	if (ns_attachment_open(engine, endpoint, netns_fd, &attachment, &err) < 0) {
		ns_log_error("%s (cookie %llu): cannot be protected: %s", endpoint->workload,
			     (unsigned long long)endpoint->cookie, err.text);
		if (!engine->starting)
			ns_engine_arm_retry(engine);
		return;
	}
	endpoint->user = attachment;
	/* Its link has come meanwhile, as a rule: it is closed before the rules, which take longer, and they know it.
	 */
	if (!engine->starting)
		ns_watch_attend(engine->watch);
	if (follow(engine))
		apply_at_once(engine, attachment);
}

static void identify(void *ctx, struct ns_endpoint *endpoint, const char *old_workload)
{
	struct ns_engine *engine = ctx;
	struct ns_attachment *attachment = ns_attachment_of(endpoint);

	if (!attachment)
		return;
	/* What it may send as, and claim to be, depends on that. */
	attachment->dirty = attachment->dirty || attachment->net_admin != endpoint->net_admin;
	attachment->net_admin = endpoint->net_admin;
	ns_attachment_rename(attachment);
	ns_members_review(engine, endpoint->netns_cookie);
	/* As above, when its links waited for nothing but its name. */
	if (follow(engine) && attachment->identified && attachment->dirty && ns_gate_is_closed_for(engine, endpoint))
		apply_at_once(engine, attachment);
}

static void addresses(void *ctx, struct ns_endpoint *endpoint)
{
	struct ns_engine *engine = ctx;
	struct ns_attachment *attachment = ns_attachment_of(endpoint);

	if (attachment) {
		ns_own_changed(&attachment->outer.own, ns_clock_elapsed());
		attachment->dirty = true;
	}
	if (follow(engine) && attachment && is_waited_for(engine, attachment))
		apply_at_once(engine, attachment);
}

static void host_addresses(void *ctx)
{
	(void)follow(ctx);
}

void ns_engine_store_endpoint(struct ns_engine *engine, const struct ns_attachment *attachment, int64_t ended)
{
	struct ns_endpoint copy = *attachment->endpoint;
	struct ns_error err = NS_ERROR_INIT;

	if (!attachment->identified)
		return;
	memcpy(copy.workload, attachment->workload, sizeof copy.workload);
	if (ns_store_put_endpoint(engine->store, &copy, ended, &err) < 0)
		ns_log_error("%s: the endpoint could not be stored: %s", attachment->workload, err.text);
}

static void detach(void *ctx, struct ns_endpoint *endpoint)
{
	struct ns_engine *engine = ctx;
	struct ns_attachment *attachment = ns_attachment_of(endpoint);
	struct ns_error err = NS_ERROR_INIT;

	if (engine->config.fdstore)
		ns_fdstore_drop(engine->config.fdstore, endpoint->cookie);
	if (!attachment)
		return;
	/* Whoever gets its addresses next may come at any moment: everything else can wait. */
	ns_affected_done(attachment);
	(void)follow(engine);
	/* Our sockets still hold the namespace, so its last words can be read. */
	attachment->identified = true;
	if (ns_attachment_harvest(attachment, &err) < 0)
		ns_log_warning("%s: the last figures could not be read: %s", attachment->workload, err.text);
	ns_engine_store_endpoint(engine, attachment, ns_clock_now());
	(void)ns_store_forget_counters(engine->store, endpoint->cookie, NULL);
	ns_outer_end(attachment);
	if (ns_endpoint_is_member(endpoint))
		ns_member_end(attachment);
	endpoint->user = ns_attachment_free(attachment);
}

/* Whose lock is on it is to be looked at again. */
static void mark_lock_on(struct ns_engine *engine, const struct ns_port *port)
{
	NS_FOREACH_ENDPOINT(engine, endpoint)
	{
		struct ns_attachment *attachment = ns_attachment_of(endpoint);

		if (attachment && ns_outer_had(&attachment->outer, port))
			attachment->dirty = true;
	}
}

/* A link that nobody has opened is closed at once, where the gate does not stand; one whose other end moved is nobody's
 * any more. An endpoint's own links are part of its outer lock. */
static void port(void *ctx, const struct ns_port *changed, bool gone)
{
	struct ns_engine *engine = ctx;

	if (engine->starting)
		return;
	if (!gone && changed->far != NS_PORT_ENDPOINT)
		ns_gate_forget(engine, changed);
	if (changed->far != NS_PORT_ENDPOINT) {
		mark_lock_on(engine, changed);
	} else {
		struct ns_attachment *attachment = ns_engine_find_attachment(engine, changed->cookie);

		if (attachment) {
			attachment->dirty = true;
			if (attachment->endpoint->net_admin)
				(void)follow(engine); /* its addresses count by their links */
			if (!gone && is_waited_for(engine, attachment))
				(void)ns_attachment_reconcile(attachment, NULL);
		}
	}
	ns_engine_schedule(engine);
	if (!gone)
		(void)ns_gate_update(engine, NULL);
}

const struct ns_watch_events ns_engine_watch_events = { attach, identify, addresses, detach, host_addresses, port };
