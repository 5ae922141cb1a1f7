/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whose a connection is, in a namespace that several share: conntrack does not know it, but the socket at its end here
 * has a cgroup. Sockets are listed once; where it cannot be told whose they are, they are taken for another's, and left
 * alone: the tables look every packet up all the same.
 */
#ifndef NANOSEG_CUT_OWNER_H
#define NANOSEG_CUT_OWNER_H

#include "cgroup2_set.h"
#include "sockdiag.h"

#include "cut.h"
#include "cut_flow.h"

enum ns_cut_owner {
	NS_CUT_NOBODY = 0, /* no socket: closed, the kernel's own, or of a protocol whose sockets nobody can list */
	NS_CUT_MINE,
	NS_CUT_ANOTHERS,
};

struct ns_cut_owned;

struct ns_cut_owners {
	bool of_member; /* only what is in `mine`; else all that is not in `others` */
	struct ns_cgroup2_set mine, others;
	struct ns_cut_owned *sockets; /* sorted by their ends */
	size_t n, allocated;
	bool incomplete; /* there are more than NS_CUT_ENTRIES_MAX */
};

#define NS_CUT_OWNERS_INIT                                                                                             \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_cut_owners_release(struct ns_cut_owners *owners);
/* Reads the cgroups, and lists the sockets of the namespace. */
int ns_cut_owners_read(struct ns_cut_owners *owners, int netns_fd, const struct ns_cut_member *member,
		       struct ns_error *err);

/* By its cgroup alone. Pure. */
bool ns_cut_is_mine(const struct ns_cut_owners *owners, const struct ns_diag_socket *socket);
/* The connected socket with these ends, else the one that is bound or listens at the local one. Pure. */
enum ns_cut_owner ns_cut_owner_of(const struct ns_cut_owners *owners, const struct ns_cut_ends *ends);

/* ns_cut_judge_flow() in such a namespace. Pure but for others_permit. */
enum ns_cut_verdict ns_cut_judge_shared(const struct ns_cut_view *view, const struct ns_cut_flow *flow);

/* For ns_cut_owners_read and tests: adds one socket; then sorts what was added. */
int ns_cut_owners_add(struct ns_cut_owners *owners, uint8_t protocol, const struct ns_diag_socket *socket,
		      struct ns_error *err);
void ns_cut_owners_sort(struct ns_cut_owners *owners);

#endif
