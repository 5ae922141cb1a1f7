/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "policy_private.h"
#include "propose.h"

static bool same_subject(const struct ns_item *a, const struct ns_item *b)
{
	return a->edge->tuple.direction == b->edge->tuple.direction && ns_side_compare(&a->peer, &b->peer) == 0 &&
	       ns_side_compare(&a->source, &b->source) == 0 && a->edge->tuple.protocol == b->edge->tuple.protocol;
}

static void free_items(const struct ns_items *items)
{
	free(items->items);
}

static int build_all(const struct ns_items *items, struct ns_policy *ret, struct ns_error *err)
{
	size_t end;

	for (size_t i = 0; i < items->n; i = end) {
		int r;

		for (end = i + 1; end < items->n && same_subject(&items->items[i], &items->items[end]); end++)
			;
		r = ns_propose_build(&items->items[i], end - i, ret, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ret->n_rules; i++)
		(void)snprintf(ret->rules[i].id, sizeof(ret->rules[i].id), "r%zu", i + 1);
	return 0;
}

int ns_propose(const struct ns_graph *graph, const char *workload, uint64_t revision,
	       const struct ns_propose_options *options, struct ns_policy *ret, struct ns_error *err)
{
	struct ns_policy NS_CLEANUP(ns_policy_release) policy = { .revision = revision, .verdict = NS_VERDICT_DROP };
	unsigned widen_at = options && options->widen_at ? options->widen_at : NS_WIDEN_AT_DEFAULT;
	NS_CLEANUP(free_items) struct ns_items items = { 0 };
	int r;

	if (options && options->verdict != NS_VERDICT_INVALID)
		policy.verdict = options->verdict;
	policy.workload = strdup(workload);
	if (!policy.workload)
		return ns_error_set(err, -ENOMEM, "no memory for a proposal");
	r = ns_propose_collect(graph, workload, &items, err);
	if (r < 0)
		return r;
	ns_propose_widen(&items, false, widen_at);
	ns_propose_widen(&items, true, widen_at);
	ns_propose_sort(&items);
	r = build_all(&items, &policy, err);
	if (r < 0) {
		(void)ns_error_context(err, "proposal for %s", workload);
		return r;
	}
	*ret = policy;
	policy = (struct ns_policy)NS_POLICY_INIT;
	return 0;
}
