/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/sock_diag.h>

#include "cleanup.h"
#include "netns.h"
#include "nft/attr.h"
#include "sockdiag.h"

#define BUFFER_SIZE     32768 /* what the kernel fills of a dump at a time, at most */
#define READS_MAX       65536 /* datagrams of one dump */
#define STALE_READS_MAX 64    /* answers to requests that were given up */

enum support { SUPPORT_UNKNOWN = 0, SUPPORT_YES, SUPPORT_NO };

struct ns_diag {
	int fd;
	uint32_t sequence;
	uint8_t support[UINT8_MAX + 1]; /* enum support */
};

int ns_diag_open(int netns_fd, struct ns_diag **ret, struct ns_error *err)
{
	struct ns_diag *diag = calloc(1, sizeof *diag);

	if (diag == NULL)
		return ns_error_set(err, -ENOMEM, "inet_diag: out of memory");
	diag->fd =
		ns_netns_socket(netns_fd, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG, err);
	if (diag->fd < 0) {
		int r = diag->fd;

		(void)ns_diag_close(diag);
		return r;
	}
	*ret = diag;
	return 0;
}

struct ns_diag *ns_diag_close(struct ns_diag *diag)
{
	if (diag != NULL) {
		if (diag->fd >= 0)
			(void)close(diag->fd);
		free(diag);
	}
	return NULL;
}

static int send_request(struct ns_diag *diag, uint16_t type, uint16_t flags, const struct inet_diag_req_v2 *request)
{
	char buffer[128];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = ++diag->sequence;
	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof *request), request, sizeof *request);
	return send(diag->fd, nlh, nlh->nlmsg_len, 0) < 0 ? -errno : 0;
}

/* One datagram of the kernel (port 0): its length, 0 for one of another sender, or -errno. */
static int receive(struct ns_diag *diag, char buffer[static BUFFER_SIZE])
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = buffer, .iov_len = BUFFER_SIZE };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	do
		n = recvmsg(diag->fd, &msg, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((msg.msg_flags & MSG_TRUNC) != 0)
		return -EMSGSIZE;
	if (msg.msg_namelen != sizeof from || from.nl_family != AF_NETLINK || from.nl_pid != 0)
		return 0;
	return (int)n;
}

/* The errno in an error message or at the end of a dump; 0: none. */
static int read_errno(const struct nlmsghdr *nlh)
{
	int code;

	if (nlh->nlmsg_len < NLMSG_HDRLEN + sizeof code)
		return nlh->nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG;
	memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof code);
	return code > 0 || code < -4095 ? -EBADMSG : code;
}

/* The messages of one datagram. 1: the answer is complete; 0: there is more; else what ended it. `each` is called on
 * while *stop is 0, so that a dump is always read to its end and leaves nothing in the socket. */
static int walk_messages(const struct ns_diag *diag, const void *datagram, size_t length, bool dump, ns_diag_each each,
			 void *ctx, int *stop)
{
	for (const struct nlmsghdr *nlh = ns_nl_first(datagram, length); nlh; nlh = ns_nl_next(nlh, datagram, length)) {
		struct ns_diag_socket s;
		int r;

		if (nlh->nlmsg_seq != diag->sequence)
			continue;
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
			r = read_errno(nlh);
			return r < 0 ? r : 1;
		}
		if (ns_diag_parse(nlh, &s) < 0)
			return -EBADMSG;
		if (*stop == 0)
			*stop = each(ctx, &s);
		if (!dump)
			return 1;
	}
	return 0;
}

static int read_answer(struct ns_diag *diag, bool dump, ns_diag_each each, void *ctx)
{
	_Alignas(struct nlmsghdr) char buffer[BUFFER_SIZE];
	unsigned max = dump ? READS_MAX : STALE_READS_MAX;
	int stop = 0;

	for (unsigned i = 0; i < max; i++) {
		int r = receive(diag, buffer);

		if (r < 0)
			return r == -EAGAIN ? -ETIMEDOUT : r;
		r = walk_messages(diag, buffer, (size_t)r, dump, each, ctx, &stop);
		if (r < 0)
			return r;
		if (r > 0)
			return stop;
	}
	return -EOVERFLOW;
}

static int run_dump(struct ns_diag *diag, int family, uint8_t protocol, uint32_t states, ns_diag_each each, void *ctx)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = (uint8_t)family,
		.sdiag_protocol = protocol,
		.idiag_states = states,
	};
	int r = send_request(diag, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request);

	return r < 0 ? r : read_answer(diag, true, each, ctx);
}

static int see_none(void *ctx, const struct ns_diag_socket *socket)
{
	return 0;
}

/* "No such socket" and "no such protocol" are the same error of an exact request, and the latter makes the kernel look
 * for a module each time. So a protocol is asked about once, by a dump of no state. */
static bool is_supported(struct ns_diag *diag, uint8_t protocol)
{
	int r;

	if (diag->support[protocol] == SUPPORT_UNKNOWN) {
		r = run_dump(diag, AF_INET, protocol, 0, see_none, NULL);
		if (r < 0 && r != -ENOENT)
			return false; /* a passing trouble: ask again next time */
		diag->support[protocol] = r < 0 ? SUPPORT_NO : SUPPORT_YES;
	}
	return diag->support[protocol] == SUPPORT_YES;
}

static int no_support(uint8_t protocol, struct ns_error *err)
{
	return ns_error_set(err, -EPROTONOSUPPORT, "the kernel's inet_diag knows no protocol %u", protocol);
}

int ns_diag_dump(struct ns_diag *diag, int family, uint8_t protocol, uint32_t states, ns_diag_each each, void *ctx,
		 struct ns_error *err)
{
	int r;

	if (!is_supported(diag, protocol))
		return no_support(protocol, err);
	r = run_dump(diag, family, protocol, states, each, ctx);
	if (r < 0)
		return ns_error_set(err, r, "listing the sockets of protocol %u: %s", protocol, strerror(-r));
	return r;
}

static int keep(void *ctx, const struct ns_diag_socket *socket)
{
	struct ns_diag_socket *ret = ctx;

	*ret = *socket;
	return 0;
}

int ns_diag_find(struct ns_diag *diag, uint8_t protocol, const struct ns_addr *local, uint16_t local_port,
		 const struct ns_addr *remote, uint16_t remote_port, uint32_t interface, struct ns_diag_socket *ret,
		 struct ns_error *err)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = local->family,
		.sdiag_protocol = protocol,
		.id = { .idiag_if = interface, .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } },
	};
	struct ns_diag_socket found;
	size_t length = ns_addr_length(local);
	int r;

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_UDPLITE)
		return no_support(protocol, err);
	if (length == 0 || remote->family != local->family)
		return ns_error_set(err, -EINVAL, "the two ends have not one family");
	if (!is_supported(diag, protocol))
		return no_support(protocol, err);
	if (protocol == IPPROTO_TCP) {
		memcpy(request.id.idiag_src, local->bytes, length);
		memcpy(request.id.idiag_dst, remote->bytes, length);
		request.id.idiag_sport = htons(local_port);
		request.id.idiag_dport = htons(remote_port);
	} else { /* udp_dump_one(): "src and dst are swapped for historical reasons" */
		memcpy(request.id.idiag_src, remote->bytes, length);
		memcpy(request.id.idiag_dst, local->bytes, length);
		request.id.idiag_sport = htons(remote_port);
		request.id.idiag_dport = htons(local_port);
	}
	r = send_request(diag, SOCK_DIAG_BY_FAMILY, 0, &request);
	if (r >= 0)
		r = read_answer(diag, false, keep, &found);
	if (r < 0)
		return ns_error_set(err, r, "looking for a socket of protocol %u: %s", protocol, strerror(-r));
	*ret = found;
	return 0;
}

int ns_diag_destroy(struct ns_diag *diag, uint8_t protocol, uint8_t family, const struct inet_diag_sockid *id,
		    struct ns_error *err)
{
	struct inet_diag_req_v2 request = { .sdiag_family = family, .sdiag_protocol = protocol, .id = *id };
	int r = send_request(diag, SOCK_DESTROY, NLM_F_ACK, &request);

	if (r >= 0)
		r = read_answer(diag, false, see_none, NULL);
	if (r < 0)
		return ns_error_set(err, r, "ending a socket of protocol %u: %s", protocol, strerror(-r));
	return 0;
}
