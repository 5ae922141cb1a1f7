/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Chains from4, from6, from6x, to4, to6 and to6x: first what cannot be read like any other packet (options, fragments),
 * then whose the packet is, then its kind.
 */
#include <net/ethernet.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "compile_outer.h"

static void by_kind(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	ns_builder_rule(b, NULL);
	ns_outer_load_protocol(b, f);
	ns_builder_lookup(b, NS_SET_PORT_PROTOCOLS, 0, false);
	ns_builder_verdict(b, NFT_GOTO, NS_OUTER_CHAIN(side, f, "ports"));
	ns_builder_rule(b, NULL);
	ns_outer_protocol(b, f, f->icmp);
	ns_builder_verdict(b, NFT_GOTO, NS_OUTER_CHAIN(side, f, "icmp"));
	ns_outer_goto(b, NS_OUTER_CHAIN(side, f, "other"));
}

/* What may be sent without an own address to send it from, and what a forwarder sends on. Returns to be judged like an
 * own packet what asks for an address (DHCP). */
static void foreign_source_chain(struct ns_builder *b, const struct ns_outer_family *f)
{
	static const uint8_t all[8] = { 0, 0, 0, 0, 255, 255, 255, 255 }, unspecified[16];

	ns_builder_chain(b, NS_OUTER_CHAIN(NS_OUTER_FROM, f, "foreign"));
	if (f->family == AF_INET) {
		ns_builder_rule(b, "without an address yet");
		ns_outer_from_own_mac(b);
		ns_outer_network(b, NS_IPV4_SOURCE, all, sizeof(all));
		ns_builder_verdict(b, NFT_RETURN, NULL);
	} else if (!f->behind) {
		ns_builder_rule(b, "without an address yet");
		ns_outer_from_own_mac(b);
		ns_outer_network(b, NS_IPV6_SOURCE, unspecified, sizeof(unspecified));
		ns_builder_verdict(b, NFT_GOTO, "from6_unspecified");
	}
	ns_builder_rule(b, "forwarded");
	ns_outer_from_own_mac(b);
	ns_builder_verdict(b, NFT_JUMP, NS_OUTER_SHARED("transit", f, ""));
	ns_outer_refuse(b, NS_COUNTER_SPOOFED_SOURCE, NULL);
}

void ns_outer_groups(struct ns_builder *b, const struct ns_outer_family *f, const char *chain)
{
	ns_builder_rule(b, "to a multicast group");
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->destination, 1, 0);
	if (f->family == AF_INET) {
		ns_builder_mask(b, 0, &(uint8_t){ 0xf0 }, 1);
		ns_builder_cmp8(b, NFT_CMP_EQ, 0, 0xe0);
	} else {
		ns_builder_cmp8(b, NFT_CMP_EQ, 0, 0xff);
	}
	ns_builder_verdict(b, NFT_GOTO, chain);
	if (f->family != AF_INET)
		return;
	ns_builder_rule(b, "to a broadcast address");
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->destination, f->address_length, 0);
	ns_builder_lookup(b, NS_SET_BROADCAST4, 0, false);
	ns_builder_verdict(b, NFT_GOTO, chain);
}

/* A DHCP server answers to the address that it offers, or to everybody: who may ask may hear. */
static void dhcp_answers(struct ns_builder *b, bool to_all)
{
	static const uint8_t ports[4] = { 0, 67, 0, 68 }, all[4] = { 255, 255, 255, 255 };
	const struct ns_outer_family *v4 = &ns_outer_families[NS_OUTER_IPV4];

	for (enum ns_purpose purpose = NS_PURPOSE_ALLOW; purpose <= NS_PURPOSE_ALLOW_RANGE; purpose++) {
		if (!ns_shape_groups(b->shape, NS_EGRESS, AF_INET) ||
		    !ns_shape_protocol(b->shape, purpose, NS_EGRESS, AF_INET, IPPROTO_UDP))
			continue;
		ns_builder_rule(b, "DHCP, to one that may ask for it");
		if (to_all) {
			ns_outer_network(b, NS_IPV4_DESTINATION, all, sizeof(all));
		} else {
			ns_builder_payload(b, NFT_PAYLOAD_LL_HEADER, NS_ETHER_DESTINATION, ETH_ALEN, 0);
			ns_builder_lookup(b, NS_SET_MACS, 0, false);
		}
		ns_outer_transport(b, v4, 0, ports, sizeof(ports));
		ns_outer_protocol(b, v4, IPPROTO_UDP);
		ns_builder_immediate(b, 1, all, sizeof(all)); /* the protocol is in register 0: proto . peer . port */
		ns_builder_immediate(b, 2, ports, 2);
		ns_builder_lookup(b, ns_layout_set_name(purpose, NS_EGRESS, AF_INET), 0, false);
		ns_builder_accept(b);
	}
}

/* A switch floods what it does not know the way of, and a bridge's neighbours may make it do so: what is meant for
 * others is not for the container to see. */
static void foreign_destination_chains(struct ns_builder *b, const struct ns_outer_family *f)
{
	ns_builder_chain(b, NS_OUTER_CHAIN(NS_OUTER_TO, f, "foreign"));
	ns_outer_groups(b, f, NS_OUTER_CHAIN(NS_OUTER_TO, f, "group"));
	if (f->family == AF_INET)
		dhcp_answers(b, false);
	ns_builder_rule(b, "to be forwarded");
	ns_builder_payload(b, NFT_PAYLOAD_LL_HEADER, NS_ETHER_DESTINATION, ETH_ALEN, 0);
	ns_builder_lookup(b, NS_SET_MACS, 0, false);
	ns_builder_verdict(b, NFT_GOTO, NS_OUTER_CHAIN(NS_OUTER_TO, f, "transit"));
	ns_outer_refuse(b, NS_COUNTER_FLOODED, NULL);

	ns_builder_chain(b, NS_OUTER_CHAIN(NS_OUTER_TO, f, "group"));
	if (f->family == AF_INET) {
		dhcp_answers(b, true);
	} else if (!f->behind) {
		ns_builder_rule(b, NULL);
		ns_outer_protocol(b, f, f->icmp);
		ns_builder_verdict(b, NFT_JUMP, "to6_link");
	}
	ns_outer_goto(b, NS_OUTER_CHAIN(NS_OUTER_TO, f, "group_tuple"));
}

/* Nearly every packet, by one rule: TCP that follows the network header at once, no later fragment, and in its own
 * name. What is not so is judged by the rules that follow, which would lead this to the same chain. */
static void plain_tcp(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	static const uint8_t ipv4_mask[] = { 0xff, 0, 0, 0, 0, 0, 0x1f, 0xff, 0, 0xff };
	static const uint8_t ipv4[] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 0, IPPROTO_TCP };
	static const uint8_t ipv6_mask[] = { 0xf0, 0, 0, 0, 0, 0, 0xff }, ipv6[] = { 0x60, 0, 0, 0, 0, 0, IPPROTO_TCP };
	bool v4 = f->family == AF_INET;
	uint8_t length = v4 ? sizeof(ipv4) : sizeof(ipv6);

	if (f->behind)
		return;
	ns_builder_rule(b, "TCP");
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 0, length, 0);
	ns_builder_mask(b, 0, v4 ? ipv4_mask : ipv6_mask, length);
	ns_builder_cmp(b, NFT_CMP_EQ, 0, v4 ? ipv4 : ipv6, length);
	if (side == NS_OUTER_FROM)
		ns_outer_own_source(b, f, false);
	else
		ns_outer_own_destination(b, f, false);
	ns_builder_verdict(b, NFT_GOTO, NS_OUTER_CHAIN(side, f, "ports"));
}

void ns_outer_packet_chains(struct ns_builder *b, const struct ns_outer_family *f, enum ns_outer_side side)
{
	bool from = side == NS_OUTER_FROM;

	if (from)
		foreign_source_chain(b, f);
	else
		foreign_destination_chains(b, f);
	ns_builder_chain(b, NS_OUTER_CHAIN(side, f, ""));
	plain_tcp(b, f, side);
	ns_outer_header_rules(b, f, side);
	ns_builder_rule(b, NULL);
	if (from)
		ns_outer_own_source(b, f, true);
	else
		ns_outer_own_destination(b, f, true);
	ns_builder_verdict(b, from ? NFT_JUMP : NFT_GOTO, NS_OUTER_CHAIN(side, f, "foreign"));
	by_kind(b, f, side);
}
