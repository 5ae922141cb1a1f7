/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "cleanup.h"
#include "netns.h"
#include "nft/attr.h"

#include "drift.h"
#include "drift_parse.h"

/* Of notifications the kernel makes datagrams of about a page; one message may be longer. */
#define RECEIVE_BYTES ((size_t)64 * 1024)

struct ns_drift {
	int fd;
	sd_event_source *source;
	ns_drift_is_ours is_ours;
	ns_drift_seen seen;
	void *ctx;
	struct ns_drift_transaction transaction; /* the one being read */
	char *buf;                               /* during a turn */
	unsigned told;                           /* in this turn */
	bool lost;                               /* likewise */
};

NS_DEFINE_CLEANUP(struct ns_drift *, ns_drift_close)

/* Reads a file of a process, which may be gone: its length. */
static size_t read_proc(uint32_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, buf, size);
	(void)close(fd);
	return n > 0 ? (size_t)n : 0;
}

/* The command line when the process is still the one that committed, as far as its name tells (the number may be
 * another's: of another pid namespace, or used again); the kernel's name of the task otherwise. */
static void name_command(const struct ns_drift_transaction *transaction, char ret[static NS_DRIFT_COMMAND_MAX])
{
	char name[NS_TASK_NAME_MAX + 1] = "", line[NS_DRIFT_COMMAND_MAX];
	size_t n;

	(void)snprintf(ret, NS_DRIFT_COMMAND_MAX, "%s", transaction->name);
	if (transaction->pid == 0)
		return;
	n = read_proc(transaction->pid, "comm", name, sizeof(name) - 1);
	name[n > 0 && name[n - 1] == '\n' ? n - 1 : n] = '\0';
	ns_drift_clean(name);
	if (strcmp(name, transaction->name) != 0)
		return;
	n = read_proc(transaction->pid, "cmdline", line, sizeof(line) - 1);
	while (n > 0 && line[n - 1] == '\0')
		n--;
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (line[i] == '\0')
			line[i] = ' ';
	line[n] = '\0';
	ns_drift_clean(line);
	memcpy(ret, line, n + 1);
}

static void report(struct ns_drift *drift)
{
	const struct ns_drift_transaction *transaction = &drift->transaction;
	bool ours = transaction->ours.changes > 0;
	const struct ns_drift_tally *tally = ours ? &transaction->ours : &transaction->others;
	struct ns_drift_event event = {
		.ours = ours,
		.family = tally->family,
		.changes = tally->changes,
		.pid = (pid_t)transaction->pid,
	};

	/* Only the end of it came: what it was about was lost, which is told. */
	if (tally->changes == 0 || drift->is_ours(drift->ctx, transaction->port))
		return;
	if (drift->told == NS_DRIFT_BURST) {
		drift->lost = true;
		return;
	}
	memcpy(event.table, tally->table, sizeof(event.table));
	name_command(transaction, event.command);
	drift->told++;
	drift->seen(drift->ctx, &event);
}

static void take_datagram(struct ns_drift *drift, size_t length)
{
	const struct nlmsghdr *message;

	for (message = ns_nl_first(drift->buf, length); message; message = ns_nl_next(message, drift->buf, length)) {
		int r = ns_drift_parse(&drift->transaction, message);

		if (r < 0)
			drift->lost = true;
		else if (r > 0)
			report(drift);
	}
}

/* 0: nothing more is there. */
static int receive(struct ns_drift *drift)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = drift->buf, .iov_len = RECEIVE_BYTES };
	struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(drift->fd, &message, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0) {
		if (errno != EINTR)
			drift->lost = true; /* ENOBUFS, as a rule */
		return 1;
	}
	if (message.msg_namelen != sizeof(from) || from.nl_pid != 0)
		return 1; /* anybody with CAP_NET_ADMIN there may write to the group; only the kernel is believed */
	if (message.msg_flags & MSG_TRUNC)
		drift->lost = true;
	else if (!drift->lost || drift->told < NS_DRIFT_BURST)
		take_datagram(drift, (size_t)n);
	return 1;
}

static void read_some(struct ns_drift *drift)
{
	drift->told = 0;
	drift->lost = false;
	drift->buf = malloc(RECEIVE_BYTES);
	if (!drift->buf)
		drift->lost = true; /* and it comes again: the socket stays readable */
	for (unsigned i = 0; drift->buf && i < NS_DRIFT_DATAGRAMS; i++)
		if (!receive(drift))
			break;
	free(NS_TAKE(drift->buf));
	if (drift->lost) {
		const struct ns_drift_event event = { .lost = true };

		drift->transaction = (struct ns_drift_transaction){ 0 };
		drift->seen(drift->ctx, &event);
	}
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	read_some(userdata);
	return 0;
}

void ns_drift_read(struct ns_drift *drift)
{
	if (drift)
		read_some(drift);
}

static int join(struct ns_drift *drift, struct ns_error *err)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	const int group = NFNLGRP_NFTABLES, room = NS_DRIFT_RCVBUF;

	if (setsockopt(drift->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		return ns_error_set(err, -errno, "receive buffer of nf_tables notifications: %s", strerror(errno));
	if (bind(drift->fd, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
	    setsockopt(drift->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return ns_error_set(err, -errno, "nf_tables notifications: %s", strerror(errno));
	return 0;
}

static int attach(struct ns_drift *drift, sd_event *event, struct ns_error *err)
{
	int r = sd_event_add_io(event, &drift->source, drift->fd, EPOLLIN, on_readable, drift);

	if (r >= 0)
		r = sd_event_source_set_ratelimit(drift->source, NS_DRIFT_INTERVAL_US, NS_DRIFT_TURNS);
	if (r < 0)
		return ns_error_set(err, r, "nf_tables notifications in the event loop: %s", strerror(-r));
	(void)sd_event_source_set_description(drift->source, "drift");
	return 0;
}

int ns_drift_open(sd_event *event, int netns_fd, ns_drift_is_ours is_ours, ns_drift_seen seen, void *ctx,
		  struct ns_drift **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_drift_closep) struct ns_drift *drift = calloc(1, sizeof(*drift));
	int r;

	if (!drift)
		return ns_error_set(err, -ENOMEM, "no memory for the notifications of a namespace");
	drift->is_ours = is_ours;
	drift->seen = seen;
	drift->ctx = ctx;
	drift->fd = ns_netns_socket(netns_fd, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER, err);
	if (drift->fd < 0)
		return drift->fd;
	r = join(drift, err);
	if (r == 0)
		r = attach(drift, event, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(drift);
	return 0;
}

int ns_drift_skip(struct ns_drift *drift, uint32_t port, struct ns_error *err)
{
	/* The port is in the header of a datagram's first message, and a datagram has messages of one transaction. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };
	const int unused = 0;
	int r;

	if (port != 0)
		r = setsockopt(drift->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
	else
		r = setsockopt(drift->fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
	if (r < 0 && (port != 0 || errno != ENOENT))
		return ns_error_set(err, -errno, "filter of nf_tables notifications: %s", strerror(errno));
	return 0;
}

struct ns_drift *ns_drift_close(struct ns_drift *drift)
{
	if (drift) {
		sd_event_source_disable_unref(drift->source);
		if (drift->fd >= 0)
			(void)close(drift->fd);
		free(drift);
	}
	return NULL;
}
