/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Steps through JSON text that has not come to its end yet. Each takes what stands at *at, before `end`, and moves *at
 * behind it: 1; 0: it goes on behind `end`, and *at is where it was; -1: that is not it.
 */
#ifndef NANOSEG_CLI_SCAN_H
#define NANOSEG_CLI_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A string, without its quotation marks. */
struct ns_scan_text {
	char *at;
	size_t length;
	bool escaped; /* has backslashes */
};

/* Skips white space; the character stays. */
static inline int ns_scan_peek(char **at, const char *end, char *ret)
{
	char *p = *at;

	while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	*at = p;
	if (p == end)
		return 0;
	*ret = *p;
	return 1;
}

/* After white space. */
static inline int ns_scan_char(char **at, const char *end, char c)
{
	char found;

	if (ns_scan_peek(at, end, &found) == 0)
		return 0;
	if (found != c)
		return -1;
	++*at;
	return 1;
}

int ns_scan_string(char **at, const char *end, struct ns_scan_text *ret);
int ns_scan_value(char **at, const char *end); /* any */
/* An integer; of another value *ret_is says no. */
int ns_scan_integer(char **at, const char *end, int64_t *ret, bool *ret_is);

/* What ns_scan_string() found: decodes it in place and ends it with a NUL, where its quotation mark was at the latest.
 * false: no proper escape, or a NUL in it. */
bool ns_scan_terminate(struct ns_scan_text *text);

/* Whether bytes that pass by are one object or array, as far as brackets and quotation marks tell. */
struct ns_scan {
	size_t depth;
	bool begun, in_string, after_backslash, wrong;
};
void ns_scan_pass(struct ns_scan *scan, const char *data, size_t length);
static inline bool ns_scan_is_whole(const struct ns_scan *scan)
{
	return scan->begun && scan->depth == 0 && !scan->wrong;
}

#endif
