/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A line plot on its way from the results (report_lines.c) to paper (report_chart.c).
 */
#ifndef NANOSEG_BENCH_CHART_H
#define NANOSEG_BENCH_CHART_H

#include "report_contenders.h"
#include "report_lines.h"

#define BENCH_LINES_MAX  24
#define BENCH_POINTS_MAX 16

#define BENCH_CHART_LEFT 64.0

struct bench_point {
	int64_t size;
	struct bench_spread spread;
};

struct bench_line {
	struct bench_contender contender;
	struct bench_point points[BENCH_POINTS_MAX]; /* one with BENCH_NO_SIZE: a level line */
	size_t n;
	char label[160];
	double aside; /* beside its place, so that whiskers do not cover each other */
	double end_x, end_y;
};

/* One of up to two drawings of the same lines: some values closer, and all of them. */
struct bench_panel {
	double top, bottom, min, max, step;
	const char *words;           /* above it */
	double label_min, label_max; /* the lines that end between these have their names here */
	bool sizes;                  /* under it */
};

struct bench_chart {
	const struct bench_line_plot *plot;
	struct bench_line lines[BENCH_LINES_MAX];
	size_t n;
	int64_t sizes[BENCH_POINTS_MAX];
	size_t n_sizes;
	double right;
};

void bench_chart_panel(FILE *out, struct bench_chart *chart, const struct bench_panel *panel);

#endif
