/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The containers' cgroups in the unified hierarchy, heard of as soon as a runtime makes them and puts a process into
 * them, which is before the first instruction, and without a look at /proc.
 *
 * Every directory in which a container's may come is watched, from the root down. What lies below a container's own
 * cgroup is the container's, which may make and name there what it likes: nobody looks there, so the outermost name
 * that a runtime gives wins (cgroup.h). Nor below user.slice. An overflow of notifications lists all again.
 */
#ifndef NANOSEG_CGROUP_TREE_H
#define NANOSEG_CGROUP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include <nanoseg/endpoint.h>
#include <nanoseg/error.h>

#include "cgroup.h"

/* Directories that are no container's. */
#define NS_CGROUP_TREE_DIRS_MAX 4096
#define NS_CGROUP_TREE_MAX      NS_ENDPOINTS_MAX
/* Of one container's, its own and those that it made: so many are looked through for processes. */
#define NS_CGROUP_TREE_BELOW_MAX 256

struct ns_cgroup_tree;

struct ns_cgroup {
	struct ns_member place;
	struct ns_cgroup_identity identity; /* runtime "": an engine knows the id */
	bool populated;                     /* a process is in it or below */
};

struct ns_cgroup_tree_events {
	/* Whether an engine knows a container of this id, whose cgroup's parent the operator chose. */
	bool (*is_known)(void *ctx, const char *id);
	/* From the event loop: one came, went, or got its first process or lost its last. */
	void (*changed)(void *ctx);
};

/* own: the agent itself, as in cgroup.h; kept by reference. Succeeds as well when there is no such hierarchy, which is
 * then looked for at each relisting. */
int ns_cgroup_tree_new(sd_event *event, const struct ns_cgroup_identity *own,
		       const struct ns_cgroup_tree_events *events, void *ctx, struct ns_cgroup_tree **ret,
		       struct ns_error *err);
struct ns_cgroup_tree *ns_cgroup_tree_free(struct ns_cgroup_tree *tree); /* accepts NULL; returns NULL */

/* Takes what the kernel has to tell by now; `changed` is not called. */
void ns_cgroup_tree_read(struct ns_cgroup_tree *tree);
/* Lists all again: the safety net. */
void ns_cgroup_tree_relist(struct ns_cgroup_tree *tree);
/* Asks is_known again for those of which it did not. */
void ns_cgroup_tree_ask(struct ns_cgroup_tree *tree);

/* The i-th by id, NULL at the end. All pointers are valid until the next reading or relisting. */
const struct ns_cgroup *ns_cgroup_tree_at(const struct ns_cgroup_tree *tree, size_t i);
/* The container whose cgroup this path is or lies in; NULL: none's. */
const struct ns_cgroup *ns_cgroup_tree_of_path(const struct ns_cgroup_tree *tree, const char *path);
/* Is a process in it now? */
bool ns_cgroup_tree_populated(struct ns_cgroup_tree *tree, const struct ns_cgroup *cgroup);
/* Processes in a container's cgroup and below, of which the agent can see the ids; their number, at most max. */
size_t ns_cgroup_tree_processes(const struct ns_cgroup_tree *tree, const char *path, pid_t *ret, size_t max);

bool ns_cgroup_tree_is_there(const struct ns_cgroup_tree *tree);
/* Why not everything is watched; "": it is. */
const char *ns_cgroup_tree_failure(const struct ns_cgroup_tree *tree);

#endif
