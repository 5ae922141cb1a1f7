/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include <nanoseg/limits.h>

#include "cleanup.h"
#include "sockdiag.h"

#include "cut_owner.h"
#include "cut_sockets.h"

#define FIRST_VICTIMS 64
/* A dump goes by position, so that one whose neighbour ends meanwhile may be passed over: looked for until none is
 * left. */
#define SOCKET_TRIES 4

#define TCP_NEW_SYN_RECV 12 /* include/net/tcp_states.h; not in netinet/tcp.h */
/* TIME_WAIT is nobody's socket any more. */
#define TCP_STATES                                                                                                     \
	(1u << TCP_ESTABLISHED | 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV | 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 | \
	 1u << TCP_CLOSE_WAIT | 1u << TCP_LAST_ACK | 1u << TCP_CLOSING | 1u << TCP_NEW_SYN_RECV)
#define UDP_STATES (1u << TCP_ESTABLISHED)

NS_DEFINE_CLEANUP(struct ns_diag *, ns_diag_close)

struct victim {
	uint8_t family;
	struct inet_diag_sockid id;
};

struct search {
	const struct ns_cut_view *view;
	struct ns_cut_known *known;
	struct ns_diag *diag;
	uint8_t protocol;
	/* Of one dump: destroying moves the positions that the dump goes by. */
	struct victim *victims;
	size_t n, allocated;
	unsigned destroyed;
	struct ns_error err;
};

static int add_victim(struct search *search, const struct ns_diag_socket *socket)
{
	if (search->n == NS_CUT_ENTRIES_MAX)
		return ns_error_set(&search->err, -E2BIG, "more than %d sockets", NS_CUT_ENTRIES_MAX);
	if (search->n == search->allocated) {
		size_t wanted = search->allocated ? 2 * search->allocated : FIRST_VICTIMS;
		struct victim *grown = reallocarray(search->victims, wanted, sizeof(*grown));

		if (!grown)
			return ns_error_set(&search->err, -ENOMEM, "no memory for %zu sockets", wanted);
		search->victims = grown;
		search->allocated = wanted;
	}
	search->victims[search->n++] = (struct victim){ socket->family, socket->id };
	return 0;
}

static int on_socket(void *ctx, const struct ns_diag_socket *socket)
{
	struct search *search = ctx;
	struct ns_cut_ends ends = { .protocol = search->protocol,
				    .local = { socket->local, socket->local_port },
				    .remote = { socket->remote, socket->remote_port } };
	enum ns_cut_verdict verdict;

	if (search->view->owners && !ns_cut_is_mine(search->view->owners, socket))
		return 0;
	verdict = ns_cut_known_find(search->known, &ends);
	if (verdict == NS_CUT_INVALID)
		verdict = ns_cut_judge_ends(search->view, &ends);
	return verdict == NS_CUT_FORBID ? add_victim(search, socket) : 0;
}

/* All of them are tried, whatever becomes of one; the first failure is returned. */
static int destroy_victims(struct search *search)
{
	int first = 0;

	for (size_t i = 0; i < search->n; i++) {
		struct ns_error err = NS_ERROR_INIT;
		int r = ns_diag_destroy(search->diag, search->protocol, search->victims[i].family,
					&search->victims[i].id, &err);

		if (r >= 0)
			search->destroyed++;
		else if (r != -ENOENT && r != -ESTALE && first == 0) /* those have ended by themselves */
			first = ns_error_set(&search->err, r, "%s", err.text);
		if (r == -EOPNOTSUPP)
			break;
	}
	return first;
}

static int cut_some(struct search *search, uint8_t protocol)
{
	static const int families[] = { AF_INET, AF_INET6 };
	uint32_t states = protocol == IPPROTO_TCP ? TCP_STATES : UDP_STATES;
	int r = 0;

	search->protocol = protocol;
	for (unsigned tries = 0; tries < SOCKET_TRIES; tries++) {
		search->n = 0;
		for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && r >= 0; i++)
			r = ns_diag_dump(search->diag, families[i], protocol, states, on_socket, search, &search->err);
		if (r < 0 || search->n == 0)
			return r;
		r = destroy_victims(search);
		if (r < 0)
			return r;
	}
	return 0;
}

static int cut_all(struct search *search, struct ns_error *err)
{
	static const struct {
		uint8_t protocol;
		bool rare; /* a kernel without it has no such sockets either */
	} kinds[] = { { IPPROTO_TCP, false }, { IPPROTO_UDP, false }, { IPPROTO_UDPLITE, true } };
	int first = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int r = cut_some(search, kinds[i].protocol);

		if (r == -EPROTONOSUPPORT) {
			if (kinds[i].rare)
				continue;
			r = -EOPNOTSUPP;
		}
		/* That something failed says more than that something is not to be had. */
		if (r < 0 && (first == 0 || first == -EOPNOTSUPP))
			first = ns_error_set(err, r, "%s", search->err.text);
	}
	return first;
}

int ns_cut_sockets(int netns_fd, const struct ns_cut_view *view, struct ns_cut_known *known, unsigned *ret_destroyed,
		   struct ns_error *err)
{
	NS_CLEANUP(ns_diag_closep) struct ns_diag *diag = NULL;
	struct search search = { .view = view, .known = known };
	int r;

	*ret_destroyed = 0;
	r = ns_diag_open(netns_fd, &diag, err);
	if (r < 0)
		return r;
	search.diag = diag;
	r = cut_all(&search, err);
	free(search.victims);
	*ret_destroyed = search.destroyed;
	if (r < 0)
		ns_error_context(err, "sockets of the namespace");
	return r;
}
