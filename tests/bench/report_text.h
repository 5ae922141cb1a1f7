/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Figures for people, and texts of samples inside other languages. No locale has a say.
 */
#ifndef NANOSEG_BENCH_TEXT_H
#define NANOSEG_BENCH_TEXT_H

#include <stdint.h>
#include <stdio.h>

#define BENCH_FIGURE_MAX 32

/* Three digits that count: "0.012", "9.81", "1,234,567". Returns buf. */
const char *bench_figure(char buf[static BENCH_FIGURE_MAX], double value);
/* Three places: "0.970", since goals are a percent apart. */
const char *bench_ratio_figure(char buf[static BENCH_FIGURE_MAX], double value);
/* "10,000" */
const char *bench_count(char buf[static BENCH_FIGURE_MAX], int64_t count);

void bench_put_xml(FILE *out, const char *text);
/* In a cell of a Markdown table; what is long is cut. */
void bench_put_cell(FILE *out, const char *text);

#endif
