/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a link lives on: ARP, neighbour discovery (RFC 4861), multicast listeners (RFC 2710, RFC 3810). From the
 * container it is believed in its own name only, and never as a router.
 */
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "compile_outer.h"

#define MLD2_REPORT 143

#define ARP_OPERATION       7 /* the low byte; offsets in the packet */
#define ARP_SENDER_HARDWARE 8
#define ARP_SENDER_PROTOCOL 14
#define ARP_TARGET_PROTOCOL 24

#define ND_TARGET 8 /* offset in the message */

static const struct ns_outer_family *const six = &ns_outer_families[NS_OUTER_IPV6];

/* ---- ARP ---- */

/* { hardware . protocol address } of the packet, or with `frame` the frame's source and that address. */
static void own_pair(struct ns_builder *b, bool frame, uint32_t address)
{
	if (frame)
		ns_builder_payload(b, NFT_PAYLOAD_LL_HEADER, NS_ETHER_SOURCE, ETH_ALEN, 0);
	else
		ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, ARP_SENDER_HARDWARE, ETH_ALEN, 0);
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, address, 4, 2);
	ns_builder_lookup(b, ns_outer_families[NS_OUTER_IPV4].own, 0, false);
}

/* Asks who has an address before it is used: no sender's address yet. */
static void arp_probe(struct ns_builder *b, const char *comment)
{
	static const uint8_t none[4];

	ns_builder_rule(b, comment);
	ns_outer_network(b, ARP_OPERATION, &(uint8_t){ 1 }, 1);
	ns_outer_network(b, ARP_SENDER_PROTOCOL, none, sizeof(none));
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, ARP_SENDER_HARDWARE, ETH_ALEN, 0);
	ns_builder_lookup(b, NS_SET_MACS, 0, false);
}

static void arp_chains(struct ns_builder *b)
{
	static const uint8_t ipv4_over_ethernet[7] = { 0, 1, 8, 0, ETH_ALEN, 4, 0 };

	ns_builder_chain(b, "from_arp");
	ns_builder_rule(b, "not of IPv4 over Ethernet");
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, 0, sizeof(ipv4_over_ethernet), 0);
	ns_builder_cmp(b, NFT_CMP_NEQ, 0, ipv4_over_ethernet, sizeof(ipv4_over_ethernet));
	ns_builder_counter(b, NS_COUNTER_SPOOFED_LINK);
	ns_builder_verdict(b, NFT_GOTO, "refuse");

	ns_builder_rule(b, "requests and replies in its own name");
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, ARP_OPERATION, 1, 0);
	ns_builder_cmp8(b, NFT_CMP_GTE, 0, 1);
	ns_builder_cmp8(b, NFT_CMP_LTE, 0, 2);
	own_pair(b, true, ARP_SENDER_PROTOCOL);
	own_pair(b, false, ARP_SENDER_PROTOCOL);
	ns_builder_accept(b);

	arp_probe(b, "probes for an own address");
	own_pair(b, true, ARP_TARGET_PROTOCOL);
	ns_builder_accept(b);
	arp_probe(b, "probes for another one");
	ns_outer_from_own_mac(b);
	ns_builder_counter(b, NS_COUNTER_TENTATIVE);
	ns_builder_verdict(b, NFT_GOTO, "refuse");
	ns_outer_refuse(b, NS_COUNTER_SPOOFED_LINK, NULL);

	ns_builder_chain(b, "to_arp");
	ns_builder_rule(b, NULL);
	ns_builder_accept(b);
}

/* ---- neighbour discovery ---- */

/* A rule begun: this message, from the link and in one piece (RFC 6980). */
static void nd_rule(struct ns_builder *b, uint8_t type, const char *comment)
{
	static const uint8_t next_header_and_hop_limit[2] = { IPPROTO_ICMPV6, 255 };

	ns_builder_rule(b, comment);
	ns_outer_network(b, NS_IPV6_NEXT_HEADER, next_header_and_hop_limit, 2);
	ns_outer_transport(b, six, 0, &type, 1);
}

static void to_link(struct ns_builder *b)
{
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, NS_IPV6_DESTINATION, 16, 0);
	ns_builder_lookup(b, NS_SET_LINK6, 0, false);
}

static void own_target(struct ns_builder *b)
{
	ns_builder_payload(b, NFT_PAYLOAD_LL_HEADER, NS_ETHER_SOURCE, ETH_ALEN, 0);
	ns_outer_load_transport(b, six, ND_TARGET, 16, 2);
	ns_builder_lookup(b, six->own, 0, false);
}

static void nd_chains(struct ns_builder *b)
{
	static const uint8_t solicited_nodes[13] = { 0xff, 0x02, [11] = 0x01, [12] = 0xff };

	/* Entered with an own source. */
	ns_builder_chain(b, "from6_link");
	nd_rule(b, ND_NEIGHBOR_SOLICIT, "neighbour solicitation");
	to_link(b);
	ns_builder_accept(b);
	nd_rule(b, ND_NEIGHBOR_ADVERT, "neighbour advertisement of an own address");
	to_link(b);
	own_target(b);
	ns_builder_accept(b);
	nd_rule(b, ND_ROUTER_SOLICIT, "router solicitation");
	to_link(b);
	ns_builder_accept(b);
	ns_outer_refuse(b, NS_COUNTER_SPOOFED_LINK, NULL);

	/* Entered with no source and an own MAC. */
	ns_builder_chain(b, "from6_unspecified");
	nd_rule(b, ND_NEIGHBOR_SOLICIT, "duplicate detection of an own address");
	ns_outer_network(b, NS_IPV6_DESTINATION, solicited_nodes, sizeof(solicited_nodes));
	own_target(b);
	ns_builder_accept(b);
	nd_rule(b, ND_NEIGHBOR_SOLICIT, "duplicate detection of another one");
	ns_builder_counter(b, NS_COUNTER_TENTATIVE);
	ns_builder_verdict(b, NFT_GOTO, "refuse");
	nd_rule(b, ND_ROUTER_SOLICIT, "router solicitation");
	to_link(b);
	ns_builder_accept(b);
	ns_outer_refuse(b, NS_COUNTER_SPOOFED_SOURCE, NULL);

	/* What else is ICMPv6 returns to be looked up. */
	ns_builder_chain(b, "to6_link");
	nd_rule(b, ND_NEIGHBOR_SOLICIT, "neighbour solicitation");
	ns_builder_accept(b);
	nd_rule(b, ND_NEIGHBOR_ADVERT, "neighbour advertisement");
	ns_builder_accept(b);
	nd_rule(b, ND_ROUTER_ADVERT, "router advertisement");
	ns_compile_from_link_local(b);
	ns_builder_accept(b);
	nd_rule(b, ND_ROUTER_SOLICIT, "router solicitation");
	ns_builder_accept(b);
}

/* ---- multicast listeners ---- */

/* Entered with hop-by-hop options: they must be a router alert and padding, and nothing that could carry data. */
static void mld_options(struct ns_builder *b)
{
	static const uint8_t router_alert[8] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };

	ns_builder_rule(b, "options other than a router alert");
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, NS_IPV6_HEADER, sizeof(router_alert), 0);
	ns_builder_cmp(b, NFT_CMP_NEQ, 0, router_alert, sizeof(router_alert));
	ns_builder_counter(b, NS_COUNTER_FOREIGN_FRAME);
	ns_builder_verdict(b, NFT_GOTO, "refuse");
}

/* A rule begun: one of these messages, from the link to a group. */
static void mld_rule(struct ns_builder *b, uint8_t lo, uint8_t hi, const char *comment)
{
	ns_builder_rule(b, comment);
	ns_outer_network(b, NS_IPV6_HOP_LIMIT, &(uint8_t){ 1 }, 1);
	ns_outer_network(b, NS_IPV6_DESTINATION, &(uint8_t){ 0xff }, 1);
	ns_outer_load_transport(b, &ns_outer_families[NS_OUTER_IPV6_BEHIND], 0, 1, 0);
	ns_builder_cmp8(b, NFT_CMP_GTE, 0, lo);
	ns_builder_cmp8(b, NFT_CMP_LTE, 0, hi);
}

static void mld_reports(struct ns_builder *b)
{
	mld_rule(b, MLD_LISTENER_REPORT, MLD_LISTENER_REDUCTION, "multicast listeners");
	ns_builder_accept(b);
	mld_rule(b, MLD2_REPORT, MLD2_REPORT, "multicast listeners, version 2");
	ns_builder_accept(b);
}

static void mld_chains(struct ns_builder *b)
{
	static const uint8_t unspecified[16];

	ns_builder_chain(b, "from6_mld_report");
	mld_reports(b);
	ns_outer_refuse(b, NS_COUNTER_SPOOFED_LINK, NULL);

	ns_builder_chain(b, "from6_mld");
	mld_options(b);
	ns_builder_rule(b, "link-local");
	ns_compile_from_link_local(b);
	ns_outer_own_source(b, six, false);
	ns_builder_verdict(b, NFT_GOTO, "from6_mld_report");
	ns_builder_rule(b, "without an address yet");
	ns_outer_network(b, NS_IPV6_SOURCE, unspecified, sizeof(unspecified));
	ns_outer_from_own_mac(b);
	ns_builder_verdict(b, NFT_GOTO, "from6_mld_report");
	ns_outer_refuse(b, NS_COUNTER_SPOOFED_LINK, NULL);

	ns_builder_chain(b, "to6_mld");
	mld_options(b);
	mld_rule(b, MLD_LISTENER_QUERY, MLD_LISTENER_QUERY, "multicast queries");
	ns_compile_from_link_local(b);
	ns_builder_accept(b);
	mld_reports(b);
	ns_outer_refuse(b, NS_COUNTER_DENY_OTHER, NULL);
}

void ns_outer_link_chains(struct ns_builder *b)
{
	arp_chains(b);
	nd_chains(b);
	mld_chains(b);
}
