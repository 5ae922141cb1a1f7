/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the learning and the enforcing table have in common, but for the rules of link-local IPv6.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include "compile.h"
#include "tuple_key.h"

void ns_compile_element(struct ns_builder *b, const char *set_name, const void *key, const void *key_end, size_t length)
{
	struct ns_plan_element *element;

	if (b->code < 0)
		return;
	element = ns_plan_add_element(ns_plan_find_set(b->plan, set_name), b->err);
	if (!element) {
		b->code = b->err && b->err->code < 0 ? b->err->code : -ENOMEM;
		return;
	}
	memcpy(element->key, key, length);
	memcpy(element->key_end, key_end ? key_end : key, length);
}

static void add_protocols(struct ns_builder *b)
{
	static const uint8_t ports[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_UDPLITE };
	static const uint8_t icmp[] = { IPPROTO_ICMP, IPPROTO_ICMPV6 };

	ns_builder_set(
		b, &(struct ns_plan_set){ .name = NS_SET_PORT_PROTOCOLS, .fields = { NS_FIELD_PROTO }, .n_fields = 1 });
	ns_builder_set(
		b, &(struct ns_plan_set){ .name = NS_SET_ICMP_PROTOCOLS, .fields = { NS_FIELD_PROTO }, .n_fields = 1 });
	for (size_t i = 0; i < sizeof(ports); i++)
		ns_compile_element(b, NS_SET_PORT_PROTOCOLS, &ports[i], NULL, 1);
	for (size_t i = 0; i < sizeof(icmp); i++)
		ns_compile_element(b, NS_SET_ICMP_PROTOCOLS, &icmp[i], NULL, 1);
}

static void add_broadcasts(struct ns_builder *b, const struct ns_prefix *links, size_t n)
{
	static const uint8_t limited[4] = { 255, 255, 255, 255 };

	ns_builder_set(b,
		       &(struct ns_plan_set){ .name = NS_SET_BROADCAST4, .fields = { NS_FIELD_IPV4 }, .n_fields = 1 });
	ns_compile_element(b, NS_SET_BROADCAST4, limited, NULL, sizeof(limited));
	for (size_t i = 0; i < n; i++) {
		struct ns_addr broadcast = ns_prefix_broadcast(&links[i]);

		if (broadcast.family == AF_INET)
			ns_compile_element(b, NS_SET_BROADCAST4, broadcast.bytes, NULL, 4);
	}
}

/* Prefixes nest or are disjoint; one that lies in another adds nothing, and the kernel would refuse it. */
static bool is_covered(const struct ns_prefix *prefixes, size_t n, size_t i)
{
	for (size_t j = 0; j < n; j++) {
		if (j == i || !ns_prefix_contains(&prefixes[j], &prefixes[i].addr))
			continue;
		if (prefixes[j].length < prefixes[i].length || (prefixes[j].length == prefixes[i].length && j < i))
			return true;
	}
	return false;
}

static void add_links6(struct ns_builder *b, const struct ns_prefix *links, size_t n)
{
	struct ns_prefix prefixes[2 + NS_ENDPOINT_ADDRESSES_MAX] = {
		{ { AF_INET6, { 0xfe, 0x80 } }, 10 },
		{ { AF_INET6, { 0xff, 0x02 } }, 16 },
	};
	size_t n_prefixes = 2;

	ns_builder_set(b, &(struct ns_plan_set){
				  .name = NS_SET_LINK6, .fields = { NS_FIELD_IPV6 }, .n_fields = 1, .interval = true });
	for (size_t i = 0; i < n; i++) {
		/* A container that may set addresses could call the whole internet its link. */
		if (links[i].addr.family != AF_INET6 || links[i].length < NS_LINK6_LENGTH_MIN)
			continue;
		if (n_prefixes == sizeof(prefixes) / sizeof(prefixes[0])) {
			b->code = ns_error_set(b->err, -E2BIG, "more than %d on-link prefixes",
					       NS_ENDPOINT_ADDRESSES_MAX);
			return;
		}
		prefixes[n_prefixes++] = ns_prefix_of(&links[i].addr, links[i].length);
	}
	for (size_t i = 0; i < n_prefixes; i++) {
		struct ns_addr_range range = ns_prefix_range(&prefixes[i]);

		if (!is_covered(prefixes, n_prefixes, i))
			ns_compile_element(b, NS_SET_LINK6, range.lo.bytes, range.hi.bytes, 16);
	}
}

void ns_compile_begin(struct ns_builder *b, const struct ns_compile_options *options)
{
	const struct ns_prefix *links = options ? options->links : NULL;
	size_t n_links = options ? options->n_links : 0;

	ns_compile_check_members(b, options);
	b->plan->family = NFPROTO_INET;
	if (options && options->member)
		ns_member_table_name(options->member->id, b->plan->table);
	else
		memcpy(b->plan->table, NS_TABLE_NAME, sizeof(NS_TABLE_NAME));
	add_protocols(b);
	add_broadcasts(b, links, n_links);
	if (!ns_compile_member(options))
		add_links6(b, links, n_links);
	ns_compile_others_sets(b, options);
}

static void add_sets(struct ns_builder *b, enum ns_purpose purpose, uint32_t size, bool counters, bool transit)
{
	size_t n;
	const struct ns_set_role *roles = ns_layout_roles(&n);

	for (size_t i = 0; i < n; i++) {
		struct ns_plan_set set = { .interval = purpose == NS_PURPOSE_ALLOW_RANGE,
					   .size = size,
					   .dynamic = purpose == NS_PURPOSE_LEARN || purpose == NS_PURPOSE_SPILL ||
						      purpose == NS_PURPOSE_DENY,
					   .counter = counters && roles[i].family };
		enum ns_field address = roles[i].family == AF_INET ? NS_FIELD_IPV4 : NS_FIELD_IPV6;

		if (roles[i].purpose != purpose || (roles[i].direction == NS_TRANSIT && !transit))
			continue;
		memcpy(set.name, roles[i].name, sizeof(set.name));
		set.fields[set.n_fields++] = NS_FIELD_PROTO;
		if (roles[i].direction == NS_TRANSIT)
			set.fields[set.n_fields++] = address;
		if (roles[i].family)
			set.fields[set.n_fields++] = address;
		set.fields[set.n_fields++] = NS_FIELD_PORT;
		ns_builder_set(b, &set);
	}
}

void ns_compile_sets(struct ns_builder *b, enum ns_purpose purpose, uint32_t size, bool counters)
{
	add_sets(b, purpose, size, counters, true);
}

void ns_compile_member_sets(struct ns_builder *b, enum ns_purpose purpose, uint32_t size, bool counters)
{
	add_sets(b, purpose, size, counters, false);
}

/* Loopback carries what a namespace says to itself. A raw socket can send a packet to an own address with another host
 * as its source: accepted here, it would make a connection whose answer then leaves for that host as established. */
static void match_loopback(struct ns_builder *b, uint32_t key)
{
	ns_builder_meta(b, key, 0);
	ns_builder_cmp32(b, NFT_CMP_EQ, 0, NS_LOOPBACK_IFINDEX);
	ns_builder_fib_type(b, NFTA_FIB_F_SADDR, 0);
	ns_builder_cmp32(b, NFT_CMP_EQ, 0, RTN_LOCAL);
}

void ns_compile_from_link_local(struct ns_builder *b)
{
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, NS_IPV6_SOURCE, 2, 0);
	ns_builder_mask(b, 0, (uint8_t[]){ 0xff, 0xc0 }, 2);
	ns_builder_cmp(b, NFT_CMP_EQ, 0, (uint8_t[]){ 0xfe, 0x80 }, 2);
}

/* On input the routing knows a link-local address by its own link only, never by lo. So there such a source is believed
 * when the packet has come by the output chain, which asked: a frame put on lo has no confirmed connection yet. */
void ns_compile_loopback_in(struct ns_builder *b)
{
	ns_builder_rule(b, "loopback");
	match_loopback(b, NFT_META_IIF);
	ns_builder_accept(b);

	ns_builder_rule(b, "loopback, link-local");
	ns_builder_meta(b, NFT_META_IIF, 0);
	ns_builder_cmp32(b, NFT_CMP_EQ, 0, NS_LOOPBACK_IFINDEX);
	ns_builder_family(b, AF_INET6);
	ns_compile_from_link_local(b);
	ns_builder_ct(b, NFT_CT_STATUS, 0);
	ns_builder_mask(b, 0, &(uint32_t){ IPS_CONFIRMED }, sizeof(uint32_t));
	ns_builder_cmp32(b, NFT_CMP_NEQ, 0, 0);
	ns_builder_accept(b);
}

/* The hook's device is the one that was routed to first: a destination NAT on output may since have sent the packet
 * elsewhere. So loopback is believed when the destination is a loopback address, or was not rewritten. */
void ns_compile_loopback_out(struct ns_builder *b)
{
	static const uint8_t loopback6[16] = { [15] = 1 };
	static const uint8_t loopback4 = 127;

	ns_builder_rule(b, "loopback, IPv4");
	match_loopback(b, NFT_META_OIF);
	ns_builder_family(b, AF_INET);
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, NS_IPV4_DESTINATION, 1, 0);
	ns_builder_cmp8(b, NFT_CMP_EQ, 0, loopback4);
	ns_builder_accept(b);

	ns_builder_rule(b, "loopback, IPv6");
	match_loopback(b, NFT_META_OIF);
	ns_builder_family(b, AF_INET6);
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, NS_IPV6_DESTINATION, 16, 0);
	ns_builder_cmp(b, NFT_CMP_EQ, 0, loopback6, sizeof(loopback6));
	ns_builder_accept(b);

	ns_builder_rule(b, "to an own address, not rewritten");
	match_loopback(b, NFT_META_OIF);
	ns_builder_ct(b, NFT_CT_STATUS, 0);
	ns_builder_mask(b, 0, &(uint32_t){ IPS_DST_NAT }, sizeof(uint32_t));
	ns_builder_cmp32(b, NFT_CMP_EQ, 0, 0);
	ns_builder_accept(b);
}

void ns_compile_is_answer(struct ns_builder *b)
{
	ns_builder_ct(b, NFT_CT_DIRECTION, 0);
	ns_builder_cmp8(b, NFT_CMP_EQ, 0, IP_CT_DIR_REPLY);
}

void ns_compile_state(struct ns_builder *b, uint32_t bits)
{
	ns_builder_ct(b, NFT_CT_STATE, 0);
	ns_builder_mask(b, 0, &bits, sizeof(bits));
	ns_builder_cmp32(b, NFT_CMP_NEQ, 0, 0);
}

/* Errors about a connection that was let through. Conntrack checks that they go where that connection goes. Related
 * connections of other protocols are those of helpers, and no helper opens ports here. */
void ns_compile_related_icmp(struct ns_builder *b)
{
	ns_builder_rule(b, "errors about known connections");
	ns_compile_state(b, NF_CT_STATE_BIT(IP_CT_RELATED));
	ns_builder_meta(b, NFT_META_L4PROTO, 0);
	ns_builder_lookup(b, NS_SET_ICMP_PROTOCOLS, 0, false);
	ns_builder_accept(b);
}

/* By the address, not by the frame: a neighbour may put any destination into a broadcast frame. */
void ns_compile_groups(struct ns_builder *b, int32_t verdict, const char *chain)
{
	ns_builder_rule(b, "to a multicast group, IPv4");
	ns_builder_family(b, AF_INET);
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, NS_IPV4_DESTINATION, 1, 0);
	ns_builder_mask(b, 0, &(uint8_t){ 0xf0 }, 1);
	ns_builder_cmp8(b, NFT_CMP_EQ, 0, 0xe0);
	ns_builder_verdict(b, verdict, chain);

	ns_builder_rule(b, "to a broadcast address");
	ns_builder_family(b, AF_INET);
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, NS_IPV4_DESTINATION, 4, 0);
	ns_builder_lookup(b, NS_SET_BROADCAST4, 0, false);
	ns_builder_verdict(b, verdict, chain);

	ns_builder_rule(b, "to a multicast group, IPv6");
	ns_builder_family(b, AF_INET6);
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, NS_IPV6_DESTINATION, 1, 0);
	ns_builder_cmp8(b, NFT_CMP_EQ, 0, 0xff);
	ns_builder_verdict(b, verdict, chain);
}

int ns_compile_finish(struct ns_builder *b, struct ns_plan *plan, struct ns_plan *ret)
{
	if (b->code < 0) {
		ns_plan_release(plan);
		return b->code;
	}
	ns_plan_normalise(plan);
	*ret = *plan;
	*plan = (struct ns_plan)NS_PLAN_INIT;
	return 0;
}
