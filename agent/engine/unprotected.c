/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "attachment.h"
#include "clock.h"
#include "engine_private.h"
#include "unprotected.h"

/* A container whose name is not known for so long does not just start. */
#define NAMELESS_US 10000000

struct reason {
	const char *why, *remedy;
};

/* The watcher's finding about a link that leads past the outer lock; NULL: none. */
static const char *bare_link(const struct ns_endpoint *endpoint)
{
	for (size_t i = 0; i < endpoint->n_findings; i++)
		if (strncmp(endpoint->findings[i], "no veth:", 8) == 0 ||
		    strncmp(endpoint->findings[i], "no port:", 8) == 0)
			return endpoint->findings[i];
	return NULL;
}

/* What failed, whatever was wanted. */
static struct reason of_failure(const struct ns_attachment *attachment)
{
	if (!attachment)
		return (struct reason){ "its network namespace cannot be entered",
					"nanosegd needs CAP_SYS_ADMIN and CAP_NET_ADMIN; it tries again by itself" };
	if (attachment->failure)
		return (struct reason){ attachment->failure,
					"it is tried again by itself; 'nanoseg doctor' tells what this kernel lacks" };
	if (attachment->outer.failure)
		return (struct reason){ attachment->outer.failure,
					"the inner lock holds; the outer one is tried again by itself: "
					"'nanoseg doctor' tells what this kernel lacks" };
	return (struct reason){ NULL, NULL };
}

/* The outer lock of who shares a namespace is that of all of them. */
static struct reason of_shared_outer(const struct ns_attachment *attachment)
{
	bool member = ns_endpoint_is_member(attachment->endpoint);
	const struct ns_attachment *base = member ? ns_member_base(attachment) : attachment;

	if (attachment->mode != NS_MODE_ENFORCING || !base || (!member && !ns_members_any(base)))
		return (struct reason){ NULL, NULL };
	if (!ns_mode_in_force(base->mode) || base->members.outer_waits)
		return (struct reason){
			"somebody who shares its network namespace has no policy in force, so there is no outer lock: "
			"what "
			"is sent below the inner one is not seen",
			"approve a policy for the pod and for every container of it, and enforce them"
		};
	if (base->outer.there && base->outer.mode == NS_MODE_AUDITING)
		return (struct reason){ "somebody who shares its network namespace is only audited, so the outer lock "
					"only audits: what "
					"is sent below the inner one passes",
					"put the pod and every container of it into enforcing" };
	return (struct reason){ NULL, NULL };
}

/* With a policy in force: only the inner lock holds. That is enough for who cannot send below it. */
static struct reason of_outer(const struct ns_attachment *attachment)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;

	if (!endpoint->net_raw && !endpoint->net_admin)
		return (struct reason){ NULL, NULL };
	if (endpoint->host_netns)
		return (struct reason){
			"it is on the host's own network, so only the inner lock holds: what it sends below "
			"it (NET_RAW) is not seen",
			"give it a network of its own, or drop NET_RAW and NET_ADMIN"
		};
	if (!ns_endpoint_is_member(endpoint) && !attachment->outer.there && !attachment->members.outer_waits &&
	    endpoint->n_interfaces > 0)
		return (struct reason){
			"no link of its ends on this host, so only the inner lock holds: what is sent below "
			"it (NET_RAW) is not seen",
			"give it a veth on a bridge, or drop NET_RAW and NET_ADMIN"
		};
	if (bare_link(endpoint))
		return (struct reason){ bare_link(endpoint),
					"only the inner lock holds there; give it a veth instead, or drop NET_RAW and "
					"NET_ADMIN" };
	return of_shared_outer(attachment);
}

static struct reason of_name(const struct ns_attachment *attachment)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;

	if (attachment->renamed)
		return (struct reason){
			"it has another name now, which has no rules; the rules of the old name stay",
			"approve a policy for the new name and enforce it, or put the old name into learning"
		};
	if (attachment->identified && endpoint->provisional && !ns_mode_in_force(attachment->mode) &&
	    strcmp(attachment->workload, endpoint->workload) == 0)
		return (struct reason){
			"its runtime has not told its name, so no policy of a named workload is applied to it",
			"see 'sources': the runtime's API must answer, or its bundles be where bundle_dirs says"
		};
	if (endpoint->host_netns && !attachment->identified && attachment->mode == NS_MODE_INVALID &&
	    ns_clock_elapsed() - attachment->attached > NAMELESS_US)
		return (struct reason){
			"it is on the host's own network and has no rules: its runtime has not told its name",
			"see 'sources': the runtime's API must answer"
		};
	return (struct reason){ NULL, NULL };
}

static struct reason find(const struct ns_endpoint *endpoint)
{
	const struct ns_attachment *attachment = ns_attachment_of(endpoint);
	struct reason reason = of_failure(attachment);

	if (!reason.why && ns_mode_in_force(attachment->mode))
		reason = of_outer(attachment);
	if (!reason.why && ns_mode_in_force(attachment->mode) && endpoint->net_admin &&
	    ns_lock_protection(attachment->lock) == NS_LOCK_UNPROTECTED)
		reason = (struct reason){
			"it has NET_ADMIN and this kernel cannot own tables (6.9 and later can): it can undo its inner "
			"lock; that is repaired at once, and the outer lock holds",
			"drop NET_ADMIN, or run a newer kernel"
		};
	return reason.why ? reason : of_name(attachment);
}

void ns_unprotected_add(json_t *array, const struct ns_endpoint *endpoint)
{
	const struct ns_attachment *attachment = ns_attachment_of(endpoint);
	const struct reason reason = find(endpoint);

	if (!reason.why)
		return;
	json_array_append_new(array,
			      json_pack("{s:s s:I s:s s:s s:s s:o}", "workload",
					attachment ? attachment->workload : endpoint->workload, "cookie",
					(json_int_t)endpoint->cookie, "container",
					endpoint->container_id[0] ? endpoint->container_id : endpoint->name, "why",
					reason.why, "remedy", reason.remedy, "since",
					ns_time_json(attachment && attachment->failed_since ? attachment->failed_since
											    : endpoint->since)));
}
