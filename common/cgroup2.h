/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The unified hierarchy (cgroups(7)): where it is mounted, and what numbers its cgroups have. nf_tables and inet_diag
 * name a cgroup by its id, which is the inode number of its directory. Paths here are those of the line "0::" of
 * /proc/PID/cgroup, below the root that the agent sees; beside v1 controllers (hybrid) the hierarchy is there as well,
 * mounted elsewhere.
 */
#ifndef NANOSEG_CGROUP2_H
#define NANOSEG_CGROUP2_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nanoseg/error.h>
#include <nanoseg/limits.h>

/* The directory that it is mounted on, from /proc/self/mountinfo. -ENOENT: nowhere. */
int ns_cgroup2_mount(char ret[static PATH_MAX], struct ns_error *err);

/* One line of that file: true when it is a mount of the hierarchy's root. Pure. */
bool ns_cgroup2_parse_mount(const char *line, char ret[static PATH_MAX]);

/* -ENOENT: no such cgroup, or no hierarchy. -ENAMETOOLONG, -EINVAL: no such path can be ("..", not absolute). */
int ns_cgroup2_id(const char *path, uint64_t *ret_id, struct ns_error *err);

/* How deep a path lies below the root: "/" is 0, "/docker/x" is 2. */
unsigned ns_cgroup2_level(const char *path);

/* The ids of a cgroup and of all that lie below it, sorted, at most max; returns their number. -E2BIG: there are more.
 * -ENOENT as above. */
int ns_cgroup2_subtree(const char *path, uint64_t *ret, size_t max, struct ns_error *err);

#endif
