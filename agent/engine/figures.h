/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The last raw figures of every set element of one endpoint. The kernel counts up for ever; the store wants what came
 * since the last time, also across restarts of the daemon.
 */
#ifndef NANOSEG_FIGURES_H
#define NANOSEG_FIGURES_H

#include <nanoseg/store.h>

struct ns_figures {
	struct ns_counter_base *slots; /* open addressing; direction INVALID: empty */
	size_t n_slots, n_used;
};

#define NS_FIGURES_INIT                                                                                                \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_figures_release(struct ns_figures *figures);

/* What came since the last call for this element, and remembers the new figures. A raw figure below the last one means
 * that the element was made anew, and all of it counts. *ret_new: the element was not known. -ENOMEM. */
int ns_figures_advance(struct ns_figures *figures, const struct ns_tuple *tuple, bool deny, uint64_t packets,
		       uint64_t bytes, uint64_t *ret_packets, uint64_t *ret_bytes, bool *ret_new);

bool ns_figures_know(const struct ns_figures *figures, const struct ns_tuple *tuple, bool deny);

#endif
