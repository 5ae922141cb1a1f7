/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attachment.h"
#include "cleanup.h"
#include "clock.h"
#include "engine_private.h"
#include "log.h"

#define NS_DRIFT_AUDIT_US INT64_C(10000000)

struct ns_drifted_words *ns_drifted_words(struct ns_drifted *drifted)
{
	static struct ns_drifted_words lost;

	if (!drifted->words)
		drifted->words = calloc(1, sizeof *drifted->words);
	return drifted->words ? drifted->words : &lost;
}

const struct ns_drifted_words *ns_drifted_said(const struct ns_drifted *drifted)
{
	static const struct ns_drifted_words nothing;

	return drifted->words ? drifted->words : &nothing;
}

static bool is_ours(void *ctx, uint32_t port)
{
	const struct ns_attachment *attachment = ctx;

	return port == ns_nft_port(attachment->nft) ||
	       ns_drifted_is_member_port(attachment->engine, attachment->endpoint->cookie, port);
}

static void describe(struct ns_drifted *drifted, const struct ns_drift_event *event)
{
	struct ns_drifted_words *words = ns_drifted_words(drifted);

	drifted->last = ns_clock_now();
	drifted->pid = event->pid;
	memcpy(words->command, event->command, sizeof words->command);
	(void)snprintf(words->what, sizeof words->what, "%s table %s", event->ours ? "our" : "another", event->table);
}

/* Any change of ours is undone in this turn of the loop. Changes of other tables are the container's own affair (Docker
 * keeps some there), but with a policy in force they are worth knowing. */
static void seen(void *ctx, const struct ns_drift_event *event)
{
	struct ns_attachment *attachment = ctx;
	struct ns_drifted *drifted = &attachment->drifted;

	ns_drifted_members_seen(attachment->engine, attachment->endpoint->cookie, event);
	if (event->ours || event->lost) {
		attachment->recheck = attachment->dirty = true;
		ns_engine_schedule(attachment->engine);
	}
	if (event->lost)
		return; /* by whom and whether is told by reading again */
	if (event->ours)
		drifted->ours++;
	else if (ns_mode_in_force(attachment->mode))
		drifted->foreign++;
	else
		return;
	describe(drifted, event);
	ns_engine_schedule(attachment->engine);
}

bool ns_drifted_is_member_port(struct ns_engine *engine, uint64_t netns_cookie, uint32_t port)
{
	NS_FOREACH_MEMBER(engine, member)
	if (member->endpoint->netns_cookie == netns_cookie && ns_nft_port(member->nft) == port)
		return true;
	return false;
}

void ns_drifted_members_seen(struct ns_engine *engine, uint64_t netns_cookie, const struct ns_drift_event *event)
{
	uint64_t cgroup = 0;

	if (!event->lost && (event->family != NFPROTO_INET || ns_member_table_cgroup(event->table, &cgroup) < 0))
		return;
	NS_FOREACH_MEMBER(engine, member)
	{
		const struct ns_endpoint *endpoint = member->endpoint;

		if (endpoint->netns_cookie != netns_cookie || (!event->lost && endpoint->member.cgroup != cgroup))
			continue;
		member->recheck = member->dirty = true;
		if (!event->lost) {
			member->drifted.ours++;
			describe(&member->drifted, event);
		}
	}
	ns_engine_schedule(engine);
}

void ns_drifted_open(struct ns_attachment *attachment, int netns_fd)
{
	struct ns_drifted *drifted = &attachment->drifted;
	struct ns_error err = NS_ERROR_INIT;

	if (ns_endpoint_is_member(attachment->endpoint))
		return; /* its namespace's monitor hears for it */
	if (ns_drift_open(attachment->engine->event, netns_fd, is_ours, seen, attachment, &drifted->monitor, &err) ==
		    0 &&
	    ns_drift_skip(drifted->monitor, ns_nft_port(attachment->nft), &err) == 0)
		return;
	(void)snprintf(ns_drifted_words(drifted)->failure, sizeof drifted->words->failure, "%s", err.text);
	ns_log_error("%s: changes of its rules by others are not noticed: %s", attachment->workload, err.text);
}

void ns_drifted_close(struct ns_attachment *attachment)
{
	(void)ns_drifted_audit(attachment, true);
	attachment->drifted.monitor = ns_drift_close(attachment->drifted.monitor);
}

bool ns_drifted_found(const struct ns_lock_result *result)
{
	return result->before[0] || result->sets_changed || result->chains_changed || result->elements_added ||
	       result->elements_removed;
}

void ns_drifted_repaired(struct ns_attachment *attachment, const char *lock, const char *difference)
{
	struct ns_drifted *drifted = &attachment->drifted;

	if (!difference[0])
		difference = "the table was gone";
	drifted->repaired++;
	drifted->last = ns_clock_now();
	(void)snprintf(ns_drifted_words(drifted)->what, sizeof drifted->words->what, "%s lock: %.480s", lock,
		       difference);
	ns_log_warning("%s (cookie %llu): its %s lock was not as it was left and has been repaired: %s",
		       attachment->workload, (unsigned long long)attachment->endpoint->cookie, lock, difference);
}

bool ns_drifted_audit(struct ns_attachment *attachment, bool now)
{
	struct ns_drifted *drifted = &attachment->drifted;
	struct ns_actor actor = { .uid = (int64_t)getuid(), .user = "nanosegd", .pid = (int64_t)getpid() };
	struct ns_error err = NS_ERROR_INIT;
	NS_JSON json_t *detail = NULL;

	if (drifted->ours == drifted->audited_ours && drifted->foreign == drifted->audited_foreign &&
	    drifted->repaired == drifted->audited_repaired)
		return false;
	if (!now && drifted->audited && ns_clock_elapsed() - drifted->audited < NS_DRIFT_AUDIT_US)
		return true;
	detail = json_pack("{s:I s:s s:I s:I s:I s:I s:s s:s}", "cookie", (json_int_t)attachment->endpoint->cookie,
			   "container", attachment->endpoint->container_id, "changes_of_ours",
			   (json_int_t)(drifted->ours - drifted->audited_ours), "changes_of_others",
			   (json_int_t)(drifted->foreign - drifted->audited_foreign), "repaired",
			   (json_int_t)(drifted->repaired - drifted->audited_repaired), "pid", (json_int_t)drifted->pid,
			   "command", ns_drifted_said(drifted)->command, "what", ns_drifted_said(drifted)->what);
	if (!detail || ns_store_audit(attachment->engine->store, "drift", attachment->workload, detail, &actor,
				      ns_clock_now(), &err) < 0) {
		ns_log_error("%s: drift could not be written to the audit log: %s", attachment->workload,
			     detail ? err.text : "out of memory");
		return true;
	}
	drifted->audited = ns_clock_elapsed();
	drifted->audited_ours = drifted->ours;
	drifted->audited_foreign = drifted->foreign;
	drifted->audited_repaired = drifted->repaired;
	return false;
}

json_t *ns_drifted_json(const struct ns_attachment *attachment)
{
	const struct ns_drifted *drifted = &attachment->drifted;

	if (!drifted->last)
		return json_null();
	return json_pack("{s:I s:I s:I s:o s:i s:s s:s}", "count",
			 (json_int_t)(drifted->ours > drifted->repaired ? drifted->ours : drifted->repaired),
			 "repaired", (json_int_t)drifted->repaired, "foreign", (json_int_t)drifted->foreign, "last",
			 ns_time_json(drifted->last), "pid", (int)drifted->pid, "command",
			 ns_drifted_said(drifted)->command, "what", ns_drifted_said(drifted)->what);
}
