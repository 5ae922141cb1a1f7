/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "show.h"

#include <inttypes.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* One character of UTF-8 (RFC 3629: no surrogates, no overlong forms). Returns its length, or 0 when the first byte
 * begins none. */
static size_t decode(const char *text, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	uint32_t c;

	if (length <= 1) {
		*ret = p[0];
		return length;
	}
	c = p[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) { /* the NUL at the end is no continuation byte */
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return length;
}

bool ns_show_valid(const char *text)
{
	uint32_t c;

	for (size_t n; *text; text += n) {
		n = decode(text, &c);
		if (n == 0)
			return false;
	}
	return true;
}

/* Whether the character would do something else than stand there: C0, DEL, C1, and of Unicode the soft hyphen, the
 * marks without width, the ones that turn the direction, line separators and the byte order mark. */
static bool is_trouble(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || c == 0x180e ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	       c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

#define ESCAPE_MAX 12 /* bytes of "\ud800\udc00" */

char *ns_show_escape(const char *text)
{
	size_t length = strlen(text), n;
	char *escaped, *to;
	uint32_t c;

	if (length > (SIZE_MAX - 1) / ESCAPE_MAX || !(escaped = malloc(length * ESCAPE_MAX + 1)))
		return NULL;
	to = escaped;
	for (; *text; text += n) {
		n = decode(text, &c);
		if (n > 0 && !is_trouble(c)) {
			memcpy(to, text, n);
			to += n;
		} else if (n <= 1) {
			to += snprintf(to, ESCAPE_MAX + 1, "\\x%02x", (unsigned char)*text);
			n = 1;
		} else {
			to += snprintf(to, ESCAPE_MAX + 1, "\\u%04" PRIx32, c);
		}
	}
	*to = '\0';
	return escaped;
}

char *ns_show_escape_json(const char *json)
{
	size_t length = strlen(json), n;
	char *escaped, *to;
	uint32_t c;

	if (length > (SIZE_MAX - 1) / ESCAPE_MAX || !(escaped = malloc(length * ESCAPE_MAX + 1)))
		return NULL;
	to = escaped;
	for (; *json; json += n) {
		n = decode(json, &c);
		if (n == 0 || c < 0x7f ||
		    !is_trouble(c)) { /* below 0x20 there is only the white space between tokens */
			n = n ? n : 1;
			memcpy(to, json, n);
			to += n;
		} else if (c < 0x10000) {
			to += snprintf(to, ESCAPE_MAX + 1, "\\u%04" PRIx32, c);
		} else {
			c -= 0x10000;
			to += snprintf(to, ESCAPE_MAX + 1, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + (c >> 10),
				       0xdc00 + (c & 0x3ff));
		}
	}
	*to = '\0';
	return escaped;
}

/* wcwidth(3) asks the locale; the C.UTF-8 that glibc has built in knows all of Unicode, whatever the user's is. */
static size_t char_width(uint32_t c)
{
	static locale_t utf8;
	locale_t before;
	int width;

	if (c < 0x7f)
		return 1;
	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!utf8)
		return 1;
	before = uselocale(utf8);
	width = wcwidth((wchar_t)c);
	(void)uselocale(before);
	return width < 0 ? 1 : (size_t)width;
}

/* Walks at most `limit` columns; *ret_bytes is where it stopped. */
static size_t walk(const char *text, size_t limit, size_t *ret_bytes)
{
	size_t width = 0, n, at = 0;
	uint32_t c;

	for (; text[at]; at += n) {
		n = decode(text + at, &c);
		size_t w = n ? char_width(c) : 1;

		n = n ? n : 1;
		if (w > limit - width)
			break;
		width += w;
	}
	*ret_bytes = at;
	return width;
}

size_t ns_show_width(const char *text)
{
	size_t bytes;

	return walk(text, SIZE_MAX, &bytes);
}

size_t ns_show_cut(const char *text, size_t width, size_t *ret_width)
{
	size_t bytes;

	*ret_width = walk(text, width, &bytes);
	return bytes;
}

/* A table has a few of these a row. */
static char *put_number(char *to, uint64_t number)
{
	char digits[20], *at = digits + sizeof(digits);
	size_t n;

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	n = (size_t)(digits + sizeof(digits) - at);
	memcpy(to, at, n);
	to[n] = '\0';
	return to + n;
}

const char *ns_show_number(uint64_t number, char buf[static NS_SHOW_FIGURE_MAX])
{
	(void)put_number(buf, number);
	return buf;
}

const char *ns_show_bytes(uint64_t bytes, char buf[static NS_SHOW_FIGURE_MAX])
{
	static const char *const units[] = { " B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB" };
	uint64_t tenths;
	size_t unit = 0;
	char *to;

	if (bytes < 1024) {
		(void)ns_show_copy(put_number(buf, bytes), units[0]);
		return buf;
	}
	while (bytes >= UINT64_C(1024) * 1024) {
		bytes /= 1024;
		unit++;
	}
	tenths = bytes * 10 / 1024; /* rounded down: never "1024.0" */
	to = put_number(buf, tenths / 10);
	*to++ = '.';
	(void)ns_show_copy(put_number(to, tenths % 10), units[unit + 1]);
	return buf;
}

const char *ns_show_duration(int64_t us, char buf[static NS_SHOW_FIGURE_MAX])
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	int64_t seconds = us / 1000000;
	size_t i = 0;
	char *to;

	if (us <= 0) {
		(void)ns_show_copy(buf, "0s");
		return buf;
	}
	if (seconds == 0) {
		(void)ns_show_copy(put_number(buf, (uint64_t)us / 1000), "ms");
		return buf;
	}
	while (seconds < units[i].seconds)
		i++;
	int64_t first = seconds / units[i].seconds, rest = seconds % units[i].seconds;
	int64_t second = i < 3 ? rest / units[i + 1].seconds : 0;

	to = ns_show_copy(put_number(buf, (uint64_t)first), units[i].name);
	if (second > 0) {
		*to++ = ' ';
		(void)ns_show_copy(put_number(to, (uint64_t)second), units[i + 1].name);
	}
	return buf;
}
