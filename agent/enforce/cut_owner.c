/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <nanoseg/limits.h>

#include "cleanup.h"

#include "cut_owner.h"

#define FIRST_SOCKETS 256
#define ALL_STATES    UINT32_MAX
/* Sockets that share one port, unconnected (SO_REUSEPORT): with more of them nobody can tell whose a packet is. */
#define SHARED_MAX 64

NS_DEFINE_CLEANUP(struct ns_diag *, ns_diag_close)

struct ns_cut_owned {
	struct ns_cut_ends ends; /* remote: zero bytes and port 0 of one that is not connected */
	bool v6only, mine;
};

void ns_cut_owners_release(struct ns_cut_owners *owners)
{
	ns_cgroup2_set_release(&owners->mine);
	ns_cgroup2_set_release(&owners->others);
	free(owners->sockets);
	*owners = (struct ns_cut_owners)NS_CUT_OWNERS_INIT;
}

bool ns_cut_is_mine(const struct ns_cut_owners *owners, const struct ns_diag_socket *socket)
{
	return (!owners->of_member || ns_cgroup2_set_has(&owners->mine, socket->cgroup)) &&
	       !ns_cgroup2_set_has(&owners->others, socket->cgroup);
}

int ns_cut_owners_add(struct ns_cut_owners *owners, uint8_t protocol, const struct ns_diag_socket *socket,
		      struct ns_error *err)
{
	if (owners->n == NS_CUT_ENTRIES_MAX) {
		owners->incomplete = true;
		return 0;
	}
	if (owners->n == owners->allocated) {
		size_t wanted = owners->allocated ? 2 * owners->allocated : FIRST_SOCKETS;
		struct ns_cut_owned *grown = reallocarray(owners->sockets, wanted, sizeof(*grown));

		if (!grown)
			return ns_error_set(err, -ENOMEM, "no memory for %zu sockets", wanted);
		owners->sockets = grown;
		owners->allocated = wanted;
	}
	owners->sockets[owners->n++] = (struct ns_cut_owned){
		.ends = { protocol, { socket->local, socket->local_port }, { socket->remote, socket->remote_port } },
		.v6only = socket->v6only,
		.mine = ns_cut_is_mine(owners, socket),
	};
	return 0;
}

/* The protocol, the ports, the addresses: the unconnected ones of a port are together, before the others. */
static int compare(const void *a, const void *b)
{
	const struct ns_cut_ends *x = &((const struct ns_cut_owned *)a)->ends;
	const struct ns_cut_ends *y = &((const struct ns_cut_owned *)b)->ends;
	int order = (int)x->protocol - (int)y->protocol;

	if (order == 0)
		order = (int)x->local.port - (int)y->local.port;
	if (order == 0)
		order = (int)x->remote.port - (int)y->remote.port;
	if (order == 0 && x->remote.port != 0)
		order = ns_addr_compare(&x->remote.addr, &y->remote.addr);
	if (order == 0 && x->remote.port != 0)
		order = ns_addr_compare(&x->local.addr, &y->local.addr);
	return order;
}

void ns_cut_owners_sort(struct ns_cut_owners *owners)
{
	if (owners->n > 0)
		qsort(owners->sockets, owners->n, sizeof(*owners->sockets), compare);
}

/* The first that is not before the key. */
static size_t find(const struct ns_cut_owners *owners, const struct ns_cut_owned *key)
{
	size_t lo = 0, hi = owners->n;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (compare(&owners->sockets[middle], key) < 0)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

/* How narrowly an unconnected socket is bound to the address: 0 when it is not. */
static unsigned fits(const struct ns_cut_owned *socket, const struct ns_addr *addr)
{
	const struct ns_addr *bound = &socket->ends.local.addr, any = { .family = bound->family };

	if (ns_addr_equal(bound, addr))
		return 3;
	if (!ns_addr_equal(bound, &any))
		return 0;
	if (bound->family == addr->family)
		return 2;
	return addr->family == AF_INET && !socket->v6only ? 1 : 0;
}

/* Where sockets of several share the end, it is another's. */
static enum ns_cut_owner owner_among(const struct ns_cut_owners *owners, size_t first, const struct ns_cut_owned *key,
				     bool connected)
{
	enum ns_cut_owner owner = NS_CUT_NOBODY;
	unsigned best = 0;

	for (size_t i = first; i < owners->n && compare(&owners->sockets[i], key) == 0; i++) {
		const struct ns_cut_owned *socket = &owners->sockets[i];
		unsigned fit = connected ? 1 : fits(socket, &key->ends.local.addr);

		if (i - first == SHARED_MAX)
			return NS_CUT_ANOTHERS;
		if (fit == 0 || fit < best)
			continue;
		if (fit > best || !socket->mine)
			owner = socket->mine ? NS_CUT_MINE : NS_CUT_ANOTHERS;
		best = fit;
	}
	return owner;
}

enum ns_cut_owner ns_cut_owner_of(const struct ns_cut_owners *owners, const struct ns_cut_ends *ends)
{
	struct ns_cut_owned key = { .ends = *ends };
	enum ns_cut_owner owner = NS_CUT_NOBODY;

	if (key.ends.remote.port != 0)
		owner = owner_among(owners, find(owners, &key), &key, true);
	if (owner == NS_CUT_NOBODY) {
		key.ends.remote.port = 0;
		owner = owner_among(owners, find(owners, &key), &key, false);
	}
	return owner == NS_CUT_NOBODY && owners->incomplete ? NS_CUT_ANOTHERS : owner;
}

enum ns_cut_verdict ns_cut_judge_shared(const struct ns_cut_view *view, const struct ns_cut_flow *flow)
{
	enum ns_cut_owner owner = NS_CUT_NOBODY;
	struct ns_cut_view asking = *view;
	enum ns_cut_verdict verdict;
	struct ns_cut_ends ends;

	if (ns_cut_flow_ends(view, flow, &ends))
		owner = ns_cut_owner_of(view->owners, &ends);
	if (owner == NS_CUT_ANOTHERS)
		return NS_CUT_LEAVE;
	asking.ask_others = owner == NS_CUT_NOBODY;
	verdict = ns_cut_judge_flow(&asking, flow);
	return owner == NS_CUT_NOBODY && view->owners->of_member && verdict == NS_CUT_KEEP ? NS_CUT_LEAVE : verdict;
}

struct listing {
	struct ns_cut_owners *owners;
	uint8_t protocol;
	struct ns_error *err;
};

static int on_socket(void *ctx, const struct ns_diag_socket *socket)
{
	const struct listing *listing = ctx;

	/* What is closing or being opened has no cgroup to tell: it is nobody's. */
	if (socket->local_port == 0 || (socket->cgroup == 0 && socket->inode == 0))
		return 0;
	return ns_cut_owners_add(listing->owners, listing->protocol, socket, listing->err);
}

static int list_sockets(struct ns_cut_owners *owners, struct ns_diag *diag, struct ns_error *err)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE };
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < sizeof(protocols) * 2; i++) {
		struct listing listing = { owners, protocols[i / 2], err };
		int r = ns_diag_dump(diag, families[i % 2], listing.protocol, ALL_STATES, on_socket, &listing, err);

		if (r < 0 && !(r == -EPROTONOSUPPORT && listing.protocol == IPPROTO_UDPLITE))
			return r;
	}
	ns_cut_owners_sort(owners);
	return 0;
}

int ns_cut_owners_read(struct ns_cut_owners *owners, int netns_fd, const struct ns_cut_member *member,
		       struct ns_error *err)
{
	NS_CLEANUP(ns_diag_closep) struct ns_diag *diag = NULL;
	int r = 0;

	owners->of_member = member->path != NULL;
	if (member->path)
		r = ns_cgroup2_set_add(&owners->mine, member->path, err);
	for (size_t i = 0; r >= 0 && i < member->n_others; i++)
		r = ns_cgroup2_set_add(&owners->others, member->others[i], err);
	if (r >= 0)
		r = ns_diag_open(netns_fd, &diag, err);
	if (r >= 0)
		r = list_sockets(owners, diag, err);
	return r;
}
