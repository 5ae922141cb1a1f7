/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The samples of a run: one JSON object a line, as tests/bench/bench.sh writes them:
 *
 *	{"group":"datapath","what":"bulk","unit":"Gbit/s","better":"higher","case":"inner","size":10000,"family":4,
 *	 "round":3,"value":9.81}
 *
 * size and family may be null. A value of null is a contender that could not run, and needs a "note" that says why.
 * What is measured once a round is there once a round; all samples of one group and what have one unit.
 */
#ifndef NANOSEG_BENCH_SAMPLES_H
#define NANOSEG_BENCH_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include <nanoseg/error.h>

#define BENCH_LINE_MAX    2048 /* bytes */
#define BENCH_SAMPLES_MAX 100000
#define BENCH_ROUND_MAX   1000
#define BENCH_SIZE_MAX    1000000000
#define BENCH_NAME_MAX    48
#define BENCH_VALUE_MAX   1e15
#define BENCH_NO_SIZE     (-1)
#define BENCH_NO_FAMILY   0

struct bench_sample {
	const char *group, *what, *unit, *contender; /* letters, digits, spaces, ._+-=/%,:() */
	const char *note;                            /* NULL: none */
	bool higher;                                 /* is better */
	int64_t size;                                /* or BENCH_NO_SIZE */
	int family;                                  /* 4, 6 or BENCH_NO_FAMILY */
	unsigned round;                              /* from 1 */
	bool measured;
	double value; /* 0 unless measured */
	unsigned line;
};

struct bench_samples {
	struct bench_sample *samples;
	size_t n;
	json_t *lines; /* owns the texts */
};

/* name: the file's, for errors, which say "name:line: what is wrong". All or nothing. */
int bench_samples_read(struct bench_samples *ret, FILE *in, const char *name, struct ns_error *err);
void bench_samples_release(struct bench_samples *samples);

/* Whether a text can be a name of a group, a what or a contender. */
bool bench_is_name(const char *text);

#endif
