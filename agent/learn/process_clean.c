/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <jansson.h>

#include "cleanup.h"
#include "process.h"

static void replace(char *text, unsigned char from, unsigned char to)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= from && c <= to)
			*text = '?';
	}
}

void ns_process_clean(const char *path, size_t length, char ret[static NS_PROCESS_MAX])
{
	static const char deleted[] = " (deleted)";
	const size_t suffix = sizeof deleted - 1;

	length = strnlen(path, length);
	if (length > suffix && memcmp(path + length - suffix, deleted, suffix) == 0)
		length -= suffix;
	if (length > NS_PROCESS_MAX - 1) {
		path += length - (NS_PROCESS_MAX - 1);
		length = NS_PROCESS_MAX - 1;
		for (; length > 0 && ((unsigned char)*path & 0xc0) == 0x80; length--)
			path++; /* the cut went through a character */
	}
	memcpy(ret, path, length);
	ret[length] = '\0';
	replace(ret, 0x01, 0x1f);
	replace(ret, 0x7f, 0x7f);

	NS_JSON json_t *valid = json_string(ret);

	if (valid == NULL) /* not UTF-8 */
		replace(ret, 0x80, 0xff);
}
