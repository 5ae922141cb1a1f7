/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "show.h"
#include "table.h"

static void escaping(void **state)
{
	static const struct {
		const char *text, *escaped;
	} cases[] = {
		{ "", "" },
		{ "compose/shop/web", "compose/shop/web" },
		{ "Grüße 日本 €", "Grüße 日本 €" },
		{ "a\\b", "a\\b" },
		{ "\x1b[2J\n\t\x7f", "\\x1b[2J\\x0a\\x09\\x7f" },
		{ "\xc2\x9b"
		  "31m",
		  "\\u009b31m" }, /* CSI as one character */
		{ "a\xe2\x80\xae"
		  "b",
		  "a\\u202eb" },                                /* right-to-left override */
		{ "a\xef\xbb\xbf", "a\\ufeff" },                /* byte order mark */
		{ "\xff\xc0\xaf", "\\xff\\xc0\\xaf" },          /* never valid; overlong */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* a surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond Unicode */
		{ "ok\xe2\x82", "ok\\xe2\\x82" },               /* cut short */
		{ "\xf3\xa0\x80\x81", "\\ue0001" },             /* language tag */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *escaped = ns_show_escape(cases[i].text);

		assert_string_equal(escaped, cases[i].escaped);
		free(escaped);
	}
	assert_true(ns_show_valid("Grüße"));
	assert_false(ns_show_valid("Gr\xfc\xdf"
				   "e"));
	char *json = ns_show_escape_json("{\n  \"a\": \"\xc2\x9b \xe2\x80\xae \xf3\xa0\x80\x81 ü \x7f\"\n}");
	assert_string_equal(json, "{\n  \"a\": \"\\u009b \\u202e \\udb40\\udc01 ü \\u007f\"\n}");
	free(json);
}

static void widths(void **state)
{
	size_t width;

	(void)state;
	assert_int_equal(ns_show_width("abc"), 3);
	assert_int_equal(ns_show_width("Grüße"), 5);
	assert_int_equal(ns_show_width("日本"), 4);
	assert_int_equal(ns_show_width("e\xcc\x81"), 1);     /* e and a combining accent */
	assert_int_equal(ns_show_cut("日本", 3, &width), 3); /* the second does not fit into one column */
	assert_int_equal(ns_show_cut("Grüße", 3, &width), 4);
	assert_int_equal(ns_show_cut("abc", 10, &width), 3);
	assert_int_equal(ns_show_cut("abc", 0, &width), 0);
}

static void figures(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 1048575, "1023.9 KiB" },
		{ 1048576, "1.0 MiB" },
		{ 5368709120u, "5.0 GiB" },
		{ UINT64_MAX, "15.9 EiB" },
	};
	static const struct {
		int64_t us;
		const char *text;
	} times[] = {
		{ -5, "0s" },
		{ 0, "0s" },
		{ 999, "0ms" },
		{ 250000, "250ms" },
		{ 1000000, "1s" },
		{ 61000000, "1min 1s" },
		{ 3600000000, "1h" },
		{ 3661000000, "1h 1min" },
		{ 3605000000, "1h" },
		{ INT64_C(90000) * 1000000, "1d 1h" },
		{ INT64_MAX, "106751991d 4h" },
	};
	char buf[NS_SHOW_FIGURE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_string_equal(ns_show_bytes(sizes[i].bytes, buf), sizes[i].text);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_string_equal(ns_show_duration(times[i].us, buf), times[i].text);
}

static const struct ns_column columns[] = { { "NAME", NS_CUT }, { "N", NS_RIGHT }, { "WHY", NS_CUT } };

static char *print(struct ns_table *table, unsigned width)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(ns_table_print(table, width, out, NULL), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void row(struct ns_table *table, const char *name, uint64_t n, const char *why)
{
	ns_table_add(table, name);
	ns_table_add_number(table, n);
	ns_table_add(table, why);
}

static void tables(void **state)
{
	struct ns_table table = NS_TABLE(columns);
	char *text = print(&table, 80);

	(void)state;
	assert_string_equal(text, "");
	free(text);

	row(&table, "compose/shop/web", 7, "because");
	row(&table, "日本", 12345, NULL);
	row(&table, "a\nb", 1, "\x1b");
	text = print(&table, 0);
	assert_string_equal(text, "NAME                  N  WHY\n"
				  "compose/shop/web      7  because\n"
				  "日本              12345  -\n"
				  "a\\x0ab                1  \\x1b\n");
	free(text);

	/* What follows keeps the columns and has no second heading. */
	row(&table, "x", 2, "y");
	text = print(&table, 0);
	assert_string_equal(text, "x                     2  y\n");
	free(text);
	ns_table_release(&table);
}

static void narrow_terminals(void **state)
{
	struct ns_table table = NS_TABLE(columns);
	char *text;

	(void)state;
	row(&table, "compose/shop/web", 7, "because it was seen");
	row(&table, "日本日本日本日本", 8, "x");
	text = print(&table, 30);
	assert_string_equal(text, "NAME          N  WHY\n"
				  "compose/sho…  7  because it w…\n"
				  "日本日本日…   8  x\n");
	free(text);
	ns_table_release(&table);

	/* Nothing is cut below a readable rest, however narrow. */
	table = (struct ns_table)NS_TABLE(columns);
	row(&table, "compose/shop/web", 7, "because it was seen");
	text = print(&table, 5);
	assert_string_equal(text, "NAME      N  WHY\n"
				  "compose…  7  because…\n");
	free(text);
	ns_table_release(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escaping), cmocka_unit_test(widths),           cmocka_unit_test(figures),
		cmocka_unit_test(tables),   cmocka_unit_test(narrow_terminals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
