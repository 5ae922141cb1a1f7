/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which process is in which network namespace: one stat a process, and its cgroup only when asked.
 */
#ifndef NANOSEG_PROC_SCAN_H
#define NANOSEG_PROC_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <nanoseg/error.h>

#include "cgroup.h"

struct ns_proc_entry {
	ino_t inode; /* of the namespace; all namespaces are on the one nsfs */
	pid_t pid;
};

struct ns_proc_table {
	struct ns_proc_entry *entries; /* sorted by inode, then pid */
	size_t n, room;
};

/* Replaces the contents of the table by every process that is not in the namespace `own`. A process that ends
 * meanwhile is passed over; a zombie has no namespace any more. The table keeps its memory for the next scan. */
int ns_proc_scan(ino_t own, struct ns_proc_table *table, struct ns_error *err);
void ns_proc_table_release(struct ns_proc_table *table);

/* The processes of one namespace: *ret_n of them from the pointer on, lowest pid first; NULL when none. */
const struct ns_proc_entry *ns_proc_table_find(const struct ns_proc_table *table, ino_t inode, size_t *ret_n);

/* Inode of the namespace a process is in; -ESRCH or -ENOENT when it ended. */
int ns_proc_netns(pid_t pid, ino_t *ret);
/* Reads at most `room` bytes of /proc/PID/NAME; the number read, or -errno. */
ssize_t ns_proc_read(pid_t pid, const char *name, char *buffer, size_t room);
/* What the process's cgroup tells (see cgroup.h). */
bool ns_proc_cgroup(pid_t pid, const struct ns_cgroup_identity *own, struct ns_cgroup_identity *ret);
/* The path of its cgroup in the unified hierarchy. -ENOENT: none; -ENAMETOOLONG. */
int ns_proc_cgroup2(pid_t pid, char ret[static NS_CGROUP_PATH_MAX]);
/* Microseconds since the process started; -ESRCH when it ended. */
int64_t ns_proc_age(pid_t pid);

/* The number that the newest process got; 0: not known. */
pid_t ns_proc_newest(void);

#endif
