/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "request.h"

void ns_reply_release(struct ns_reply *reply)
{
	ns_text_release(&reply->text);
	ns_stream_release(&reply->later);
}

void ns_reply_error(struct ns_reply *reply, unsigned status, const char *line)
{
	ns_reply_release(reply);
	reply->status = status;
	/* Without memory the status alone has to say it. */
	if (ns_text_take_json(&reply->text, json_pack("{s:o}", "error", ns_text_string(line)), NULL) < 0)
		ns_text_release(&reply->text);
}

/* ---- the query string ---- */

/* The text of an error must not be as long as what somebody sent. */
#define SHOWN 64

static bool is_known(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

int ns_parameters_check(const struct ns_request *request, const char *const *names, struct ns_error *err)
{
	for (size_t i = 0; i < request->n_parameters; i++) {
		const struct ns_parameter *parameter = &request->parameters[i];

		if (!is_known(names, parameter->name))
			return ns_error_set(err, -EINVAL, "?%.*s: unknown parameter", SHOWN, parameter->name);
		if (!parameter->value)
			return ns_error_set(err, -EINVAL, "?%s: has no value", parameter->name);
		for (size_t k = 0; k < i; k++)
			if (strcmp(request->parameters[k].name, parameter->name) == 0)
				return ns_error_set(err, -EINVAL, "?%s: given twice", parameter->name);
	}
	return 0;
}

const char *ns_parameter_find(const struct ns_request *request, const char *name)
{
	for (size_t i = 0; i < request->n_parameters; i++)
		if (strcmp(request->parameters[i].name, name) == 0)
			return request->parameters[i].value;
	return NULL;
}

int ns_workload_check(const char *name, const char *where, struct ns_error *err)
{
	NS_JSON json_t *text = NULL;

	if (name[0] == '\0')
		return ns_error_set(err, -EINVAL, "%s: must not be empty", where);
	if (strlen(name) >= NS_WORKLOAD_MAX)
		return ns_error_set(err, -EINVAL, "%s: longer than %d bytes", where, NS_WORKLOAD_MAX - 1);
	for (const char *c = name; *c; c++)
		if (iscntrl((unsigned char)*c))
			return ns_error_set(err, -EINVAL, "%s: has control characters", where);
	text = json_string(name);
	if (!text)
		return ns_error_set(err, -EINVAL, "%s: is not UTF-8", where);
	return 0;
}

int ns_parameter_workload(const struct ns_request *request, bool required, const char **ret, struct ns_error *err)
{
	const char *name = ns_parameter_find(request, "workload");
	int r = name ? ns_workload_check(name, "?workload", err) : 0;

	if (r < 0)
		return r;
	if (!name && required)
		return ns_error_set(err, -EINVAL, "?workload: missing");
	*ret = name;
	return 0;
}

int ns_parameter_revision(const struct ns_request *request, const char *name, uint64_t *ret, struct ns_error *err)
{
	const char *text = ns_parameter_find(request, name);
	size_t length = text ? strlen(text) : 0;

	if (!text)
		return 0;
	/* 18 digits fit into 63 bits. */
	if (length == 0 || length > 18 || strspn(text, "0123456789") != length || text[0] == '0')
		return ns_error_set(err, -EINVAL, "?%s: \"%.*s\" is not a revision; use a number from 1", name, SHOWN,
				    text);
	*ret = strtoull(text, NULL, 10);
	return 0;
}

int ns_parameter_time(const struct ns_request *request, const char *name, int64_t *ret, struct ns_error *err)
{
	const char *text = ns_parameter_find(request, name);

	if (text && ns_time_parse(text, ret) < 0)
		return ns_error_set(err, -EINVAL,
				    "?%s: \"%.*s\" is not a time; use RFC 3339 UTC, like 2026-01-31T12:00:00.000000Z",
				    name, SHOWN, text);
	return 0;
}
