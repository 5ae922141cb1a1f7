/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Ports of a container that its engine opens on the host: who asks the host there reaches the container, by DNAT or
 * through a proxy of the engine's.
 */
#ifndef NANOSEG_PUBLISHED_H
#define NANOSEG_PUBLISHED_H

#include <nanoseg/addr.h>
#include <nanoseg/limits.h>

struct ns_published {
	uint8_t protocol;
	struct ns_addr host;  /* where; of its family the unspecified address: on all of the host's */
	uint16_t first, last; /* ports of the host, inclusive */
	uint16_t inside;      /* the container's port behind `first`; the others follow it one by one */
};

#endif
