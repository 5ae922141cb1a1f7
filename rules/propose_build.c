/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tallies to rules: their ports or types as spans, a range where a server takes whichever port it is given, several
 * rules where the spans are too many for one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "policy_private.h"
#include "propose_tally.h"

static int compare(const void *a, const void *b)
{
	const struct ns_tally *x = *(const struct ns_tally *const *)a, *y = *(const struct ns_tally *const *)b;
	int order = (int)x->direction - (int)y->direction;

	if (order == 0)
		order = ns_side_compare(&x->peer, &y->peer);
	if (order == 0)
		order = ns_side_compare(&x->source, &y->source);
	return order != 0 ? order : x->protocol - y->protocol;
}

static int copy_peer(const struct ns_peer *peer, struct ns_peer *ret)
{
	*ret = *peer;
	if (peer->name)
		ret->name = strdup(peer->name);
	return peer->name && !ret->name ? -ENOMEM : 0;
}

static struct ns_rule *append_rule(struct ns_policy *policy, struct ns_error *err)
{
	/* The array grows at powers of two, so that its size need not be kept. */
	if ((policy->n_rules & (policy->n_rules - 1)) == 0) {
		size_t more = policy->n_rules ? policy->n_rules * 2 : 1;
		struct ns_rule *grown = reallocarray(policy->rules, more, sizeof(*grown));

		if (!grown) {
			(void)ns_error_set(err, -ENOMEM, "no memory for %zu rules", more);
			return NULL;
		}
		policy->rules = grown;
	}
	if (policy->n_rules >= NS_POLICY_RULES_MAX) {
		(void)ns_error_set(err, -E2BIG, "more than %d rules are needed", NS_POLICY_RULES_MAX);
		return NULL;
	}
	memset(&policy->rules[policy->n_rules], 0, sizeof(*policy->rules));
	return &policy->rules[policy->n_rules++];
}

/* One rule. The spans are copied; n_spans 0: a protocol without. */
static int build_one(const struct ns_tally *tally, const struct ns_tally_part *part, const struct ns_span *spans,
		     size_t n_spans, bool ephemeral, struct ns_policy *ret, struct ns_error *err)
{
	struct ns_error own = NS_ERROR_INIT;
	struct ns_rule *rule = append_rule(ret, err ? err : &own);

	if (!rule)
		return err ? err->code : own.code;
	rule->direction = tally->direction;
	rule->protocol = tally->protocol;
	if (n_spans) {
		rule->spans = calloc(n_spans, sizeof(*rule->spans));
		if (!rule->spans)
			return ns_error_set(err, -ENOMEM, "no memory for %zu ports", n_spans);
		memcpy(rule->spans, spans, n_spans * sizeof(*spans));
		rule->n_spans = n_spans;
	}
	if (copy_peer(&tally->peer.peer, &rule->peer) < 0 || copy_peer(&tally->source.peer, &rule->source) < 0)
		return ns_error_set(err, -ENOMEM, "no memory for a peer's name");
	return ns_propose_evidence(tally, part, ephemeral, rule, err);
}

static int join_ephemeral(struct ns_tally *tally, struct ns_error *err)
{
	struct ns_span *spans = reallocarray(tally->spans, tally->n_spans + 1, sizeof(*spans));

	if (!spans)
		return ns_error_set(err, -ENOMEM, "no memory for %zu ports", tally->n_spans);
	tally->spans = spans;
	spans[tally->n_spans++] = (struct ns_span){ NS_EPHEMERAL_FIRST, NS_EPHEMERAL_LAST };
	ns_spans_sort(spans, tally->n_spans);
	tally->n_spans = ns_spans_merge(spans, tally->n_spans);
	return 0;
}

static void add_figures(const struct ns_evidence *from, struct ns_evidence *to)
{
	to->edges += from->edges;
	if (__builtin_add_overflow(to->packets, from->packets, &to->packets))
		to->packets = UINT64_MAX;
	if (__builtin_add_overflow(to->bytes, from->bytes, &to->bytes))
		to->bytes = UINT64_MAX;
	if (from->first_seen > 0 && (!to->first_seen || from->first_seen < to->first_seen))
		to->first_seen = from->first_seen;
	if (from->last_seen > to->last_seen)
		to->last_seen = from->last_seen;
}

/* Parts whose ports end up in one rule. The first one has it all then. */
static int join_parts(struct ns_tally_part *parts, size_t n, struct ns_error *err)
{
	int r = 0;

	for (size_t i = 1; r == 0 && i < n; i++) {
		parts->seen += parts[i].seen;
		parts->more_programs |= parts[i].more_programs;
		add_figures(&parts[i].evidence, &parts->evidence);
		for (size_t k = 0; r == 0 && k < parts[i].n_programs; k++)
			r = ns_tally_add_program(parts, parts[i].programs[k], err);
	}
	return r;
}

static int build(struct ns_tally *tally, struct ns_policy *ret, struct ns_error *err)
{
	size_t at = 0, end;
	int r = 0;

	if (tally->n_spans == 0)
		return build_one(tally, tally->parts, NULL, 0, false, ret, err);
	if (tally->takes_any_port)
		r = join_ephemeral(tally, err);
	/* Spans and parts are both in the order of ports, so that each rule's parts stand together. */
	for (size_t i = 0; r == 0 && i < tally->n_spans; i += NS_RULE_PORTS_MAX, at = end) {
		size_t n = tally->n_spans - i < NS_RULE_PORTS_MAX ? tally->n_spans - i : NS_RULE_PORTS_MAX;
		const struct ns_span *spans = &tally->spans[i];
		bool has_range = tally->takes_any_port && spans[0].lo <= NS_EPHEMERAL_FIRST &&
				 spans[n - 1].hi >= NS_EPHEMERAL_LAST;

		for (end = at; end < tally->n_parts && tally->parts[end].first_port <= spans[n - 1].hi; end++)
			;
		r = join_parts(&tally->parts[at], end - at, err);
		if (r == 0)
			r = build_one(tally, &tally->parts[at], spans, n, has_range, ret, err);
	}
	return r;
}

int ns_propose_build(struct ns_tallies *tallies, struct ns_policy *ret, struct ns_error *err)
{
	int r = 0;

	/* Their places in the table of slots are lost: nothing is looked up any more. */
	if (tallies->n > 1)
		qsort(tallies->list, tallies->n, sizeof(struct ns_tally *), compare);
	for (size_t i = 0; r == 0 && i < tallies->n; i++) {
		r = build(tallies->list[i], ret, err);
		ns_tally_release(tallies->list[i]);
	}
	for (size_t i = 0; i < ret->n_rules; i++)
		(void)snprintf(ret->rules[i].id, sizeof(ret->rules[i].id), "r%zu", i + 1);
	return r;
}
