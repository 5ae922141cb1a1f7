/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <netlink/netlink.h>

#include "cleanup.h"
#include "netns.h"
#include "rtnl_ask.h"

/* Port ids that are tried: a random one is free but for a rare chance. */
#define PORT_ATTEMPTS 4

/* One question under way. */
struct question {
	const struct nl_sock *socket;
	void (*each)(void *ctx, struct nlmsghdr *header);
	void *ctx;
	uint32_t sequence;
	bool done;
	int error;
};

/* First for every message: a forged answer must not even end a dump. */
static int only_kernel(struct nl_msg *msg, void *arg)
{
	const struct sockaddr_nl *source = nlmsg_get_src(msg);

	return source->nl_pid == 0 ? NL_OK : NL_SKIP;
}

/* Notifications carry whatever number their cause had. */
static int any_sequence(struct nl_msg *msg, void *arg)
{
	return NL_OK;
}

/* The port is nobody's to guess: a process in the namespace could take it beforehand, or flood it. */
static int bind_random(int fd, struct ns_error *err)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK };
	int r = -EADDRINUSE;

	for (int i = 0; i < PORT_ATTEMPTS && r == -EADDRINUSE; i++) {
		if (getrandom(&local.nl_pid, sizeof local.nl_pid, 0) != sizeof local.nl_pid)
			return ns_error_set(err, -EIO, "no random number for an rtnetlink socket");
		r = bind(fd, (struct sockaddr *)&local, sizeof local) < 0 ? -errno : 0;
	}
	if (r < 0)
		return ns_error_set(err, r, "cannot bind an rtnetlink socket: %s", strerror(-r));
	return 0;
}

int ns_rtnl_open(int netns_fd, struct nl_sock **ret, struct ns_error *err)
{
	NS_CLOSE int fd = ns_netns_socket(netns_fd, AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE, err);
	struct nl_sock *sock;
	int r;

	if (fd < 0)
		return fd;
	r = bind_random(fd, err);
	if (r < 0)
		return r;
	sock = nl_socket_alloc();
	if (!sock)
		return ns_error_set(err, -ENOMEM, "no memory for an rtnetlink socket");
	r = nl_socket_set_fd(sock, NETLINK_ROUTE, fd);
	if (r < 0) {
		nl_socket_free(sock);
		return ns_error_set(err, -EIO, "cannot use an rtnetlink socket: %s", nl_geterror(r));
	}
	(void)NS_TAKE_FD(fd);
	(void)nl_socket_modify_cb(sock, NL_CB_MSG_IN, NL_CB_CUSTOM, only_kernel, NULL);
	(void)nl_socket_modify_cb(sock, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_sequence, NULL);
	*ret = sock;
	return 0;
}

static bool is_answer(const struct question *question, const struct nlmsghdr *header)
{
	return header->nlmsg_seq == question->sequence &&
	       header->nlmsg_pid == nl_socket_get_local_port(question->socket);
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	const struct question *question = arg;

	if (question->each && is_answer(question, nlmsg_hdr(msg)))
		question->each(question->ctx, nlmsg_hdr(msg));
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	struct question *question = arg;

	if (is_answer(question, nlmsg_hdr(msg)))
		question->done = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct question *question = arg;

	if (error->msg.nlmsg_seq == question->sequence) {
		question->done = true;
		question->error = error->error;
	}
	return NL_STOP;
}

int ns_rtnl_ask(struct nl_sock *socket, struct nl_msg *message, void (*each)(void *ctx, struct nlmsghdr *header),
		void *ctx, struct ns_error *err)
{
	struct question question = { .socket = socket, .each = each, .ctx = ctx };
	int r;

	if (!message)
		return ns_error_set(err, -ENOMEM, "no memory for an rtnetlink request");
	(void)nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &question);
	(void)nl_socket_modify_cb(socket, NL_CB_FINISH, NL_CB_CUSTOM, on_end, &question);
	(void)nl_socket_modify_cb(socket, NL_CB_ACK, NL_CB_CUSTOM, on_end, &question);
	(void)nl_socket_modify_err_cb(socket, NL_CB_CUSTOM, on_error, &question);
	r = nl_send_auto(socket, message);
	question.sequence = nlmsg_hdr(message)->nlmsg_seq;
	nlmsg_free(message);
	if (r < 0)
		return ns_error_set(err, -EIO, "cannot ask for links: %s", nl_geterror(r));
	while (!question.done) {
		r = nl_recvmsgs_default(socket);
		/* NLE_AGAIN cannot be before the end of an answered dump; NLE_NOMEM is a full buffer. */
		if (r == -NLE_DUMP_INTR || r == -NLE_NOMEM || r == -NLE_AGAIN)
			return ns_error_set(err, -EAGAIN, "the namespace's links change faster than they can be read");
		if (r < 0 && !question.done)
			return ns_error_set(err, -EIO, "cannot read links: %s", nl_geterror(r));
	}
	if (question.error != 0)
		return ns_error_set(err, question.error < 0 ? question.error : -EIO, "cannot read links: %s",
				    strerror(-question.error));
	return 0;
}
