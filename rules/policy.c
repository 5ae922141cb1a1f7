/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A policy's ownership, its words, and the order of its rules.
 */
#include <string.h>

#include "cleanup.h"
#include "policy_private.h"

static const char *const verdicts[] = {
	[NS_VERDICT_DROP] = "drop",
	[NS_VERDICT_REJECT] = "reject",
};
#define VERDICTS (sizeof(verdicts) / sizeof(verdicts[0]))

const char *ns_verdict_format(enum ns_verdict verdict)
{
	return verdict > NS_VERDICT_INVALID && verdict < VERDICTS ? verdicts[verdict] : "invalid";
}

enum ns_verdict ns_verdict_parse(const char *text)
{
	for (enum ns_verdict verdict = NS_VERDICT_DROP; verdict < VERDICTS; verdict++)
		if (strcmp(verdicts[verdict], text) == 0)
			return verdict;
	return NS_VERDICT_INVALID;
}

void ns_peer_release(struct ns_peer *peer)
{
	free(peer->name);
	peer->name = NULL;
}

static void evidence_release(struct ns_evidence *evidence)
{
	for (size_t i = 0; i < evidence->n_processes; i++)
		free(evidence->processes[i]);
	free(evidence->processes);
	free(evidence->why);
	memset(evidence, 0, sizeof(*evidence));
}

void ns_rule_release(struct ns_rule *rule)
{
	ns_peer_release(&rule->peer);
	ns_peer_release(&rule->source);
	evidence_release(&rule->evidence);
	free(rule->spans);
	free(rule->comment);
	memset(rule, 0, sizeof(*rule));
}

void ns_policy_release(struct ns_policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->n_rules; i++)
		ns_rule_release(&policy->rules[i]);
	free(policy->rules);
	free(policy->workload);
	*policy = (struct ns_policy)NS_POLICY_INIT;
}

bool ns_rule_has_ports(const struct ns_rule *rule)
{
	return !rule->any_protocol && ns_protocol_has_ports(rule->protocol);
}

bool ns_rule_has_types(const struct ns_rule *rule)
{
	return !rule->any_protocol && ns_protocol_is_icmp(rule->protocol);
}

static int compare_spans(const void *a, const void *b)
{
	const struct ns_span *x = a, *y = b;

	return x->lo != y->lo ? x->lo - y->lo : x->hi - y->hi;
}

void ns_spans_sort(struct ns_span *spans, size_t n)
{
	if (n > 1)
		qsort(spans, n, sizeof(*spans), compare_spans);
}

size_t ns_spans_merge(struct ns_span *spans, size_t n)
{
	size_t kept = 0;

	if (n == 0)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (spans[i].lo <= spans[kept].hi + 1) {
			if (spans[i].hi > spans[kept].hi)
				spans[kept].hi = spans[i].hi;
		} else {
			spans[++kept] = spans[i];
		}
	}
	return kept + 1;
}

uint64_t ns_spans_count(const struct ns_span *spans, size_t n)
{
	uint64_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += (uint64_t)(spans[i].hi - spans[i].lo) + 1;
	return count;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a ?: "", b ?: "");
}

int ns_peer_compare(const struct ns_peer *a, const struct ns_peer *b)
{
	int order = compare_numbers(a->peer_class, b->peer_class);

	if (order == 0)
		order = compare_texts(a->name, b->name);
	if (order == 0)
		order = ns_addr_compare(&a->prefix.addr, &b->prefix.addr);
	return order != 0 ? order : compare_numbers(a->prefix.length, b->prefix.length);
}

int ns_rule_compare_subject(const struct ns_rule *a, const struct ns_rule *b)
{
	int order = compare_numbers(a->direction, b->direction);

	if (order == 0)
		order = ns_peer_compare(&a->peer, &b->peer);
	if (order == 0)
		order = ns_peer_compare(&a->source, &b->source);
	if (order == 0)
		order = compare_numbers(a->any_protocol, b->any_protocol);
	if (order == 0 && !a->any_protocol)
		order = compare_numbers(a->protocol, b->protocol);
	return order;
}

int ns_rule_compare(const struct ns_rule *a, const struct ns_rule *b)
{
	int order = ns_rule_compare_subject(a, b);

	for (size_t i = 0; order == 0 && i < a->n_spans && i < b->n_spans; i++)
		order = compare_spans(&a->spans[i], &b->spans[i]);
	if (order == 0)
		order = compare_numbers(a->n_spans, b->n_spans);
	return order != 0 ? order : compare_texts(a->comment, b->comment);
}
