/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "shape.h"
#include "tuple_key.h"

static const int families[] = { AF_INET, AF_INET6 };
#define FAMILIES (sizeof(families) / sizeof(families[0]))

#define REG_PROTOCOL 0
#define REG_ADDRESS  1 /* and those that follow, as many as the addresses need */

void ns_builder_family(struct ns_builder *b, int family)
{
	ns_builder_meta(b, NFT_META_NFPROTO, 0);
	ns_builder_cmp8(b, NFT_CMP_EQ, 0, family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

void ns_builder_protocol(struct ns_builder *b, uint8_t protocol)
{
	ns_builder_meta(b, NFT_META_L4PROTO, 0);
	ns_builder_cmp8(b, NFT_CMP_EQ, 0, protocol);
}

/* Into its register, where the key begins. */
static void load_protocol(struct ns_builder *b, const struct ns_tuple_place *place)
{
	if (place)
		ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, place->protocol, 1, REG_PROTOCOL);
	else
		ns_builder_meta(b, NFT_META_L4PROTO, REG_PROTOCOL);
}

static void load_transport(struct ns_builder *b, const struct ns_tuple_place *place, uint32_t offset, uint32_t length,
			   uint8_t reg)
{
	if (place)
		ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, place->transport + offset, length, reg);
	else
		ns_builder_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, offset, length, reg);
}

/* Leaves the protocol in its register. */
static void load_kind(struct ns_builder *b, const struct ns_tuple_place *place, enum ns_key_kind kind)
{
	load_protocol(b, place);
	if (kind == NS_KIND_PORTS) {
		ns_builder_lookup(b, NS_SET_PORT_PROTOCOLS, REG_PROTOCOL, false);
	} else if (kind == NS_KIND_ICMP) {
		ns_builder_lookup(b, NS_SET_ICMP_PROTOCOLS, REG_PROTOCOL, false);
	} else {
		ns_builder_lookup(b, NS_SET_PORT_PROTOCOLS, REG_PROTOCOL, true);
		ns_builder_lookup(b, NS_SET_ICMP_PROTOCOLS, REG_PROTOCOL, true);
	}
}

uint8_t ns_tuple_load_address(struct ns_builder *b, int family, bool source, uint8_t reg)
{
	if (family == AF_INET) {
		ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, source ? NS_IPV4_SOURCE : NS_IPV4_DESTINATION, 4,
				   reg);
		return (uint8_t)(reg + 1);
	}
	ns_builder_payload(b, NFT_PAYLOAD_NETWORK_HEADER, source ? NS_IPV6_SOURCE : NS_IPV6_DESTINATION, 16, reg);
	return (uint8_t)(reg + 4);
}

static bool is_answer(enum ns_key_shape shape)
{
	return shape == NS_KEY_ANSWER || shape == NS_KEY_SOURCE_ANSWER || shape == NS_KEY_BOTH_ANSWER;
}

static void load_port(struct ns_builder *b, const struct ns_tuple_place *place, enum ns_key_kind kind,
		      enum ns_key_shape shape, uint8_t reg)
{
	if (kind == NS_KIND_PORTS)
		load_transport(b, place, is_answer(shape) ? 0 : 2, 2, reg);
	else if (kind == NS_KIND_ICMP)
		load_transport(b, place, 0, 1, reg); /* the type; the rest is zero */
	else
		ns_builder_immediate_zero(b, reg, 2);
}

uint8_t ns_tuple_load_rest(struct ns_builder *b, int family, const struct ns_tuple_place *place, enum ns_key_kind kind,
			   enum ns_key_shape shape)
{
	bool source = shape == NS_KEY_SOURCE || shape == NS_KEY_SOURCE_ANSWER;
	uint8_t reg = REG_ADDRESS;

	if (shape == NS_KEY_BOTH || shape == NS_KEY_BOTH_ANSWER) {
		reg = ns_tuple_load_address(b, family, shape == NS_KEY_BOTH, reg);
		source = shape == NS_KEY_BOTH_ANSWER;
	}
	reg = ns_tuple_load_address(b, family, source, reg);
	load_port(b, place, kind, shape, reg);
	return reg;
}

uint8_t ns_tuple_load(struct ns_builder *b, int family, const struct ns_tuple_place *place, enum ns_key_kind kind,
		      enum ns_key_shape shape)
{
	load_protocol(b, place);
	return ns_tuple_load_rest(b, family, place, kind, shape);
}

/* With the conditions that make it that family and kind. */
static void load_key(struct ns_builder *b, const struct ns_tuple_rules *rules, int family, enum ns_key_kind kind)
{
	if (!rules->family)
		ns_builder_family(b, family);
	load_kind(b, rules->place, kind);
	(void)ns_tuple_load_rest(b, family, rules->place, kind, rules->shape);
}

static bool is_for(const struct ns_tuple_rules *rules, int family, enum ns_key_kind kind)
{
	return (!rules->family || rules->family == family) && (!rules->ports_only || kind == NS_KIND_PORTS);
}

static bool may_find(const struct ns_builder *b, const struct ns_tuple_rules *rules, int family, enum ns_key_kind kind)
{
	bool allows = rules->purpose == NS_PURPOSE_ALLOW || rules->purpose == NS_PURPOSE_ALLOW_RANGE;

	return !allows || ns_shape_kind(b->shape, rules->purpose, rules->direction, family, kind);
}

void ns_tuple_lookups(struct ns_builder *b, const struct ns_tuple_rules *rules)
{
	for (enum ns_key_kind kind = 0; kind < NS_KINDS; kind++) {
		for (size_t i = 0; i < FAMILIES; i++) {
			if (!is_for(rules, families[i], kind) || !may_find(b, rules, families[i], kind))
				continue;
			ns_builder_rule(b, NULL);
			load_key(b, rules, families[i], kind);
			ns_builder_lookup(b, ns_layout_set_name(rules->purpose, rules->direction, families[i]),
					  REG_PROTOCOL, false);
			ns_builder_verdict(b, rules->verdict, rules->chain);
		}
	}
}

void ns_tuple_adds(struct ns_builder *b, const struct ns_tuple_rules *rules)
{
	char prefix[NS_LOG_PREFIX_MAX];

	if (rules->log)
		ns_layout_log_prefix(rules->log, rules->direction, prefix);
	for (enum ns_key_kind kind = 0; kind < NS_KINDS; kind++) {
		for (size_t i = 0; i < FAMILIES; i++) {
			if (!is_for(rules, families[i], kind))
				continue;
			ns_builder_rule(b, NULL);
			load_key(b, rules, families[i], kind);
			ns_builder_add(b, ns_layout_set_name(rules->purpose, rules->direction, families[i]),
				       REG_PROTOCOL);
			if (rules->log)
				ns_builder_log(b, rules->nflog_group, prefix);
			ns_builder_verdict(b, rules->verdict, rules->chain);
		}
	}
}

void ns_tuple_add_ports(struct ns_builder *b, const char *set, const struct ns_tuple_rules *rules)
{
	for (enum ns_key_kind kind = 0; kind < (rules->ports_only ? NS_KIND_PORTS + 1 : NS_KINDS); kind++) {
		ns_builder_rule(b, NULL);
		load_kind(b, NULL, kind);
		load_port(b, NULL, kind, rules->shape, REG_ADDRESS);
		ns_builder_add(b, set, REG_PROTOCOL);
	}
}

void ns_tuple_each_readable(struct ns_builder *b, const struct ns_tuple_place *place, enum ns_key_shape shape,
			    void (*rest)(struct ns_builder *b, const void *ctx), const void *ctx)
{
	for (enum ns_key_kind kind = 0; kind < NS_KINDS; kind++) {
		ns_builder_rule(b, NULL);
		load_kind(b, place, kind);
		load_port(b, place, kind, shape, REG_ADDRESS);
		rest(b, ctx);
	}
}

void ns_tuple_others(struct ns_builder *b)
{
	load_kind(b, NULL, NS_KIND_OTHER);
}
