/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <nanoseg/error.h>

/* Foreign bytes end up in messages: nothing of theirs may move a cursor or forge a second line. */
static void make_one_line(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
}

#undef ns_error_set

int ns_error_set(struct ns_error *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	err->code = code;
	va_start(args, format);
	(void)vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	make_one_line(err->text);
	return code;
}

void ns_error_context(struct ns_error *err, const char *format, ...)
{
	char old[NS_ERROR_TEXT_MAX];
	va_list args;
	size_t used;
	int n;

	if (!err)
		return;
	memcpy(old, err->text, sizeof old);
	va_start(args, format);
	n = vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	used = n < 0 ? 0 : (size_t)n;
	if (used < sizeof err->text - 3)
		(void)snprintf(err->text + used, sizeof err->text - used, ": %.*s", (int)(sizeof err->text - used - 3),
			       old);
	make_one_line(err->text);
}
