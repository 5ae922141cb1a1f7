/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "policy_values.h"

const struct ns_span_kind ns_policy_ports = { "ports", "a port", 65535, NS_RULE_PORTS_MAX };
const struct ns_span_kind ns_policy_types = { "icmp", "an ICMP type", 255, NS_RULE_ICMP_MAX };

/* A span, and where in the array it stands. */
struct item {
	struct ns_span span;
	size_t index;
};

/* A decimal number without sign, space or leading zero; moves *text behind it. */
static int parse_number(const char **text, unsigned max, unsigned *ret)
{
	const char *c = *text;
	unsigned value = 0;

	if (*c < '0' || *c > '9' || (c[0] == '0' && c[1] >= '0' && c[1] <= '9'))
		return -EINVAL;
	for (; *c >= '0' && *c <= '9'; c++) {
		value = value * 10 + (unsigned)(*c - '0');
		if (value > max)
			return -ERANGE;
	}
	*ret = value;
	*text = c;
	return 0;
}

static int parse_range(const char *text, unsigned max, struct ns_span *ret)
{
	unsigned lo, hi;

	if (parse_number(&text, max, &lo) < 0 || *text++ != '-' || parse_number(&text, max, &hi) < 0 || *text ||
	    lo > hi)
		return -EINVAL;
	*ret = (struct ns_span){ (uint16_t)lo, (uint16_t)hi };
	return 0;
}

static int parse_item(const json_t *json, const char *path, const struct ns_span_kind *kind, size_t index,
		      struct ns_span *ret, struct ns_error *err)
{
	if (json_is_integer(json)) {
		json_int_t value = json_integer_value(json);

		if (value < 0 || value > (json_int_t)kind->max)
			return ns_error_set(err, -EINVAL, "%s.%s[%zu]: %lld is not %s; use 0 to %u", path, kind->member,
					    index, (long long)value, kind->what, kind->max);
		*ret = (struct ns_span){ (uint16_t)value, (uint16_t)value };
		return 0;
	}
	if (json_is_string(json)) {
		const char *text = json_string_value(json);

		if (strlen(text) == json_string_length(json) && parse_range(text, kind->max, ret) == 0)
			return 0;
		return ns_error_set(err, -EINVAL,
				    "%s.%s[%zu]: '%.32s' is no range; write \"LO-HI\" with LO and HI of 0 to %u", path,
				    kind->member, index, text, kind->max);
	}
	return ns_error_set(err, -EINVAL, "%s.%s[%zu]: must be a number or \"LO-HI\"", path, kind->member, index);
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->span.lo != y->span.lo ? x->span.lo - y->span.lo : x->index > y->index ? 1 : -1;
}

static int check_overlap(const struct item *items, size_t n, const char *path, const struct ns_span_kind *kind,
			 struct ns_error *err)
{
	for (size_t i = 1; i < n; i++) {
		const struct item *a = &items[i - 1], *b = &items[i];

		if (b->span.lo <= a->span.hi)
			return ns_error_set(err, -EINVAL, "%s.%s[%zu]: %u-%u overlaps %u-%u of %s[%zu]", path,
					    kind->member, b->index, b->span.lo, b->span.hi, a->span.lo, a->span.hi,
					    kind->member, a->index);
	}
	return 0;
}

int ns_policy_parse_spans(const json_t *array, const char *path, const struct ns_span_kind *kind, struct ns_span **ret,
			  size_t *ret_n, struct ns_error *err)
{
	size_t n = json_array_size(array);
	NS_FREE struct item *items = NULL;
	NS_FREE struct ns_span *spans = NULL;
	int r = 0;

	if (n == 0)
		return ns_error_set(err, -EINVAL, "%s.%s: must have at least one item", path, kind->member);
	if (n > kind->max_items)
		return ns_error_set(err, -E2BIG, "%s.%s: %zu items are more than the %zu allowed", path, kind->member,
				    n, kind->max_items);
	items = calloc(n, sizeof(*items));
	spans = calloc(n, sizeof(*spans));
	if (!items || !spans)
		return ns_error_set(err, -ENOMEM, "%s.%s: no memory", path, kind->member);
	for (size_t i = 0; r == 0 && i < n; i++) {
		items[i].index = i;
		r = parse_item(json_array_get(array, i), path, kind, i, &items[i].span, err);
	}
	if (r < 0)
		return r;
	qsort(items, n, sizeof(*items), compare_items);
	r = check_overlap(items, n, path, kind, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		spans[i] = items[i].span;
	*ret_n = ns_spans_merge(spans, n);
	*ret = NS_TAKE(spans);
	return 0;
}

size_t ns_policy_name_max(enum ns_peer_class peer_class)
{
	static const size_t max[] = {
		[NS_PEER_WORKLOAD] = NS_WORKLOAD_MAX, [NS_PEER_SERVICE] = NS_NAME_MAX, [NS_PEER_NAME] = NS_NAME_MAX
	};

	return (size_t)peer_class < sizeof(max) / sizeof(max[0]) ? max[peer_class] : 0;
}

int ns_policy_check_name(const char *path, const char *member, const char *text, size_t max, struct ns_error *err)
{
	if (!*text || strlen(text) >= max)
		return ns_error_set(err, -EINVAL, "%s.%s: must have 1 to %zu bytes", path, member, max - 1);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			return ns_error_set(err, -EINVAL, "%s.%s: has a control character", path, member);
	return 0;
}

int ns_policy_parse_text(struct ns_json_object *object, const char *name, char **ret, struct ns_error *err)
{
	const char *text;
	char *copy;
	int r = ns_json_opt_string(object, name, &text, err);

	if (r <= 0)
		return r;
	if (strlen(text) >= NS_RULE_TEXT_MAX)
		return ns_error_set(err, -EINVAL, "%s.%s: must have less than %d bytes", object->path, name,
				    NS_RULE_TEXT_MAX);
	copy = strdup(text);
	if (!copy)
		return ns_error_set(err, -ENOMEM, "%s.%s: no memory", object->path, name);
	*ret = copy;
	return 0;
}

static int parse_time(struct ns_json_object *object, const char *name, int64_t *ret, struct ns_error *err)
{
	const char *text;
	int64_t time;
	int r = ns_json_opt_string(object, name, &text, err);

	if (r <= 0)
		return r;
	if (ns_time_parse(text, &time) < 0 || time <= 0)
		return ns_error_set(err, -EINVAL,
				    "%s.%s: must be a time after 1970 such as 2026-11-23T18:56:29.123456Z",
				    object->path, name);
	*ret = time;
	return 0;
}

static int compare_texts(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static int parse_process(const json_t *json, const char *path, size_t index, char **ret, struct ns_error *err)
{
	const char *text = json_string_value(json);

	if (!text || strlen(text) != json_string_length(json) || !*text || strlen(text) >= NS_PROCESS_MAX)
		return ns_error_set(err, -EINVAL, "%s.processes[%zu]: must be a string of 1 to %d bytes", path, index,
				    NS_PROCESS_MAX - 1);
	*ret = strdup(text);
	return *ret ? 0 : ns_error_set(err, -ENOMEM, "%s.processes: no memory", path);
}

static int parse_processes(struct ns_json_object *object, struct ns_evidence *ret, struct ns_error *err)
{
	const json_t *array = NULL;
	size_t n, kept = 0;
	int r = ns_json_opt_array(object, "processes", &array, err);

	if (r <= 0)
		return r;
	n = json_array_size(array);
	if (n > NS_RULE_PROCESSES_MAX)
		return ns_error_set(err, -E2BIG, "%s.processes: %zu items are more than the %d allowed", object->path,
				    n, NS_RULE_PROCESSES_MAX);
	if (n == 0)
		return 0;
	ret->processes = calloc(n, sizeof(*ret->processes));
	if (!ret->processes)
		return ns_error_set(err, -ENOMEM, "%s.processes: no memory", object->path);
	for (size_t i = 0; i < n; i++) {
		r = parse_process(json_array_get(array, i), object->path, i, &ret->processes[i], err);
		if (r < 0)
			return r;
		ret->n_processes = i + 1;
	}
	qsort(ret->processes, n, sizeof(*ret->processes), compare_texts);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(ret->processes[kept], ret->processes[i]) == 0)
			free(ret->processes[i]);
		else
			ret->processes[++kept] = ret->processes[i];
	}
	ret->n_processes = kept + 1;
	return 0;
}

int ns_policy_parse_evidence(struct ns_json_object *rule, struct ns_evidence *ret, struct ns_error *err)
{
	char path[NS_JSON_PATH_MAX + 16];
	struct ns_json_object object;
	const json_t *json = NULL;
	int r = ns_json_opt_child(rule, "evidence", &json, err);

	if (r <= 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s.evidence", rule->path);
	r = ns_json_object_begin(&object, json, path, err);
	if (r >= 0)
		r = ns_json_opt_uint(&object, "packets", INT64_MAX, &ret->packets, err);
	if (r >= 0)
		r = ns_json_opt_uint(&object, "bytes", INT64_MAX, &ret->bytes, err);
	if (r >= 0)
		r = ns_json_opt_uint(&object, "connections_seen", INT64_MAX, &ret->edges, err);
	if (r >= 0)
		r = ns_json_opt_uint(&object, "widened_by", INT64_MAX, &ret->widened_by, err);
	if (r >= 0)
		r = parse_time(&object, "first_seen", &ret->first_seen, err);
	if (r >= 0)
		r = parse_time(&object, "last_seen", &ret->last_seen, err);
	if (r >= 0)
		r = parse_processes(&object, ret, err);
	if (r >= 0)
		r = ns_policy_parse_text(&object, "why", &ret->why, err);
	if (r < 0)
		return r;
	if (ret->widened_by == INT64_MAX) /* how the largest figure is written */
		ret->widened_by = UINT64_MAX;
	return ns_json_object_end(&object, err);
}
