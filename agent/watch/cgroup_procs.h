/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the files of one cgroup (v2) tell: whether anybody is in it, and who.
 */
#ifndef NANOSEG_CGROUP_PROCS_H
#define NANOSEG_CGROUP_PROCS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* From its cgroup.events; false when it cannot be read. */
bool ns_cgroup_events_populated(const char *path);

/* The processes in the cgroup whose directory this is, and in those below it, of which dirs_max are looked through;
 * their number, at most max. Those that this process cannot see, since they are in another pid namespace, are left
 * out. */
size_t ns_cgroup_procs(const char *dir, size_t dirs_max, pid_t *ret, size_t max);

#endif
