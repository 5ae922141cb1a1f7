/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packed.h"

/* A rule: direction, with ANY_PROTOCOL; protocol; id and NUL; peer; source; number of spans; spans.
 * A peer: class, with HAS_NAME and HAS_PREFIX; name and NUL; prefix.
 * A prefix: family, length, as many bytes as an address of the family has. */
#define ANY_PROTOCOL 0x80
#define HAS_NAME     0x80
#define HAS_PREFIX   0x40

_Static_assert(NS_PEER_ANY < HAS_PREFIX, "a class has no bit of these");
_Static_assert(NS_RULE_PORTS_MAX <= UINT16_MAX && NS_RULE_ICMP_MAX <= UINT16_MAX, "spans are counted by two bytes");

/* bytes NULL: only counts. */
struct writer {
	unsigned char *bytes;
	size_t n;
};

static void put(struct writer *w, const void *data, size_t length)
{
	if (w->bytes && length)
		memcpy(w->bytes + w->n, data, length);
	w->n += length;
}

static void put_byte(struct writer *w, unsigned byte)
{
	const unsigned char one = (unsigned char)byte;

	put(w, &one, 1);
}

static void put_prefix(struct writer *w, const struct ns_prefix *prefix)
{
	put_byte(w, prefix->addr.family);
	put_byte(w, prefix->length);
	put(w, prefix->addr.bytes, ns_addr_length(&prefix->addr));
}

static void put_peer(struct writer *w, const struct ns_peer *peer)
{
	static const struct ns_prefix none;
	bool prefix = memcmp(&peer->prefix, &none, sizeof none) != 0;

	put_byte(w, (unsigned)peer->peer_class | (peer->name ? HAS_NAME : 0) | (prefix ? HAS_PREFIX : 0));
	if (peer->name)
		put(w, peer->name, strlen(peer->name) + 1);
	if (prefix)
		put_prefix(w, &peer->prefix);
}

static void put_rule(struct writer *w, const struct ns_rule *rule)
{
	uint16_t n = (uint16_t)rule->n_spans;

	put_byte(w, (unsigned)rule->direction | (rule->any_protocol ? ANY_PROTOCOL : 0));
	put_byte(w, rule->protocol);
	put(w, rule->id, strlen(rule->id) + 1);
	put_peer(w, &rule->peer);
	put_peer(w, &rule->source);
	put(w, &n, sizeof n);
	put(w, rule->spans, n * sizeof *rule->spans);
}

int ns_packed_make(const struct ns_policy *policy, struct ns_packed *ret, struct ns_error *err)
{
	struct ns_packed packed = { .n_rules = policy->n_rules };
	struct writer w = { 0 };

	for (size_t i = 0; i < policy->n_rules; i++) {
		put_rule(&w, &policy->rules[i]);
		packed.n_spans += policy->rules[i].n_spans;
	}
	packed.bytes = malloc(w.n + 1);
	if (!packed.bytes)
		return ns_error_set(err, -ENOMEM, "out of memory for a policy");
	w = (struct writer){ .bytes = packed.bytes };
	for (size_t i = 0; i < policy->n_rules; i++)
		put_rule(&w, &policy->rules[i]);
	*ret = packed;
	return 0;
}

void ns_packed_release(struct ns_packed *packed)
{
	free(packed->bytes);
	*packed = (struct ns_packed){ 0 };
}

static unsigned char *take(unsigned char **at, size_t length)
{
	unsigned char *bytes = *at;

	*at += length;
	return bytes;
}

static char *take_text(unsigned char **at)
{
	char *text = (char *)*at;

	*at += strlen(text) + 1;
	return text;
}

static void take_prefix(unsigned char **at, struct ns_prefix *ret)
{
	size_t length;

	ret->addr.family = *take(at, 1);
	ret->length = *take(at, 1);
	length = ns_addr_length(&ret->addr);
	memcpy(ret->addr.bytes, take(at, length), length);
}

static void take_peer(unsigned char **at, struct ns_peer *ret)
{
	unsigned head = *take(at, 1);

	ret->peer_class = (enum ns_peer_class)(head & ~(unsigned)(HAS_NAME | HAS_PREFIX));
	if (head & HAS_NAME)
		ret->name = take_text(at);
	if (head & HAS_PREFIX)
		take_prefix(at, &ret->prefix);
}

struct ns_rule *ns_packed_unpack(const struct ns_packed *packed)
{
	struct ns_rule *rules =
		calloc(1, packed->n_rules * sizeof *rules + packed->n_spans * sizeof(struct ns_span) + 1);
	struct ns_span *spans = (struct ns_span *)(void *)(rules + packed->n_rules);
	unsigned char *at = packed->bytes;

	for (size_t i = 0; rules && i < packed->n_rules; i++) {
		struct ns_rule *rule = &rules[i];
		unsigned head = *take(&at, 1);
		const char *id;
		uint16_t n;

		rule->direction = (enum ns_direction)(head & ~(unsigned)ANY_PROTOCOL);
		rule->any_protocol = head & ANY_PROTOCOL;
		rule->protocol = *take(&at, 1);
		id = take_text(&at);
		memcpy(rule->id, id, strlen(id) + 1);
		take_peer(&at, &rule->peer);
		take_peer(&at, &rule->source);
		memcpy(&n, take(&at, sizeof n), sizeof n);
		rule->n_spans = n;
		if (n == 0)
			continue;
		rule->spans = spans;
		memcpy(spans, take(&at, n * sizeof *spans), n * sizeof *spans);
		spans += n;
	}
	return rules;
}
