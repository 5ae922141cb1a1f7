/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who a container of Podman is, told by the monitor that started it: conmon is an ancestor of the container's first
 * process, and its command line names the container ("-c ID -n NAME -b BUNDLE"), before the first instruction runs.
 * Podman's API does not: it answers no question about a container while that is being started. What conmon does not
 * know is the container's labels.
 */
#ifndef NANOSEG_CONMON_H
#define NANOSEG_CONMON_H

#include <linux/limits.h>
#include <sys/types.h>

#include <nanoseg/error.h>

#include "cgroup.h"

/* Bytes of a command line that are looked at; the name is among the first. */
#define NS_CONMON_ARGUMENTS_MAX 8192

struct ns_conmon_words {
	char id[NS_CONTAINER_ID_MAX];
	char name[NS_NAME_MAX];         /* "": nothing was found */
	char workload[NS_WORKLOAD_MAX]; /* annotation nanoseg.workload of the container; "": none */
};

/* The container's id, its name and the bundle, an absolute path or "", in the command line of a conmon: its arguments
 * with a NUL after each, the last perhaps cut off. `id`: of this container alone; NULL: of any. False when it is none
 * or tells no name that Podman would give; everything is untouched then. */
bool ns_conmon_parse_arguments(const char *text, size_t length, const char *id, struct ns_conmon_words *ret,
			       char ret_bundle[static PATH_MAX]);

/* The workload in a bundle's config.json; "" when it names none, or none that may be one. And the path of its network
 * namespace; "" when there is none. */
int ns_conmon_parse_config(const char *text, size_t length, char ret_workload[static NS_WORKLOAD_MAX],
			   char ret_netns[static PATH_MAX], struct ns_error *err);

/* Asks the ancestors of `pid`, a process of the container in the namespace `netns`. What the container itself may have
 * started does not count: an ancestor in that namespace, in a cgroup of the same container, or in another user
 * namespace than the agent's own. Of a rootless container the conmon is the user's: a process of his, among the agent's
 * own ones and outside of the container's cgroup, of which the command line alone is read. False when there is no
 * conmon, or not all of what it tells can be read. */
bool ns_conmon_find(pid_t pid, const struct ns_cgroup_identity *container, const struct ns_cgroup_identity *own,
		    ino_t netns, ino_t own_userns, struct ns_conmon_words *ret);

/* Before there is a process in the namespace: whether `pid` is a conmon that starts a container in a namespace that is
 * there already; its inode in *ret_netns. It counts only as root outside of every container: in the agent's own user
 * and process namespaces, and in no container's cgroup. */
bool ns_conmon_is(pid_t pid, const struct ns_cgroup_identity *own, ino_t own_userns, struct ns_conmon_words *ret,
		  ino_t *ret_netns);

#endif
