/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <nanoseg/limits.h>

#include "cleanup.h"
#include "netns.h"
#include "nft/attr.h"
#include "nft/socket.h"

struct ns_nft {
	int fd;
	uint32_t port;
	uint32_t sequence; /* the next one */
	size_t send_room;  /* what SO_SNDBUFFORCE was last told */
};

NS_DEFINE_CLEANUP(struct ns_nft *, ns_nft_close)

/* Datagrams of a dump are at most 32 KiB (netlink_dump in net/netlink/af_netlink.c); acknowledgements are capped. */
#define RECEIVE_BYTES ((size_t)64 * 1024)
/* An acknowledgement takes about 800 bytes of the receive buffer: room for some ten thousand. */
#define RECEIVE_QUEUE_BYTES (8 * 1024 * 1024)
/* Of what an adopted socket holds unread: more than any answer has, so that it ends only where others keep writing. */
#define DRAIN_DATAGRAMS_MAX 100000

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static int configure(struct ns_nft *nft, struct ns_error *err)
{
	int on = 1, queue = RECEIVE_QUEUE_BYTES;

	/* CAP_ACK: an error about a 64 KiB message must not carry the message. Both exist since 4.12. */
	if (setsockopt(nft->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) < 0 ||
	    setsockopt(nft->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) < 0)
		return ns_error_set(err, -errno, "nfnetlink acknowledgements: %s", strerror(errno));
	if (setsockopt(nft->fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) < 0)
		return ns_error_set(err, -errno, "nfnetlink receive buffer: %s", strerror(errno));
	return 0;
}

/* The port that the socket is bound to, and to no group: what a group sends would come between the answers. */
static int learn_port(struct ns_nft *nft, struct ns_error *err)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	socklen_t length = sizeof(address);

	if (getsockname(nft->fd, (struct sockaddr *)&address, &length) < 0 || length != sizeof(address))
		return ns_error_set(err, -EIO, "nfnetlink socket has no address");
	if (address.nl_pid == 0 || address.nl_groups != 0)
		return ns_error_set(err, -EINVAL, "nfnetlink socket with port %u and groups 0x%x", address.nl_pid,
				    address.nl_groups);
	nft->port = address.nl_pid;
	return 0;
}

int ns_nft_open(int netns_fd, struct ns_nft **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_closep) struct ns_nft *nft = calloc(1, sizeof(*nft));
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int r;

	if (!nft)
		return ns_error_set(err, -ENOMEM, "no memory for an nfnetlink socket");
	nft->sequence = 1;
	nft->fd = ns_netns_socket(netns_fd, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER, err);
	if (nft->fd < 0)
		return nft->fd;
	if (bind(nft->fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
		return ns_error_set(err, -errno, "bind nfnetlink socket: %s", strerror(errno));
	r = learn_port(nft, err);
	if (r == 0)
		r = configure(nft, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(nft);
	return 0;
}

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 && length == sizeof(value) ? value : -1;
}

static int check_adopted(int fd, uint64_t netns_cookie, struct ns_error *err)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	if (socket_option(fd, SO_DOMAIN) != AF_NETLINK || socket_option(fd, SO_PROTOCOL) != NETLINK_NETFILTER)
		return ns_error_set(err, -EINVAL, "the descriptor kept is no nfnetlink socket");
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) < 0)
		return ns_error_set(err, -errno, "the namespace of a socket that was kept: %s", strerror(errno));
	if (cookie != netns_cookie)
		return ns_error_set(err, -ESTALE, "the socket kept is of namespace %llu, not of %llu",
				    (unsigned long long)cookie, (unsigned long long)netns_cookie);
	return 0;
}

/* Reading on also ends a dump that the former owner had begun: until then the kernel refuses another (EBUSY). */
static void drain(int fd)
{
	char byte;

	for (unsigned i = 0; i < DRAIN_DATAGRAMS_MAX; i++)
		if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC) < 0 && errno != EINTR && errno != ENOBUFS)
			return;
}

int ns_nft_adopt(int fd, uint64_t netns_cookie, struct ns_nft **ret, struct ns_error *err)
{
	NS_FREE struct ns_nft *nft = calloc(1, sizeof(*nft));
	int r = check_adopted(fd, netns_cookie, err);

	if (r < 0)
		return r;
	if (!nft)
		return ns_error_set(err, -ENOMEM, "no memory for an nfnetlink socket");
	nft->fd = fd; /* the caller's, until all is well: freed without being closed */
	r = learn_port(nft, err);
	if (r == 0)
		r = configure(nft, err);
	if (r < 0)
		return r;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return ns_error_set(err, -errno, "close-on-exec of a socket that was kept: %s", strerror(errno));
	drain(fd);
	/* Where the former owner got to is not known: from anywhere, an answer to it is hardly taken for one to us. */
	if (getrandom(&nft->sequence, sizeof(nft->sequence), GRND_NONBLOCK) != sizeof(nft->sequence))
		nft->sequence = 1u << 30;
	nft->sequence |= 1;
	*ret = NS_TAKE(nft);
	return 0;
}

struct ns_nft *ns_nft_close(struct ns_nft *nft)
{
	if (nft) {
		if (nft->fd >= 0)
			(void)close(nft->fd);
		free(nft);
	}
	return NULL;
}

int ns_nft_fd(const struct ns_nft *nft)
{
	return nft->fd;
}

uint32_t ns_nft_port(const struct ns_nft *nft)
{
	return nft->port;
}

uint32_t ns_nft_take_sequences(struct ns_nft *nft, uint32_t n)
{
	uint32_t first;

	if (nft->sequence > UINT32_MAX - n)
		nft->sequence = 1; /* 0 is what the kernel's own notifications carry */
	first = nft->sequence;
	nft->sequence += n;
	return first;
}

int ns_nft_send(struct ns_nft *nft, const void *data, size_t length, struct ns_error *err)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	if (length > NS_NFT_BATCH_BYTES_MAX)
		return ns_error_set(err, -E2BIG, "nf_tables batch of %zu bytes; the limit is %u", length,
				    NS_NFT_BATCH_BYTES_MAX);
	/* netlink_sendmsg wants the whole datagram in the send buffer. */
	if (length > nft->send_room) {
		int room = (int)length + 4096;

		if (setsockopt(nft->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
			return ns_error_set(err, -errno, "nfnetlink send buffer of %d bytes: %s", room,
					    strerror(errno));
		nft->send_room = length;
	}
	do
		n = sendto(nft->fd, data, length, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return ns_error_set(err, -errno, "send %zu bytes to nf_tables: %s", length, strerror(errno));
	if ((size_t)n != length)
		return ns_error_set(err, -EIO, "sent %zd of %zu bytes to nf_tables", n, length);
	return 0;
}

static int wait_readable(const struct ns_nft *nft, struct ns_error *err)
{
	struct pollfd p = { .fd = nft->fd, .events = POLLIN };
	int r;

	do
		r = poll(&p, 1, NS_NFT_TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return ns_error_set(err, -errno, "poll nfnetlink socket: %s", strerror(errno));
	if (r == 0)
		return ns_error_set(err, -ETIMEDOUT, "nf_tables did not answer within %d ms", NS_NFT_TIMEOUT_MS);
	return 0;
}

int ns_nft_receive(struct ns_nft *nft, void *buf, size_t size, struct ns_error *err)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = buf, .iov_len = size };
		struct msghdr message = {
			.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
		};
		ssize_t n = recvmsg(nft->fd, &message, MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			int r = wait_readable(nft, err);

			if (r < 0)
				return r;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ns_error_set(err, -errno, "receive from nf_tables: %s", strerror(errno));
		if (message.msg_namelen != sizeof(from) || from.nl_pid != 0)
			continue; /* another process may write to our port id; only the kernel is believed */
		if (message.msg_flags & MSG_TRUNC)
			return ns_error_set(err, -EMSGSIZE, "nf_tables answer longer than %zu bytes", size);
		return (int)n;
	}
}

void ns_nft_error_explain(const struct nlmsghdr *message, char *buf, size_t size)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(message);
	size_t used = strlen(buf), skip = sizeof(*e), total = mnl_nlmsg_get_payload_len(message);
	struct ns_attrs attrs;
	char text[128];

	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS) || total < sizeof(*e))
		return;
	if (!(message->nlmsg_flags & NLM_F_CAPPED)) {
		if (e->msg.nlmsg_len < sizeof(e->msg))
			return;
		skip += NS_NL_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	}
	if (skip > total)
		return;
	ns_attrs_parse(&attrs, (const char *)e + skip, total - skip);
	if (ns_attrs_string(&attrs, NLMSGERR_ATTR_MSG, text, sizeof(text)))
		snprintf(buf + used, size - used, " (%s)", text);
}

struct answer {
	ns_nft_each_message each;
	void *ctx;
	uint32_t sequence, port;
	bool dump, interrupted, done;
	int result;
};

/* What an NLMSG_ERROR says: 0 is an acknowledgement. */
static int take_error(struct answer *answer, const struct nlmsghdr *message, struct ns_error *err)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(message);
	char text[256];

	answer->done = true;
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*e))
		return ns_error_set(err, -EBADMSG, "nf_tables answer cut short");
	if (e->error == 0 || answer->result < 0)
		return 0;
	snprintf(text, sizeof(text), "%s", strerror(-e->error));
	ns_nft_error_explain(message, text, sizeof(text));
	return ns_error_set(err, e->error < 0 ? e->error : -EPROTO, "%s", text);
}

static int take_message(struct answer *answer, const struct nlmsghdr *message, struct ns_error *err)
{
	if (message->nlmsg_seq != answer->sequence || message->nlmsg_pid != answer->port)
		return 0; /* the tail of an answer given up earlier */
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		answer->interrupted = true;
	if (message->nlmsg_type == NLMSG_ERROR)
		return take_error(answer, message, err);
	if (message->nlmsg_type == NLMSG_DONE) {
		answer->done = true;
		if (mnl_nlmsg_get_payload_len(message) >= sizeof(int32_t)) {
			int32_t code;

			memcpy(&code, mnl_nlmsg_get_payload(message), sizeof(code));
			if (code < 0)
				return ns_error_set(err, code, "nf_tables dump: %s", strerror(-code));
		}
		return 0;
	}
	if (message->nlmsg_type < NLMSG_MIN_TYPE || answer->result < 0 || !answer->each)
		return 0;
	return answer->each(answer->ctx, message, err);
}

static int take_answer(struct ns_nft *nft, struct answer *answer, struct ns_error *err)
{
	NS_FREE void *buf = malloc(RECEIVE_BYTES);

	if (!buf)
		return ns_error_set(err, -ENOMEM, "no memory for an nf_tables answer");
	while (!answer->done) {
		const struct nlmsghdr *message;
		int n = ns_nft_receive(nft, buf, RECEIVE_BYTES, err);

		if (n < 0)
			return n;
		for (message = ns_nl_first(buf, (size_t)n); message && !answer->done;
		     message = ns_nl_next(message, buf, (size_t)n)) {
			int r = take_message(answer, message, err);

			if (r < 0 && answer->result == 0)
				answer->result = r;
		}
	}
	if (answer->result == 0 && answer->interrupted)
		return ns_error_set(err, -EINTR, "the ruleset changed while it was being read");
	return answer->result;
}

int ns_nft_request(struct ns_nft *nft, struct nlmsghdr *request, ns_nft_each_message each, void *ctx,
		   struct ns_error *err)
{
	struct answer answer = {
		.each = each,
		.ctx = ctx,
		.sequence = ns_nft_take_sequences(nft, 1),
		.port = nft->port,
		.dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP,
	};
	int r;

	if (!answer.dump)
		request->nlmsg_flags |= NLM_F_ACK;
	request->nlmsg_seq = answer.sequence;
	request->nlmsg_pid = nft->port;
	r = ns_nft_send(nft, request, request->nlmsg_len, err);
	if (r < 0)
		return r;
	return take_answer(nft, &answer, err);
}

static int each_generation(void *ctx, const struct nlmsghdr *message, struct ns_error *err)
{
	uint32_t *generation = ctx;
	struct ns_attrs attrs;

	ns_attrs_parse_message(&attrs, message);
	*generation = ns_attrs_u32(&attrs, NFTA_GEN_ID, 0);
	return 0;
}

int ns_nft_generation(struct ns_nft *nft, uint32_t *ret, struct ns_error *err)
{
	char buf[64];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfgen;
	uint32_t generation = 0;
	int r;

	request->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN;
	request->nlmsg_flags = NLM_F_REQUEST;
	nfgen = mnl_nlmsg_put_extra_header(request, sizeof(*nfgen));
	nfgen->nfgen_family = AF_UNSPEC;
	nfgen->version = NFNETLINK_V0;
	r = ns_nft_request(nft, request, each_generation, &generation, err);
	if (r < 0) {
		ns_error_context(err, "read the ruleset's generation");
		return r;
	}
	*ret = generation;
	return 0;
}
