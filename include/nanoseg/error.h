/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One error: a negative errno and one line for a person. Owned by the caller, with the text inside,
 * so that reporting works without memory. Libraries fill it and never log; agent/ logs it once.
 *
 * Functions that can fail return 0 (or a count) on success and a negative errno on failure, take
 * `struct ns_error *err` last (NULL allowed), and leave their `ret_` outputs untouched on failure.
 */
#ifndef NANOSEG_ERROR_H
#define NANOSEG_ERROR_H

#include <stddef.h>

#define NS_ERROR_TEXT_MAX 512

struct ns_error {
	int code; /* negative errno; 0: no error */
	char text[NS_ERROR_TEXT_MAX];
};

#define NS_ERROR_INIT                                                                                                  \
	{                                                                                                              \
		0, ""                                                                                                  \
	}

/* Sets code and text, and returns code, so that `return ns_error_set(err, -EINVAL, "…")` reads well.
 * code must be negative. The text is one line: what, where, what would be right. Newlines and other
 * control characters in it are replaced by '?', since much of the text comes from foreign bytes. */
int ns_error_set(struct ns_error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#ifdef __clang_analyzer__
/* It looks into one file at a time, and so would follow roads on which a failure returns success. */
#define ns_error_set(err, code, ...) ((void)ns_error_set(err, code, __VA_ARGS__), (code))
#endif

/* Puts "context: " before the text that is there. */
void ns_error_context(struct ns_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
