/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Rules to boxes, boxes to elements. Dimensions are the key's fields in their order.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "boxes.h"
#include "cleanup.h"
#include "elements.h"
#include "peers.h"

#define PROTOCOL_MAX 255
#define PORT_MAX     65535

enum { FAMILY4, FAMILY6, FAMILIES };
static const int families[FAMILIES] = { AF_INET, AF_INET6 };

/* The boxes of one set and of its twin for ranges. */
struct pair {
	struct ns_boxes exact, range;
};

struct compilation {
	const struct ns_policy *policy;
	const struct ns_book *book;
	const struct ns_compile_options *options;
	struct pair pairs[NS_TRANSIT + 1][FAMILIES]; /* by direction and family */
	struct pair fragments[NS_FRAGMENTS_KINDS][FAMILIES];
	bool outer;
	const struct ns_elements_of *of; /* NULL: all elements */
	size_t n_boxes;                  /* in `pairs`, as the rules give them */
	struct ns_error *err;
};

static void release_pair(struct pair *pair)
{
	ns_boxes_release(&pair->exact);
	ns_boxes_release(&pair->range);
}

static void release(struct compilation *c)
{
	for (unsigned family = 0; family < FAMILIES; family++) {
		for (unsigned direction = NS_INGRESS; direction <= NS_TRANSIT; direction++)
			release_pair(&c->pairs[direction][family]);
		for (unsigned kind = 0; kind < NS_FRAGMENTS_KINDS; kind++)
			release_pair(&c->fragments[kind][family]);
	}
}

const char *ns_fragments_set_name(enum ns_fragments kind, int family, bool range)
{
	static const char *const names[NS_FRAGMENTS_KINDS][FAMILIES][2] = {
		[NS_FRAGMENTS_GROUP] = { { "group_fragments4", "group_fragments4_range" },
					 { "group_fragments6", "group_fragments6_range" } },
		[NS_FRAGMENTS_PEER] = { { "fragments4", "fragments4_range" }, { "fragments6", "fragments6_range" } },
		[NS_FRAGMENTS_TRANSIT] = { { "transit_fragments4", "transit_fragments4_range" },
					   { "transit_fragments6", "transit_fragments6_range" } },
	};

	return names[kind][family == AF_INET ? FAMILY4 : FAMILY6][range];
}

static unsigned __int128 number(const struct ns_addr *addr)
{
	unsigned __int128 value = 0;

	for (size_t i = 0; i < ns_addr_length(addr); i++)
		value = value << 8 | addr->bytes[i];
	return value;
}

static void put_number(uint8_t *to, unsigned __int128 value, size_t length)
{
	for (size_t i = length; i-- > 0; value >>= 8)
		to[i] = (uint8_t)value;
}

/* The last field's interval. An ICMP type is the first of two bytes, so that it stands for 256 numbers, of which the
 * packet path makes the first only. */
static void port_interval(const struct ns_rule *rule, size_t span, unsigned __int128 *lo, unsigned __int128 *hi)
{
	*lo = *hi = 0;
	if (rule->any_protocol) {
		*hi = PORT_MAX;
	} else if (ns_protocol_has_ports(rule->protocol)) {
		*lo = rule->spans[span].lo;
		*hi = rule->spans[span].hi;
	} else if (ns_protocol_is_icmp(rule->protocol)) {
		*lo = (unsigned)rule->spans[span].lo << 8;
		*hi = (unsigned)rule->spans[span].hi << 8 | 0xff;
	}
}

static bool is_exact(const struct ns_rule *rule, const struct ns_box *box, unsigned dimensions)
{
	for (unsigned i = 0; i + 1 < dimensions; i++)
		if (box->lo[i] != box->hi[i])
			return false;
	if (!rule->any_protocol && ns_protocol_is_icmp(rule->protocol))
		return box->lo[dimensions - 1] >> 8 == box->hi[dimensions - 1] >> 8;
	return box->lo[dimensions - 1] == box->hi[dimensions - 1];
}

/* The address of a box of ingress or egress, or of fragments. */
static struct ns_addr box_address(unsigned family, const struct ns_box *box)
{
	struct ns_addr addr = { .family = (uint8_t)families[family] };

	put_number(addr.bytes, box->lo[1], family == FAMILY4 ? 4 : 16);
	return addr;
}

/* Of a part: whether the box is to be left out. What an address that moves adds to the ranges would have to be cut out
 * of them, and they out of it. */
static int leave_out(struct compilation *c, const struct ns_box *box, unsigned family, bool exact, bool *ret)
{
	struct ns_addr addr;

	*ret = true;
	if (box->lo[1] != box->hi[1])
		return 0;
	addr = box_address(family, box);
	if (!ns_elements_of_address(c->of, &addr))
		return 0;
	*ret = false;
	if (!exact && ns_elements_of_holder(c->of, &c->policy->rules[box->owner].peer))
		return ns_error_set(c->err, -EOPNOTSUPP, "a rule of ranges");
	*ret = !exact;
	return 0;
}

static int put_box(struct compilation *c, struct pair *pair, unsigned family, const struct ns_box *box,
		   unsigned dimensions, bool exact)
{
	bool left_out = false;
	int r = c->of ? leave_out(c, box, family, exact, &left_out) : 0;

	if (r < 0 || left_out)
		return r;
	pair->exact.dimensions = pair->range.dimensions = dimensions;
	return ns_boxes_add(exact ? &pair->exact : &pair->range, box, c->err);
}

/* The box without the field `index`. */
static struct ns_box without(const struct ns_box *box, unsigned index, unsigned dimensions)
{
	struct ns_box less = *box;

	for (unsigned i = index; i + 1 < dimensions; i++) {
		less.lo[i] = box->lo[i + 1];
		less.hi[i] = box->hi[i + 1];
	}
	return less;
}

static bool is_point(const struct ns_box *box, unsigned dimensions)
{
	for (unsigned i = 0; i < dimensions; i++)
		if (box->lo[i] != box->hi[i])
			return false;
	return true;
}

/* Multicast is at the end of both families' addresses; broadcast addresses of links are elsewhere. */
static bool has_groups(const struct ns_rule *rule, unsigned family, const struct ns_box *box)
{
	unsigned __int128 first = family == FAMILY4 ? UINT32_C(0xe0) << 24 : (unsigned __int128)0xff << 120;

	return rule->peer.peer_class == NS_PEER_BROADCAST || box->hi[1] >= first;
}

/* What the outer lock knows of a box besides: once for all spans of a rule (`first`) where it leads, for fragments. */
static int add_outer_boxes(struct compilation *c, const struct ns_rule *rule, unsigned family, const struct ns_box *box,
			   bool first)
{
	bool transit = rule->direction == NS_TRANSIT;
	unsigned dimensions = transit ? 4 : 3;
	struct ns_box masqueraded = transit ? without(box, 1, dimensions) : *box;
	int r = 0;

	if (transit)
		r = put_box(c, &c->pairs[NS_EGRESS][family], family, &masqueraded, dimensions - 1,
			    is_exact(rule, &masqueraded, dimensions - 1));
	if (r == 0 && first)
		r = put_box(c, &c->fragments[NS_FRAGMENTS_PEER][family], family, &masqueraded, 2,
			    is_point(&masqueraded, 2));
	if (r == 0 && first && rule->direction == NS_EGRESS && has_groups(rule, family, box))
		r = put_box(c, &c->fragments[NS_FRAGMENTS_GROUP][family], family, box, 2, is_point(box, 2));
	if (r == 0 && first && transit)
		r = put_box(c, &c->fragments[NS_FRAGMENTS_TRANSIT][family], family, box, 3, is_point(box, 3));
	return r;
}

/* Leaves of the box what the published ports are; false when that is nothing. The port is the field `at`. */
static bool keep_within(struct ns_box *box, unsigned at, const struct ns_ported *ported)
{
	if (ported->protocol < box->lo[0] || ported->protocol > box->hi[0] || ported->last < box->lo[at] ||
	    ported->first > box->hi[at])
		return false;
	box->lo[0] = box->hi[0] = ported->protocol;
	if (box->lo[at] < ported->first)
		box->lo[at] = ported->first;
	if (box->hi[at] > ported->last)
		box->hi[at] = ported->last;
	return true;
}

/* One box a span. `source` is NULL unless the rule is of transit, `ported` unless the peer is published ports. */
static int add_boxes(struct compilation *c, size_t owner, const struct ns_addr_range *source,
		     const struct ns_addr_range *peer, const struct ns_ported *ported)
{
	const struct ns_rule *rule = &c->policy->rules[owner];
	unsigned family = peer->lo.family == AF_INET ? FAMILY4 : FAMILY6;
	unsigned dimensions = source ? 4 : 3, at = 0; /* the protocol, set for each span */
	size_t n_spans = rule->n_spans ? rule->n_spans : 1;
	struct ns_box box = { .owner = owner };
	bool first = true;
	int r = 0;

	at++;
	if (source) {
		box.lo[at] = number(&source->lo);
		box.hi[at++] = number(&source->hi);
	}
	box.lo[at] = number(&peer->lo);
	box.hi[at++] = number(&peer->hi);
	for (size_t i = 0; r == 0 && i < n_spans; i++) {
		box.lo[0] = rule->any_protocol ? 0 : rule->protocol;
		box.hi[0] = rule->any_protocol ? PROTOCOL_MAX : rule->protocol;
		port_interval(rule, i, &box.lo[at], &box.hi[at]);
		if (ported && !keep_within(&box, at, ported))
			continue;
		if (++c->n_boxes > NS_PLAN_ELEMENTS_MAX)
			return ns_error_set(c->err, -E2BIG, "more than %d elements are needed", NS_PLAN_ELEMENTS_MAX);
		r = put_box(c, &c->pairs[rule->direction][family], family, &box, dimensions,
			    is_exact(rule, &box, dimensions));
		if (r == 0 && c->outer)
			r = add_outer_boxes(c, rule, family, &box, first);
		first = false;
	}
	return r;
}

static bool is_member(const struct compilation *c)
{
	return c->options && c->options->member;
}

static bool needs_spans(const struct ns_rule *rule)
{
	return !rule->any_protocol && (ns_protocol_has_ports(rule->protocol) || ns_protocol_is_icmp(rule->protocol));
}

/* ICMP is of IPv4 and ICMPv6 of IPv6: the other two of the four are on no wire, and no rule means them. */
static bool goes_with(const struct ns_rule *rule, int family)
{
	return rule->any_protocol || !ns_protocol_is_icmp(rule->protocol) ||
	       (rule->protocol == IPPROTO_ICMP) == (family == AF_INET);
}

/* `sources` of a rule of transit. */
static int add_peer(struct compilation *c, size_t owner, const struct ns_ranges *sources,
		    const struct ns_addr_range *peer, const struct ns_ported *ported)
{
	const struct ns_rule *rule = &c->policy->rules[owner];
	int r = 0;

	if (!goes_with(rule, peer->lo.family))
		return 0;
	if (rule->direction != NS_TRANSIT)
		return add_boxes(c, owner, NULL, peer, ported);
	for (size_t i = 0; r == 0 && i < sources->n; i++)
		if (sources->ranges[i].lo.family == peer->lo.family)
			r = add_boxes(c, owner, &sources->ranges[i], peer, ported);
	return r;
}

static int add_rule(struct compilation *c, size_t owner)
{
	const struct ns_rule *rule = &c->policy->rules[owner];
	struct ns_ranges NS_CLEANUP(ns_ranges_release) peers = { 0 }, NS_CLEANUP(ns_ranges_release) sources = { 0 };
	int r;

	/* The parser makes no such rule; a rule without its ports must not become one for all or for port 0. */
	if (needs_spans(rule) != (rule->n_spans > 0))
		return ns_error_set(c->err, -EINVAL, "its protocol and its ports do not go together");
	if (rule->direction < NS_INGRESS || rule->direction > NS_TRANSIT)
		return ns_error_set(c->err, -EINVAL, "no direction");
	if (rule->direction == NS_TRANSIT && is_member(c))
		return 0; /* nothing is forwarded in a member's name */
	if (c->of) {
		r = ns_elements_of_rule(c->of, rule, c->err);
		if (r <= 0)
			return r;
	}
	r = ns_peer_resolve(&rule->peer, c->book, c->options, &peers, c->err);
	if (r == 0 && rule->direction == NS_TRANSIT)
		r = ns_peer_resolve(&rule->source, c->book, c->options, &sources, c->err);
	for (size_t i = 0; r == 0 && i < peers.n; i++)
		r = add_peer(c, owner, &sources, &peers.ranges[i], NULL);
	/* A published port is where somebody is sent to, and never where somebody asks from. */
	for (size_t i = 0; r == 0 && rule->direction != NS_INGRESS && i < peers.n_ported; i++)
		r = add_peer(c, owner, &sources, &peers.ported[i].addrs, &peers.ported[i]);
	return r;
}

static int add_element(struct ns_plan_set *set, const struct ns_box *box, const char *tag, struct ns_error *err)
{
	struct ns_plan_element *element = ns_plan_add_element(set, err);
	size_t at = 0;

	if (!element)
		return err && err->code < 0 ? err->code : -ENOMEM;
	for (unsigned i = 0; i < set->n_fields; i++) {
		size_t length = ns_field_length(set->fields[i]);

		put_number(element->key + at, box->lo[i], length);
		put_number(element->key_end + at, set->interval ? box->hi[i] : box->lo[i], length);
		at += ns_field_padded_length(set->fields[i]);
	}
	(void)snprintf(element->tag, sizeof(element->tag), "%s", tag);
	return 0;
}

static int fill(struct compilation *c, struct ns_plan *plan, const char *set_name, const struct ns_boxes *boxes)
{
	struct ns_plan_set *set;
	int r = 0;

	if (c->of && boxes->n == 0)
		return 0;
	set = ns_plan_find_set(plan, set_name);
	if (!set)
		return ns_error_set(c->err, -ENOENT, "no set %s in the plan", set_name);
	for (size_t i = 0; r == 0 && i < boxes->n; i++)
		r = add_element(set, &boxes->boxes[i], c->policy->rules[boxes->boxes[i].owner].id, c->err);
	return r;
}

/* `address` is the field in which the ranges are apart. */
static int fill_pair(struct compilation *c, struct ns_plan *plan, struct pair *pair, unsigned address,
		     const char *exact_name, const char *range_name)
{
	int r;

	ns_boxes_unique(&pair->exact);
	r = fill(c, plan, exact_name, &pair->exact);
	if (r < 0)
		return r;
	r = ns_boxes_separate(&pair->range, address, c->err);
	if (r < 0)
		return r;
	return fill(c, plan, range_name, &pair->range);
}

static int fill_direction(struct compilation *c, struct ns_plan *plan, enum ns_direction direction, unsigned family)
{
	return fill_pair(c, plan, &c->pairs[direction][family], direction == NS_TRANSIT ? 2 : 1,
			 ns_layout_set_name(NS_PURPOSE_ALLOW, direction, families[family]),
			 ns_layout_set_name(NS_PURPOSE_ALLOW_RANGE, direction, families[family]));
}

static int fill_fragments(struct compilation *c, struct ns_plan *plan, enum ns_fragments kind, unsigned family)
{
	struct pair *pair = &c->fragments[kind][family];

	ns_boxes_unique(&pair->range); /* without their ports many are equal */
	return fill_pair(c, plan, pair, kind == NS_FRAGMENTS_TRANSIT ? 2 : 1,
			 ns_fragments_set_name(kind, families[family], false),
			 ns_fragments_set_name(kind, families[family], true));
}

static int compile(struct compilation *c, struct ns_plan *plan)
{
	size_t n_elements = 0;
	int r;

	for (size_t i = 0; i < c->policy->n_rules; i++) {
		r = add_rule(c, i);
		if (r < 0) {
			(void)ns_error_context(c->err, "rule %s", c->policy->rules[i].id);
			return r;
		}
	}
	for (unsigned direction = NS_INGRESS; direction <= NS_TRANSIT; direction++) {
		for (unsigned family = 0; family < FAMILIES && !(direction == NS_TRANSIT && is_member(c)); family++) {
			r = fill_direction(c, plan, direction, family);
			if (r < 0)
				return r;
		}
	}
	for (unsigned i = 0; c->outer && i < NS_FRAGMENTS_KINDS * FAMILIES; i++) {
		r = fill_fragments(c, plan, (enum ns_fragments)(i / FAMILIES), i % FAMILIES);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < plan->n_sets; i++)
		n_elements += plan->sets[i].n_elements;
	if (n_elements > NS_PLAN_ELEMENTS_MAX)
		return ns_error_set(c->err, -E2BIG, "more than %d elements are needed", NS_PLAN_ELEMENTS_MAX);
	return 0;
}

static int compile_elements(struct ns_plan *plan, const struct ns_policy *policy, const struct ns_book *book,
			    const struct ns_compile_options *options, bool outer, const struct ns_elements_of *of,
			    struct ns_error *err)
{
	struct ns_error own = NS_ERROR_INIT; /* so that codes can be told when nobody wants the text */
	struct compilation NS_CLEANUP(release) c = {
		.policy = policy, .book = book, .options = options, .outer = outer, .of = of, .err = err ? err : &own
	};
	int r = compile(&c, plan);

	if (r < 0)
		(void)ns_error_context(c.err, "policy of %s", policy->workload ?: "nobody");
	return r;
}

int ns_compile_elements(struct ns_plan *plan, const struct ns_policy *policy, const struct ns_book *book,
			const struct ns_compile_options *options, struct ns_error *err)
{
	return compile_elements(plan, policy, book, options, false, NULL, err);
}

int ns_compile_outer_elements(struct ns_plan *plan, const struct ns_policy *policy, const struct ns_book *book,
			      const struct ns_compile_options *options, struct ns_error *err)
{
	return compile_elements(plan, policy, book, options, true, NULL, err);
}

int ns_compile_elements_of(struct ns_plan *plan, const struct ns_policy *policy, const struct ns_book *book,
			   const struct ns_compile_options *options, bool outer, const struct ns_elements_of *of,
			   struct ns_error *err)
{
	return compile_elements(plan, policy, book, options, outer, of, err);
}
