/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report_contenders.h"
#include "report_series.h"

static int compare_series(const struct bench_sample *a, const struct bench_sample *b)
{
	int by = bench_group_compare(a->group, b->group);

	if (by == 0)
		by = strcmp(a->what, b->what);
	if (by == 0)
		by = (a->family > b->family) - (a->family < b->family);
	if (by == 0)
		by = bench_contender_compare(a->contender, b->contender);
	if (by == 0)
		by = (a->size > b->size) - (a->size < b->size);
	return by;
}

static int compare_samples(const void *a, const void *b)
{
	const struct bench_sample *left = a, *right = b;
	int by = compare_series(left, right);

	if (by == 0)
		by = (left->round > right->round) - (left->round < right->round);
	/* Of two that should be one, the second of the file is the one too many. */
	return by ? by : (left->line > right->line) - (left->line < right->line);
}

static int compare_values(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

struct bench_spread bench_spread(const double *values, size_t n)
{
	double sorted[BENCH_ROUND_MAX];

	if (n == 0 || n > BENCH_ROUND_MAX)
		return (struct bench_spread){ 0 };
	memcpy(sorted, values, n * sizeof *values);
	qsort(sorted, n, sizeof *sorted, compare_values);
	return (struct bench_spread){
		.n = (unsigned)n,
		.median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2,
		.min = sorted[0],
		.max = sorted[n - 1],
	};
}

struct bench_spread bench_ratio(const struct bench_series *series, const struct bench_series *baseline)
{
	double ratios[BENCH_ROUND_MAX];
	size_t n = 0, j = 0;

	if (!series || !baseline)
		return (struct bench_spread){ 0 };
	for (size_t i = 0; i < series->n_samples; i++) {
		const struct bench_sample *sample = &series->samples[i], *other;

		while (j < baseline->n_samples && baseline->samples[j].round < sample->round)
			j++;
		if (j == baseline->n_samples)
			break;
		other = &baseline->samples[j];
		if (other->round == sample->round && sample->measured && other->measured && other->value > 0)
			ratios[n++] = sample->value / other->value;
	}
	return bench_spread(ratios, n);
}

static void sum_up(struct bench_series *series)
{
	double values[BENCH_ROUND_MAX];
	size_t n = 0;

	for (size_t i = 0; i < series->n_samples; i++) {
		const struct bench_sample *sample = &series->samples[i];

		if (sample->measured)
			values[n++] = sample->value;
		else if (series->n_missing++ == 0)
			series->note = sample->note;
	}
	series->spread = bench_spread(values, n);
}

/* Two of one round, and two units: what comes behind could not mean anything. */
static int check_order(const struct bench_sample *sorted, size_t n, const char *name, struct ns_error *err)
{
	for (size_t i = 1; i < n; i++) {
		const struct bench_sample *a = &sorted[i - 1], *b = &sorted[i];

		if (compare_series(a, b) == 0 && a->round == b->round)
			return ns_error_set(err, -EINVAL,
					    "%s:%u: %s %s of %s in round %u is there already, in line %u; write one "
					    "sample a round",
					    name, b->line, b->group, b->what, b->contender, b->round, a->line);
		if (strcmp(a->group, b->group) == 0 && strcmp(a->what, b->what) == 0 &&
		    (strcmp(a->unit, b->unit) != 0 || a->higher != b->higher))
			return ns_error_set(err, -EINVAL,
					    "%s:%u: %s %s is in \"%s\", \"%s\" better, here, and in \"%s\", \"%s\" "
					    "better, in line %u; write one unit",
					    name, b->line, b->group, b->what, b->unit, b->higher ? "higher" : "lower",
					    a->unit, a->higher ? "higher" : "lower", a->line);
	}
	return 0;
}

static void group_samples(struct bench_results *results)
{
	const struct bench_sample *sorted = results->sorted;

	for (size_t i = 0; i < results->n_sorted; i++) {
		const struct bench_sample *sample = &sorted[i];
		struct bench_series *series;

		if (i == 0 || compare_series(&sorted[i - 1], sample) != 0)
			results->series[results->n++] = (struct bench_series){
				.group = sample->group,
				.what = sample->what,
				.unit = sample->unit,
				.contender = sample->contender,
				.higher = sample->higher,
				.size = sample->size,
				.family = sample->family,
				.samples = sample,
			};
		series = &results->series[results->n - 1];
		series->n_samples++;
	}
	for (size_t i = 0; i < results->n; i++)
		sum_up(&results->series[i]);
}

int bench_results_make(struct bench_results *ret, const struct bench_samples *samples, const char *name,
		       struct ns_error *err)
{
	struct bench_results results = { .n_sorted = samples->n };
	int r = 0;

	results.sorted = calloc(samples->n + 1, sizeof *results.sorted);
	results.series = calloc(samples->n + 1, sizeof *results.series);
	if (!results.sorted || !results.series) {
		r = ns_error_set(err, -ENOMEM, "out of memory");
	} else if (samples->n > 0) {
		memcpy(results.sorted, samples->samples, samples->n * sizeof *results.sorted);
		qsort(results.sorted, samples->n, sizeof *results.sorted, compare_samples);
		r = check_order(results.sorted, samples->n, name, err);
	}
	if (r < 0) {
		bench_results_release(&results);
		return r;
	}
	group_samples(&results);
	*ret = results;
	return 0;
}

void bench_results_release(struct bench_results *results)
{
	free(results->sorted);
	free(results->series);
	*results = (struct bench_results){ 0 };
}

const struct bench_series *bench_find(const struct bench_results *results, const char *group, const char *what,
				      const char *contender, int64_t size, int family)
{
	for (size_t i = 0; i < results->n; i++) {
		const struct bench_series *series = &results->series[i];

		if (series->size == size && series->family == family && strcmp(series->contender, contender) == 0 &&
		    strcmp(series->what, what) == 0 && strcmp(series->group, group) == 0)
			return series;
	}
	return NULL;
}

const struct bench_series *bench_baseline(const struct bench_results *results, const struct bench_series *series,
					  const char *contender)
{
	const struct bench_series *found;

	if (strcmp(series->contender, contender) == 0)
		return NULL;
	found = bench_find(results, series->group, series->what, contender, series->size, series->family);
	return found || series->size == BENCH_NO_SIZE
		       ? found
		       : bench_find(results, series->group, series->what, contender, BENCH_NO_SIZE, series->family);
}
