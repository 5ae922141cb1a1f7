/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Level bars, one or two a row, each with its figure; whiskers from the least to the greatest round. A bar that would
 * make all others short is broken off, and says so; who could not be measured has a row, too.
 */
#ifndef NANOSEG_BENCH_BARS_H
#define NANOSEG_BENCH_BARS_H

#include "report_contenders.h"
#include "report_series.h"

#define BENCH_ROWS_MAX 40

struct bench_bar_row {
	struct bench_contender contender;
	char label[96];
	struct bench_spread values[2];
	const char *note; /* why nothing was measured; NULL: it was */
	bool apart;       /* some room above it: another part begins */
};

struct bench_bar_plot {
	const char *title;
	const char *second; /* what the figures are of, one line; NULL: none */
	const char *unit;
	const char *kinds[2]; /* "p50", "p99"; the second NULL: one bar a row */
	struct bench_bar_row rows[BENCH_ROWS_MAX];
	size_t n;
};

/* The next row, for the caller to fill; NULL: there are as many as there can be. */
struct bench_bar_row *bench_bar_row(struct bench_bar_plot *plot, const char *contender, const char *label);
/* False, and nothing is written, when nothing was measured. */
bool bench_bar_plot(FILE *out, const struct bench_bar_plot *plot);

#endif
