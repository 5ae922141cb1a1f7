/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"

#define FIRST_SLOTS 8

void ns_figures_release(struct ns_figures *figures)
{
	free(figures->slots);
	memset(figures, 0, sizeof *figures);
}

static size_t mix(size_t h, const void *data, size_t length)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i++)
		h = (h ^ bytes[i]) * (size_t)0x100000001b3u;
	return h;
}

static size_t hash(const struct ns_tuple *tuple, bool deny)
{
	size_t h = (size_t)0xcbf29ce484222325u;
	unsigned char head[4] = { (unsigned char)tuple->direction, tuple->protocol, (unsigned char)deny,
				  tuple->peer.family };

	h = mix(h, head, sizeof head);
	h = mix(h, &tuple->port, sizeof tuple->port);
	h = mix(h, tuple->peer.bytes, sizeof tuple->peer.bytes);
	h = mix(h, tuple->source.bytes, sizeof tuple->source.bytes);
	return h ^ (h >> 29);
}

static bool same(const struct ns_counter_base *base, const struct ns_tuple *tuple, bool deny)
{
	return base->deny == deny && base->tuple.direction == tuple->direction &&
	       base->tuple.protocol == tuple->protocol && base->tuple.port == tuple->port &&
	       ns_addr_equal(&base->tuple.peer, &tuple->peer) && ns_addr_equal(&base->tuple.source, &tuple->source);
}

static struct ns_counter_base *find(struct ns_counter_base *slots, size_t n, const struct ns_tuple *tuple, bool deny)
{
	size_t i = hash(tuple, deny) & (n - 1);

	while (slots[i].tuple.direction != NS_DIRECTION_INVALID && !same(&slots[i], tuple, deny))
		i = (i + 1) & (n - 1);
	return &slots[i];
}

static int make_room(struct ns_figures *figures)
{
	size_t n = figures->n_slots ? figures->n_slots * 2 : FIRST_SLOTS;
	struct ns_counter_base *slots;

	if (figures->n_used * 4 < figures->n_slots * 3)
		return 0;
	slots = calloc(n, sizeof *slots);
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < figures->n_slots; i++) {
		const struct ns_counter_base *old = &figures->slots[i];

		if (old->tuple.direction != NS_DIRECTION_INVALID)
			*find(slots, n, &old->tuple, old->deny) = *old;
	}
	free(figures->slots);
	figures->slots = slots;
	figures->n_slots = n;
	return 0;
}

int ns_figures_advance(struct ns_figures *figures, const struct ns_tuple *tuple, bool deny, uint64_t packets,
		       uint64_t bytes, uint64_t *ret_packets, uint64_t *ret_bytes, bool *ret_new)
{
	struct ns_counter_base *base;
	int r = make_room(figures);

	if (r < 0)
		return r;
	base = find(figures->slots, figures->n_slots, tuple, deny);
	*ret_new = base->tuple.direction == NS_DIRECTION_INVALID;
	if (*ret_new) {
		base->tuple = *tuple;
		base->deny = deny;
		figures->n_used++;
	}
	*ret_packets = packets >= base->packets ? packets - base->packets : packets;
	*ret_bytes = packets >= base->packets ? bytes - base->bytes : bytes;
	base->packets = packets;
	base->bytes = bytes;
	return 0;
}

bool ns_figures_know(const struct ns_figures *figures, const struct ns_tuple *tuple, bool deny)
{
	return figures->n_slots &&
	       find(figures->slots, figures->n_slots, tuple, deny)->tuple.direction != NS_DIRECTION_INVALID;
}
