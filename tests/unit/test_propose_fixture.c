/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See test_propose_fixture.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_propose_fixture.h"

struct ns_addr addr(const char *text)
{
	struct ns_addr ret = { 0 };

	if (text[0])
		assert_int_equal(ns_addr_parse(text, &ret, NULL), 0);
	return ret;
}

void add(struct ns_graph *graph, enum ns_direction direction, uint8_t protocol, uint16_t port, const char *peer,
	 enum ns_peer_class peer_class, const char *name, const char *process)
{
	struct ns_edge edge = { .workload = W,
				.tuple = { direction, protocol, port, addr(peer), { 0 } },
				.peer_class = peer_class,
				.peer_name = name,
				.source_name = "",
				.packets = 2,
				.bytes = 100,
				.first_seen = 1000000,
				.last_seen = 2000000,
				.process = process,
				.uid = -1 };

	assert_int_equal(ns_graph_add_edge(graph, &edge, NULL), 0);
}

void propose(const struct ns_graph *graph, unsigned widen_at, struct ns_policy *ret)
{
	const struct ns_propose_options options = { NS_VERDICT_DROP, widen_at };
	struct ns_error err = NS_ERROR_INIT;

	*ret = (struct ns_policy)NS_POLICY_INIT;
	if (ns_propose(graph, W, 1, &options, ret, &err) < 0)
		fail_msg("%s", err.text);
}

static void describe_peer(const struct ns_peer *peer, char *ret)
{
	char prefix[NS_PREFIX_TEXT_MAX];

	(void)sprintf(ret, " %s%s%s%s", ns_peer_class_format(peer->peer_class),
		      peer->name || peer->prefix.addr.family ? ":" : "", peer->name ?: "",
		      peer->prefix.addr.family ? ns_prefix_format(&peer->prefix, prefix) : "");
}

static char *describe(const struct ns_policy *policy)
{
	char *text = calloc(1, 65536), *at = text, number[4];

	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct ns_rule *rule = &policy->rules[i];

		at += sprintf(at, "%s %s", rule->id, ns_direction_format(rule->direction));
		describe_peer(&rule->peer, at);
		at += strlen(at);
		if (rule->direction == NS_TRANSIT) {
			at += sprintf(at, " from");
			describe_peer(&rule->source, at);
			at += strlen(at);
		}
		at += sprintf(at, " %s", ns_protocol_format(rule->protocol, number));
		for (size_t j = 0; j < rule->n_spans; j++) {
			at += sprintf(at, "%s%u", j ? "," : " ", rule->spans[j].lo);
			if (rule->spans[j].hi != rule->spans[j].lo)
				at += sprintf(at, "-%u", rule->spans[j].hi);
		}
		if (rule->evidence.widened_by == UINT64_MAX)
			at += sprintf(at, " +many");
		else if (rule->evidence.widened_by)
			at += sprintf(at, " +%llu", (unsigned long long)rule->evidence.widened_by);
		at += sprintf(at, "\n");
		assert_non_null(rule->evidence.why);
	}
	return text;
}

void expect(const struct ns_graph *graph, unsigned widen_at, const char *wanted)
{
	struct ns_policy policy, back = NS_POLICY_INIT;
	struct ns_error err = NS_ERROR_INIT;
	char digest[NS_DIGEST_TEXT_MAX], again[NS_DIGEST_TEXT_MAX], *text;
	json_t *json;

	propose(graph, widen_at, &policy);
	text = describe(&policy);
	assert_string_equal(text, wanted);
	free(text);
	json = ns_policy_to_json(&policy);
	if (ns_policy_from_json(json, &back, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(ns_policy_digest(&policy, digest, NULL), 0);
	assert_int_equal(ns_policy_digest(&back, again, NULL), 0);
	assert_string_equal(digest, again);
	json_decref(json);
	ns_policy_release(&policy);
	ns_policy_release(&back);
}
