/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What was decided of connections, to be found again by their sockets: conntrack knows who opened a connection and
 * where NAT led it, a socket knows neither. Pure.
 */
#ifndef NANOSEG_CUT_KNOWN_H
#define NANOSEG_CUT_KNOWN_H

#include "cut_flow.h"

struct ns_cut_known_entry {
	struct ns_cut_ends ends;
	enum ns_cut_verdict verdict;
};

struct ns_cut_known {
	struct ns_cut_known_entry *entries;
	size_t n, allocated;
	bool sorted;
};

#define NS_CUT_KNOWN_INIT                                                                                              \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_cut_known_release(struct ns_cut_known *known);
/* -E2BIG: NS_CUT_ENTRIES_MAX are known. -ENOMEM. */
int ns_cut_known_add(struct ns_cut_known *known, const struct ns_cut_ends *ends, enum ns_cut_verdict verdict,
		     struct ns_error *err);
/* NS_CUT_INVALID: never heard of. Where there are several (zones of conntrack), the strictest. */
enum ns_cut_verdict ns_cut_known_find(struct ns_cut_known *known, const struct ns_cut_ends *ends);

#endif
