/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Samples by what they are of: a series is one contender at one size and family, a value a round. Medians with the
 * least and the greatest, and ratios, which are taken a round and only then summed up: what slows the machine for a
 * while slows both sides of a ratio.
 */
#ifndef NANOSEG_BENCH_SERIES_H
#define NANOSEG_BENCH_SERIES_H

#include "report_samples.h"

struct bench_spread {
	unsigned n; /* rounds; 0: there is nothing, and the rest is 0 */
	double median, min, max;
};

struct bench_series {
	const char *group, *what, *unit, *contender; /* the samples' */
	bool higher;
	int64_t size; /* or BENCH_NO_SIZE */
	int family;   /* or BENCH_NO_FAMILY */
	const struct bench_sample *samples;
	size_t n_samples;           /* by round; some may not be measured */
	unsigned n_missing;         /* rounds without a value */
	const char *note;           /* why, of the first of them; NULL: none */
	struct bench_spread spread; /* of the values */
};

struct bench_results {
	struct bench_sample *sorted;
	size_t n_sorted;
	struct bench_series *series; /* by group, what, family, contender, size */
	size_t n;
};

/* The samples must outlive the results. -EINVAL: two samples of one thing in one round, or two units of one what; name
 * is the file's, for the error. */
int bench_results_make(struct bench_results *ret, const struct bench_samples *samples, const char *name,
		       struct ns_error *err);
void bench_results_release(struct bench_results *results);

/* NULL: there is none. */
const struct bench_series *bench_find(const struct bench_results *results, const char *group, const char *what,
				      const char *contender, int64_t size, int family);
/* What the series is to be compared with: the contender's series of the same group, what and family, of the same size
 * or, where it knows no sizes, without. NULL: there is none, or the series is its own. */
const struct bench_series *bench_baseline(const struct bench_results *results, const struct bench_series *series,
					  const char *contender);

struct bench_spread bench_spread(const double *values, size_t n);
/* Over the rounds in which both were measured and the baseline is not 0. */
struct bench_spread bench_ratio(const struct bench_series *series, const struct bench_series *baseline);

#endif
