/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the processes in a network namespace may do to it: from their capability sets (capabilities(7)), the bounding
 * set among them, which limits whatever they execute. A capability counts over a network namespace only when the
 * process is in the user namespace that owns it or in one above that (user_namespaces(7)): in a user namespace of its
 * own making every process has the whole set, and it means nothing here.
 */
#ifndef NANOSEG_CAPS_H
#define NANOSEG_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc_scan.h"

/* Bytes of /proc/PID/status that are looked at. */
#define NS_CAPS_TEXT_MAX 8192
/* User namespaces are nested at most 32 deep. */
#define NS_CAPS_OWNERS_MAX 33
/* Of the processes in one namespace so many are asked: the first and the newest. */
#define NS_CAPS_ASKED_MAX 256

struct ns_caps {
	bool net_admin, net_raw;
	bool privileged; /* SYS_ADMIN in the agent's own user namespace */
};

/* User namespaces whose capabilities count over one network namespace. */
struct ns_caps_owners {
	ino_t inodes[NS_CAPS_OWNERS_MAX]; /* the owner first */
	size_t n;
};

/* -errno: the kernel does not tell (NS_GET_USERNS, Linux 4.9). */
int ns_caps_owners(int netns_fd, struct ns_caps_owners *ret);

/* The union of the sets in the text of /proc/PID/status: one who has left the bounding set keeps what it has. Pure. */
bool ns_caps_parse(const char *text, size_t length, uint64_t *ret);

/* What any of these processes may do. own_userns: the agent's user namespace. */
struct ns_caps ns_caps_of(const struct ns_proc_entry *entries, size_t n, const struct ns_caps_owners *owners,
			  ino_t own_userns);

/* Inode of the user namespace a process is in; -errno when it ended. */
int ns_caps_userns(pid_t pid, ino_t *ret);

#endif
