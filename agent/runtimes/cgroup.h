/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which runtime made a process, told from the text of /proc/PID/cgroup (cgroup v1, v2 and hybrid; cgroupfs and systemd
 * drivers). Pure.
 *
 * The outermost name that a runtime gives wins: what lies below it may have been made by the container itself, and a
 * container must not be able to take another one's identity.
 */
#ifndef NANOSEG_CGROUP_H
#define NANOSEG_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <nanoseg/limits.h>

/* Bytes of /proc/PID/cgroup that are looked at. */
#define NS_CGROUP_TEXT_MAX 16384
#define NS_CGROUP_POD_MAX  65

struct ns_cgroup_identity {
	char runtime[NS_RUNTIME_MAX]; /* docker, podman, containerd, crio, lxc, nspawn; "": not known */
	char id[NS_CONTAINER_ID_MAX]; /* 64 hexadecimal digits, or a name (lxc, nspawn); "" for a nameless nspawn */
	char pod[NS_CGROUP_POD_MAX];  /* id of a pod of Podman, 64 hexadecimal digits; "": none */
	/* Below user.slice, where the user `uid` makes cgroups and calls them what he likes: runtime, id and pod are
	 * his word, and count for nothing outside of user/UID/. Neither engines nor bundles may be asked for that id.
	 */
	bool rootless;
	uid_t uid;
};

/* False when no runtime made it; *ret is untouched then. An id below a parent of the operator's own choosing is told
 * with runtime "": an engine may know it; below user.slice it is a Podman's that had no service manager to ask. Either
 * counts only when no known runtime is found. `own` (may be NULL) is the identity of the agent itself when it runs in a
 * container: its own name is no news and is passed over. */
bool ns_cgroup_identify(const char *text, size_t length, const struct ns_cgroup_identity *own,
			struct ns_cgroup_identity *ret);

bool ns_cgroup_same(const struct ns_cgroup_identity *a, const struct ns_cgroup_identity *b);

#endif
