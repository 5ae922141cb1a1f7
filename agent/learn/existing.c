/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup2_set.h"
#include "cleanup.h"
#include "clock.h"
#include "learn.h"

/* Both directions open, or closing: who has sent a FIN is still the one who has connected. Not TIME_WAIT: its owner is
 * gone, and with it what tells the direction. */
#define STATES_CONNECTED                                                                                               \
	(1u << TCP_ESTABLISHED | 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSE_WAIT |                    \
	 1u << TCP_LAST_ACK | 1u << TCP_CLOSING)

struct listener {
	struct ns_addr addr; /* zero bytes: any */
	uint16_t port;
	bool v6only;
};

struct search {
	struct ns_learner *learner;
	ns_learner_each each;
	void *ctx;
	int64_t now;
	struct ns_cgroup2_set cgroups; /* a member's: other sockets are somebody else's */
	struct listener *listeners;    /* sorted by port once they are all there */
	size_t n_listeners;
	bool too_many_listeners;
	uint8_t served[UINT16_MAX / 8 + 1]; /* UDP ports, a bit each */
};

static bool is_any(const struct ns_addr *addr)
{
	const struct ns_addr any = { .family = addr->family };

	return ns_addr_equal(addr, &any);
}

static bool is_anothers(const struct search *search, const struct ns_diag_socket *socket)
{
	return search->learner->endpoint->member.cgroup != 0 && !ns_cgroup2_set_has(&search->cgroups, socket->cgroup);
}

static int on_listener(void *ctx, const struct ns_diag_socket *socket)
{
	struct search *search = ctx;

	if (is_anothers(search, socket))
		return 0;
	if (search->n_listeners == NS_LISTENERS_MAX)
		search->too_many_listeners = true;
	else
		search->listeners[search->n_listeners++] = (struct listener){ .addr = socket->local,
									      .port = socket->local_port,
									      .v6only = socket->v6only };
	return 0;
}

static int compare_listeners(const void *a, const void *b)
{
	const struct listener *x = a, *y = b;

	return (int)x->port - (int)y->port;
}

static bool accepts(const struct listener *listener, const struct ns_addr *local)
{
	if (!is_any(&listener->addr))
		return ns_addr_equal(&listener->addr, local);
	return listener->addr.family == local->family || (local->family == AF_INET && !listener->v6only);
}

static bool is_listening(const struct search *search, const struct ns_addr *local, uint16_t port)
{
	size_t lo = 0, hi = search->n_listeners;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (search->listeners[middle].port < port)
			lo = middle + 1;
		else
			hi = middle;
	}
	for (; lo < search->n_listeners && search->listeners[lo].port == port; lo++) {
		if (accepts(&search->listeners[lo], local))
			return true;
	}
	return false;
}

static bool is_own(const struct ns_endpoint *endpoint, const struct ns_addr *addr)
{
	for (size_t i = 0; i < endpoint->n_addresses; i++) {
		if (ns_addr_equal(&endpoint->addresses[i].addr, addr))
			return true;
	}
	return ns_addr_scope(addr) == NS_ADDR_LOOPBACK;
}

static int on_connection(void *ctx, const struct ns_diag_socket *socket)
{
	struct search *search = ctx;
	const char *program;
	struct ns_observation observation = {
		.kind = NS_LOG_LEARN,
		.tuple = { .direction = NS_EGRESS,
			   .protocol = IPPROTO_TCP,
			   .port = socket->remote_port,
			   .peer = socket->remote },
		.time = search->now,
		.uid = socket->uid,
	};

	if (is_anothers(search, socket))
		return 0;
	/* What a namespace says to itself goes over lo, which is learned only of what is a guest of the host's. */
	if (!search->learner->endpoint->host_netns &&
	    (is_own(search->learner->endpoint, &socket->remote) || ns_addr_equal(&socket->local, &socket->remote)))
		return 0;
	if (is_listening(search, &socket->local, socket->local_port)) {
		observation.tuple.direction = NS_INGRESS;
		observation.tuple.port = socket->local_port;
	}
	program = socket->inode != 0 ? ns_processes_find(search->learner->processes, socket->inode) : NULL;
	observation.process = program != NULL ? program : "";
	return search->each(search->ctx, &observation);
}

static int on_datagram_socket(void *ctx, const struct ns_diag_socket *socket)
{
	struct search *search = ctx;
	const struct ns_learner *learner = search->learner;
	uint16_t port = socket->local_port;

	if (is_anothers(search, socket) || port == 0 ||
	    (!learner->endpoint->host_netns && ns_addr_scope(&socket->local) == NS_ADDR_LOOPBACK) ||
	    (port >= learner->ephemeral_first && port <= learner->ephemeral_last))
		return 0;
	search->served[port / 8] |= (uint8_t)(1u << port % 8);
	return 0;
}

static size_t list_served(const struct search *search, uint16_t *ret, size_t max)
{
	const struct ns_learner *learner = search->learner;
	size_t n = 0;

	for (unsigned port = 1; port <= UINT16_MAX; port++) {
		if ((search->served[port / 8] & 1u << port % 8) == 0)
			continue;
		if (n == max) {
			learner->events.gap(learner->ctx, learner->endpoint, search->now,
					    "more served UDP ports than are kept");
			break;
		}
		ret[n++] = (uint16_t)port;
	}
	return n;
}

static int search_family(struct search *search, int family, struct ns_error *err)
{
	struct ns_diag *diag = search->learner->diag;
	int r = ns_diag_dump(diag, family, IPPROTO_TCP, STATES_CONNECTED, on_connection, search, err);

	if (r != 0)
		return r;
	return ns_diag_dump(diag, family, IPPROTO_UDP, 1u << TCP_CLOSE, on_datagram_socket, search, err);
}

static void release_search(struct search *search)
{
	ns_cgroup2_set_release(&search->cgroups);
}

int ns_learner_existing(struct ns_learner *learner, ns_learner_each each, void *ctx, uint16_t *ret_udp_served,
			size_t max, struct ns_error *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct search NS_CLEANUP(release_search)
		search = { .learner = learner, .each = each, .ctx = ctx, .now = ns_clock_now() };
	NS_FREE struct listener *listeners = calloc(NS_LISTENERS_MAX, sizeof *listeners);
	int r = 0;

	if (listeners == NULL)
		return ns_error_set(err, -ENOMEM, "existing connections: out of memory");
	search.listeners = listeners;
	if (learner->endpoint->member.cgroup != 0)
		r = ns_cgroup2_set_add(&search.cgroups, learner->endpoint->member.path, err);
	for (size_t i = 0; i < 2 && r == 0; i++)
		r = ns_diag_dump(learner->diag, families[i], IPPROTO_TCP, 1u << TCP_LISTEN, on_listener, &search, err);
	if (r != 0)
		return r;
	qsort(listeners, search.n_listeners, sizeof *listeners, compare_listeners);
	if (search.too_many_listeners)
		learner->events.gap(learner->ctx, learner->endpoint, search.now,
				    "more listening sockets than are kept");
	ns_processes_walk(learner->processes);
	for (size_t i = 0; i < 2 && r == 0; i++)
		r = search_family(&search, families[i], err);
	if (r != 0)
		return r;
	return (int)list_served(&search, ret_udp_served, max);
}
