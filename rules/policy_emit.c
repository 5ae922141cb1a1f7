/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A policy as JSON. What the parser reads is what this writes: absent members are those that say nothing.
 */
#include <errno.h>
#include <stdio.h>

#include "cleanup.h"
#include "clock.h"
#include "digest.h"
#include "policy_private.h"

/* Sets a member to a new value, which may be NULL for lack of memory. False then. */
static bool put(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value) == 0;
}

/* JSON's integers end where int64_t does; a figure beyond is given as that end. */
static json_t *figure(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *peer_to_json(const struct ns_peer *peer)
{
	NS_JSON json_t *json = json_object();
	char prefix[NS_PREFIX_TEXT_MAX];

	if (!json || !put(json, "class", json_string(ns_peer_class_format(peer->peer_class))))
		return NULL;
	if (peer->name && !put(json, "name", json_string(peer->name)))
		return NULL;
	if (peer->prefix.addr.family && !put(json, "prefix", json_string(ns_prefix_format(&peer->prefix, prefix))))
		return NULL;
	return NS_TAKE(json);
}

static json_t *spans_to_json(const struct ns_rule *rule)
{
	NS_JSON json_t *json = json_array();

	for (size_t i = 0; json && i < rule->n_spans; i++) {
		const struct ns_span *span = &rule->spans[i];
		char text[16];
		json_t *value;

		(void)snprintf(text, sizeof(text), "%u-%u", span->lo, span->hi);
		value = span->lo == span->hi ? json_integer(span->lo) : json_string(text);
		if (json_array_append_new(json, value) < 0)
			return NULL;
	}
	return NS_TAKE(json);
}

static json_t *processes_to_json(const struct ns_evidence *evidence)
{
	NS_JSON json_t *json = json_array();

	for (size_t i = 0; json && i < evidence->n_processes; i++)
		if (json_array_append_new(json, json_string(evidence->processes[i])) < 0)
			return NULL;
	return NS_TAKE(json);
}

static bool put_time(json_t *object, const char *name, int64_t us)
{
	char text[NS_TIME_TEXT_MAX];

	return us <= 0 || put(object, name, json_string(ns_time_format(us, text)));
}

static bool says_something(const struct ns_evidence *evidence)
{
	return evidence->packets || evidence->bytes || evidence->edges || evidence->first_seen > 0 ||
	       evidence->last_seen > 0 || evidence->n_processes || evidence->widened_by || evidence->why;
}

static json_t *evidence_to_json(const struct ns_evidence *evidence)
{
	NS_JSON json_t *json = json_object();

	if (!json || !put(json, "packets", figure(evidence->packets)) || !put(json, "bytes", figure(evidence->bytes)) ||
	    !put(json, "connections_seen", figure(evidence->edges)) ||
	    !put(json, "widened_by", figure(evidence->widened_by)) ||
	    !put_time(json, "first_seen", evidence->first_seen) || !put_time(json, "last_seen", evidence->last_seen))
		return NULL;
	if (!put(json, "processes", processes_to_json(evidence)))
		return NULL;
	if (evidence->why && !put(json, "why", json_string(evidence->why)))
		return NULL;
	return NS_TAKE(json);
}

json_t *ns_rule_to_json(const struct ns_rule *rule)
{
	NS_JSON json_t *json = json_object();
	char number[4];

	if (!json || !put(json, "id", json_string(rule->id)) ||
	    !put(json, "direction", json_string(ns_direction_format(rule->direction))) ||
	    !put(json, "peer", peer_to_json(&rule->peer)))
		return NULL;
	if (rule->direction == NS_TRANSIT && !put(json, "source", peer_to_json(&rule->source)))
		return NULL;
	if (!put(json, "protocol",
		 json_string(rule->any_protocol ? "any" : ns_protocol_format(rule->protocol, number))))
		return NULL;
	if (ns_rule_has_ports(rule) && !put(json, "ports", spans_to_json(rule)))
		return NULL;
	if (ns_rule_has_types(rule) && !put(json, "icmp", spans_to_json(rule)))
		return NULL;
	if (says_something(&rule->evidence) && !put(json, "evidence", evidence_to_json(&rule->evidence)))
		return NULL;
	if (rule->comment && !put(json, "comment", json_string(rule->comment)))
		return NULL;
	return NS_TAKE(json);
}

json_t *ns_policy_to_json(const struct ns_policy *policy)
{
	NS_JSON json_t *json = json_object(), *rules = json_array();

	if (!json || !rules || !put(json, "schema", json_string(NS_POLICY_SCHEMA)) ||
	    !put(json, "workload", json_string(policy->workload ?: "")) ||
	    !put(json, "revision", figure(policy->revision)) ||
	    !put(json, "verdict", json_string(ns_verdict_format(policy->verdict))))
		return NULL;
	for (size_t i = 0; i < policy->n_rules; i++)
		if (json_array_append_new(rules, ns_rule_to_json(&policy->rules[i])) < 0)
			return NULL;
	if (!put(json, "rules", NS_TAKE(rules)))
		return NULL;
	return NS_TAKE(json);
}

int ns_policy_digest(const struct ns_policy *policy, char ret[static NS_DIGEST_TEXT_MAX], struct ns_error *err)
{
	_Static_assert(NS_DIGEST_TEXT_MAX == NS_DIGEST_SIZE, "one length of digests");
	NS_JSON json_t *json = ns_policy_to_json(policy);

	if (!json)
		return ns_error_set(err, -ENOMEM, "no memory for the policy of %s", policy->workload ?: "nobody");
	return ns_digest_json(json, ret, err);
}
