/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proc_scan.h"
#include "residents.h"

static int add(struct ns_residents *residents, ino_t inode, unsigned rank, const struct ns_container *container)
{
	if (residents->n == residents->room) {
		size_t room = residents->room ? residents->room * 2 : 16;
		struct ns_resident *bigger = reallocarray(residents->list, room, sizeof *bigger);

		if (!bigger)
			return -ENOMEM;
		residents->list = bigger;
		residents->room = room;
	}
	residents->list[residents->n++] = (struct ns_resident){ inode, rank, container };
	return 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct ns_resident *a = pa, *b = pb;

	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return strcmp(a->container->id, b->container->id);
}

/* A process id may have been given to somebody else since the engine told it. */
static bool is_still(const struct ns_container *container, const struct ns_cgroup_identity *own_cgroup)
{
	struct ns_cgroup_identity found;

	if (!ns_proc_cgroup(container->pid, own_cgroup, &found))
		return true; /* containers can be made without a cgroup of their own */
	return strcmp(found.id, container->id) == 0 || !ns_docker_is_id(found.id);
}

static int add_container(struct ns_residents *residents, const struct ns_container *container, dev_t nsfs, ino_t own,
			 const struct ns_cgroup_identity *own_cgroup)
{
	struct stat st;
	ino_t inode;

	/* The file the engine names; on the host's network it is the host's own namespace. */
	if (*container->sandbox_key && !container->host_network && stat(container->sandbox_key, &st) == 0 &&
	    st.st_dev == nsfs && st.st_ino != own)
		return add(residents, st.st_ino, 0, container);
	if (container->pid > 0 && ns_proc_netns(container->pid, &inode) == 0 && inode != own &&
	    is_still(container, own_cgroup))
		return add(residents, inode, 1, container);
	return 0;
}

int ns_residents_find(struct ns_docker *const *engines, size_t n_engines, ino_t own,
		      const struct ns_cgroup_identity *own_cgroup, struct ns_residents *residents)
{
	struct stat st;

	residents->n = 0;
	if (stat("/proc/self/ns/net", &st) < 0)
		return -errno;
	for (size_t e = 0; e < n_engines; e++) {
		const struct ns_container *container;

		for (size_t i = 0; (container = ns_docker_at(engines[e], i)); i++)
			if (add_container(residents, container, st.st_dev, own, own_cgroup) < 0)
				return -ENOMEM;
	}
	if (residents->n > 0)
		qsort(residents->list, residents->n, sizeof *residents->list, compare);
	return 0;
}

void ns_residents_release(struct ns_residents *residents)
{
	free(residents->list);
	*residents = (struct ns_residents){ 0 };
}

size_t ns_residents_of(const struct ns_residents *residents, ino_t inode,
		       const struct ns_container *ret[static NS_RESIDENTS_MAX])
{
	size_t low = 0, high = residents->n, n = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (residents->list[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < residents->n && residents->list[low].inode == inode && n < NS_RESIDENTS_MAX; low++)
		ret[n++] = residents->list[low].container;
	return n;
}

bool ns_residents_where(const struct ns_residents *residents, const struct ns_container *container, ino_t *ret_inode)
{
	for (size_t i = 0; i < residents->n; i++)
		if (residents->list[i].container == container) {
			*ret_inode = residents->list[i].inode;
			return true;
		}
	return false;
}
