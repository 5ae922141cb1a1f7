/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who is at the other end of the socket, and what they may. The kernel says who (SO_PEERCRED, unix(7)): user and
 * process at the time of connect(2). The machine's account database says what: membership of the Unix groups below,
 * looked up for every request, so that taking somebody out of a group takes effect at once. uid 0 may everything.
 *
 * The effective group of the connecting process counts as a membership too, so that a service which runs with
 * Group=nanoseg-viewer and has no account of its own can ask. Other supplementary groups of the process do not count.
 */
#ifndef NANOSEG_PEER_H
#define NANOSEG_PEER_H

#include <stddef.h>
#include <sys/types.h>

#include <nanoseg/error.h>

enum ns_role {
	NS_ROLE_VIEWER = 1 << 0,   /* sees everything, changes nothing */
	NS_ROLE_OPERATOR = 1 << 1, /* learns, proposes, edits, audits; is a viewer too */
	NS_ROLE_APPROVER = 1 << 2, /* approves, rejects, enforces; is a viewer too */
};
#define NS_ROLES_ALL (NS_ROLE_VIEWER | NS_ROLE_OPERATOR | NS_ROLE_APPROVER)

#define NS_GROUP_SOCKET   "nanoseg" /* may connect at all */
#define NS_GROUP_VIEWER   "nanoseg-viewer"
#define NS_GROUP_OPERATOR "nanoseg-operator"
#define NS_GROUP_APPROVER "nanoseg-approver"

#define NS_GID_NONE ((gid_t)-1) /* no such group on this machine */

struct ns_role_groups {
	gid_t viewer, operator, approver;
};

struct ns_caller {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	char user[64];  /* "" when the account database does not know the uid */
	unsigned roles; /* enum ns_role; 0: none */
};

/* Pure: the roles of a user who is in these groups. */
unsigned ns_roles_of(uid_t uid, const gid_t *gids, size_t n_gids, const struct ns_role_groups *groups);
/* "nanoseg-operator or nanoseg-approver": the groups that give one of these roles, for messages. */
const char *ns_roles_groups(unsigned roles);

/* NS_GID_NONE when there is no such group or it cannot be read. */
gid_t ns_group_find(const char *name);

/* Of a connected unix socket. An account database that fails costs the roles it would have given, never more. */
int ns_caller_identify(int fd, struct ns_caller *ret, struct ns_error *err);

#endif
