/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Adding edges up, rule by rule.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "intern.h"
#include "policy_private.h"
#include "propose_tally.h"

#define FIRST_SLOTS 1024 /* a power of two */

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "no memory for a proposal");
}

int ns_tallies_new(struct ns_tallies **ret, struct ns_error *err)
{
	struct ns_tallies *tallies = calloc(1, sizeof(*tallies));

	if (!tallies)
		return no_memory(err);
	tallies->programs = ns_strings_new();
	tallies->slots = calloc(FIRST_SLOTS, sizeof(*tallies->slots));
	tallies->n_slots = FIRST_SLOTS;
	if (!tallies->programs || !tallies->slots) {
		ns_tallies_free(tallies);
		return no_memory(err);
	}
	*ret = tallies;
	return 0;
}

void ns_tally_release(struct ns_tally *tally)
{
	ns_peer_release(&tally->peer.peer);
	ns_peer_release(&tally->source.peer);
	for (size_t i = 0; i < tally->n_parts; i++)
		free(tally->parts[i].programs);
	free(tally->parts);
	free(tally->ports);
	free(tally->spans);
	memset(tally, 0, sizeof(*tally));
}

struct ns_tallies *ns_tallies_free(struct ns_tallies *tallies)
{
	if (!tallies)
		return NULL;
	for (size_t i = 0; i < tallies->n; i++) {
		ns_tally_release(tallies->list[i]);
		free(tallies->list[i]);
	}
	free(tallies->list);
	free(tallies->slots);
	free(tallies->addresses);
	ns_strings_free(tallies->programs);
	free(tallies);
	return NULL;
}

/* ---- finding ---- */

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u; /* FNV-1a */
	return h;
}

static uint64_t mix_side(uint64_t h, const struct ns_side *side)
{
	h = (h ^ side->peer.peer_class) * 0x100000001b3u;
	if (side->peer.name)
		h = mix(h, side->peer.name, strlen(side->peer.name));
	if (side->peer.prefix.addr.family)
		h = mix(h, side->peer.prefix.addr.bytes, ns_addr_length(&side->peer.prefix.addr));
	return (h ^ side->peer.prefix.length) * 0x100000001b3u;
}

static size_t hash(enum ns_direction direction, uint8_t protocol, const struct ns_side *peer,
		   const struct ns_side *source)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)direction << 8 ^ protocol;

	h = mix_side(h, peer);
	if (source->step != NS_STEP_NONE)
		h = mix_side(h, source);
	return (size_t)(h ^ h >> 32);
}

static bool is_of(const struct ns_tally *tally, const struct ns_edge *edge, const struct ns_side *peer,
		  const struct ns_side *source)
{
	return tally->direction == edge->tuple.direction && tally->protocol == edge->tuple.protocol &&
	       ns_side_compare(&tally->peer, peer) == 0 && ns_side_compare(&tally->source, source) == 0;
}

static int rehash(struct ns_tallies *tallies, struct ns_error *err)
{
	size_t n = tallies->n_slots * 2;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return no_memory(err);
	for (size_t i = 0; i < tallies->n; i++) {
		const struct ns_tally *tally = tallies->list[i];
		size_t at = hash(tally->direction, tally->protocol, &tally->peer, &tally->source) & (n - 1);

		while (slots[at])
			at = (at + 1) & (n - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(tallies->slots);
	tallies->slots = slots;
	tallies->n_slots = n;
	return 0;
}

static int copy_side(const struct ns_side *side, struct ns_side *ret)
{
	*ret = *side;
	if (side->peer.name)
		ret->peer.name = strdup(side->peer.name);
	return side->peer.name && !ret->peer.name ? -ENOMEM : 0;
}

static int append(struct ns_tallies *tallies, const struct ns_edge *edge, const struct ns_side *peer,
		  const struct ns_side *source, struct ns_tally **ret, struct ns_error *err)
{
	struct ns_tally *tally;

	if (tallies->n >= NS_POLICY_RULES_MAX)
		return ns_error_set(err, -E2BIG, "more than %d rules are needed", NS_POLICY_RULES_MAX);
	if (tallies->n == tallies->allocated) {
		size_t more = tallies->allocated ? 2 * tallies->allocated : 64;
		struct ns_tally **list = reallocarray(tallies->list, more, sizeof(struct ns_tally *));

		if (!list)
			return no_memory(err);
		tallies->list = list;
		tallies->allocated = more;
	}
	tally = calloc(1, sizeof(*tally));
	if (!tally)
		return no_memory(err);
	tally->direction = edge->tuple.direction;
	tally->protocol = edge->tuple.protocol;
	if (copy_side(peer, &tally->peer) < 0 || copy_side(source, &tally->source) < 0) {
		ns_tally_release(tally);
		free(tally);
		return no_memory(err);
	}
	tallies->list[tallies->n++] = tally;
	*ret = tally;
	return 0;
}

static int find_or_add(struct ns_tallies *tallies, const struct ns_edge *edge, const struct ns_side *peer,
		       const struct ns_side *source, struct ns_tally **ret, struct ns_error *err)
{
	size_t at;
	int r = 0;

	if (tallies->latest && is_of(tallies->latest, edge, peer, source)) {
		*ret = tallies->latest;
		return 0;
	}
	if (tallies->n * 2 >= tallies->n_slots)
		r = rehash(tallies, err);
	if (r < 0)
		return r;
	at = hash(edge->tuple.direction, edge->tuple.protocol, peer, source) & (tallies->n_slots - 1);
	for (; tallies->slots[at]; at = (at + 1) & (tallies->n_slots - 1)) {
		struct ns_tally *tally = tallies->list[tallies->slots[at] - 1];

		if (is_of(tally, edge, peer, source)) {
			tallies->latest = *ret = tally;
			return 0;
		}
	}
	r = append(tallies, edge, peer, source, ret, err);
	if (r < 0)
		return r;
	tallies->slots[at] = (uint32_t)tallies->n;
	tallies->latest = *ret;
	return 0;
}

/* ---- ports ---- */

static int add_span(struct ns_tally *tally, uint16_t port, bool *ret_new, struct ns_error *err)
{
	struct ns_span *last = tally->n_spans ? &tally->spans[tally->n_spans - 1] : NULL;

	*ret_new = false;
	if (last && port <= last->hi)
		return 0;
	if (last && port == last->hi + 1) {
		last->hi = port;
		return 0;
	}
	if (!tally->spans || tally->n_spans == tally->spans_allocated) {
		size_t more = tally->spans_allocated ? 2 * tally->spans_allocated : 1;
		struct ns_span *spans = reallocarray(tally->spans, more, sizeof(*spans));

		if (!spans)
			return no_memory(err);
		tally->spans = spans;
		tally->spans_allocated = more;
	}
	tally->spans[tally->n_spans++] = (struct ns_span){ port, port };
	*ret_new = true;
	return 0;
}

/* The same count, with all ephemeral ports as one span. */
static bool add_joined(struct ns_tally *tally, uint16_t port)
{
	bool ephemeral = ns_protocol_has_ports(tally->protocol) && ns_is_ephemeral(port);
	uint16_t lo = ephemeral ? NS_EPHEMERAL_FIRST : port, hi = ephemeral ? NS_EPHEMERAL_LAST : port;
	bool another = tally->n_joined == 0 || lo > tally->joined_hi + 1;

	if (another || hi > tally->joined_hi)
		tally->joined_hi = hi;
	tally->n_joined += another;
	return another;
}

static int add_part(struct ns_tally *tally, const struct ns_edge *edge, const struct ns_side *peer,
		    const struct ns_side *source, struct ns_error *err)
{
	if (tally->n_parts == tally->parts_allocated) {
		size_t more = tally->parts_allocated ? 2 * tally->parts_allocated : 1;
		struct ns_tally_part *parts = reallocarray(tally->parts, more, sizeof(*parts));

		if (!parts)
			return no_memory(err);
		tally->parts = parts;
		tally->parts_allocated = more;
	}
	tally->parts[tally->n_parts++] = (struct ns_tally_part){ .first_port = edge->tuple.port,
								 .peer_step = peer->step,
								 .source_step = source->step };
	return 0;
}

/* The part that the edge belongs to: a new one where a rule might end. */
static int place(struct ns_tally *tally, const struct ns_edge *edge, const struct ns_side *peer,
		 const struct ns_side *source, struct ns_error *err)
{
	bool first = tally->n_parts == 0, another, joined;
	uint16_t port = edge->tuple.port;
	int r;

	if (!ns_protocol_has_ports(tally->protocol) && !ns_protocol_is_icmp(tally->protocol))
		return first ? add_part(tally, edge, peer, source, err) : 0;
	if (!first && port == tally->last_port)
		return 0;
	r = add_span(tally, port, &another, err);
	if (r < 0)
		return r;
	joined = add_joined(tally, port);
	if (first || (another && (tally->n_spans - 1) % NS_RULE_PORTS_MAX == 0) ||
	    (joined && (tally->n_joined - 1) % NS_RULE_PORTS_MAX == 0))
		return add_part(tally, edge, peer, source, err);
	return 0;
}

/* ---- adding ---- */

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void add_figures(struct ns_evidence *evidence, const struct ns_edge *edge)
{
	evidence->edges++;
	evidence->packets = add_saturating(evidence->packets, edge->packets);
	evidence->bytes = add_saturating(evidence->bytes, edge->bytes);
	if (edge->first_seen > 0 && (!evidence->first_seen || edge->first_seen < evidence->first_seen))
		evidence->first_seen = edge->first_seen;
	if (edge->last_seen > evidence->last_seen)
		evidence->last_seen = edge->last_seen;
}

/* Where the rule has room for several addresses, each of them is a pair of its own. */
static int count_pair(struct ns_tallies *tallies, struct ns_tally *tally, struct ns_tally_part *part, bool first,
		      const struct ns_edge *edge, struct ns_error *err)
{
	static const struct ns_addr none = { 0 };
	bool wide_peer = ns_side_is_wide(&tally->peer), wide_source = ns_side_is_wide(&tally->source);
	const struct ns_addr *peer = wide_peer ? &edge->tuple.peer : &none;
	const struct ns_addr *source = wide_source ? &edge->tuple.source : &none;
	bool same_port = !first && edge->tuple.port == tally->last_port;
	int r = 0;

	if (same_port && ns_addr_equal(peer, &tally->last_peer) && ns_addr_equal(source, &tally->last_source))
		return 0;
	part->seen++;
	if (wide_peer && (!same_port || !ns_addr_equal(peer, &tally->last_peer))) {
		tally->port_peers = same_port ? tally->port_peers + 1 : 1;
		if (tally->port_peers > tally->most_peers)
			tally->most_peers = tally->port_peers;
		r = ns_tally_address(tallies, tally, peer, false, err);
	}
	if (r == 0 && wide_source)
		r = ns_tally_address(tallies, tally, source, true, err);
	tally->last_peer = *peer;
	tally->last_source = *source;
	return r;
}

int ns_tally(struct ns_tallies *tallies, const struct ns_edge *edge, const struct ns_side *peer,
	     const struct ns_side *source, struct ns_error *err)
{
	bool has_ports = ns_protocol_has_ports(edge->tuple.protocol);
	struct ns_tally_part *part;
	struct ns_tally *tally = NULL;
	bool first;
	int r = find_or_add(tallies, edge, peer, source, &tally, err);

	if (r < 0)
		return r;
	first = tally->n_parts == 0;
	r = place(tally, edge, peer, source, err);
	if (r < 0)
		return r;
	part = &tally->parts[tally->n_parts - 1];
	/* What is said of the rule is said of its first port. */
	if (edge->tuple.port == part->first_port && peer->step < part->peer_step)
		part->peer_step = peer->step;
	add_figures(&part->evidence, edge);
	r = count_pair(tallies, tally, part, first, edge, err);
	tally->last_port = edge->tuple.port;
	if (r == 0 && edge->process[0])
		r = ns_tally_program(tallies, tally, part, edge, has_ports && ns_is_ephemeral(edge->tuple.port), err);
	return r;
}
