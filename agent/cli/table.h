/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tables for people: a heading, aligned columns, no frames, one line a row. Cells are escaped as they go in. On a
 * terminal spare columns are left out, from the right, while the others would have to be cut short, and then the widest
 * columns that may be cut are cut until a row fits; the cut is shown by "…".
 */
#ifndef NANOSEG_CLI_TABLE_H
#define NANOSEG_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <nanoseg/error.h>

#define NS_TABLE_COLUMNS_MAX 16
#define NS_TABLE_COLUMN_GOOD 20 /* no column is cut below this while a spare one is there */
#define NS_TABLE_COLUMN_MIN  8  /* no column is cut below this, or below its heading */

enum ns_layout {
	NS_LEFT = 0,
	NS_RIGHT = 1,
	NS_CUT = 2,   /* left, and may be cut */
	NS_SPARE = 4, /* beside the others: may be left out */
};

struct ns_column {
	const char *heading;
	unsigned layout; /* enum ns_layout */
};

struct ns_cell {
	size_t at;              /* in the table's text */
	unsigned length, width; /* bytes, columns */
};

/* Rows that are printed before the rest of a long table has come: what is in memory is bounded. */
#define NS_TABLE_ROWS_MAX 8192

struct ns_table {
	const struct ns_column *columns;
	size_t n_columns;
	struct ns_cell *cells; /* row after row */
	size_t n_cells, allocated;
	char *text; /* of all cells, escaped */
	size_t text_length, text_allocated;
	size_t widths[NS_TABLE_COLUMNS_MAX]; /* of what was printed so far: later parts keep them */
	bool hidden[NS_TABLE_COLUMNS_MAX];
	bool headed, failed;
};

#define NS_TABLE(of)                                                                                                   \
	{                                                                                                              \
		.columns = (of), .n_columns = sizeof(of) / sizeof((of)[0])                                             \
	}

void ns_table_release(struct ns_table *table);

/* Cell by cell. NULL and "" are shown as "-". No memory is remembered and told by ns_table_print. */
void ns_table_add(struct ns_table *table, const char *text);
void ns_table_addf(struct ns_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ns_table_add_number(struct ns_table *table, uint64_t number);
/* The rows that are there, and forgets them; the heading only the first time. width 0: no limit. An empty table prints
 * nothing. */
int ns_table_print(struct ns_table *table, unsigned width, FILE *out, struct ns_error *err);

#endif
