/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "notes.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

static const char *text(const json_t *endpoint, const char *member)
{
	const char *value = json_string_value(json_object_get(endpoint, member));

	return value ? value : "";
}

/* {workload, cookie, container}, for more to be added. */
static json_t *about(const json_t *endpoint)
{
	const char *name = text(endpoint, "name");
	json_t *cookie = json_object_get(endpoint, "cookie");

	return json_pack("{s:s, s:o, s:s}", "workload", text(endpoint, "workload"), "cookie",
			 cookie ? json_incref(cookie) : json_null(), "container",
			 *name ? name : text(endpoint, "container_id"));
}

/* "failed: why" and "none: why" are one word each. */
static int count_outer(json_t *outer, const json_t *endpoint)
{
	const char *state = text(endpoint, "outer");
	char word[16];

	if (!*state)
		return 0;
	(void)snprintf(word, sizeof word, "%.*s", (int)strcspn(state, ":"), state);
	return json_object_set_new(outer, word, json_integer(json_integer_value(json_object_get(outer, word)) + 1));
}

static json_t *one_finding(const json_t *endpoint, const char *words)
{
	const char *colon = strstr(words, ": ");
	size_t length = colon ? (size_t)(colon - words) : strlen(words);
	NS_JSON json_t *note = about(endpoint);

	if (!note || json_object_set_new(note, "finding", json_stringn(words, length)) < 0 ||
	    json_object_set_new(note, "means", colon ? json_string(colon + 2) : json_null()) < 0)
		return NULL;
	return NS_TAKE(note);
}

static int add_findings(json_t *findings, const json_t *endpoint)
{
	const json_t *finding;
	size_t i;

	json_array_foreach (json_object_get(endpoint, "findings"), i, finding) {
		const char *words = json_string_value(finding);

		if (words && json_array_append_new(findings, one_finding(endpoint, words)) < 0)
			return -1;
	}
	return 0;
}

static int add_drift(json_t *drift, const json_t *endpoint)
{
	json_t *found = json_object_get(endpoint, "drift"), *note;

	if (!json_is_object(found))
		return 0;
	note = about(endpoint);
	if (!note || json_object_update_missing(note, found) < 0) {
		json_decref(note);
		return -1;
	}
	return json_array_append_new(drift, note);
}

json_t *ns_notes(const json_t *endpoints)
{
	NS_JSON json_t *outer = json_object(), *findings = json_array(), *drift = json_array();
	const json_t *endpoint;
	size_t i;

	if (!outer || !findings || !drift)
		return NULL;
	json_array_foreach (endpoints, i, endpoint) {
		if (count_outer(outer, endpoint) < 0 || add_findings(findings, endpoint) < 0 ||
		    add_drift(drift, endpoint) < 0)
			return NULL;
	}
	return json_pack("{s:O, s:O, s:O}", "outer", outer, "findings", findings, "drift", drift);
}
