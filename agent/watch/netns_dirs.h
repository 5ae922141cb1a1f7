/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The directories in which runtimes and `ip netns` keep namespaces as bind mounts.
 *
 * A runtime makes the file first and mounts the namespace on it afterwards, and inotify knows nothing of mounts; so
 * the mount table (/proc/self/mountinfo, which wakes poll(2) when it changes) is watched beside the directories. A
 * directory that does not exist is waited for at its nearest ancestor.
 */
#ifndef NANOSEG_NETNS_DIRS_H
#define NANOSEG_NETNS_DIRS_H

#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>
#include <systemd/sd-event.h>

#include <nanoseg/error.h>

#define NS_NETNS_PATH_MAX 256

struct ns_netns_dirs;

struct ns_netns_file {
	ino_t inode;
	unsigned dir; /* index of the directory: earlier ones name a namespace first */
	char path[NS_NETNS_PATH_MAX];
};

struct ns_netns_files {
	struct ns_netns_file *files; /* sorted by inode, then directory, then path */
	size_t n, room;
	size_t waiting; /* files on which no namespace is mounted (yet) */
	size_t refused; /* paths too long to keep */
};

/* `changed` comes from the event loop when a listing may show something new. */
int ns_netns_dirs_new(sd_event *event, const char *const *dirs, size_t n, void (*changed)(void *ctx), void *ctx,
		      struct ns_netns_dirs **ret, struct ns_error *err);
struct ns_netns_dirs *ns_netns_dirs_free(struct ns_netns_dirs *dirs); /* accepts NULL; returns NULL */

/* Replaces the contents by what is mounted now, but for the namespace `own`, and renews the watches first, so that
 * nothing that comes later goes unseen. */
int ns_netns_dirs_list(struct ns_netns_dirs *dirs, ino_t own, struct ns_netns_files *files, struct ns_error *err);
void ns_netns_files_release(struct ns_netns_files *files);
/* The first file of a namespace, or NULL. */
const struct ns_netns_file *ns_netns_files_find(const struct ns_netns_files *files, ino_t inode);

/* How many of the directories exist, and which does not: "" or "waiting for /run/docker/netns". */
bool ns_netns_dirs_any(const struct ns_netns_dirs *dirs);
void ns_netns_dirs_missing(const struct ns_netns_dirs *dirs, char *ret, size_t room);

#endif
