/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What keeps an endpoint alive: a mount of its namespace, or a process in it. Of the processes one is watched by pidfd;
 * when it ends, a scan finds another or finds none.
 */
#ifndef NANOSEG_ANCHORS_H
#define NANOSEG_ANCHORS_H

#include <stdbool.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "proc_scan.h"

struct ns_anchors {
	bool mounted; /* in one of the netns directories, or where a hook told, when last looked */
	pid_t pid;    /* the process watched; 0: none was there, when last scanned */
	int pidfd;    /* -1: none */
	sd_event_source *source;
	void (*ended)(void *ctx);
	void *ctx;
};

#define NS_ANCHORS_INIT                                                                                                \
	{                                                                                                              \
		.pidfd = -1                                                                                            \
	}

/* From a scan: `entries` are the processes in the namespace `inode`. Keeps watching the same one while it is there and
 * `wanted` (0: any) does not ask for another; otherwise takes the first that is still alive and still in it. `ended`
 * comes from the event loop when the process ends. True when the process watched is another one now. */
bool ns_anchors_choose(struct ns_anchors *anchors, sd_event *event, const struct ns_proc_entry *entries, size_t n,
		       pid_t wanted, void (*ended)(void *ctx), void *ctx);
void ns_anchors_release(struct ns_anchors *anchors);

static inline bool ns_anchors_any(const struct ns_anchors *anchors)
{
	return anchors->mounted || anchors->pid != 0;
}

#endif
