/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report_text.h"

#define CELL_MAX 200 /* bytes of foreign text */

const char *bench_count(char buf[static BENCH_FIGURE_MAX], int64_t count)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%" PRId64, count);
	char *to = buf;

	for (int i = 0; i < n; i++) {
		*to++ = digits[i];
		if (digits[i] != '-' && i < n - 1 && (n - 1 - i) % 3 == 0)
			*to++ = ',';
	}
	*to = '\0';
	return buf;
}

const char *bench_figure(char buf[static BENCH_FIGURE_MAX], double value)
{
	double size = fabs(value);

	if (size >= 999.5 && size < 1e18)
		return bench_count(buf, (int64_t)llround(value));
	(void)snprintf(buf, BENCH_FIGURE_MAX, "%.*f",
		       value == rint(value) ? 0
		       : size >= 99.95      ? 0
		       : size >= 9.995      ? 1
		       : size >= 0.9995     ? 2
		       : size >= 0.00995    ? 3
					    : 5,
		       value);
	return buf;
}

const char *bench_ratio_figure(char buf[static BENCH_FIGURE_MAX], double value)
{
	(void)snprintf(buf, BENCH_FIGURE_MAX, "%.*f", value >= 99.95 ? 0 : value >= 9.995 ? 1 : 3, value);
	return buf;
}

/* Control characters are no text in either language. */
static int printable(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
}

void bench_put_xml(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			(void)fputs("&amp;", out);
		else if (*text == '<')
			(void)fputs("&lt;", out);
		else if (*text == '>')
			(void)fputs("&gt;", out);
		else if (*text == '"')
			(void)fputs("&quot;", out);
		else
			(void)putc(printable(*text), out);
	}
}

void bench_put_cell(FILE *out, const char *text)
{
	size_t room = CELL_MAX;

	for (; *text; text++) {
		/* Not in the middle of a character. */
		if (room > 0)
			room--;
		else if (((unsigned char)*text & 0xc0) != 0x80)
			break;
		if (*text == '&')
			(void)fputs("&amp;", out);
		else if (*text == '<')
			(void)fputs("&lt;", out);
		else if (*text == '>')
			(void)fputs("&gt;", out);
		else if (strchr("\\|`*_[]~", *text))
			(void)fprintf(out, "\\%c", *text);
		else
			(void)putc(printable(*text), out);
	}
	if (*text)
		(void)fputs(" …", out);
}
