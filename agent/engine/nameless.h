/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Addresses of endpoints whose runtime has not told yet who they are. An edge to one of them would be an edge to an
 * address, which a policy would then allow to whoever has it next; so it waits until the name is told, or until nobody
 * is going to tell it any more.
 */
#ifndef NANOSEG_NAMELESS_H
#define NANOSEG_NAMELESS_H

#include <nanoseg/edge.h>

struct ns_engine;

struct ns_nameless {
	struct ns_addr *addresses; /* sorted */
	size_t n, allocated;
};

/* As of now. Without the memory for it there is nobody to wait for. */
void ns_nameless_gather(struct ns_engine *engine, struct ns_nameless *ret);
void ns_nameless_release(struct ns_nameless *nameless);

/* The tuple's peer, or its source, is one of them. */
bool ns_nameless_concern(const struct ns_nameless *nameless, const struct ns_tuple *tuple);

#endif
