/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "peer.h"

/* A group of ten thousand members takes some 200 kB of this. */
#define ACCOUNT_BUFFER_MAX ((size_t)1 << 20)
#define GROUPS_MAX         65536 /* NGROUPS_MAX of the kernel */

unsigned ns_roles_of(uid_t uid, const gid_t *gids, size_t n_gids, const struct ns_role_groups *groups)
{
	unsigned roles = 0;

	if (uid == 0)
		return NS_ROLES_ALL;
	for (size_t i = 0; i < n_gids; i++) {
		if (gids[i] == NS_GID_NONE)
			continue;
		if (gids[i] == groups->viewer)
			roles |= NS_ROLE_VIEWER;
		if (gids[i] == groups->operator)
			roles |= NS_ROLE_OPERATOR | NS_ROLE_VIEWER;
		if (gids[i] == groups->approver)
			roles |= NS_ROLE_APPROVER | NS_ROLE_VIEWER;
	}
	return roles;
}

const char *ns_roles_groups(unsigned roles)
{
	if (roles & NS_ROLE_VIEWER)
		return NS_GROUP_VIEWER ", " NS_GROUP_OPERATOR " or " NS_GROUP_APPROVER;
	if ((roles & NS_ROLE_OPERATOR) && (roles & NS_ROLE_APPROVER))
		return NS_GROUP_OPERATOR " or " NS_GROUP_APPROVER;
	return roles & NS_ROLE_OPERATOR ? NS_GROUP_OPERATOR : NS_GROUP_APPROVER;
}

gid_t ns_group_find(const char *name)
{
	NS_FREE char *buffer = NULL;

	for (size_t size = 1024; size <= ACCOUNT_BUFFER_MAX; size *= 2) {
		struct group group, *found = NULL;
		char *larger = realloc(buffer, size);
		int r;

		if (!larger)
			return NS_GID_NONE;
		buffer = larger;
		r = getgrnam_r(name, &group, buffer, size, &found);
		if (r == ERANGE)
			continue;
		return r == 0 && found ? found->gr_gid : NS_GID_NONE;
	}
	return NS_GID_NONE;
}

/* Fills the caller's user name and gives the primary group. False: no such account. */
static bool find_account(struct ns_caller *caller, char **ret_name, gid_t *ret_gid)
{
	NS_FREE char *buffer = NULL;

	for (size_t size = 1024; size <= ACCOUNT_BUFFER_MAX; size *= 2) {
		struct passwd account, *found = NULL;
		char *larger = realloc(buffer, size);
		int r;

		if (!larger)
			return false;
		buffer = larger;
		r = getpwuid_r(caller->uid, &account, buffer, size, &found);
		if (r == ERANGE)
			continue;
		if (r != 0 || !found)
			return false;
		(void)snprintf(caller->user, sizeof caller->user, "%s", account.pw_name);
		*ret_gid = account.pw_gid;
		*ret_name = strdup(account.pw_name);
		return *ret_name != NULL;
	}
	return false;
}

static unsigned account_roles(const struct ns_caller *caller, const char *name, gid_t primary,
			      const struct ns_role_groups *groups)
{
	NS_FREE gid_t *gids = NULL;
	int allocated = 64;

	while (allocated <= GROUPS_MAX) {
		int n = allocated;
		gid_t *larger = reallocarray(gids, (size_t)allocated, sizeof *gids);

		if (!larger)
			return 0;
		gids = larger;
		if (getgrouplist(name, primary, gids, &n) >= 0)
			return ns_roles_of(caller->uid, gids, (size_t)n, groups);
		allocated *= 2;
	}
	return 0;
}

int ns_caller_identify(int fd, struct ns_caller *ret, struct ns_error *err)
{
	struct ns_role_groups groups = { ns_group_find(NS_GROUP_VIEWER), ns_group_find(NS_GROUP_OPERATOR),
					 ns_group_find(NS_GROUP_APPROVER) };
	struct ns_caller caller = { .roles = 0 };
	NS_FREE char *name = NULL;
	gid_t primary = NS_GID_NONE;
	struct ucred credential;
	socklen_t length = sizeof credential;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credential, &length) < 0 || length != sizeof credential)
		return ns_error_set(err, errno > 0 ? -errno : -EIO, "the kernel does not say who is asking: %m");
	caller.uid = credential.uid;
	caller.gid = credential.gid;
	caller.pid = credential.pid;
	caller.roles = ns_roles_of(caller.uid, &caller.gid, 1, &groups);
	if (find_account(&caller, &name, &primary))
		caller.roles |= account_roles(&caller, name, primary, &groups);
	*ret = caller;
	return 0;
}
