/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "report_member.h"

static bool is_null(struct ns_json_object *object, const char *name)
{
	if (!json_is_null(json_object_get(object->json, name)))
		return false;
	if (object->n_asked < NS_JSON_MEMBERS_MAX)
		object->asked[object->n_asked++] = name;
	return true;
}

int bench_member_number(struct ns_json_object *object, const char *name, double max, bool *ret_given, double *ret,
			struct ns_error *err)
{
	const json_t *value = json_object_get(object->json, name);
	double number;

	*ret_given = false;
	if (is_null(object, name))
		return 0;
	if (!value)
		return ns_error_set(err, -EINVAL, "%s.%s: missing", object->path, name);
	number = json_number_value(value);
	/* The comparisons are false for what is no number. */
	if (!json_is_number(value) || !(number >= 0 && number <= max))
		return ns_error_set(err, -EINVAL, "%s.%s: must be null or a number from 0 to %g", object->path, name,
				    max);
	if (object->n_asked < NS_JSON_MEMBERS_MAX)
		object->asked[object->n_asked++] = name;
	*ret_given = true;
	*ret = number;
	return 0;
}

int bench_member_uint(struct ns_json_object *object, const char *name, uint64_t max, bool *ret_given, uint64_t *ret,
		      struct ns_error *err)
{
	*ret_given = false;
	if (is_null(object, name))
		return 0;
	*ret_given = true;
	return ns_json_uint(object, name, max, ret, err);
}
