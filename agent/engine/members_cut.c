/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Cutting in a namespace that several share: what is another one's stays.
 */
#include <errno.h>
#include <string.h>

#include <nanoseg/outer.h>

#include "attachment.h"
#include "cleanup.h"
#include "engine_private.h"

/* A connection without a socket of anybody's stays when one of the others allows it; on the host's own network always,
 * since it is the host's or passes through it. */
static bool others_permit(void *ctx, const struct ns_tuple *tuple)
{
	const struct ns_member_cut *cut = ctx;

	for (size_t i = 0; i < cut->n_permits && !cut->anything; i++)
		if (ns_permits_tuple(cut->permits[i], tuple))
			return true;
	return cut->anything;
}

/* What the plan of one of the others allows. */
static void ask(struct ns_member_cut *cut, struct ns_attachment *other)
{
	struct ns_plan *plan = &cut->plans[cut->n_permits];

	if (other->mode != NS_MODE_ENFORCING || ns_attachment_wanted(other, plan, NULL, NULL) < 0 ||
	    ns_permits_new(plan, &cut->permits[cut->n_permits], NULL) < 0) {
		ns_plan_release(plan);
		cut->anything = true;
	} else {
		cut->n_permits++;
	}
}

int ns_member_cut_open(struct ns_attachment *attachment, struct ns_member_cut *ret, struct ns_error *err)
{
	const struct ns_endpoint *endpoint = attachment->endpoint;
	struct ns_attachment *base = ns_endpoint_is_member(endpoint) ? ns_member_base(attachment) : NULL;

	memset(ret, 0, sizeof *ret);
	ret->view.others = ret->others;
	ret->view.others_permit = others_permit;
	ret->view.ctx = ret;
	ret->anything = endpoint->host_netns;
	if (ns_endpoint_is_member(endpoint)) {
		ret->view.path = endpoint->member.path;
		if (base && base->mode != NS_MODE_INVALID)
			ask(ret, base);
	}
	NS_FOREACH_MEMBER(attachment->engine, member)
	{
		if (member == attachment || !member->split ||
		    member->endpoint->netns_cookie != endpoint->netns_cookie || ret->view.n_others == NS_MEMBERS_MAX)
			continue;
		ret->others[ret->view.n_others++] = member->endpoint->member.path;
		if (!ret->anything)
			ask(ret, member);
	}
	return 0;
}

void ns_member_cut_release(struct ns_member_cut *cut)
{
	for (size_t i = 0; i < cut->n_permits; i++) {
		cut->permits[i] = ns_permits_free(cut->permits[i]);
		ns_plan_release(&cut->plans[i]);
	}
	cut->n_permits = 0;
}
