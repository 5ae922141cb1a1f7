/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tightening cuts: an open connection must not outlive the rule that allowed it. Conntrack's entries of one namespace
 * that a plan forbids are deleted (libnetfilter_conntrack), and the sockets at their ends destroyed (SOCK_DESTROY of
 * inet_diag). What the plan allows is not touched.
 */
#ifndef NANOSEG_CUT_H
#define NANOSEG_CUT_H

#include <nanoseg/addr.h>
#include <nanoseg/edge.h>
#include <nanoseg/plan.h>

struct ns_cut_result {
	unsigned connections; /* conntrack entries deleted */
	unsigned sockets;     /* destroyed */
	unsigned kept;        /* entries that the plan allows; loopback's are not counted */
};

/* Whose connections are looked at, in a namespace of several: those whose local end belongs to a socket of that cgroup,
 * or of one below it; and those without a socket, unless others_permit says that another table there allows them. */
struct ns_cut_member {
	const char *path;          /* of the cgroup, below the root of the hierarchy; NULL: everybody but the others */
	const char *const *others; /* paths of cgroups whose sockets are none of this one's business */
	size_t n_others;
	bool (*others_permit)(void *ctx, const struct ns_tuple *tuple); /* NULL: nobody does */
	void *ctx;
};

/* `plan` is the inner lock's, in force already; `own` the endpoint's addresses, which tell the direction. Loopback is
 * left alone. Call it after the plan is in: what is cut cannot come back. -EOPNOTSUPP, with the other half done: the
 * kernel cannot destroy sockets (CONFIG_INET_DIAG_DESTROY). On any error the rest is done all the same, and *ret says
 * what was. In a namespace of several nothing is cut when it cannot be told whose the sockets are. What a member says
 * over loopback is left alone in the host's namespace, too: its packets are refused. */
int ns_cut(int netns_fd, const struct ns_plan *plan, const struct ns_prefix *own, size_t n_own,
	   const struct ns_cut_member *member /* NULL: the whole namespace is one endpoint's */,
	   struct ns_cut_result *ret, struct ns_error *err);

#endif
