/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Strict reading of a policy. Whatever is not understood is an error: a member that is ignored is a wish that is not
 * granted. Values with an inner form (spans, times, processes) are read by policy_values.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "policy_values.h"

static int parse_name(struct ns_json_object *object, size_t max, char **ret, struct ns_error *err)
{
	const char *text;
	char *copy;
	int r = ns_json_string(object, "name", &text, err);

	if (r < 0)
		return r;
	r = ns_policy_check_name(object->path, "name", text, max, err);
	if (r < 0)
		return r;
	copy = strdup(text);
	if (!copy)
		return ns_error_set(err, -ENOMEM, "%s.name: no memory", object->path);
	*ret = copy;
	return 0;
}

static int parse_prefix(struct ns_json_object *object, struct ns_prefix *ret, struct ns_error *err)
{
	struct ns_prefix prefix;
	const char *text;
	int r = ns_json_string(object, "prefix", &text, err);

	if (r < 0)
		return r;
	r = ns_prefix_parse(text, &prefix, err);
	if (r < 0) {
		(void)ns_error_context(err, "%s.prefix", object->path);
		return r;
	}
	*ret = prefix;
	return 0;
}

static int check_multicast(const char *path, const struct ns_prefix *prefix, struct ns_error *err)
{
	struct ns_addr_range range = ns_prefix_range(prefix);

	/* Both ends lie in 224.0.0.0/4 or ff00::/8, which have nothing else between them. */
	if (ns_addr_scope(&range.lo) == NS_ADDR_MULTICAST && ns_addr_scope(&range.hi) == NS_ADDR_MULTICAST)
		return 0;
	return ns_error_set(err, -EINVAL, "%s.prefix: not multicast; use a part of 224.0.0.0/4 or ff00::/8", path);
}

static int parse_peer(const json_t *json, const char *path, struct ns_peer *ret, struct ns_error *err)
{
	struct ns_json_object object;
	const char *text = NULL;
	int r = ns_json_object_begin(&object, json, path, err);

	if (r == 0)
		r = ns_json_string(&object, "class", &text, err);
	if (r < 0)
		return r;
	ret->peer_class = ns_peer_class_parse(text);
	switch (ret->peer_class) {
	case NS_PEER_WORKLOAD:
	case NS_PEER_SERVICE:
	case NS_PEER_NAME:
		r = parse_name(&object, ns_policy_name_max(ret->peer_class), &ret->name, err);
		break;
	case NS_PEER_CIDR:
		r = parse_prefix(&object, &ret->prefix, err);
		break;
	case NS_PEER_MULTICAST:
		r = parse_prefix(&object, &ret->prefix, err);
		if (r == 0)
			r = check_multicast(path, &ret->prefix, err);
		break;
	case NS_PEER_HOST:
	case NS_PEER_INTERNET:
	case NS_PEER_BROADCAST:
	case NS_PEER_ANY:
		break;
	case NS_PEER_INVALID:
		return ns_error_set(err, -EINVAL,
				    "%s.class: '%.32s' is not a class; use workload, host, service, name, cidr, "
				    "internet, multicast, broadcast or any",
				    path, text);
	}
	return r < 0 ? r : ns_json_object_end(&object, err);
}

static int parse_peers(struct ns_json_object *object, struct ns_rule *ret, struct ns_error *err)
{
	char path[NS_JSON_PATH_MAX + 8];
	const json_t *peer, *source = NULL;
	int r = ns_json_child(object, "peer", &peer, err);

	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s.peer", object->path);
	r = parse_peer(peer, path, &ret->peer, err);
	if (r < 0)
		return r;
	r = ns_json_opt_child(object, "source", &source, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s.source", object->path);
	if (ret->direction == NS_TRANSIT)
		return source ? parse_peer(source, path, &ret->source, err)
			      : ns_error_set(err, -EINVAL, "%s: missing; transit needs it", path);
	return source ? ns_error_set(err, -EINVAL, "%s: only transit has a source", path) : 0;
}

static int parse_protocol(struct ns_json_object *object, struct ns_rule *ret, struct ns_error *err)
{
	const char *text;
	int r = ns_json_string(object, "protocol", &text, err);

	if (r < 0)
		return r;
	ret->any_protocol = strcmp(text, "any") == 0;
	if (!ret->any_protocol && ns_protocol_parse(text, &ret->protocol) < 0)
		return ns_error_set(err, -EINVAL,
				    "%s.protocol: '%.32s' is not a protocol; use a name such as tcp, a number such as "
				    "\"47\", or any",
				    object->path, text);
	return 0;
}

/* One of the two lists is needed, or none. */
static int parse_spans(struct ns_json_object *object, struct ns_rule *ret, struct ns_error *err)
{
	const json_t *ports = NULL, *types = NULL;
	bool has_ports = ns_rule_has_ports(ret), has_types = ns_rule_has_types(ret);
	int r = ns_json_opt_array(object, "ports", &ports, err);

	if (r >= 0)
		r = ns_json_opt_array(object, "icmp", &types, err);
	if (r < 0)
		return r;
	if (has_ports && !ports)
		return ns_error_set(err, -EINVAL, "%s.ports: missing; [\"0-65535\"] is every port", object->path);
	if (has_types && !types)
		return ns_error_set(err, -EINVAL, "%s.icmp: missing; [\"0-255\"] is every type", object->path);
	if (ports && !has_ports)
		return ns_error_set(err, -EINVAL, "%s.ports: this protocol has none", object->path);
	if (types && !has_types)
		return ns_error_set(err, -EINVAL, "%s.icmp: only icmp and icmpv6 have types", object->path);
	if (ports)
		return ns_policy_parse_spans(ports, object->path, &ns_policy_ports, &ret->spans, &ret->n_spans, err);
	if (types)
		return ns_policy_parse_spans(types, object->path, &ns_policy_types, &ret->spans, &ret->n_spans, err);
	return 0;
}

static int parse_id(struct ns_json_object *object, char ret[static NS_RULE_ID_MAX], struct ns_error *err)
{
	const char *text;
	int r = ns_json_string(object, "id", &text, err);

	if (r < 0)
		return r;
	if (!*text || strlen(text) >= NS_RULE_ID_MAX || text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return ns_error_set(err, -EINVAL, "%s.id: must be 1 to %d of a-z, 0-9 and -", object->path,
				    NS_RULE_ID_MAX - 1);
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}

static int parse_rule(const json_t *json, size_t index, struct ns_rule *ret, struct ns_error *err)
{
	struct ns_json_object object;
	char path[NS_JSON_PATH_MAX];
	const char *text = NULL;
	int r;

	(void)snprintf(path, sizeof(path), "$.rules[%zu]", index);
	r = ns_json_object_begin(&object, json, path, err);
	if (r == 0)
		r = parse_id(&object, ret->id, err);
	if (r == 0)
		r = ns_json_string(&object, "direction", &text, err);
	if (r < 0)
		return r;
	ret->direction = ns_direction_parse(text);
	if (ret->direction == NS_DIRECTION_INVALID)
		return ns_error_set(err, -EINVAL,
				    "%s.direction: '%.32s' is not a direction; use ingress, egress or transit", path,
				    text);
	r = parse_peers(&object, ret, err);
	if (r == 0)
		r = parse_protocol(&object, ret, err);
	if (r == 0)
		r = parse_spans(&object, ret, err);
	if (r == 0)
		r = ns_policy_parse_evidence(&object, &ret->evidence, err);
	if (r == 0)
		r = ns_policy_parse_text(&object, "comment", &ret->comment, err);
	return r < 0 ? r : ns_json_object_end(&object, err);
}

static int compare_ids(const void *a, const void *b)
{
	const struct ns_rule *const *x = a, *const *y = b;
	int order = strcmp((*x)->id, (*y)->id);

	return order != 0 ? order : (*x > *y) - (*x < *y);
}

static int check_ids(const struct ns_policy *policy, struct ns_error *err)
{
	NS_FREE const struct ns_rule **rules = calloc(policy->n_rules ? policy->n_rules : 1, sizeof(struct ns_rule *));

	if (!rules)
		return ns_error_set(err, -ENOMEM, "$.rules: no memory");
	for (size_t i = 0; i < policy->n_rules; i++)
		rules[i] = &policy->rules[i];
	qsort(rules, policy->n_rules, sizeof(struct ns_rule *), compare_ids);
	for (size_t i = 1; i < policy->n_rules; i++)
		if (strcmp(rules[i - 1]->id, rules[i]->id) == 0)
			return ns_error_set(err, -EINVAL, "$.rules[%td].id: '%s' is the id of $.rules[%td] already",
					    rules[i] - policy->rules, rules[i]->id, rules[i - 1] - policy->rules);
	return 0;
}

static int parse_rules(const json_t *json, struct ns_policy *ret, struct ns_error *err)
{
	size_t n = json_array_size(json);

	if (n > NS_POLICY_RULES_MAX)
		return ns_error_set(err, -E2BIG, "$.rules: %zu rules are more than the %d allowed", n,
				    NS_POLICY_RULES_MAX);
	ret->rules = calloc(n ? n : 1, sizeof(*ret->rules));
	if (!ret->rules)
		return ns_error_set(err, -ENOMEM, "$.rules: no memory for %zu rules", n);
	for (size_t i = 0; i < n; i++) {
		int r;

		ret->n_rules = i + 1; /* half-built rules are released with the others */
		r = parse_rule(json_array_get(json, i), i, &ret->rules[i], err);
		if (r < 0)
			return r;
	}
	return check_ids(ret, err);
}

static int parse_head(struct ns_json_object *object, struct ns_policy *ret, struct ns_error *err)
{
	const char *text;
	int r = ns_json_string(object, "schema", &text, err);

	if (r < 0)
		return r;
	if (strcmp(text, NS_POLICY_SCHEMA) != 0)
		return ns_error_set(err, -EINVAL, "$.schema: '%.64s' is not known; use " NS_POLICY_SCHEMA, text);
	r = ns_json_string(object, "workload", &text, err);
	if (r == 0)
		r = ns_policy_check_name("$", "workload", text, NS_WORKLOAD_MAX, err);
	if (r < 0)
		return r;
	ret->workload = strdup(text);
	if (!ret->workload)
		return ns_error_set(err, -ENOMEM, "$.workload: no memory");
	r = ns_json_uint(object, "revision", INT64_MAX, &ret->revision, err);
	if (r < 0)
		return r;
	if (ret->revision == 0)
		return ns_error_set(err, -EINVAL, "$.revision: must be 1 or more");
	r = ns_json_string(object, "verdict", &text, err);
	if (r < 0)
		return r;
	ret->verdict = ns_verdict_parse(text);
	if (ret->verdict == NS_VERDICT_INVALID)
		return ns_error_set(err, -EINVAL, "$.verdict: '%.32s' is not a verdict; use drop or reject", text);
	return 0;
}

int ns_policy_from_json(const json_t *json, struct ns_policy *ret, struct ns_error *err)
{
	struct ns_policy NS_CLEANUP(ns_policy_release) policy = NS_POLICY_INIT;
	struct ns_json_object object;
	const json_t *rules;
	int r = ns_json_object_begin(&object, json, "$", err);

	if (r == 0)
		r = parse_head(&object, &policy, err);
	if (r == 0)
		r = ns_json_array(&object, "rules", &rules, err);
	if (r == 0)
		r = parse_rules(rules, &policy, err);
	if (r == 0)
		r = ns_json_object_end(&object, err);
	if (r < 0)
		return r;
	*ret = policy;
	policy = (struct ns_policy)NS_POLICY_INIT;
	return 0;
}

int ns_policy_parse(const char *text, size_t length, struct ns_policy *ret, struct ns_error *err)
{
	NS_JSON json_t *json = NULL;
	int r = ns_json_decode(text, length, NS_POLICY_BYTES_MAX, NS_POLICY_DEPTH_MAX, &json, err);

	if (r < 0) {
		if (err && err->text[0] != '$')
			(void)ns_error_context(err, "$");
		return r;
	}
	return ns_policy_from_json(json, ret, err);
}
