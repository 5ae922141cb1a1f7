/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "cleanup.h"
#include "netns.h"
#include "nft/attr.h"
#include "nft/batch.h"

#include "reconcile.h"
#include "scratch.h"

#define SCRATCH_TABLE "scratch"
#define SCRATCH_PORT  9
#define WAIT_MS       1000
#define ANSWER_BYTES  ((size_t)32 * 1024)

/* Runs in ns_netns_call, which brings the thread back from wherever this leaves it. */
static int leave_for_new(void *ctx, struct ns_error *err)
{
	int *ret_fd = ctx;
	int r;

	if (unshare(CLONE_NEWNET) < 0) {
		r = -errno;
		return ns_error_set(err, r, "scratch network namespace: %s", strerror(-r));
	}
	*ret_fd = ns_netns_open_path("/proc/thread-self/ns/net", err);
	return *ret_fd < 0 ? *ret_fd : 0;
}

static int raise_lo(const struct ns_scratch *scratch, struct ns_error *err)
{
	NS_CLOSE int fd = ns_scratch_socket(scratch, AF_INET, SOCK_DGRAM, 0, err);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	if (fd < 0)
		return fd;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0) {
		int r = -errno;

		return ns_error_set(err, r, "scratch namespace: lo does not come up: %s", strerror(-r));
	}
	return 0;
}

int ns_scratch_open(struct ns_scratch *ret, struct ns_error *err)
{
	NS_CLEANUP(ns_scratch_close) struct ns_scratch scratch = NS_SCRATCH_INIT;
	NS_CLOSE int own = ns_netns_open_path("/proc/thread-self/ns/net", err);
	int r;

	if (own < 0)
		return own;
	r = ns_netns_call(own, leave_for_new, &scratch.netns_fd, err);
	if (r == -EPERM)
		return ns_error_set(err, r,
				    "no permission to make a scratch network namespace: run as root, or with "
				    "CAP_SYS_ADMIN and CAP_NET_ADMIN");
	if (r < 0)
		return r;
	r = raise_lo(&scratch, err);
	if (r < 0)
		return r;
	r = ns_nft_open(scratch.netns_fd, &scratch.nft, err);
	if (r < 0)
		return r;
	*ret = scratch;
	scratch = (struct ns_scratch)NS_SCRATCH_INIT;
	return 0;
}

void ns_scratch_close(struct ns_scratch *scratch)
{
	scratch->nft = ns_nft_close(scratch->nft);
	if (scratch->netns_fd >= 0)
		(void)close(scratch->netns_fd);
	scratch->netns_fd = -1;
}

void ns_scratch_plan(struct ns_plan *ret, int family)
{
	*ret = (struct ns_plan)NS_PLAN_INIT;
	ret->family = family;
	memcpy(ret->table, SCRATCH_TABLE, sizeof(SCRATCH_TABLE));
}

int ns_scratch_put(struct ns_scratch *scratch, struct ns_nft *nft, struct ns_plan *plan, uint32_t flags,
		   struct ns_error *err)
{
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = NULL;
	const struct ns_nft_scope scope = { .family = plan->family, .table = SCRATCH_TABLE };
	static const struct ns_plan nothing = NS_PLAN_INIT;
	struct ns_lock_result counts = { 0 };
	int r = ns_nft_batch_new(&batch, err);

	if (r < 0)
		return r;
	ns_nft_put_table(batch, &scope, flags);
	ns_reconcile(batch, &scope, plan, &nothing, &counts);
	return ns_nft_batch_send(nft, batch, err);
}

int ns_scratch_delete(struct ns_scratch *scratch, struct ns_nft *nft, int family, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = NULL;
	const struct ns_nft_scope scope = { .family = family, .table = SCRATCH_TABLE };
	int r = ns_nft_batch_new(&batch, err);

	if (r < 0)
		return r;
	ns_nft_delete_table(batch, &scope);
	return ns_nft_batch_send(nft, batch, err);
}

int ns_scratch_try(struct ns_scratch *scratch, struct ns_plan *plan, struct ns_error *err)
{
	int family = plan->family, r = ns_scratch_put(scratch, scratch->nft, plan, 0, err);

	ns_plan_release(plan);
	return r < 0 ? r : ns_scratch_delete(scratch, scratch->nft, family, err);
}

int ns_scratch_socket(const struct ns_scratch *scratch, int domain, int type, int protocol, struct ns_error *err)
{
	return ns_netns_socket(scratch->netns_fd, domain, type | SOCK_CLOEXEC, protocol, err);
}

int ns_scratch_send_udp(const struct ns_scratch *scratch, int family, struct ns_error *err)
{
	NS_CLOSE int fd = ns_scratch_socket(scratch, family, SOCK_DGRAM, 0, err);
	const struct sockaddr_in four = { .sin_family = AF_INET,
					  .sin_port = htons(SCRATCH_PORT),
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 six = { .sin6_family = AF_INET6,
					  .sin6_port = htons(SCRATCH_PORT),
					  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	ssize_t n;

	if (fd < 0)
		return fd;
	if (family == AF_INET6)
		n = sendto(fd, "x", 1, 0, (const struct sockaddr *)&six, sizeof(six));
	else
		n = sendto(fd, "x", 1, 0, (const struct sockaddr *)&four, sizeof(four));
	if (n != 1) {
		int r = -errno;

		return ns_error_set(err, r, "scratch namespace: no datagram leaves: %s", strerror(-r));
	}
	return 0;
}

/* The next datagram within the time: its length. */
static int receive(int fd, char *buf, size_t size, struct ns_error *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;
	int r = poll(&p, 1, WAIT_MS);

	if (r == 0)
		return ns_error_set(err, -ETIMEDOUT, "the kernel said nothing within %d ms", WAIT_MS);
	if (r > 0) {
		n = recv(fd, buf, size, MSG_DONTWAIT);
		if (n >= 0)
			return (int)n;
	}
	r = -errno;
	return ns_error_set(err, r, "%s", strerror(-r));
}

int ns_scratch_wait(int fd, uint16_t type, struct ns_error *err)
{
	NS_FREE char *buf = malloc(ANSWER_BYTES);

	if (!buf)
		return ns_error_set(err, -ENOMEM, "no memory");
	for (unsigned i = 0; i < 64; i++) {
		const struct nlmsghdr *message;
		int n = receive(fd, buf, ANSWER_BYTES, err);

		if (n < 0)
			return n;
		for (message = ns_nl_first(buf, (size_t)n); message; message = ns_nl_next(message, buf, (size_t)n))
			if (message->nlmsg_type == type)
				return 0;
	}
	return ns_error_set(err, -ETIMEDOUT, "the kernel said other things only");
}

/* 1: that was the last of the answer. */
static int take(const struct nlmsghdr *message, int (*each)(void *ctx, const struct nlmsghdr *message), void *ctx,
		struct ns_error *err)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type == NLMSG_DONE)
		return 1;
	if (message->nlmsg_type != NLMSG_ERROR)
		return each ? each(ctx, message) : 0;
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*e))
		return ns_error_set(err, -EBADMSG, "answer cut short");
	return e->error < 0 ? ns_error_set(err, e->error, "%s", strerror(-e->error)) : 1;
}

int ns_scratch_ask(int fd, struct nlmsghdr *request, int (*each)(void *ctx, const struct nlmsghdr *message), void *ctx,
		   struct ns_error *err)
{
	NS_FREE char *buf = malloc(ANSWER_BYTES);

	if (!buf)
		return ns_error_set(err, -ENOMEM, "no memory");
	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->nlmsg_flags |= NLM_F_ACK;
	request->nlmsg_seq = 1;
	if (send(fd, request, request->nlmsg_len, 0) < 0) {
		int r = -errno;

		return ns_error_set(err, r, "%s", strerror(-r));
	}
	for (;;) {
		const struct nlmsghdr *message;
		int n = receive(fd, buf, ANSWER_BYTES, err);

		if (n < 0)
			return n;
		for (message = ns_nl_first(buf, (size_t)n); message; message = ns_nl_next(message, buf, (size_t)n)) {
			int r = take(message, each, ctx, err);

			if (r != 0)
				return r < 0 ? r : 0;
		}
	}
}
