/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which containers of the engines live in which namespace: by the file the engine names and by the container's process,
 * both looked up now, since neither paths nor process ids last.
 */
#ifndef NANOSEG_RESIDENTS_H
#define NANOSEG_RESIDENTS_H

#include <sys/types.h>

#include "cgroup.h"
#include "docker.h"

/* Containers of one namespace that are told of; more are counted only. */
#define NS_RESIDENTS_MAX 16

struct ns_resident {
	ino_t inode;
	unsigned rank; /* 0: made the namespace; 1: a process of it is in there */
	const struct ns_container *container;
};

struct ns_residents {
	struct ns_resident *list; /* sorted by inode, then rank, then id */
	size_t n, room;
};

/* Replaces the contents. Valid until an engine's next callback. own, own_cgroup: of the agent itself; containers on the
 * host's network are in its namespace. -ENOMEM. */
int ns_residents_find(struct ns_docker *const *engines, size_t n_engines, ino_t own,
		      const struct ns_cgroup_identity *own_cgroup, struct ns_residents *residents);
void ns_residents_release(struct ns_residents *residents);

/* The containers of a namespace into ret, the one that made it first; returns their number, at most NS_RESIDENTS_MAX.
 */
size_t ns_residents_of(const struct ns_residents *residents, ino_t inode,
		       const struct ns_container *ret[static NS_RESIDENTS_MAX]);
/* Is it known where this container is? *ret_inode. */
bool ns_residents_where(const struct ns_residents *residents, const struct ns_container *container, ino_t *ret_inode);

#endif
