/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A line a contender over the sizes, with whiskers from the least to the greatest round and its name at its end. Who
 * knows no sizes is a level line.
 */
#ifndef NANOSEG_BENCH_LINES_H
#define NANOSEG_BENCH_LINES_H

#include "report_goals.h"

struct bench_line_plot {
	const char *title, *x_title;
	const char *group, *what;
	int family;
	const char *const *contenders; /* only these, until NULL; NULL: all */
	const char *baseline;          /* ratios to it; NULL: values */
	bool log_x;
	const struct bench_goal *goal; /* its bound is drawn; NULL: none */
};

/* False, and nothing is written, when there are not two sizes. */
bool bench_line_plot(FILE *out, const struct bench_results *results, const struct bench_line_plot *plot);

#endif
