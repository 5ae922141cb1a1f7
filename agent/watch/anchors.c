/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "anchors.h"
#include "cleanup.h"

static void drop_process(struct ns_anchors *anchors)
{
	anchors->source = sd_event_source_disable_unref(anchors->source);
	ns_closep(&anchors->pidfd);
	anchors->pidfd = -1;
	anchors->pid = 0;
}

static int on_exit_of(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct ns_anchors *anchors = ctx;

	drop_process(anchors);
	anchors->ended(anchors->ctx);
	return 0;
}

static bool contains(const struct ns_proc_entry *entries, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (entries[i].pid == pid)
			return true;
	return false;
}

/* The pid may be another process's by now: first hold it, then look where it is. Without a descriptor to spare the
 * process counts all the same; then the next scan sees it end. */
static bool hold(struct ns_anchors *anchors, sd_event *event, const struct ns_proc_entry *entry)
{
	NS_CLOSE int fd = (int)syscall(SYS_pidfd_open, entry->pid, 0);
	ino_t inode;

	if (ns_proc_netns(entry->pid, &inode) < 0 || inode != entry->inode)
		return false;
	anchors->pid = entry->pid;
	if (fd >= 0 && sd_event_add_io(event, &anchors->source, fd, EPOLLIN, on_exit_of, anchors) >= 0)
		anchors->pidfd = NS_TAKE_FD(fd);
	return true;
}

bool ns_anchors_choose(struct ns_anchors *anchors, sd_event *event, const struct ns_proc_entry *entries, size_t n,
		       pid_t wanted, void (*ended)(void *ctx), void *ctx)
{
	pid_t before = anchors->pid;
	bool take_wanted = wanted > 0 && wanted != before && contains(entries, n, wanted);

	if (before != 0 && !take_wanted && contains(entries, n, before))
		return false;
	drop_process(anchors);
	anchors->ended = ended;
	anchors->ctx = ctx;
	for (size_t i = 0; i < n && take_wanted && anchors->pid == 0; i++)
		if (entries[i].pid == wanted)
			(void)hold(anchors, event, &entries[i]);
	for (size_t i = 0; i < n && anchors->pid == 0; i++)
		(void)hold(anchors, event, &entries[i]);
	return anchors->pid != before;
}

void ns_anchors_release(struct ns_anchors *anchors)
{
	drop_process(anchors);
	anchors->mounted = false;
}
