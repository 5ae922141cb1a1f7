/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ports.h"

void ns_ports_release(struct ns_ports *ports)
{
	free(ports->list);
	free(ports->facts);
	ports->list = NULL;
	ports->facts = NULL;
	ports->n = ports->room = 0;
}

static size_t place(const struct ns_ports *ports, int index)
{
	size_t low = 0, high = ports->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ports->list[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct ns_ports *ports, size_t at, int index)
{
	return at < ports->n && ports->list[at].index == index;
}

const struct ns_port *ns_ports_find(const struct ns_ports *ports, int index)
{
	size_t at = place(ports, index);

	return is_at(ports, at, index) ? &ports->list[at] : NULL;
}

static int make_room(struct ns_ports *ports)
{
	size_t room = ports->room ? ports->room * 2 : 64;
	struct ns_port_facts *facts;
	struct ns_port *list;

	if (ports->n >= NS_PORTS_MAX)
		return -ENOSPC;
	if (ports->n < ports->room)
		return 0;
	list = reallocarray(ports->list, room, sizeof *list);
	if (!list)
		return -ENOMEM;
	ports->list = list;
	facts = reallocarray(ports->facts, room, sizeof *facts);
	if (!facts)
		return -ENOMEM;
	ports->facts = facts;
	ports->room = room;
	return 0;
}

static int insert(struct ns_ports *ports, size_t at, const struct ns_port *port, const struct ns_port_facts *facts)
{
	int r = make_room(ports);

	if (r < 0)
		return r;
	memmove(ports->list + at + 1, ports->list + at, (ports->n - at) * sizeof *ports->list);
	memmove(ports->facts + at + 1, ports->facts + at, (ports->n - at) * sizeof *ports->facts);
	ports->list[at] = *port;
	ports->facts[at] = *facts;
	ports->n++;
	return 0;
}

static void drop(struct ns_ports *ports, size_t at)
{
	struct ns_port port = ports->list[at];

	ports->n--;
	memmove(ports->list + at, ports->list + at + 1, (ports->n - at) * sizeof *ports->list);
	memmove(ports->facts + at, ports->facts + at + 1, (ports->n - at) * sizeof *ports->facts);
	ports->changed(ports->ctx, &port, true);
}

/* Where the other end is, of what is known. */
static enum ns_port_far far_of(const struct ns_ports *ports, int peer_index, int nsid, uint64_t *ret_cookie)
{
	*ret_cookie = 0;
	if (nsid == NS_NSID_SAME)
		return peer_index > 0 ? NS_PORT_HERE : NS_PORT_ELSEWHERE;
	if (nsid >= 0)
		*ret_cookie = ports->cookie_of(ports->ctx, nsid);
	return *ret_cookie ? NS_PORT_ENDPOINT : NS_PORT_ELSEWHERE;
}

/* Sets where the other end is; true when that is not what was known. */
static bool set_far(struct ns_ports *ports, size_t at, int peer_index, int nsid)
{
	struct ns_port *port = &ports->list[at];
	uint64_t cookie;
	enum ns_port_far far = far_of(ports, peer_index, nsid, &cookie);
	bool moved = port->far != far || port->cookie != cookie;
	bool changed = moved || port->peer_index != peer_index;

	ports->facts[at].nsid = nsid;
	port->peer_index = peer_index;
	port->far = far;
	port->cookie = cookie;
	if (moved)
		port->since = ns_clock_elapsed();
	return changed;
}

static void update_far(struct ns_ports *ports, int index, int peer_index, int nsid)
{
	size_t at = place(ports, index);

	if (is_at(ports, at, index) && set_far(ports, at, peer_index, nsid))
		ports->changed(ports->ctx, &ports->list[at], false);
}

/* A link that goes to another namespace is announced there; its host's end hears of it only once a carrier changes. */
static void take_gone(struct ns_ports *ports, const struct ns_link_news *news)
{
	size_t at = place(ports, news->index);

	if (is_at(ports, at, news->index))
		drop(ports, at);
	if (news->moved_index == 0)
		return;
	for (size_t i = 0; i < ports->n; i++)
		if (ports->facts[i].nsid == NS_NSID_SAME && ports->list[i].peer_index == news->index)
			update_far(ports, ports->list[i].index, news->moved_index, news->moved_nsid);
}

/* New ones that do not fit are told of all the same: whoever closes ports must hear of each. */
static void add(struct ns_ports *ports, size_t at, const struct ns_link_news *news)
{
	struct ns_port_facts facts = { .nsid = news->peer_nsid, .told = true, .ask = news->peer_index == 0 };
	struct ns_port port = { .index = news->index, .peer_index = news->peer_index, .since = ns_clock_elapsed() };

	memcpy(port.name, news->name, sizeof port.name);
	port.far = far_of(ports, news->peer_index, news->peer_nsid, &port.cookie);
	if (insert(ports, at, &port, &facts) == 0) {
		ports->changed(ports->ctx, &ports->list[at], false);
		return;
	}
	ports->full = true;
	port.far = NS_PORT_ELSEWHERE;
	port.cookie = 0;
	ports->changed(ports->ctx, &port, false);
}

void ns_ports_take(struct ns_ports *ports, const struct ns_link_news *news)
{
	size_t at = place(ports, news->index);
	bool changed;

	if (news->gone) {
		take_gone(ports, news);
		return;
	}
	if (!news->has_peer) {
		if (is_at(ports, at, news->index)) /* its end was lost with messages, and the index is another's */
			drop(ports, at);
		return;
	}
	if (!is_at(ports, at, news->index)) {
		add(ports, at, news);
	} else {
		ports->facts[at].told = true;
		ports->facts[at].ask = news->peer_index == 0;
		changed = strcmp(ports->list[at].name, news->name) != 0;
		memcpy(ports->list[at].name, news->name, sizeof ports->list[at].name);
		if (set_far(ports, at, news->peer_index, news->peer_nsid) || changed)
			ports->changed(ports->ctx, &ports->list[at], false);
	}
	/* Of a pair that is here the half that was made first is not told of the second. */
	if (news->peer_nsid == NS_NSID_SAME && news->peer_index > 0)
		update_far(ports, news->peer_index, news->index, NS_NSID_SAME);
}

void ns_ports_begin(struct ns_ports *ports)
{
	ports->full = false;
	for (size_t i = 0; i < ports->n; i++)
		ports->facts[i].told = false;
}

void ns_ports_end(struct ns_ports *ports)
{
	for (size_t i = ports->n; i > 0; i--)
		if (!ports->facts[i - 1].told)
			drop(ports, i - 1);
}

void ns_ports_bind(struct ns_ports *ports, int nsid, uint64_t cookie)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->facts[i].nsid == nsid && ports->list[i].cookie != cookie)
			update_far(ports, ports->list[i].index, ports->list[i].peer_index, nsid);
}

void ns_ports_unbind(struct ns_ports *ports, uint64_t cookie)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->list[i].cookie == cookie)
			update_far(ports, ports->list[i].index, ports->list[i].peer_index, ports->facts[i].nsid);
}

void ns_ports_forget(struct ns_ports *ports, int nsid)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->facts[i].nsid == nsid)
			update_far(ports, ports->list[i].index, ports->list[i].peer_index, NS_NSID_UNKNOWN);
}

void ns_ports_doubt(struct ns_ports *ports, int index)
{
	size_t at = place(ports, index);

	if (is_at(ports, at, index))
		ports->facts[at].ask = true;
}

int ns_ports_next_to_ask(struct ns_ports *ports)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->facts[i].ask) {
			ports->facts[i].ask = false;
			return ports->list[i].index;
		}
	return 0;
}
