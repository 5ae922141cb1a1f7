/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <string.h>

#include "compile.h"
#include "shape.h"

enum { FOUR, SIX };
static const int families[NS_SHAPE_FAMILIES] = { AF_INET, AF_INET6 };

static const uint8_t with_ports[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_UDPLITE };

static unsigned family_index(int family)
{
	return family == AF_INET ? FOUR : SIX;
}

/* ---- what the elements are ---- */

static void add_protocols(struct ns_shape_set *set, uint8_t first, uint8_t last)
{
	for (unsigned i = first; i <= last; i++)
		set->protocols[i / 8] |= (uint8_t)(1u << i % 8);
}

/* Multicast is at the end of IPv6's addresses, and of IPv4's with what is behind it. */
static bool reaches_groups(const struct ns_plan *plan, const struct ns_plan_element *e, size_t at, int family)
{
	const struct ns_plan_set *broadcasts = ns_plan_find_set(plan, NS_SET_BROADCAST4);

	if (e->key_end[at] >= (family == AF_INET ? 0xe0 : 0xff))
		return true;
	for (size_t i = 0; family == AF_INET && broadcasts && i < broadcasts->n_elements; i++)
		if (memcmp(e->key + at, broadcasts->elements[i].key, 4) <= 0 &&
		    memcmp(e->key_end + at, broadcasts->elements[i].key, 4) >= 0)
			return true;
	return false;
}

bool ns_shape_is_group(const struct ns_addr *addr, const struct ns_compile_options *options)
{
	if (addr->bytes[0] >= (addr->family == AF_INET ? 0xe0 : 0xff))
		return true;
	for (size_t i = 0; options && i < options->n_links; i++) {
		struct ns_addr broadcast = ns_prefix_broadcast(&options->links[i]);

		if (broadcast.family == AF_INET && ns_addr_equal(&broadcast, addr))
			return true;
	}
	return false;
}

/* Protocol and addresses are the first fields of every such set. */
static void add_elements(const struct ns_plan *plan, const char *name, int family, struct ns_shape_set *ret)
{
	const struct ns_plan_set *set = ns_plan_find_set(plan, name);

	for (size_t i = 0; set && i < set->n_elements; i++) {
		const struct ns_plan_element *e = &set->elements[i];
		size_t at = ns_field_padded_length(set->fields[0]);

		add_protocols(ret, e->key[0], e->key_end[0]);
		for (unsigned j = 1; j < set->n_fields && set->fields[j] != NS_FIELD_PORT; j++) {
			ret->groups = ret->groups || reaches_groups(plan, e, at, family);
			at += ns_field_padded_length(set->fields[j]);
		}
	}
}

/* ---- what they may become ---- */

static bool is_in_book(const struct ns_peer *peer)
{
	return peer->peer_class == NS_PEER_WORKLOAD || peer->peer_class == NS_PEER_HOST ||
	       peer->peer_class == NS_PEER_SERVICE || peer->peer_class == NS_PEER_NAME;
}

static bool may_be_of(const struct ns_peer *peer, int family)
{
	return (peer->peer_class != NS_PEER_CIDR && peer->peer_class != NS_PEER_MULTICAST) ||
	       peer->prefix.addr.family == family;
}

static void add_rule_protocol(struct ns_shape_set *set, const struct ns_rule *rule, int family)
{
	if (rule->any_protocol)
		add_protocols(set, 0, 255);
	else if (!ns_protocol_is_icmp(rule->protocol) || (rule->protocol == IPPROTO_ICMP) == (family == AF_INET))
		add_protocols(set, rule->protocol, rule->protocol);
}

static void has_spans(const struct ns_rule *rule, bool *ret_one, bool *ret_many)
{
	*ret_one = !rule->any_protocol && rule->n_spans == 0;
	*ret_many = rule->any_protocol;
	for (size_t i = 0; i < rule->n_spans; i++) {
		*ret_one = *ret_one || rule->spans[i].lo == rule->spans[i].hi;
		*ret_many = *ret_many || rule->spans[i].lo != rule->spans[i].hi;
	}
}

/* An address of the book is a single one. What is published of a service may cut its ports down to one; and of transit
 * the other end may be a range. */
static void add_rule(struct ns_shape *shape, const struct ns_rule *rule)
{
	bool transit = rule->direction == NS_TRANSIT, one, many;

	if (!is_in_book(&rule->peer) && !(transit && is_in_book(&rule->source)))
		return;
	has_spans(rule, &one, &many);
	one = one || rule->peer.peer_class == NS_PEER_SERVICE || transit;
	many = many || transit;
	for (unsigned i = 0; i < NS_SHAPE_FAMILIES; i++) {
		int family = families[i];

		if (!may_be_of(&rule->peer, family) || (transit && !may_be_of(&rule->source, family)))
			continue;
		for (unsigned range = 0; range < 2; range++) {
			if (!(range ? many : one))
				continue;
			add_rule_protocol(&shape->allow[range][rule->direction][i], rule, family);
			if (transit) /* it may leave in the endpoint's own name */
				add_rule_protocol(&shape->allow[range][NS_EGRESS][i], rule, family);
		}
		for (unsigned range = 0; range < 2; range++) {
			if (range ? !(rule->any_protocol || transit) : !one && rule->any_protocol)
				continue;
			add_rule_protocol(&shape->fragments[NS_FRAGMENTS_PEER][i][range], rule, family);
			if (transit)
				add_rule_protocol(&shape->fragments[NS_FRAGMENTS_TRANSIT][i][range], rule, family);
		}
	}
}

void ns_shape_of(const struct ns_plan *plan, const struct ns_policy *policy, struct ns_shape *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < NS_SHAPE_FAMILIES; i++) {
		for (unsigned range = 0; range < 2; range++) {
			enum ns_purpose purpose = range ? NS_PURPOSE_ALLOW_RANGE : NS_PURPOSE_ALLOW;

			for (enum ns_direction direction = NS_INGRESS; direction <= NS_TRANSIT; direction++)
				add_elements(plan, ns_layout_set_name(purpose, direction, families[i]), families[i],
					     &ret->allow[range][direction][i]);
			for (enum ns_fragments kind = 0; kind < NS_FRAGMENTS_KINDS; kind++)
				add_elements(plan, ns_fragments_set_name(kind, families[i], range), families[i],
					     &ret->fragments[kind][i][range]);
		}
	}
	for (size_t i = 0; i < policy->n_rules; i++)
		add_rule(ret, &policy->rules[i]);
}

/* ---- questions ---- */

static const struct ns_shape_set *set_of(const struct ns_shape *shape, enum ns_purpose purpose,
					 enum ns_direction direction, int family)
{
	return &shape->allow[purpose == NS_PURPOSE_ALLOW_RANGE][direction][family_index(family)];
}

static bool has(const struct ns_shape_set *set, uint8_t protocol)
{
	return set->protocols[protocol / 8] >> protocol % 8 & 1;
}

static bool has_any(const struct ns_shape_set *set)
{
	for (size_t i = 0; i < sizeof(set->protocols); i++)
		if (set->protocols[i])
			return true;
	return false;
}

/* One that is neither with ports nor the family's ICMP: the other family's ICMP is as strange as any there. */
static bool has_other(const struct ns_shape_set *set, int family)
{
	struct ns_shape_set rest = *set;
	uint8_t icmp = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	for (size_t i = 0; i < sizeof(with_ports); i++)
		rest.protocols[with_ports[i] / 8] &= (uint8_t) ~(1u << with_ports[i] % 8);
	rest.protocols[icmp / 8] &= (uint8_t) ~(1u << icmp % 8);
	return has_any(&rest);
}

bool ns_shape_protocol(const struct ns_shape *shape, enum ns_purpose purpose, enum ns_direction direction, int family,
		       uint8_t protocol)
{
	return !shape || has(set_of(shape, purpose, direction, family), protocol);
}

bool ns_shape_kind(const struct ns_shape *shape, enum ns_purpose purpose, enum ns_direction direction, int family,
		   enum ns_key_kind kind)
{
	const struct ns_shape_set *set;

	if (!shape)
		return true;
	set = set_of(shape, purpose, direction, family);
	switch (kind) {
	case NS_KIND_PORTS:
		for (size_t i = 0; i < sizeof(with_ports); i++)
			if (has(set, with_ports[i]))
				return true;
		return false;
	case NS_KIND_ICMP:
		return has(set, IPPROTO_ICMP) || has(set, IPPROTO_ICMPV6);
	case NS_KIND_OTHER:
		return has_other(set, family);
	case NS_KINDS:
		break;
	}
	return true;
}

bool ns_shape_any(const struct ns_shape *shape, enum ns_direction direction, int family)
{
	return !shape || has_any(set_of(shape, NS_PURPOSE_ALLOW, direction, family)) ||
	       has_any(set_of(shape, NS_PURPOSE_ALLOW_RANGE, direction, family));
}

bool ns_shape_groups(const struct ns_shape *shape, enum ns_direction direction, int family)
{
	return !shape || set_of(shape, NS_PURPOSE_ALLOW, direction, family)->groups ||
	       set_of(shape, NS_PURPOSE_ALLOW_RANGE, direction, family)->groups;
}

bool ns_shape_fragments(const struct ns_shape *shape, enum ns_fragments kind, int family, bool range)
{
	return !shape || has_any(&shape->fragments[kind][family_index(family)][range]);
}

bool ns_shape_fragment_groups(const struct ns_shape *shape, enum ns_fragments kind, int family)
{
	return !shape || shape->fragments[kind][family_index(family)][false].groups ||
	       shape->fragments[kind][family_index(family)][true].groups;
}
