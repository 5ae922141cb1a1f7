/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "table.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "show.h"

#define GAP      2 /* columns between columns */
#define ELLIPSIS "…"

static void clear(struct ns_table *table)
{
	table->n_cells = 0;
	table->text_length = 0;
}

void ns_table_release(struct ns_table *table)
{
	free(table->cells);
	free(table->text);
	table->cells = NULL;
	table->text = NULL;
	table->allocated = table->text_allocated = 0;
	clear(table);
}

static bool make_room(struct ns_table *table, size_t length)
{
	if (table->n_cells == table->allocated) {
		size_t n = table->allocated ? table->allocated * 2 : 256;
		struct ns_cell *cells = reallocarray(table->cells, n, sizeof(*cells));

		if (!cells)
			return false;
		table->cells = cells;
		table->allocated = n;
	}
	if (length > table->text_allocated - table->text_length) {
		size_t n = (table->text_length + length) * 2;
		char *text = realloc(table->text, n);

		if (!text)
			return false;
		table->text = text;
		table->text_allocated = n;
	}
	return true;
}

static void add_escaped(struct ns_table *table, const char *text, size_t length, size_t width)
{
	if (length > UINT_MAX || !make_room(table, length + 1)) {
		table->failed = true;
		return;
	}
	memcpy(table->text + table->text_length, text, length);
	table->text[table->text_length + length] = '\0';
	table->cells[table->n_cells++] = (struct ns_cell){ table->text_length, (unsigned)length, (unsigned)width };
	table->text_length += length + 1;
}

/* Of nearly all texts every byte is a character that takes one column and stands there as it is. */
static bool is_plain(const char *text, size_t *ret_length)
{
	const char *p = text;

	while (*p >= 0x20 && *p < 0x7f)
		p++;
	*ret_length = (size_t)(p - text);
	return *p == '\0';
}

void ns_table_add(struct ns_table *table, const char *text)
{
	NS_FREE char *escaped = NULL;
	size_t length;

	if (table->failed)
		return;
	if (!text || !*text)
		text = "-";
	if (is_plain(text, &length)) {
		add_escaped(table, text, length, length);
		return;
	}
	escaped = ns_show_escape(text);
	if (escaped)
		add_escaped(table, escaped, strlen(escaped), ns_show_width(escaped));
	else
		table->failed = true;
}

#define SHORT_MAX 512

void ns_table_addf(struct ns_table *table, const char *format, ...)
{
	NS_FREE char *text = NULL;
	char shorter[SHORT_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(shorter, sizeof(shorter), format, args);
	va_end(args);
	if (n >= 0 && n < SHORT_MAX) {
		ns_table_add(table, shorter);
		return;
	}
	va_start(args, format);
	if (n < 0 || vasprintf(&text, format, args) < 0) {
		text = NULL;
		table->failed = true;
	}
	va_end(args);
	if (text)
		ns_table_add(table, text);
}

void ns_table_add_number(struct ns_table *table, uint64_t number)
{
	char digits[NS_SHOW_FIGURE_MAX];

	ns_table_add(table, ns_show_number(number, digits));
}

static void measure(struct ns_table *table)
{
	for (size_t c = 0; c < table->n_columns; c++) {
		size_t width = ns_show_width(table->columns[c].heading);

		if (width > table->widths[c])
			table->widths[c] = width;
	}
	for (size_t i = 0; i < table->n_cells; i += table->n_columns)
		for (size_t c = 0; c < table->n_columns && i + c < table->n_cells; c++)
			if (table->cells[i + c].width > table->widths[c])
				table->widths[c] = table->cells[i + c].width;
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

/* Lines on their way out: few large writes instead of several small ones a cell. */
#define OUTPUT_BYTES ((size_t)64 * 1024)

struct output {
	FILE *out;
	char *text, *at;
	size_t allocated;
};

static void flush(struct output *output)
{
	(void)fwrite_unlocked(output->text, 1, (size_t)(output->at - output->text), output->out);
	output->at = output->text;
}

/* Room for `length` bytes from `at` on. */
static bool have_room(struct output *output, size_t length)
{
	size_t allocated = length > OUTPUT_BYTES ? length : OUTPUT_BYTES;
	char *text;

	if (output->text && length <= output->allocated - (size_t)(output->at - output->text))
		return true;
	if (output->text)
		flush(output);
	if (length <= output->allocated)
		return true;
	text = realloc(output->text, allocated);
	if (!text)
		return false;
	output->text = output->at = text;
	output->allocated = allocated;
	return true;
}

static char *put(char *to, const char *text, size_t length)
{
	memcpy(to, text, length);
	return to + length;
}

static char *put_blanks(char *to, size_t n)
{
	memset(to, ' ', n);
	return to + n;
}

static char *put_cell(char *to, const char *text, size_t bytes, size_t have, size_t width, unsigned layout, bool last)
{
	bool too_wide = have > width;

	if (too_wide) {
		bytes = ns_show_cut(text, width - 1, &have);
		have++;
	}
	if (layout & NS_RIGHT)
		to = put_blanks(to, width - have);
	to = put(to, text, bytes);
	if (too_wide)
		to = put(to, ELLIPSIS, sizeof(ELLIPSIS) - 1);
	if (!last)
		to = put_blanks(to, layout & NS_RIGHT ? GAP : width - have + GAP);
	return to;
}

/* Bytes that a row takes at most: its texts, and as if all else were blanks. */
static size_t row_bytes(const struct ns_table *table, const struct ns_cell *cells)
{
	size_t bytes = 1;

	for (size_t c = 0; c < table->n_columns; c++)
		bytes += (cells ? cells[c].length : strlen(table->columns[c].heading)) + table->widths[c] +
			 sizeof(ELLIPSIS) + GAP;
	return bytes;
}

/* cells NULL: the heading. */
static bool print_row(const struct ns_table *table, const struct ns_cell *cells, struct output *output)
{
	size_t last = table->n_columns - 1;
	char *to;

	if (!have_room(output, row_bytes(table, cells)))
		return false;
	to = output->at;
	while (last > 0 && table->hidden[last])
		last--;
	for (size_t c = 0; c <= last; c++) {
		const struct ns_column *column = &table->columns[c];

		if (table->hidden[c])
			continue;
		if (cells)
			to = put_cell(to, table->text + cells[c].at, cells[c].length, cells[c].width, table->widths[c],
				      column->layout, c == last);
		else
			to = put_cell(to, column->heading, strlen(column->heading), ns_show_width(column->heading),
				      table->widths[c], column->layout, c == last);
	}
	*to++ = '\n';
	output->at = to;
	return true;
}

static bool print_rows(struct ns_table *table, FILE *out)
{
	struct output output = { .out = out };
	bool ok = table->headed || print_row(table, NULL, &output);

	table->headed = true;
	for (size_t i = 0; ok && i + table->n_columns <= table->n_cells; i += table->n_columns)
		ok = print_row(table, table->cells + i, &output);
	if (output.text)
		flush(&output);
	free(output.text);
	return ok;
}

static int no_memory(struct ns_error *err)
{
	return ns_error_set(err, -ENOMEM, "no memory for the table");
}

int ns_table_print(struct ns_table *table, unsigned width, FILE *out, struct ns_error *err)
{
	if (table->failed)
		return no_memory(err);
	if (table->n_cells == 0 || table->n_columns == 0)
		return 0;
	measure(table);
	if (width > 0) {
		leave_out(table, width);
		cut(table, width);
	}
	if (!print_rows(table, out))
		return no_memory(err);
	clear(table);
	return 0;
}
