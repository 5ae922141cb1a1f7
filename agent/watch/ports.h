/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The host's ends of links, kept from what rtnetlink tells: a table by index, and where the other end of each is. No
 * input or output: messages are taken in order, and each change is told at once.
 *
 * Where a link ends is told as a namespace id, which the agent's namespace gave to the other one. An id is given to
 * another namespace as soon as its first is gone, so it is forgotten when it ends (RTM_DELNSID), and an endpoint's id
 * counts only while its watcher holds the namespace (rtnl.h, endpoints.c).
 */
#ifndef NANOSEG_PORTS_H
#define NANOSEG_PORTS_H

#include <stddef.h>

#include <nanoseg/endpoint.h>

#include "rtnl.h"

struct ns_port_facts {
	int nsid;  /* of the other end, or NS_NSID_… */
	bool told; /* in the listing under way */
	bool ask;  /* what is known may be wrong: to be asked for */
};

struct ns_ports {
	struct ns_port *list; /* sorted by index */
	struct ns_port_facts *facts;
	size_t n, room;
	bool full; /* one had no room: it was told of and is not kept until it is listed again */
	/* The cookie of the endpoint that has this id; 0: none. */
	uint64_t (*cookie_of)(void *ctx, int nsid);
	/* The port is new, or its name or other end changed; or it is gone. Must not change the table. */
	void (*changed)(void *ctx, const struct ns_port *port, bool gone);
	void *ctx;
};

void ns_ports_release(struct ns_ports *ports);
/* NULL: none. */
const struct ns_port *ns_ports_find(const struct ns_ports *ports, int index);

/* One message. */
void ns_ports_take(struct ns_ports *ports, const struct ns_link_news *news);
/* Around a listing of all links: what is not taken between the two is gone. */
void ns_ports_begin(struct ns_ports *ports);
void ns_ports_end(struct ns_ports *ports);

/* The endpoint with this id is known from now on. */
void ns_ports_bind(struct ns_ports *ports, int nsid, uint64_t cookie);
/* The endpoint is none any more. */
void ns_ports_unbind(struct ns_ports *ports, uint64_t cookie);
/* The namespace with this id is gone. */
void ns_ports_forget(struct ns_ports *ports, int nsid);

/* The port should be asked for. */
void ns_ports_doubt(struct ns_ports *ports, int index);
/* One that should be asked for, and the mark is taken off; 0: none. */
int ns_ports_next_to_ask(struct ns_ports *ports);

#endif
