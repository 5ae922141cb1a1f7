/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which program holds a socket: from the inode of sockfs to the path of the executable, by way of /proc/PID/fd of the
 * processes in the namespace.
 *
 * A walk of /proc costs time that grows with the machine, so walks have a budget (limits.h: NS_PROC_CPU_…): a share of
 * one CPU, a little of it saved up, so that the first connections of a new process are named at once and a burst of
 * thousands costs no more than the share.
 */
#ifndef NANOSEG_LEARN_PROCESS_H
#define NANOSEG_LEARN_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nanoseg/error.h>
#include <nanoseg/limits.h>

struct ns_processes;

/* netns_fd is not kept; the caller pins the namespace (an open socket in it does), or else its inode number could come
 * to mean another one. */
int ns_processes_new(int netns_fd, struct ns_processes **ret, struct ns_error *err);
struct ns_processes *ns_processes_free(struct ns_processes *processes); /* accepts NULL; returns NULL */

/* The program, as of the last look; NULL: unknown. Valid until the next look. A socket that several processes share is
 * the lowest PID's. */
const char *ns_processes_find(const struct ns_processes *processes, uint32_t inode);

/* Microseconds until the budget lets one look again; 0: now. */
int64_t ns_processes_wait(struct ns_processes *processes);
/* Looks at the processes that are known to be in the namespace: cheap, and misses new ones. */
void ns_processes_look(struct ns_processes *processes);
/* Looks at all processes. Both are charged to the budget and may be called without one. Trouble shows as unknown
 * sockets. */
void ns_processes_walk(struct ns_processes *processes);

/* The path as text for JSON and terminals: at most NS_PROCESS_MAX bytes, cut from the left; without " (deleted)";
 * control characters and what is not UTF-8 become '?'. Pure. */
void ns_process_clean(const char *path, size_t length, char ret[static NS_PROCESS_MAX]);

#endif
