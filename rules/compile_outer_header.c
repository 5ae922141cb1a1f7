/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Headers that other look-ups would read past, and fragments. An option or an extension header can lead a packet
 * elsewhere than its destination says, or carry data that nobody looks at; of a later fragment nothing is known but who
 * sends it to whom, so it passes where some rule leads, and without a first fragment it is nothing.
 */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "compile_outer.h"
#include "elements.h"

#define IPV4_FRAGMENT_OFFSET 6                    /* of the field, in the network header */
#define IPV6_FRAGMENT_OFFSET (NS_IPV6_HEADER + 2) /* in a fragment header that follows the network header at once */

/* Within a rule: the fragment's offset, compared with a number of eight bytes each. */
static void fragment_offset(struct ns_builder *b, const struct ns_outer_family *f, uint32_t op, uint8_t eights)
{
	bool v4 = f->family == AF_INET;

	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, v4 ? IPV4_FRAGMENT_OFFSET : IPV6_FRAGMENT_OFFSET, 2, 0);
	ns_builder_mask(b, 0, v4 ? (uint8_t[]){ 0x1f, 0xff } : (uint8_t[]){ 0xff, 0xf8 }, 2);
	ns_builder_cmp(b, op, 0, (uint8_t[]){ 0, (uint8_t)(v4 ? eights : eights << 3) }, 2);
}

void ns_outer_header_rules(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	if (f->behind)
		return; /* from6_extension and to6_extension have seen to it */
	if (f->family == AF_INET6) {
		ns_builder_rule(b, "not of version 6");
		ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 0, 1, 0);
		ns_builder_mask(b, 0, &(uint8_t){ 0xf0 }, 1);
		ns_builder_cmp8(b, NFT_CMP_NEQ, 0, 0x60);
		ns_builder_counter(b, NS_COUNTER_FOREIGN_FRAME);
		ns_builder_verdict(b, NFT_GOTO, "refuse");
		ns_builder_rule(b, "extension headers");
		ns_outer_load_protocol(b, f);
		ns_builder_lookup(b, NS_SET_EXTENSIONS6, 0, false);
		ns_builder_verdict(b, NFT_GOTO, NS_OUTER_CHAIN(side, f, "extension"));
		return;
	}
	ns_builder_rule(b, "options");
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 0, 1, 0);
	ns_builder_cmp8(b, NFT_CMP_NEQ, 0, 0x45);
	ns_builder_verdict(b, NFT_JUMP, "options4");
	ns_builder_rule(b, "later fragments");
	fragment_offset(b, f, NFT_CMP_NEQ, 0);
	ns_builder_verdict(b, NFT_GOTO, NS_OUTER_CHAIN(side, f, "fragment"));
}

void ns_outer_options_chain(struct ns_builder *b)
{
	static const uint8_t router_alert[4] = { 0x94, 0x04, 0x00, 0x00 }; /* RFC 2113 */

	ns_builder_chain(b, "options4");
	ns_builder_rule(b, "group membership bears a router alert");
	ns_outer_network(b, 0, &(uint8_t){ 0x46 }, 1);
	ns_outer_network(b, 9, &(uint8_t){ IPPROTO_IGMP }, 1);
	ns_outer_network(b, 20, router_alert, sizeof(router_alert));
	ns_builder_verdict(b, NFT_RETURN, NULL);
	ns_outer_refuse(b, NS_COUNTER_FOREIGN_FRAME, NULL);
}

/* Entered when the next header is an extension. A first fragment, and a packet that is whole but has a fragment header,
 * can be read like any other, eight bytes on. */
static void extension_chain(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	static const uint8_t fragment = IPPROTO_FRAGMENT, hop_by_hop = IPPROTO_HOPOPTS;
	static const uint8_t jumbo[4] = { IPPROTO_TCP, 0, 0xc2, 4 }; /* the second byte: eight bytes in all */
	const struct ns_outer_family *behind = &ns_outer_families[NS_OUTER_IPV6_BEHIND];

	ns_builder_chain(b, NS_OUTER_CHAIN(side, f, "extension"));
	for (int first = 1; first >= 0; first--) {
		ns_builder_rule(b, first ? "first fragments" : "later fragments");
		ns_outer_network(b, NS_IPV6_NEXT_HEADER, &fragment, 1);
		fragment_offset(b, f, first ? NFT_CMP_EQ : NFT_CMP_NEQ, 0);
		ns_outer_load_protocol(b, behind);
		ns_builder_lookup(b, NS_SET_EXTENSIONS6, 0, true);
		ns_builder_verdict(b, NFT_GOTO, NS_OUTER_CHAIN(side, behind, first ? "" : "fragment"));
	}
	ns_builder_rule(b, "BIG TCP: a jumbo payload");
	ns_outer_network(b, NS_IPV6_NEXT_HEADER, &hop_by_hop, 1);
	ns_outer_network(b, 4, (uint8_t[]){ 0, 0 }, 2);
	ns_outer_network(b, NS_IPV6_HEADER, jumbo, sizeof(jumbo));
	ns_builder_verdict(b, NFT_GOTO, NS_OUTER_CHAIN(side, behind, ""));
	ns_builder_rule(b, "multicast listeners");
	ns_outer_network(b, NS_IPV6_NEXT_HEADER, &hop_by_hop, 1);
	ns_outer_protocol(b, behind, IPPROTO_ICMPV6);
	ns_builder_verdict(b, NFT_GOTO, NS_OUTER_CHAIN(side, f, "mld"));
	ns_outer_refuse(b, NS_COUNTER_FOREIGN_FRAME, NULL);
}

/* Never one that begins 8 bytes in, behind the ports but before the flags of TCP (RFC 1858, RFC 3128). */
static void accept_fragment(struct ns_builder *b, const struct ns_outer_family *f, enum ns_fragments kind, bool range)
{
	ns_builder_lookup(b, ns_fragments_set_name(kind, f->family, range), 0, false);
	ns_builder_accept(b);
}

static void transit_fragments(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		bool answer = kind & 2;
		uint8_t reg;

		if (!ns_shape_fragments(b->shape, NS_FRAGMENTS_TRANSIT, f->family, kind & 1))
			continue;
		ns_builder_rule(b, "forwarded");
		ns_builder_payload(b, NFT_PAYLOAD_LL_HEADER,
				   side == NS_OUTER_FROM ? NS_ETHER_SOURCE : NS_ETHER_DESTINATION, 6, 0);
		ns_builder_lookup(b, NS_SET_MACS, 0, false);
		fragment_offset(b, f, NFT_CMP_GTE, 2);
		ns_outer_load_protocol(b, f);
		reg = ns_tuple_load_address(b, f->family, !answer, 1);
		(void)ns_tuple_load_address(b, f->family, answer, reg);
		accept_fragment(b, f, NS_FRAGMENTS_TRANSIT, kind & 1);
	}
}

/* Where groups are fragments' peers, or may be taken for those of what is forwarded. */
static bool has_groups(const struct ns_builder *b, const struct ns_outer_family *f)
{
	bool has = ns_shape_fragment_groups(b->shape, NS_FRAGMENTS_PEER, f->family);

	for (unsigned range = 0; range < 2; range++)
		has = has || ns_shape_fragments(b->shape, NS_FRAGMENTS_GROUP, f->family, range) ||
		      ns_shape_fragments(b->shape, NS_FRAGMENTS_TRANSIT, f->family, range);
	return has;
}

static void fragment_chains(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	bool from = side == NS_OUTER_FROM;

	ns_builder_chain(b, NS_OUTER_CHAIN(side, f, "fragment"));
	if (has_groups(b, f))
		ns_outer_groups(b, f, NS_OUTER_CHAIN(side, f, "fragment_group"));
	for (unsigned range = 0; range < 2; range++) {
		if (!ns_shape_fragments(b->shape, NS_FRAGMENTS_PEER, f->family, range))
			continue;
		ns_builder_rule(b, NULL);
		if (from)
			ns_outer_own_source(b, f, false);
		else
			ns_outer_own_destination(b, f, false);
		fragment_offset(b, f, NFT_CMP_GTE, 2);
		ns_outer_load_protocol(b, f);
		(void)ns_tuple_load_address(b, f->family, !from, 1);
		accept_fragment(b, f, NS_FRAGMENTS_PEER, range);
	}
	transit_fragments(b, f, side);
	ns_outer_refuse(b, NS_COUNTER_DENY_OTHER, "no readable tuple");

	/* That a group may be heard does not mean that it may be spoken to. */
	ns_builder_chain(b, NS_OUTER_CHAIN(side, f, "fragment_group"));
	for (unsigned range = 0; range < 2; range++) {
		enum ns_fragments kind = from ? NS_FRAGMENTS_GROUP : NS_FRAGMENTS_PEER;

		if (!ns_shape_fragments(b->shape, kind, f->family, range))
			continue;
		ns_builder_rule(b, NULL);
		if (from)
			ns_outer_own_source(b, f, false);
		fragment_offset(b, f, NFT_CMP_GTE, 2);
		ns_outer_load_protocol(b, f);
		(void)ns_tuple_load_address(b, f->family, false, 1);
		accept_fragment(b, f, kind, range);
	}
	ns_outer_refuse(b, NS_COUNTER_DENY_OTHER, "no readable tuple");
}

void ns_outer_header_chains(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	if (f->family == AF_INET6 && !f->behind)
		extension_chain(b, f, side);
	else
		fragment_chains(b, f, side);
}
