/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Outer locks of endpoints that are no more, on links that still are. A container with NET_ADMIN can move its link into
 * a namespace of its own making and end the old one; and a runtime may let go of the namespace before the link. Either
 * way the lock stays until the link is gone.
 */
#ifndef NANOSEG_ORPHANS_H
#define NANOSEG_ORPHANS_H

#include "outer.h"

struct ns_orphan {
	uint64_t cookie;
	struct ns_port_name ports[NS_ENDPOINT_INTERFACES_MAX];
	size_t n_ports;
	bool told; /* that it could not be removed */
};

struct ns_orphans {
	struct ns_orphan *list;
	size_t n, allocated;
};

void ns_orphans_release(struct ns_orphans *orphans);
/* -ENOMEM; -ENOSPC beyond NS_ENDPOINTS_MAX. */
int ns_orphans_add(struct ns_orphans *orphans, uint64_t cookie, const struct ns_port_name *ports, size_t n,
		   struct ns_error *err);
bool ns_orphans_cover(const struct ns_orphans *orphans, const struct ns_port *port);
/* Removes the tables whose links are gone, or lead to an endpoint that has a lock of its own. */
void ns_orphans_turn(struct ns_engine *engine);

#endif
