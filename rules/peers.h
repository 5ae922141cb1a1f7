/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Peers to addresses: what a policy's peer stands for right now.
 */
#ifndef NANOSEG_PEERS_H
#define NANOSEG_PEERS_H

#include <nanoseg/layout.h>

struct ns_ranges {
	struct ns_addr_range *ranges;
	size_t n, allocated;
	/* Published ports: these addresses are the peer on these ports of this protocol and no others, whatever the
	 * rule's are. As a source they are nobody. */
	struct ns_ported *ported;
	size_t n_ported, ported_allocated;
};

void ns_ranges_release(struct ns_ranges *ranges);

/* Appends the peer's ranges, both families, disjoint. None is no error: the peer has no address now. With options->host
 * loopback is the host's as well. */
int ns_peer_resolve(const struct ns_peer *peer, const struct ns_book *book, const struct ns_compile_options *options,
		    struct ns_ranges *ret, struct ns_error *err);

/* The ranges of globally routable unicast addresses: those that ns_addr_scope calls global. Static storage. */
const struct ns_addr_range *ns_internet_ranges(size_t *ret_n);

#endif
