/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Neighbour discovery (RFC 4861) and multicast listener discovery (RFC 2710, RFC 3810): without them there is no IPv6
 * on a link. Conntrack does not track them. They are let through by what makes them link-local and by nothing else: a
 * raw socket can fill their options with data, so a destination beyond the link would be a way out. IPv6 has a proof of
 * nearness to offer, a hop limit of 255 that a router would have lowered; listener discovery is sent with 1.
 */
#include <netinet/in.h>
#include <netinet/icmp6.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "compile.h"
#include "tuple_key.h"

#define MLD2_REPORT 143 /* RFC 3810; not in netinet/icmp6.h */

/* A router says who is the way out, and asks who listens: a container that may do so stands between its neighbours. */
struct types {
	uint8_t lo, hi;
	uint8_t hop_limit;
	bool out;
	const char *comment;
};

static const struct types types[] = {
	{ ND_ROUTER_SOLICIT, ND_ROUTER_SOLICIT, 255, true, "router solicitation" },
	{ ND_ROUTER_ADVERT, ND_ROUTER_ADVERT, 255, false, "router advertisement" },
	{ ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT, 255, true, "neighbour discovery" }, /* 135, 136; no redirects */
	{ MLD_LISTENER_QUERY, MLD_LISTENER_QUERY, 1, false, "multicast queries" },
	{ MLD_LISTENER_REPORT, MLD_LISTENER_REDUCTION, 1, true, "multicast listeners" }, /* 131, 132 */
	{ MLD2_REPORT, MLD2_REPORT, 1, true, "multicast listeners, version 2" },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

/* Both chains are entered with IPv6 and ICMPv6 only. */
static void match_types(struct ns_builder *b, const struct types *match)
{
	ns_builder_rule(b, match->comment);
	ns_builder_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, 0);
	ns_builder_cmp8(b, NFT_CMP_GTE, 0, match->lo);
	ns_builder_cmp8(b, NFT_CMP_LTE, 0, match->hi);
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, NS_IPV6_HOP_LIMIT, 1, 0);
	ns_builder_cmp8(b, NFT_CMP_EQ, 0, match->hop_limit);
}

void ns_compile_link_chains(struct ns_builder *b)
{
	ns_builder_chain(b, "link_in");
	for (size_t i = 0; i < TYPES; i++) {
		match_types(b, &types[i]);
		if (!types[i].out)
			ns_compile_from_link_local(b); /* RFC 4861 section 6.1.2, RFC 3810 section 5.1.14 */
		ns_builder_accept(b);
	}

	ns_builder_chain(b, "link_out");
	for (size_t i = 0; i < TYPES; i++) {
		if (!types[i].out)
			continue;
		match_types(b, &types[i]);
		if (types[i].hop_limit == 1) { /* version 1 reports go to the group itself, whatever its scope */
			ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, NS_IPV6_DESTINATION, 1, 0);
			ns_builder_cmp8(b, NFT_CMP_EQ, 0, 0xff);
		} else {
			ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, NS_IPV6_DESTINATION, 16, 0);
			ns_builder_lookup(b, NS_SET_LINK6, 0, false);
		}
		ns_builder_accept(b);
	}
}

void ns_compile_jump_link(struct ns_builder *b, const char *chain)
{
	ns_builder_rule(b, "what IPv6 needs on a link");
	ns_builder_family(b, AF_INET6);
	ns_builder_protocol(b, IPPROTO_ICMPV6);
	ns_builder_verdict(b, NFT_JUMP, chain);
}
