/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "foreign.h"

const char *ns_foreign_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

bool ns_foreign_copy(char *to, size_t room, const char *from)
{
	size_t n = strlen(from);

	for (size_t i = 0; i < n; i++)
		if (from[i] < ' ' || from[i] > '~')
			return false;
	if (n >= room)
		return false;
	memcpy(to, from, n + 1);
	return true;
}
