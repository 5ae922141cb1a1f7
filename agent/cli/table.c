/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "show.h"

#define GAP      2 /* columns between columns */
#define ELLIPSIS "…"

static void clear(struct ns_table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	table->n_cells = 0;
}

void ns_table_release(struct ns_table *table)
{
	clear(table);
	free(table->cells);
	table->cells = NULL;
	table->allocated = 0;
}

void ns_table_add(struct ns_table *table, const char *text)
{
	char *escaped;

	if (table->failed)
		return;
	if (table->n_cells == table->allocated) {
		size_t n = table->allocated ? table->allocated * 2 : 256;
		char **cells = reallocarray(table->cells, n, sizeof(*cells));

		if (!cells) {
			table->failed = true;
			return;
		}
		table->cells = cells;
		table->allocated = n;
	}
	escaped = ns_show_escape(text && *text ? text : "-");
	if (escaped)
		table->cells[table->n_cells++] = escaped;
	else
		table->failed = true;
}

void ns_table_addf(struct ns_table *table, const char *format, ...)
{
	NS_FREE char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
		table->failed = true;
	}
	va_end(args);
	if (text)
		ns_table_add(table, text);
}

void ns_table_add_number(struct ns_table *table, uint64_t number)
{
	ns_table_addf(table, "%" PRIu64, number);
}

static void measure(struct ns_table *table)
{
	for (size_t c = 0; c < table->n_columns; c++) {
		size_t width = ns_show_width(table->columns[c].heading);

		if (width > table->widths[c])
			table->widths[c] = width;
	}
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t width = ns_show_width(table->cells[i]);

		if (width > table->widths[i % table->n_columns])
			table->widths[i % table->n_columns] = width;
	}
}

static size_t least(const struct ns_column *column)
{
	size_t heading = ns_show_width(column->heading);

	return heading > NS_TABLE_COLUMN_MIN ? heading : NS_TABLE_COLUMN_MIN;
}

/* Of a row, when no column that may be cut is wider than `limit`. */
static size_t row_width(const struct ns_table *table, size_t limit)
{
	size_t total = 0;

	for (size_t c = 0; c < table->n_columns; c++) {
		size_t width = table->widths[c];

		if (table->columns[c].layout & NS_CUT && width > limit)
			width = limit;
		total += table->hidden[c] ? 0 : width + (total ? GAP : 0);
	}
	return total;
}

static void leave_out(struct ns_table *table, size_t width)
{
	for (size_t c = table->n_columns; c-- > 0 && row_width(table, NS_TABLE_COLUMN_GOOD) > width;)
		table->hidden[c] = table->columns[c].layout & NS_SPARE;
}

/* Takes from the widest column that may be cut, down to the next widest, until the row fits or nothing can give. */
static void cut(struct ns_table *table, size_t width)
{
	for (size_t total = row_width(table, SIZE_MAX); total > width; total--) {
		size_t widest = SIZE_MAX;

		for (size_t c = 0; c < table->n_columns; c++) {
			if (!table->hidden[c] && table->columns[c].layout & NS_CUT &&
			    table->widths[c] > least(&table->columns[c]) &&
			    (widest == SIZE_MAX || table->widths[c] > table->widths[widest]))
				widest = c;
		}
		if (widest == SIZE_MAX)
			return;
		table->widths[widest]--;
	}
}

static void print_cell(const char *text, size_t width, unsigned layout, bool last, FILE *out)
{
	size_t have = ns_show_width(text), bytes = strlen(text);
	bool too_wide = have > width;

	if (too_wide) {
		bytes = ns_show_cut(text, width - 1, &have);
		have++;
	}
	if (layout & NS_RIGHT)
		(void)fprintf(out, "%*s", (int)(width - have), "");
	(void)fprintf(out, "%.*s%s", (int)bytes, text, too_wide ? ELLIPSIS : "");
	if (!last)
		(void)fprintf(out, "%*s", (int)(layout & NS_RIGHT ? GAP : width - have + GAP), "");
}

/* texts NULL: the heading. */
static void print_row(const struct ns_table *table, char *const *texts, FILE *out)
{
	size_t last = table->n_columns - 1;

	while (last > 0 && table->hidden[last])
		last--;
	for (size_t c = 0; c <= last; c++) {
		if (!table->hidden[c])
			print_cell(texts ? texts[c] : table->columns[c].heading, table->widths[c],
				   table->columns[c].layout, c == last, out);
	}
	(void)fputc('\n', out);
}

int ns_table_print(struct ns_table *table, unsigned width, FILE *out, struct ns_error *err)
{
	if (table->failed)
		return ns_error_set(err, -ENOMEM, "no memory for the table");
	if (table->n_cells == 0 || table->n_columns == 0)
		return 0;
	measure(table);
	if (width > 0) {
		leave_out(table, width);
		cut(table, width);
	}
	if (!table->headed)
		print_row(table, NULL, out);
	table->headed = true;
	for (size_t i = 0; i + table->n_columns <= table->n_cells; i += table->n_columns)
		print_row(table, table->cells + i, out);
	clear(table);
	return 0;
}
