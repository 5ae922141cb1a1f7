/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include "cleanup.h"
#include "netns.h"
#include "nft/attr.h"
#include "nflog.h"

/* With a queue threshold of one a datagram holds one message: NS_NFLOG_SNAPLEN bytes of packet, a link-layer header, a
 * prefix of at most 128 bytes, and some numbers. */
#define BUFFER_SIZE   4096
#define ACK_READS_MAX 4096 /* log messages may stand before the answer */

struct ns_nflog {
	int fd;
	uint16_t group;
	bool bound;
	uint32_t request;  /* sequence of our requests */
	uint32_t sequence; /* of the last log message */
	const struct nlmsghdr *cursor;
	size_t length; /* of the datagram that cursor walks through; NULL cursor: it is read */
	char *buffer;  /* while there is something to be read: most namespaces are silent for hours */
};

int ns_nflog_open(int netns_fd, uint16_t group, struct ns_nflog **ret, struct ns_error *err)
{
	struct ns_nflog *log = calloc(1, sizeof *log);
	int size = NS_NFLOG_RCVBUF;

	if (log == NULL)
		return ns_error_set(err, -ENOMEM, "log: out of memory");
	log->group = group;
	log->fd =
		ns_netns_socket(netns_fd, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER, err);
	if (log->fd < 0) {
		int r = log->fd;

		(void)ns_nflog_close(log);
		return r;
	}
	/* Without the privilege the system's own limit holds; losses are told either way. */
	if (setsockopt(log->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		(void)setsockopt(log->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	*ret = log;
	return 0;
}

struct ns_nflog *ns_nflog_close(struct ns_nflog *log)
{
	if (log != NULL) {
		if (log->fd >= 0)
			(void)close(log->fd);
		free(log->buffer);
		free(log);
	}
	return NULL;
}

int ns_nflog_fd(const struct ns_nflog *log)
{
	return log->fd;
}

bool ns_nflog_is_bound(const struct ns_nflog *log)
{
	return log->bound;
}

/* One datagram. Others in the namespace can send to our port too: only what comes from the kernel (port 0) counts.
 * Returns its length, 0 for one to be passed over, or -errno. */
static int receive(struct ns_nflog *log)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_len = BUFFER_SIZE };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (!log->buffer)
		log->buffer = malloc(BUFFER_SIZE);
	if (!log->buffer)
		return -ENOMEM;
	iov.iov_base = log->buffer;
	do
		n = recvmsg(log->fd, &msg, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (msg.msg_namelen != sizeof from || from.nl_family != AF_NETLINK || from.nl_pid != 0 ||
	    (msg.msg_flags & MSG_TRUNC) != 0)
		return 0;
	return (int)n;
}

static int send_bind(struct ns_nflog *log)
{
	char buffer[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);
	struct nfulnl_msg_config_cmd cmd = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = { .copy_range = htonl(NS_NFLOG_SNAPLEN), .copy_mode = NFULNL_COPY_PACKET };

	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++log->request;
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(log->group);
	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof cmd, &cmd);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof mode, &mode);
	/* Each message at once: who waits finds the socket closed and its process gone. */
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(1));
	mnl_attr_put_u16(nlh, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
	if (send(log->fd, nlh, nlh->nlmsg_len, 0) < 0)
		return -errno;
	return 0;
}

/* The kernel has answered by the time send() returns, so this never waits. */
static int read_answer(struct ns_nflog *log)
{
	for (unsigned i = 0; i < ACK_READS_MAX; i++) {
		const struct nlmsghdr *nlh;
		const struct nlmsgerr *answer;
		int n = receive(log);

		if (n == -ENOBUFS)
			continue;
		if (n < 0)
			return n == -EAGAIN ? -ETIMEDOUT : n;
		nlh = ns_nl_first(log->buffer, (size_t)n);
		if (!nlh || nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq != log->request ||
		    nlh->nlmsg_len < NLMSG_HDRLEN + sizeof *answer)
			continue;
		answer = mnl_nlmsg_get_payload(nlh);
		return answer->error > 0 || answer->error < -4095 ? -EBADMSG : answer->error;
	}
	return -ETIMEDOUT;
}

static void release_buffer(struct ns_nflog *log)
{
	free(log->buffer);
	log->buffer = NULL;
}

int ns_nflog_bind(struct ns_nflog *log, struct ns_error *err)
{
	int r;

	if (log->bound)
		return 0;
	r = send_bind(log);
	if (r >= 0)
		r = read_answer(log);
	release_buffer(log);
	/* nfulnl_recv_config() says EPERM for a group that another socket holds, and EBUSY for one's own. */
	if (r == -EBUSY || r == -EPERM)
		return ns_error_set(err, -EBUSY, "another program reads log group %u of the namespace", log->group);
	if (r < 0)
		return ns_error_set(err, r, "cannot bind log group %u: %s", log->group, strerror(-r));
	log->bound = true;
	log->sequence = UINT32_MAX; /* the first is 0 */
	return 0;
}

static int take(struct ns_nflog *log, struct ns_nflog_message *ret)
{
	struct ns_nflog_message message;
	const struct nlmsghdr *nlh = log->cursor;
	int r = ns_nflog_parse(nlh, &message);

	if (r >= 0 && message.has_sequence) {
		uint32_t expected = log->sequence + 1;

		if (message.sequence != expected) {
			log->sequence = message.sequence - 1; /* the message itself comes with the next call */
			return NS_NFLOG_LOST;
		}
		log->sequence = message.sequence;
	}
	log->cursor = ns_nl_next(nlh, log->buffer, log->length);
	if (r <= 0)
		return NS_NFLOG_OTHER;
	*ret = message;
	return NS_NFLOG_MESSAGE;
}

int ns_nflog_next(struct ns_nflog *log, struct ns_nflog_message *ret, struct ns_error *err)
{
	int n;

	if (log->cursor)
		return take(log, ret);
	n = receive(log);
	if (n == -EAGAIN) {
		release_buffer(log);
		return NS_NFLOG_NOTHING;
	}
	if (n == -ENOBUFS)
		return NS_NFLOG_LOST;
	if (n < 0)
		return ns_error_set(err, n, "reading log group %u: %s", log->group, strerror(-n));
	log->length = (size_t)n;
	log->cursor = ns_nl_first(log->buffer, log->length);
	return log->cursor ? take(log, ret) : NS_NFLOG_OTHER;
}
