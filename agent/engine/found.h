/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Outer locks from before this daemon, looked at together before the first endpoint comes: which ports they are on, by
 * one request for all, and their ownership, by one transaction.
 */
#ifndef NANOSEG_ENGINE_FOUND_H
#define NANOSEG_ENGINE_FOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nanoseg/outer.h>

struct ns_engine;

struct ns_found_port {
	uint64_t cookie;
	struct ns_port_name port;
};

struct ns_found {
	struct ns_found_port *ports; /* by cookie */
	size_t n, allocated;
	bool whole; /* all have been seen; else each has to be looked for */
};

void ns_found_look(struct ns_engine *engine);
/* The ports of one endpoint's lock; at most NS_ENDPOINT_INTERFACES_MAX. */
size_t ns_found_ports(const struct ns_found *found, uint64_t cookie, struct ns_port_name *ret);
void ns_found_release(struct ns_found *found);

#endif
