/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "cleanup.h"
#include "netns.h"

#include "cut.h"
#include "cut_conntrack.h"
#include "cut_owner.h"
#include "cut_sockets.h"

NS_DEFINE_CLEANUP(struct ns_permits *, ns_permits_free)

/* The first error is told; that something cannot be had here is told last. */
static void take_error(int r, const struct ns_error *what, int *code, struct ns_error *err)
{
	if (r < 0 && (*code == 0 || (*code == -EOPNOTSUPP && r != -EOPNOTSUPP)))
		*code = ns_error_set(err, r, "%s", what->text);
}

int ns_cut(int netns_fd, const struct ns_plan *plan, const struct ns_prefix *own, size_t n_own,
	   const struct ns_cut_member *member, struct ns_cut_result *ret, struct ns_error *err)
{
	NS_CLEANUP(ns_permits_freep) struct ns_permits *permits = NULL;
	NS_CLEANUP(ns_cut_known_release) struct ns_cut_known known = NS_CUT_KNOWN_INIT;
	NS_CLEANUP(ns_cut_owners_release) struct ns_cut_owners owners = NS_CUT_OWNERS_INIT;
	struct ns_cut_view view = { .own = own, .n_own = n_own, .member = member };
	struct ns_error step = NS_ERROR_INIT;
	struct ns_cut_pass before, after;
	int r, code = 0;

	*ret = (struct ns_cut_result){ 0 };
	r = ns_permits_new(plan, &permits, err);
	if (r < 0)
		return r;
	view.permits = permits;
	if (member) {
		r = ns_cut_owners_read(&owners, netns_fd, member, err);
		if (r < 0)
			return r;
		view.owners = &owners;
	}
	/* The connections first: from then on nothing of theirs passes, the resets of their sockets neither. */
	r = ns_cut_connections(netns_fd, &view, &known, &before, &step);
	take_error(r, &step, &code, err);
	/* A dump of sockets goes through those of all namespaces: milliseconds, where there may be none at all. */
	r = ns_netns_may_have_sockets(netns_fd) ? ns_cut_sockets(netns_fd, &view, &known, &ret->sockets, &step) : 0;
	take_error(r, &step, &code, err);
	/* And once more, for what a packet under way made anew, or what came between. */
	r = ns_cut_connections(netns_fd, &view, NULL, &after, &step);
	take_error(r, &step, &code, err);
	ret->connections = before.deleted + after.deleted;
	ret->kept = after.kept;
	return code;
}
