/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a rule stands for, why it is as it is, and how much more it allows than was seen: the number of address x port
 * pairs that it allows and that no edge had. A name counts as one address, since it stands for whoever bears it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "policy_private.h"
#include "propose.h"

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t multiply_saturating(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* Addresses that a side stands for; UINT64_MAX: more than that, or unknowable. */
static uint64_t side_size(const struct ns_side *side)
{
	unsigned bits = side->peer.prefix.addr.family == AF_INET ? 32 : 128;

	switch (side->step) {
	case NS_STEP_INTERNET:
	case NS_STEP_ANY:
		return UINT64_MAX;
	case NS_STEP_PREFIX:
		bits -= side->peer.prefix.length;
		return bits < 64 ? UINT64_C(1) << bits : UINT64_MAX;
	default:
		return 1;
	}
}

/* One pair that was seen: its addresses where the rule has room for several, else none. */
struct seen {
	struct ns_addr peer, source;
	uint16_t port;
};

static int compare_seen(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int order = ns_addr_compare(&x->peer, &y->peer);

	if (order == 0)
		order = ns_addr_compare(&x->source, &y->source);
	return order != 0 ? order : x->port - y->port;
}

static int count_seen(const struct ns_item *items, size_t n, uint64_t *ret, struct ns_error *err)
{
	NS_FREE struct seen *seen = calloc(n, sizeof(*seen));
	bool peers = side_size(&items->peer) > 1, sources = side_size(&items->source) > 1;
	uint64_t count = 1;

	if (!seen)
		return ns_error_set(err, -ENOMEM, "no memory for %zu edges", n);
	for (size_t i = 0; i < n; i++) {
		if (peers)
			seen[i].peer = items[i].edge->tuple.peer;
		if (sources)
			seen[i].source = items[i].edge->tuple.source;
		seen[i].port = items[i].edge->tuple.port;
	}
	qsort(seen, n, sizeof(*seen), compare_seen);
	for (size_t i = 1; i < n; i++)
		count += compare_seen(&seen[i - 1], &seen[i]) != 0;
	*ret = count;
	return 0;
}

static int count_widening(const struct ns_item *items, size_t n, struct ns_rule *rule, struct ns_error *err)
{
	uint64_t ports = rule->n_spans ? ns_spans_count(rule->spans, rule->n_spans) : 1, seen = 0;
	uint64_t allowed =
		multiply_saturating(multiply_saturating(side_size(&items->peer), side_size(&items->source)), ports);
	int r = count_seen(items, n, &seen, err);

	if (r < 0)
		return r;
	rule->evidence.widened_by = allowed == UINT64_MAX ? UINT64_MAX : allowed - seen;
	return 0;
}

static void count_packets(const struct ns_item *items, size_t n, struct ns_evidence *evidence)
{
	evidence->edges = n;
	for (size_t i = 0; i < n; i++) {
		const struct ns_edge *edge = items[i].edge;

		evidence->packets = add_saturating(evidence->packets, edge->packets);
		evidence->bytes = add_saturating(evidence->bytes, edge->bytes);
		if (edge->first_seen > 0 && (!evidence->first_seen || edge->first_seen < evidence->first_seen))
			evidence->first_seen = edge->first_seen;
		if (edge->last_seen > evidence->last_seen)
			evidence->last_seen = edge->last_seen;
	}
}

static int compare_texts(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* A program's path is whatever bytes its maker chose: cut from the left to what a policy holds, and with '?' in place
 * of what is no text. */
static char *copy_process(const char *process)
{
	size_t length = strlen(process);
	char *copy = strdup(length < NS_PROCESS_MAX ? process : process + length - (NS_PROCESS_MAX - 1));
	NS_JSON json_t *json = copy ? json_string(copy) : NULL;

	for (char *c = copy; c && !json && *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return copy;
}

/* Drops all but the first of equal texts in a sorted array. */
static size_t unique_texts(char **texts, size_t n)
{
	size_t kept = 0;

	if (n == 0)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (strcmp(texts[kept], texts[i]) == 0)
			free(texts[i]);
		else
			texts[++kept] = texts[i];
	}
	return kept + 1;
}

/* At most NS_RULE_PROCESSES_MAX; *ret_more: how many were left out. */
static int name_processes(const struct ns_item *items, size_t n, struct ns_evidence *evidence, size_t *ret_more,
			  struct ns_error *err)
{
	evidence->processes = calloc(n, sizeof(*evidence->processes));
	if (!evidence->processes)
		return ns_error_set(err, -ENOMEM, "no memory for %zu edges", n);
	for (size_t i = 0; i < n; i++) {
		const char *process = items[i].edge->process;

		if (!process[0] || (i > 0 && process == items[i - 1].edge->process)) /* interned */
			continue;
		evidence->processes[evidence->n_processes] = copy_process(process);
		if (!evidence->processes[evidence->n_processes])
			return ns_error_set(err, -ENOMEM, "no memory for the names of programs");
		evidence->n_processes++;
	}
	qsort(evidence->processes, evidence->n_processes, sizeof(*evidence->processes), compare_texts);
	evidence->n_processes = unique_texts(evidence->processes, evidence->n_processes);
	for (*ret_more = 0; evidence->n_processes > NS_RULE_PROCESSES_MAX; ++*ret_more)
		free(evidence->processes[--evidence->n_processes]);
	return 0;
}

static int compare_addrs(const void *a, const void *b)
{
	return ns_addr_compare(a, b);
}

static int count_addresses(const struct ns_item *items, size_t n, bool source, size_t *ret, struct ns_error *err)
{
	NS_FREE struct ns_addr *addrs = calloc(n, sizeof(*addrs));
	size_t count = 1;

	if (!addrs)
		return ns_error_set(err, -ENOMEM, "no memory for %zu edges", n);
	for (size_t i = 0; i < n; i++)
		addrs[i] = source ? items[i].edge->tuple.source : items[i].edge->tuple.peer;
	qsort(addrs, n, sizeof(*addrs), compare_addrs);
	for (size_t i = 1; i < n; i++)
		count += !ns_addr_equal(&addrs[i - 1], &addrs[i]);
	*ret = count;
	return 0;
}

static void say_side(FILE *out, const char *who, const struct ns_side *side, size_t addresses)
{
	char prefix[NS_PREFIX_TEXT_MAX];

	switch (side->step) {
	case NS_STEP_NONE:
		break;
	case NS_STEP_NAMED:
		fprintf(out, "%s is known by name: follows it to new addresses", who);
		break;
	case NS_STEP_EXACT:
		fprintf(out, "%s has no name: this address only", who);
		break;
	case NS_STEP_UNNAMED:
		fprintf(out, "%s has a name that no policy can hold: this address only", who);
		break;
	case NS_STEP_GROUP:
		fprintf(out, "%s is a group", who);
		break;
	case NS_STEP_PREFIX:
		fprintf(out, "%s: %zu distinct addresses, widened to %s", who, addresses,
			ns_prefix_format(&side->peer.prefix, prefix));
		break;
	case NS_STEP_INTERNET:
		fprintf(out, "%s: %zu distinct addresses of the internet, widened to all of it", who, addresses);
		break;
	case NS_STEP_ANY:
		fprintf(out, "%s unknown, since a learning set was full: any address", who);
		break;
	}
}

static int explain(const struct ns_item *items, size_t n, bool ephemeral, size_t more_processes, struct ns_rule *rule,
		   struct ns_error *err)
{
	size_t peers, sources, size = 0;
	NS_FREE char *text = NULL;
	FILE *out;
	int r = count_addresses(items, n, false, &peers, err);

	if (r == 0)
		r = count_addresses(items, n, true, &sources, err);
	if (r < 0)
		return r;
	out = open_memstream(&text, &size);
	if (!out)
		return ns_error_set(err, -ENOMEM, "no memory for a reason");
	say_side(out, "peer", &items->peer, peers);
	if (items->source.step != NS_STEP_NONE) {
		fputs("; ", out);
		say_side(out, "source", &items->source, sources);
	}
	if (ephemeral)
		fprintf(out, "; at least %d distinct ephemeral ports with one program, widened to %d-%d",
			NS_EPHEMERAL_EVIDENCE, NS_EPHEMERAL_FIRST, NS_EPHEMERAL_LAST);
	if (more_processes)
		fprintf(out, "; %zu more programs are not named here", more_processes);
	if (fclose(out) != 0)
		return ns_error_set(err, -ENOMEM, "no memory for a reason");
	rule->evidence.why = NS_TAKE(text);
	return 0;
}

int ns_propose_evidence(const struct ns_item *items, size_t n, bool ephemeral, struct ns_rule *rule,
			struct ns_error *err)
{
	size_t more = 0;
	int r;

	count_packets(items, n, &rule->evidence);
	r = count_widening(items, n, rule, err);
	if (r == 0)
		r = name_processes(items, n, &rule->evidence, &more, err);
	if (r == 0)
		r = explain(items, n, ephemeral, more, rule, err);
	return r;
}
