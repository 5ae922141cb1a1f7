/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The host's ends of the endpoints' links: which namespace id means which endpoint, and the ports' events.
 */
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "watch_object.h"

/* Readings in a row: each may bring a new id, which is asked for, and needs another one. */
#define ROUNDS_MAX 4
/* A listing that links came and went under is tried again after this. */
#define AGAIN_US 5000

uint64_t ns_watch_cookie_of(void *ctx, int nsid)
{
	const struct ns_watch *watch = ctx;

	for (size_t i = 0; i < watch->n_watched; i++)
		if (watch->watched[i]->nsid == nsid)
			return watch->watched[i]->endpoint.cookie;
	return 0;
}

void ns_watch_port_changed(void *ctx, const struct ns_port *port, bool gone)
{
	struct ns_watch *watch = ctx;

	ns_watch_mark(watch, NS_LOOK_IDENTITY); /* what is said of an endpoint's links depends on it */
	if (!watch->first && watch->events.port)
		watch->events.port(watch->ctx, port, gone);
}

static void note_known(struct ns_watched *watched)
{
	if (!watched->ports_known)
		ns_watch_mark(watched->watch, NS_LOOK_IDENTITY);
	watched->ports_known = true;
}

/* Asks for the ids of the endpoints that have none; true when one was told. It stays theirs, since our socket in the
 * namespace keeps it from ending. */
static bool ask_nsids(struct ns_watch *watch)
{
	bool any = false;

	watch->nsids_due = false;
	for (size_t i = 0; i < watch->n_watched; i++) {
		struct ns_watched *watched = watch->watched[i];
		NS_CLOSE int fd = -1;

		if (watched->nsid >= 0)
			continue;
		fd = ns_addresses_open_netns(watched->addresses, NULL);
		if (fd < 0 || ns_links_nsid(fd, &watched->nsid_told, NULL) < 0)
			watch->nsids_failed = true;
		else if (watched->nsid_told < 0)
			note_known(watched);
		any = any || watched->nsid_told >= 0;
	}
	return any;
}

/* Only once every message from before the answer was read: one of them may say that another one's id ended, whose ports
 * would be taken for this one's. */
static void bind_nsids(struct ns_watch *watch)
{
	for (size_t i = 0; i < watch->n_watched; i++) {
		struct ns_watched *watched = watch->watched[i];

		if (watched->nsid >= 0 || watched->nsid_told < 0)
			continue;
		watched->nsid = watched->nsid_told;
		ns_ports_bind(&watch->ports, watched->nsid, watched->endpoint.cookie);
		note_known(watched);
	}
}

static void note_state(struct ns_watch *watch, unsigned seen, const struct ns_error *err)
{
	if (seen & NS_LINKS_FAILED)
		ns_source_state_set(&watch->ports_state, "failing", err->text);
	else if (watch->ports.full)
		ns_source_state_set(&watch->ports_state, "failing", "more links than can be kept (NS_PORTS_MAX)");
	else
		ns_source_state_set(&watch->ports_state, "ok", "");
}

void ns_watch_read_links(struct ns_watch *watch)
{
	struct ns_error err = NS_ERROR_INIT;
	unsigned seen = 0, now;

	if (watch->reading_links)
		return;
	watch->reading_links = true;
	for (int i = 0; i < ROUNDS_MAX; i++) {
		now = ns_links_read(watch->links, &err);
		seen |= now;
		watch->nsids_due = watch->nsids_due || now & NS_LINKS_NSID;
		if (now & NS_LINKS_MORE)
			break;
		bind_nsids(watch);
		if (!watch->nsids_due || !ask_nsids(watch))
			break;
	}
	watch->reading_links = false;
	note_state(watch, now, &err);
	if (seen & NS_LINKS_SOMETHING) {
		ns_watch_settle(watch);
		ns_watch_mark(watch, NS_LOOK_DIRS | NS_LOOK_PROCESSES);
	}
	if (now & NS_LINKS_FAILED || watch->nsids_failed || watch->nsids_due) {
		watch->nsids_due = watch->nsids_due || watch->nsids_failed;
		watch->nsids_failed = false;
		ns_watch_again(watch, ns_clock_elapsed() + AGAIN_US);
	}
}

void ns_watch_attend(struct ns_watch *watch)
{
	ns_watch_read_links(watch);
}

void ns_watch_doubt_ports(struct ns_watch *watch, const struct ns_endpoint *endpoint)
{
	for (size_t i = 0; i < endpoint->n_interfaces; i++) {
		const struct ns_interface *interface = &endpoint->interfaces[i];
		const struct ns_port *port =
			interface->peer_outside ? ns_ports_find(&watch->ports, interface->peer_index) : NULL;

		if (port && (port->cookie != endpoint->cookie || port->peer_index != interface->index))
			ns_ports_doubt(&watch->ports, port->index);
	}
}

const struct ns_port *ns_watch_ports(const struct ns_watch *watch, size_t *ret_n)
{
	*ret_n = watch->ports.n;
	return watch->ports.list;
}
