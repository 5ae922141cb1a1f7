/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"

/* Depth by counting brackets outside strings: costs nothing and needs no stack, unlike finding out by parsing. */
static int check_depth(const char *text, size_t length, unsigned max_depth, struct ns_error *err)
{
	unsigned depth = 0, line = 1;
	bool in_string = false;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c == '\n')
			line++;
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > max_depth)
				return ns_error_set(err, -EINVAL, "line %u: nested deeper than %u levels", line,
						    max_depth);
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return 0;
}

int ns_json_decode(const char *text, size_t length, size_t max_bytes, unsigned max_depth, json_t **ret,
		   struct ns_error *err)
{
	json_error_t error;
	json_t *json;
	int r;

	if (length > max_bytes)
		return ns_error_set(err, -EFBIG, "$: %zu bytes are more than the %zu allowed", length, max_bytes);
	r = check_depth(text, length, max_depth, err);
	if (r < 0)
		return r;
	json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		return ns_error_set(err, json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EINVAL,
				    "line %d, column %d: not valid JSON: %s", error.line, error.column, error.text);
	*ret = json;
	return 0;
}

int ns_json_object_begin(struct ns_json_object *ret, const json_t *json, const char *path, struct ns_error *err)
{
	if (!json_is_object(json))
		return ns_error_set(err, -EINVAL, "%s: must be an object", path);
	ret->json = json;
	ret->n_asked = 0;
	(void)snprintf(ret->path, sizeof ret->path, "%s", path);
	return 0;
}

int ns_json_object_end(const struct ns_json_object *object, struct ns_error *err)
{
	/* jansson's iterators take a non-const object but do not change it. */
	json_t *json = ns_unconst(object->json);

	for (void *i = json_object_iter(json); i; i = json_object_iter_next(json, i)) {
		const char *key = json_object_iter_key(i);
		unsigned n = 0;

		while (n < object->n_asked && strcmp(object->asked[n], key) != 0)
			n++;
		if (n == object->n_asked)
			return ns_error_set(err, -EINVAL, "%s.%.64s: unknown member", object->path, key);
	}
	return 0;
}

static const json_t *ask(struct ns_json_object *object, const char *name)
{
	if (object->n_asked < NS_JSON_MEMBERS_MAX)
		object->asked[object->n_asked++] = name;
	return json_object_get(object->json, name);
}

static int missing(const struct ns_json_object *object, const char *name, struct ns_error *err)
{
	return ns_error_set(err, -EINVAL, "%s.%s: missing", object->path, name);
}

static int mistyped(const struct ns_json_object *object, const char *name, const char *right, struct ns_error *err)
{
	return ns_error_set(err, -EINVAL, "%s.%s: must be %s", object->path, name, right);
}

/* An optional member found gives 1, a required one 0. */
static int required(int r, const struct ns_json_object *object, const char *name, struct ns_error *err)
{
	return r == 0 ? missing(object, name, err) : r > 0 ? 0 : r;
}

int ns_json_opt_string(struct ns_json_object *object, const char *name, const char **ret, struct ns_error *err)
{
	const json_t *value = ask(object, name);

	if (!value)
		return 0;
	if (!json_is_string(value))
		return mistyped(object, name, "a string", err);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return mistyped(object, name, "a string without NUL", err);
	*ret = json_string_value(value);
	return 1;
}

int ns_json_opt_uint(struct ns_json_object *object, const char *name, uint64_t max, uint64_t *ret, struct ns_error *err)
{
	const json_t *value = ask(object, name);

	if (!value)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return mistyped(object, name, "a whole number of 0 or more", err);
	if ((uint64_t)json_integer_value(value) > max)
		return ns_error_set(err, -EINVAL, "%s.%s: %lld is too large; use 0 to %llu", object->path, name,
				    (long long)json_integer_value(value), (unsigned long long)max);
	*ret = (uint64_t)json_integer_value(value);
	return 1;
}

int ns_json_opt_bool(struct ns_json_object *object, const char *name, bool *ret, struct ns_error *err)
{
	const json_t *value = ask(object, name);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return mistyped(object, name, "true or false", err);
	*ret = json_is_true(value);
	return 1;
}

int ns_json_opt_array(struct ns_json_object *object, const char *name, const json_t **ret, struct ns_error *err)
{
	const json_t *value = ask(object, name);

	if (!value)
		return 0;
	if (!json_is_array(value))
		return mistyped(object, name, "an array", err);
	*ret = value;
	return 1;
}

int ns_json_opt_child(struct ns_json_object *object, const char *name, const json_t **ret, struct ns_error *err)
{
	const json_t *value = ask(object, name);

	if (!value)
		return 0;
	if (!json_is_object(value))
		return mistyped(object, name, "an object", err);
	*ret = value;
	return 1;
}

int ns_json_string(struct ns_json_object *object, const char *name, const char **ret, struct ns_error *err)
{
	return required(ns_json_opt_string(object, name, ret, err), object, name, err);
}

int ns_json_uint(struct ns_json_object *object, const char *name, uint64_t max, uint64_t *ret, struct ns_error *err)
{
	return required(ns_json_opt_uint(object, name, max, ret, err), object, name, err);
}

int ns_json_array(struct ns_json_object *object, const char *name, const json_t **ret, struct ns_error *err)
{
	return required(ns_json_opt_array(object, name, ret, err), object, name, err);
}

int ns_json_child(struct ns_json_object *object, const char *name, const json_t **ret, struct ns_error *err)
{
	return required(ns_json_opt_child(object, name, ret, err), object, name, err);
}
