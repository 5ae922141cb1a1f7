/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Items of one subject to rules: their ports or types as spans, and a range where a server takes whichever port it is
 * given.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "policy_private.h"
#include "propose.h"

static bool is_ephemeral(uint16_t port)
{
	return port >= NS_EPHEMERAL_FIRST && port <= NS_EPHEMERAL_LAST;
}

static int compare_by_process(const void *a, const void *b)
{
	const struct ns_edge *const *x = a, *const *y = b;
	int order = strcmp((*x)->process, (*y)->process);

	return order != 0 ? order : (*x)->tuple.port - (*y)->tuple.port;
}

/* Whether one program, a known one, was seen with enough distinct ephemeral ports. */
static int takes_any_port(const struct ns_item *items, size_t n, bool *ret, struct ns_error *err)
{
	NS_FREE const struct ns_edge **edges = calloc(n, sizeof(struct ns_edge *));
	size_t n_edges = 0, ports = 0;

	*ret = false;
	if (!edges)
		return ns_error_set(err, -ENOMEM, "no memory for %zu edges", n);
	for (size_t i = 0; i < n; i++)
		if (items[i].edge->process[0] && is_ephemeral(items[i].edge->tuple.port))
			edges[n_edges++] = items[i].edge;
	if (n_edges > 1)
		qsort(edges, n_edges, sizeof(struct ns_edge *), compare_by_process);
	for (size_t i = 0; i < n_edges && !*ret; i++) {
		if (i == 0 || strcmp(edges[i - 1]->process, edges[i]->process) != 0)
			ports = 0;
		if (ports == 0 || edges[i - 1]->tuple.port != edges[i]->tuple.port)
			ports++;
		*ret = ports >= NS_EPHEMERAL_EVIDENCE;
	}
	return 0;
}

/* The items come sorted by port. */
static int collect_spans(const struct ns_item *items, size_t n, bool ephemeral, struct ns_span **ret, size_t *ret_n,
			 struct ns_error *err)
{
	struct ns_span *spans = calloc(n + 1, sizeof(*spans));
	size_t n_spans = 0;

	if (!spans)
		return ns_error_set(err, -ENOMEM, "no memory for %zu ports", n);
	for (size_t i = 0; i < n; i++)
		spans[n_spans++] = (struct ns_span){ items[i].edge->tuple.port, items[i].edge->tuple.port };
	if (ephemeral)
		spans[n_spans++] = (struct ns_span){ NS_EPHEMERAL_FIRST, NS_EPHEMERAL_LAST };
	ns_spans_sort(spans, n_spans);
	*ret_n = ns_spans_merge(spans, n_spans);
	*ret = spans;
	return 0;
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
static int build_one(const struct ns_item *items, size_t n, const struct ns_span *spans, size_t n_spans, bool ephemeral,
		     struct ns_policy *ret, struct ns_error *err)
{
	struct ns_rule *rule = append_rule(ret, err);

	if (!rule)
		return err && err->code < 0 ? err->code : -ENOMEM;
	rule->direction = items->edge->tuple.direction;
	rule->protocol = items->edge->tuple.protocol;
	if (n_spans) {
		rule->spans = calloc(n_spans, sizeof(*rule->spans));
		if (!rule->spans)
			return ns_error_set(err, -ENOMEM, "no memory for %zu ports", n_spans);
		memcpy(rule->spans, spans, n_spans * sizeof(*spans));
		rule->n_spans = n_spans;
	}
	if (copy_peer(&items->peer.peer, &rule->peer) < 0 || copy_peer(&items->source.peer, &rule->source) < 0)
		return ns_error_set(err, -ENOMEM, "no memory for a peer's name");
	return ns_propose_evidence(items, n, ephemeral, rule, err);
}

int ns_propose_build(const struct ns_item *items, size_t n, struct ns_policy *ret, struct ns_error *err)
{
	NS_FREE struct ns_span *spans = NULL;
	uint8_t protocol = items->edge->tuple.protocol;
	size_t n_spans = 0, at = 0;
	bool ephemeral = false;
	int r = 0;

	if (!ns_protocol_has_ports(protocol) && !ns_protocol_is_icmp(protocol))
		return build_one(items, n, NULL, 0, false, ret, err);
	if (ns_protocol_has_ports(protocol))
		r = takes_any_port(items, n, &ephemeral, err);
	if (r == 0)
		r = collect_spans(items, n, ephemeral, &spans, &n_spans, err);
	/* Spans and items are both in the order of ports, so that each rule's items stand together. */
	for (size_t i = 0; r == 0 && i < n_spans; i += NS_RULE_PORTS_MAX) {
		size_t part = n_spans - i < NS_RULE_PORTS_MAX ? n_spans - i : NS_RULE_PORTS_MAX, from = at;
		bool has_range =
			ephemeral && spans[i].lo <= NS_EPHEMERAL_FIRST && spans[i + part - 1].hi >= NS_EPHEMERAL_LAST;

		while (at < n && items[at].edge->tuple.port <= spans[i + part - 1].hi)
			at++;
		r = build_one(&items[from], at - from, &spans[i], part, has_range, ret, err);
	}
	return r;
}
