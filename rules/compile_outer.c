/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The outer lock. It is stateless: nothing in the agent's namespace need track a container's connections, and what it
 * refuses does not depend on what came before. So it is coarser than the inner lock in one point: whoever may be
 * answered may be sent anything from the answering port, but for the packet that opens a TCP, SCTP or DCCP connection.
 *
 * As in the inner lock a packet is accepted by a rule that says so or not at all.
 */
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "compile_outer.h"
#include "elements.h"
#include "simplify.h"

const struct ns_outer_family ns_outer_families[NS_OUTER_FAMILIES] = {
	{ .family = AF_INET,
	  .name = "4",
	  .icmp = IPPROTO_ICMP,
	  .place = { 9, 20 },
	  .field = NS_FIELD_IPV4,
	  .address_length = 4,
	  .source = NS_IPV4_SOURCE,
	  .destination = NS_IPV4_DESTINATION,
	  .quoted_protocol = 8 + 9,
	  .quoted_source = 8 + NS_IPV4_SOURCE,
	  .quoted_destination = 8 + NS_IPV4_DESTINATION,
	  .quoted_transport = 8 + 20, /* a header with options is not believed */
	  .own = "own4",
	  .addresses = "addresses4" },
#define IPV6_FAMILY(...)                                                                                               \
	{                                                                                                              \
		.family = AF_INET6, .icmp = IPPROTO_ICMPV6, .field = NS_FIELD_IPV6, .address_length = 16,              \
		.source = NS_IPV6_SOURCE, .destination = NS_IPV6_DESTINATION,                                          \
		.quoted_protocol = 8 + NS_IPV6_NEXT_HEADER, .quoted_source = 8 + NS_IPV6_SOURCE,                       \
		.quoted_destination = 8 + NS_IPV6_DESTINATION, .quoted_transport = 8 + NS_IPV6_HEADER, .own = "own6",  \
		.addresses = "addresses6", __VA_ARGS__                                                                 \
	}
	IPV6_FAMILY(.name = "6", .place = { NS_IPV6_NEXT_HEADER, NS_IPV6_HEADER }),
	IPV6_FAMILY(.name = "6x", .behind = true, .place = { NS_IPV6_HEADER, NS_IPV6_HEADER + 8 }),
};

static const char *const side_words[] = { [NS_OUTER_FROM] = "from", [NS_OUTER_TO] = "to" };

struct ns_outer_name ns_outer_shared_name(const char *prefix, const struct ns_outer_family *f, const char *suffix)
{
	struct ns_outer_name name;

	(void)snprintf(name.text, sizeof(name.text), "%s%s%s%s", prefix, f->name, *suffix ? "_" : "", suffix);
	return name;
}

struct ns_outer_name ns_outer_chain_name(enum ns_outer_side side, const struct ns_outer_family *f, const char *suffix)
{
	return ns_outer_shared_name(side_words[side], f, suffix);
}

void ns_outer_goto(struct ns_builder *b, const char *chain)
{
	ns_builder_rule(b, NULL);
	ns_builder_verdict(b, NFT_GOTO, chain);
}

void ns_outer_refuse(struct ns_builder *b, const char *counter, const char *comment)
{
	ns_builder_rule(b, comment);
	ns_builder_counter(b, counter);
	ns_builder_verdict(b, NFT_GOTO, "refuse");
}

void ns_outer_from_own_mac(struct ns_builder *b)
{
	ns_builder_payload(b, NFT_PAYLOAD_LL_HEADER, NS_ETHER_SOURCE, ETH_ALEN, 0);
	ns_builder_lookup(b, NS_SET_MACS, 0, false);
}

void ns_outer_own_source(struct ns_builder *b, const struct ns_outer_family *f, bool invert)
{
	ns_builder_payload(b, NFT_PAYLOAD_LL_HEADER, NS_ETHER_SOURCE, ETH_ALEN, 0);
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->source, f->address_length, 2);
	ns_builder_lookup(b, f->own, 0, invert);
}

void ns_outer_own_destination(struct ns_builder *b, const struct ns_outer_family *f, bool invert)
{
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->destination, f->address_length, 0);
	ns_builder_lookup(b, f->addresses, 0, invert);
}

void ns_outer_network(struct ns_builder *b, uint32_t offset, const void *data, uint8_t length)
{
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, offset, length, 0);
	ns_builder_cmp(b, NFT_CMP_EQ, 0, data, length);
}

void ns_outer_load_transport(struct ns_builder *b, const struct ns_outer_family *f, uint32_t offset, uint8_t length,
			     uint8_t reg)
{
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->place.transport + offset, length, reg);
}

void ns_outer_transport(struct ns_builder *b, const struct ns_outer_family *f, uint32_t offset, const void *data,
			uint8_t length)
{
	ns_outer_network(b, f->place.transport + offset, data, length);
}

void ns_outer_load_protocol(struct ns_builder *b, const struct ns_outer_family *f)
{
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->place.protocol, 1, 0);
}

void ns_outer_protocol(struct ns_builder *b, const struct ns_outer_family *f, uint8_t protocol)
{
	ns_outer_load_protocol(b, f);
	ns_builder_cmp8(b, NFT_CMP_EQ, 0, protocol);
}

/* ---- sets ---- */

/* Nobody sends from such an address over a link; one that a container gave itself is not to become its own. */
static bool is_of_no_link(const struct ns_addr *addr)
{
	enum ns_addr_scope scope = ns_addr_scope(addr);

	return scope == NS_ADDR_UNSPECIFIED || scope == NS_ADDR_LOOPBACK || scope == NS_ADDR_MULTICAST ||
	       scope == NS_ADDR_BROADCAST;
}

static void own_elements(struct ns_builder *b, const struct ns_outer_options *options)
{
	for (size_t i = 0; i < options->n_own; i++) {
		const struct ns_addr *addr = &options->own[i];
		const struct ns_outer_family *f = &ns_outer_families[addr->family == AF_INET6];
		uint8_t key[NS_KEY_MAX] = { 0 };

		if (addr->family != f->family) {
			ns_builder_fail(b, ns_error_set(b->err, -EINVAL, "an own address of no family"));
			return;
		}
		if (is_of_no_link(addr))
			continue;
		ns_compile_element(b, f->addresses, addr->bytes, NULL, f->address_length);
		memcpy(key + 8, addr->bytes, f->address_length);
		for (size_t j = 0; j < options->n_macs; j++) {
			memcpy(key, options->macs[j], ETH_ALEN);
			ns_compile_element(b, f->own, key, NULL, 8u + f->address_length);
		}
	}
	for (size_t j = 0; j < options->n_macs; j++)
		ns_compile_element(b, NS_SET_MACS, options->macs[j], NULL, ETH_ALEN);
}

/* Those that a reader of the packet skips over when it looks for the transport header. */
static void extension_set(struct ns_builder *b)
{
	static const uint8_t extensions[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_AH,
					      IPPROTO_DSTOPTS };

	ns_builder_set(
		b, &(struct ns_plan_set){ .name = NS_SET_EXTENSIONS6, .fields = { NS_FIELD_PROTO }, .n_fields = 1 });
	for (size_t i = 0; i < sizeof(extensions); i++) {
		uint8_t key[4] = { extensions[i] };

		ns_compile_element(b, NS_SET_EXTENSIONS6, key, NULL, sizeof(key));
	}
}

static void fragment_set(struct ns_builder *b, const struct ns_outer_family *f, enum ns_fragments kind, bool range)
{
	struct ns_plan_set set = { .fields = { NS_FIELD_PROTO, f->field, f->field },
				   .n_fields = kind == NS_FRAGMENTS_TRANSIT ? 3 : 2,
				   .interval = range };

	(void)snprintf(set.name, sizeof(set.name), "%s", ns_fragments_set_name(kind, f->family, range));
	ns_builder_set(b, &set);
}

static void sets(struct ns_builder *b, const struct ns_outer_options *options)
{
	uint32_t deny_size = options->deny_set_size ? options->deny_set_size : NS_DENY_SET_SIZE;

	ns_compile_sets(b, NS_PURPOSE_ALLOW, 0, false);
	ns_compile_sets(b, NS_PURPOSE_ALLOW_RANGE, 0, false);
	ns_compile_sets(b, NS_PURPOSE_DENY, deny_size, true);
	ns_builder_set(b, &(struct ns_plan_set){ .name = NS_SET_MACS, .fields = { NS_FIELD_ETHER }, .n_fields = 1 });
	for (size_t i = 0; i < NS_OUTER_PLAIN_FAMILIES; i++) {
		const struct ns_outer_family *f = &ns_outer_families[i];
		struct ns_plan_set pairs = { .fields = { NS_FIELD_ETHER, f->field }, .n_fields = 2 };
		struct ns_plan_set addresses = { .fields = { f->field }, .n_fields = 1 };

		(void)snprintf(pairs.name, sizeof(pairs.name), "%s", f->own);
		(void)snprintf(addresses.name, sizeof(addresses.name), "%s", f->addresses);
		ns_builder_set(b, &pairs);
		ns_builder_set(b, &addresses);
		for (enum ns_fragments kind = 0; kind < NS_FRAGMENTS_KINDS; kind++) {
			fragment_set(b, f, kind, false);
			fragment_set(b, f, kind, true);
		}
	}
	extension_set(b);
	own_elements(b, options);
}

/* ---- chains ---- */

/* By the type that the frame bears on the wire: of a tagged frame the kernel has taken the tag off and knows the packet
 * in it, but what is loaded from the frame's header has the tag in it again. */
static void frame_chain(struct ns_builder *b, enum ns_outer_side side)
{
	static const struct {
		uint8_t type[2];
		const char *suffix;
	} types[] = { { { 0x08, 0x00 }, "4" }, { { 0x86, 0xdd }, "6" }, { { 0x08, 0x06 }, "_arp" } };
	char chain[NS_NFT_NAME_MAX];

	ns_builder_chain(b, side_words[side]);
	for (size_t i = 0; i < 3; i++) {
		ns_builder_rule(b, NULL);
		ns_builder_payload(b, NFT_PAYLOAD_LL_HEADER, NS_ETHER_TYPE, 2, 0);
		ns_builder_cmp(b, NFT_CMP_EQ, 0, types[i].type, 2);
		(void)snprintf(chain, sizeof(chain), "%s%s", side_words[side], types[i].suffix);
		ns_builder_verdict(b, NFT_GOTO, chain);
	}
	ns_outer_refuse(b, NS_COUNTER_FOREIGN_FRAME, "VLAN tags and other types of frames");
}

static void port_chain(struct ns_builder *b, const struct ns_port_name *port, enum ns_outer_side side, uint32_t policy)
{
	char name[NS_NFT_NAME_MAX];

	(void)snprintf(name, sizeof(name), "%s_%d", side_words[side], port->index);
	ns_builder_base_chain(b, name, side == NS_OUTER_FROM ? NF_NETDEV_INGRESS : NF_NETDEV_EGRESS, NS_OUTER_PRIORITY,
			      policy);
	ns_builder_device(b, port->name);
	ns_builder_rule(b, NULL);
	ns_builder_verdict(b, NFT_JUMP, side_words[side]);
}

static void chains(struct ns_builder *b, const struct ns_outer_options *options, bool auditing)
{
	uint32_t policy = auditing ? NF_ACCEPT : NF_DROP;
	enum ns_outer_side n_sides = options->egress_hook ? NS_OUTER_SIDES : NS_OUTER_TO;

	ns_builder_chain(b, "refuse");
	ns_builder_rule(b, NULL);
	ns_builder_verdict(b, (int32_t)policy, NULL);
	ns_outer_options_chain(b);
	ns_outer_link_chains(b);
	for (size_t i = 0; i < NS_OUTER_FAMILIES; i++) {
		const struct ns_outer_family *f = &ns_outer_families[i];

		ns_outer_uncounted_chain(b, f);
		ns_outer_transit_chains(b, f);
		ns_outer_transit_icmp_chains(b, f);
		for (enum ns_outer_side side = 0; side < NS_OUTER_SIDES; side++) {
			ns_outer_header_chains(b, f, side);
			ns_outer_icmp_chains(b, f, side);
			ns_outer_tuple_chains(b, f, side);
			ns_outer_packet_chains(b, f, side);
		}
	}
	for (enum ns_outer_side side = 0; side < NS_OUTER_SIDES; side++)
		frame_chain(b, side);
	for (size_t i = 0; i < options->n_ports; i++)
		for (enum ns_outer_side side = 0; side < n_sides; side++)
			port_chain(b, &options->ports[i], side, policy);
}

static void counters(struct ns_builder *b)
{
	static const char *const names[] = { NS_COUNTER_DENY_OVERFLOW,  NS_COUNTER_DENY_OTHER,
					     NS_COUNTER_SPOOFED_SOURCE, NS_COUNTER_SPOOFED_LINK,
					     NS_COUNTER_FOREIGN_FRAME,  NS_COUNTER_TENTATIVE,
					     NS_COUNTER_FLOODED };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ns_builder_counter_object(b, names[i]);
}

int ns_compile_outer(const struct ns_policy *policy, const struct ns_book *book, bool auditing,
		     const struct ns_outer_options *options, struct ns_plan *ret, struct ns_error *err)
{
	struct ns_compile_options links = { .links = options->links, .n_links = options->n_links };
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_builder b = { .plan = &plan, .err = err };
	struct ns_shape shape;

	if (policy->verdict != NS_VERDICT_DROP && policy->verdict != NS_VERDICT_REJECT)
		return ns_error_set(err, -EINVAL, "policy of %s: no verdict", policy->workload ?: "nobody");
	if (options->n_ports == 0)
		return ns_error_set(err, -EINVAL, "an outer lock without a port");
	ns_compile_begin(&b, &links);
	plan.family = NFPROTO_NETDEV;
	ns_outer_table_name(options->cookie, plan.table);
	counters(&b);
	sets(&b, options);
	if (b.code == 0)
		b.code = ns_compile_outer_elements(&plan, policy, book, &links, err);
	if (b.code == 0 && !options->whole) {
		ns_shape_of(&plan, policy, &shape);
		b.shape = &shape;
	}
	chains(&b, options, auditing);
	if (b.code == 0 && !options->whole)
		ns_simplify(&plan);
	return ns_compile_finish(&b, &plan, ret);
}
