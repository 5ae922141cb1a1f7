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
#include "propose_tally.h"

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

static void count_widening(const struct ns_tally *tally, const struct ns_tally_part *part, struct ns_rule *rule)
{
	uint64_t ports = rule->n_spans ? ns_spans_count(rule->spans, rule->n_spans) : 1;
	uint64_t allowed =
		multiply_saturating(multiply_saturating(side_size(&tally->peer), side_size(&tally->source)), ports);

	rule->evidence.widened_by = allowed == UINT64_MAX ? UINT64_MAX : allowed - part->seen;
}

/* A program's path is whatever bytes its maker chose: '?' stands in place of what is no text. */
static char *copy_program(const char *program)
{
	char *copy = strdup(program);
	NS_JSON json_t *json = copy ? json_string(copy) : NULL;

	for (char *c = copy; c && !json && *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return copy;
}

static int compare_texts(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
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
static int name_programs(const struct ns_tally_part *part, struct ns_evidence *evidence, size_t *ret_more,
			 struct ns_error *err)
{
	evidence->processes = calloc(part->n_programs ? part->n_programs : 1, sizeof(*evidence->processes));
	if (!evidence->processes)
		return ns_error_set(err, -ENOMEM, "no memory for the names of programs");
	for (size_t i = 0; i < part->n_programs; i++) {
		evidence->processes[i] = copy_program(part->programs[i]);
		if (!evidence->processes[i])
			return ns_error_set(err, -ENOMEM, "no memory for the names of programs");
		evidence->n_processes++;
	}
	if (evidence->n_processes > 1)
		qsort(evidence->processes, evidence->n_processes, sizeof(*evidence->processes), compare_texts);
	evidence->n_processes = unique_texts(evidence->processes, evidence->n_processes);
	for (*ret_more = 0; evidence->n_processes > NS_RULE_PROCESSES_MAX; ++*ret_more)
		free(evidence->processes[--evidence->n_processes]);
	return 0;
}

static void say_side(FILE *out, const char *who, const struct ns_side *side, size_t addresses, bool more)
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
		fprintf(out, "%s: %s%zu distinct addresses, widened to %s", who, more ? "at least " : "", addresses,
			ns_prefix_format(&side->peer.prefix, prefix));
		break;
	case NS_STEP_INTERNET:
		fprintf(out, "%s: %s%zu distinct addresses of the internet, widened to all of it", who,
			more ? "at least " : "", addresses);
		break;
	case NS_STEP_ANY:
		fprintf(out, "%s unknown, since a learning set was full: any address", who);
		break;
	}
}

static void say_sides(FILE *out, const struct ns_tally *tally, const struct ns_tally_part *part)
{
	struct ns_side peer = tally->peer, source = tally->source;
	bool one_port = tally->n_spans <= 1 && (tally->n_spans == 0 || tally->spans->lo == tally->spans->hi);
	size_t peers = tally->more_peers && tally->most_peers > tally->peers ? tally->most_peers : tally->peers;

	peer.step = part->peer_step;
	source.step = part->source_step;
	/* Those of one port are counted without being told apart: they come in order. */
	say_side(out, "peer", &peer, peers, tally->more_peers && !(one_port && source.step == NS_STEP_NONE));
	if (source.step == NS_STEP_NONE)
		return;
	fputs("; ", out);
	say_side(out, "source", &source, tally->sources, tally->more_sources);
}

static int explain(const struct ns_tally *tally, const struct ns_tally_part *part, bool ephemeral, size_t more_programs,
		   struct ns_rule *rule, struct ns_error *err)
{
	NS_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return ns_error_set(err, -ENOMEM, "no memory for a reason");
	say_sides(out, tally, part);
	if (ephemeral)
		fprintf(out, "; at least %d distinct ephemeral ports with one program, widened to %d-%d",
			NS_EPHEMERAL_EVIDENCE, NS_EPHEMERAL_FIRST, NS_EPHEMERAL_LAST);
	if (more_programs)
		fprintf(out, "; %s%zu more programs are not named here", part->more_programs ? "at least " : "",
			more_programs);
	else if (part->more_programs)
		fputs("; more programs are not named here", out);
	if (fclose(out) != 0)
		return ns_error_set(err, -ENOMEM, "no memory for a reason");
	rule->evidence.why = NS_TAKE(text);
	return 0;
}

int ns_propose_evidence(const struct ns_tally *tally, const struct ns_tally_part *part, bool ephemeral,
			struct ns_rule *rule, struct ns_error *err)
{
	size_t more = 0;
	int r;

	rule->evidence = part->evidence;
	count_widening(tally, part, rule);
	r = name_programs(part, &rule->evidence, &more, err);
	if (r == 0)
		r = explain(tally, part, ephemeral, more, rule, err);
	return r;
}
