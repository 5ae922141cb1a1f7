/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cleanup.h"
#include "json.h"

json_t *ns_json_text(const char *text)
{
	json_t *json = json_string(text);
	NS_FREE char *copy = json ? NULL : strdup(text);

	if (json || !copy)
		return json;
	for (unsigned char *c = (unsigned char *)copy; *c; c++)
		if (*c >= 0x80)
			*c = '?';
	return json_string(copy);
}
