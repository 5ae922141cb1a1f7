/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the report writes: results.json, README.md, and the plots. The same samples, goals and environment make the same
 * bytes.
 */
#ifndef NANOSEG_BENCH_OUT_H
#define NANOSEG_BENCH_OUT_H

#include "report_goals.h"

struct bench_report {
	const struct bench_results *results;
	const struct bench_goals *goals;
	const json_t *environment; /* an object of strings, and "failed", an array of strings; NULL: not known */
};

/* Every series with its values, and every goal with its verdict. */
int bench_write_json(FILE *out, const struct bench_report *report, struct ns_error *err);
/* The page; plots: the files that were drawn, with what each shows. */
struct bench_drawn {
	const char *file, *group;
	char title[96];
};
void bench_write_page(FILE *out, const struct bench_report *report, const struct bench_drawn *plots, size_t n_plots);

#define BENCH_PLOTS_MAX 24

/* Draws each plot that there are samples for into the directory, and takes away those that there are none for.
 * ret_drawn: room for BENCH_PLOTS_MAX. Returns how many there are. */
int bench_write_plots(int directory, const struct bench_report *report, struct bench_drawn *ret_drawn,
		      struct ns_error *err);

/* A file of the directory, written aside and then put in its place. */
FILE *bench_file_open(int directory, const char *name, struct ns_error *err);
int bench_file_close(int directory, const char *name, FILE *file, struct ns_error *err);
/* Neither the new one nor the old one remains. */
int bench_file_discard(int directory, const char *name, FILE *file, struct ns_error *err);

#endif
