/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scan.h"

#include <string.h>

#include <nanoseg/limits.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Each byte of a word. */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The high bits of bytes that are zero, and perhaps of some above the lowest that is. */
static uint64_t zeros(uint64_t word)
{
	return (word - EACH(1)) & ~word & EACH(0x80);
}

/* Eight bytes at a time, as long as all of them stand for themselves. */
static char *skip_plain(char *p, const char *end)
{
	for (uint64_t word; end - p >= (ptrdiff_t)sizeof(word); p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		if (zeros(word ^ EACH('"')) | zeros(word ^ EACH('\\')) | ((word - EACH(0x20)) & ~word & EACH(0x80)))
			break;
	}
	return p;
}

int ns_scan_string(char **at, const char *end, struct ns_scan_text *ret)
{
	char *from = *at, *p;
	int r = ns_scan_char(&from, end, '"');

	if (r <= 0)
		return r;
	ret->at = from;
	ret->escaped = false;
	for (p = skip_plain(from, end); p < end && *p != '"'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c >= 0x20 && c != '\\')
			continue;
		if (c != '\\')
			return -1;
		ret->escaped = true;
		if (++p == end)
			return 0;
	}
	if (p == end)
		return 0;
	ret->length = (size_t)(p - from);
	*at = p + 1;
	return 1;
}

/* Numbers, true, false, null: ended by what cannot be of them. */
static int scan_word(char **at, const char *end)
{
	char *p = *at;

	while (p < end && (*p == '-' || *p == '+' || *p == '.' || (*p >= '0' && *p <= '9') ||
			   (*p >= 'a' && *p <= 'z') || *p == 'E'))
		p++;
	if (p == end)
		return 0;
	if (p == *at)
		return -1;
	*at = p;
	return 1;
}

static int scan_nested(char **at, const char *end)
{
	struct ns_scan scan = { 0 };

	for (char *p = *at; p < end; p++) {
		ns_scan_pass(&scan, p, 1);
		if (scan.wrong)
			return -1;
		if (scan.depth == 0) {
			*at = p + 1;
			return 1;
		}
	}
	return 0;
}

int ns_scan_value(char **at, const char *end)
{
	struct ns_scan_text text;
	char *p = *at, c;
	int r = ns_scan_peek(&p, end, &c);

	if (r == 0)
		return 0;
	if (c == '"')
		r = ns_scan_string(&p, end, &text);
	else if (c == '{' || c == '[')
		r = scan_nested(&p, end);
	else
		r = scan_word(&p, end);
	if (r > 0)
		*at = p;
	return r;
}

int ns_scan_integer(char **at, const char *end, int64_t *ret, bool *ret_is)
{
	char *p = *at, c;
	int64_t value = 0;
	bool negative;
	int r = ns_scan_peek(&p, end, &c);

	*ret_is = false;
	if (r == 0)
		return 0;
	negative = c == '-';
	if (!negative && (c < '0' || c > '9'))
		return ns_scan_value(at, end);
	for (p += negative; p < end && *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, *p - '0', &value)) /* downwards: there is one more */
			value = INT64_MIN;
	if (p == end)
		return 0;
	if (*p == '.' || *p == 'e' || *p == 'E')
		return ns_scan_value(at, end);
	*ret = negative ? value : value == INT64_MIN ? INT64_MAX : -value;
	*ret_is = true;
	*at = p;
	return 1;
}

/* ---- strings ---- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four digits. */
static bool read_unit(const char **from, const char *end, uint32_t *ret)
{
	uint32_t value = 0;

	if (end - *from < 4)
		return false;
	for (int i = 0; i < 4; i++, ++*from) {
		int d = digit(**from);

		if (d < 0)
			return false;
		value = value << 4 | (uint32_t)d;
	}
	*ret = value;
	return true;
}

static bool read_code(const char **from, const char *end, uint32_t *ret)
{
	uint32_t low;

	if (!read_unit(from, end, ret) || *ret == 0)
		return false;
	if (*ret < 0xd800 || *ret > 0xdfff)
		return true;
	if (*ret > 0xdbff || end - *from < 6 || (*from)[0] != '\\' || (*from)[1] != 'u')
		return false;
	*from += 2;
	if (!read_unit(from, end, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	*ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

/* As UTF-8, which is never longer than the escape. */
static char *put_code(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

bool ns_scan_terminate(struct ns_scan_text *text)
{
	static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *from = text->at, *end = text->at + text->length, *which;
	char *to = text->at;
	uint32_t c;

	if (text->escaped) {
		while (from < end) {
			if (*from != '\\') {
				*to++ = *from++;
				continue;
			}
			from++;
			which = *from ? strchr(escapes, *from) : NULL;
			if (which) {
				*to++ = meant[which - escapes];
				from++;
			} else if (*from++ == 'u' && read_code(&from, end, &c)) {
				to = put_code(to, c);
			} else {
				return false;
			}
		}
		text->length = (size_t)(to - text->at);
		text->escaped = false;
	}
	/* ns_scan_string() takes no NUL, and no escape makes one. */
	text->at[text->length] = '\0';
	return true;
}

/* ---- in passing ---- */

void ns_scan_pass(struct ns_scan *scan, const char *data, size_t length)
{
	struct ns_scan s = *scan;

	for (size_t i = 0; i < length; i++) {
		char c = data[i];

		if (s.in_string) {
			if (s.after_backslash)
				s.after_backslash = false;
			else if (c == '\\')
				s.after_backslash = true;
			else
				s.in_string = c != '"';
		} else if (c == '"' && s.depth > 0) {
			s.in_string = true;
		} else if (c == '{' || c == '[') {
			s.wrong |= (s.begun && s.depth == 0) || s.depth == NS_JSON_DEPTH_MAX;
			s.begun = true;
			s.depth++;
		} else if (c == '}' || c == ']') {
			s.wrong |= s.depth == 0;
			s.depth -= s.depth > 0;
		} else {
			s.wrong |= s.depth == 0 && !is_space(c);
		}
	}
	*scan = s;
}
