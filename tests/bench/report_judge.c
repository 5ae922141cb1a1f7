/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whether a goal is met.
 */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "report_goals.h"

static void not_measured(struct bench_verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first reason is the one that counts; a miss stays a miss. */
static void not_measured(struct bench_verdict *verdict, const char *format, ...)
{
	va_list args;

	if (verdict->state == BENCH_MET)
		verdict->state = BENCH_NOT_MEASURED;
	if (*verdict->why)
		return;
	va_start(args, format);
	(void)vsnprintf(verdict->why, sizeof verdict->why, format, args);
	va_end(args);
}

static bool is_of(const struct bench_series *series, const struct bench_goal *goal, int family)
{
	return series->family == family && strcmp(series->group, goal->group) == 0 &&
	       strcmp(series->what, goal->what) == 0 && strcmp(series->contender, goal->contender) == 0;
}

static bool meets(enum bench_op op, double value, double bound)
{
	switch (op) {
	case BENCH_AT_LEAST:
		return value >= bound;
	case BENCH_AT_MOST:
		return value <= bound;
	case BENCH_FLAT:
		return fabs(value - 1) <= bound;
	}
	return false;
}

/* How far inside the goal, in parts of the bound; negative outside. */
static double margin(enum bench_op op, double value, double bound)
{
	double by = op == BENCH_AT_LEAST  ? value - bound
		    : op == BENCH_AT_MOST ? bound - value
					  : bound - fabs(value - 1);

	return bound > 0 ? by / bound : by;
}

/* Takes one figure into the verdict, which keeps the worst. */
static void take(struct bench_verdict *verdict, const struct bench_goal *goal, const struct bench_spread *spread,
		 int64_t size)
{
	double bound = goal->bound + (size > 0 ? goal->bound_each * (double)size : 0);
	double judged = spread->median;

	if (goal->every) {
		judged = goal->op == BENCH_AT_LEAST ? spread->min : spread->max;
		if (goal->op == BENCH_FLAT && 1 - spread->min > spread->max - 1)
			judged = spread->min;
	}
	if (!meets(goal->op, judged, bound))
		verdict->state = BENCH_MISSED;
	if (verdict->spread.n > 0 &&
	    margin(goal->op, verdict->judged, verdict->bound) <= margin(goal->op, judged, bound))
		return;
	verdict->spread = *spread;
	verdict->judged = judged;
	verdict->bound = bound;
	verdict->size = size;
}

static void take_series(struct bench_verdict *verdict, const struct bench_results *results,
			const struct bench_goal *goal, const struct bench_series *series)
{
	const struct bench_series *baseline = NULL;
	struct bench_spread spread = series->spread;

	if (goal->baseline) {
		baseline = bench_baseline(results, series, goal->baseline);
		spread = bench_ratio(series, baseline);
		if (!baseline)
			not_measured(verdict, "there is no %s to compare with", goal->baseline);
		else if (baseline->spread.n == 0)
			not_measured(verdict, "%s was not measured: %s", goal->baseline, baseline->note);
		else if (spread.n == 0 && series->spread.n > 0)
			not_measured(verdict, "no round with %s to compare with", goal->baseline);
	} else if (strcmp(series->unit, goal->unit) != 0) {
		not_measured(verdict, "was measured in %s, and the goal is in %s", series->unit, goal->unit);
		return;
	}
	if (spread.n > 0)
		take(verdict, goal, &spread, series->size);
	if (series->n_missing > 0)
		not_measured(verdict, "not in %u of %zu rounds: %s", series->n_missing, series->n_samples,
			     series->note);
}

static void judge_sizes(struct bench_verdict *verdict, const struct bench_results *results,
			const struct bench_goal *goal, int family)
{
	bool any = false;

	for (size_t i = 0; i < results->n; i++)
		if (is_of(&results->series[i], goal, family)) {
			any = true;
			take_series(verdict, results, goal, &results->series[i]);
		}
	if (!any)
		not_measured(verdict, "no samples");
	for (size_t i = 0; any && i < goal->n_sizes; i++)
		if (!bench_find(results, goal->group, goal->what, goal->contender, goal->sizes[i], family))
			not_measured(verdict, "no samples of size %lld", (long long)goal->sizes[i]);
}

/* The series are in the order of their sizes. */
static void judge_flat(struct bench_verdict *verdict, const struct bench_results *results,
		       const struct bench_goal *goal, int family)
{
	const struct bench_series *small = NULL, *large = NULL;
	struct bench_spread spread;

	for (size_t i = 0; i < results->n; i++) {
		const struct bench_series *series = &results->series[i];

		if (!is_of(series, goal, family) || series->size == BENCH_NO_SIZE)
			continue;
		small = small ? small : series;
		large = series;
	}
	if (!small || small == large) {
		not_measured(verdict, "%s", small ? "samples of one size only" : "no samples");
		return;
	}
	for (size_t i = 0; i < goal->n_sizes; i++)
		if (goal->sizes[i] < small->size || goal->sizes[i] > large->size)
			not_measured(verdict, "no samples of size %lld", (long long)goal->sizes[i]);
	spread = bench_ratio(large, small);
	if (spread.n > 0)
		take(verdict, goal, &spread, large->size);
	else
		not_measured(verdict, "no round with sizes %lld and %lld", (long long)small->size,
			     (long long)large->size);
	if (small->n_missing + large->n_missing > 0)
		not_measured(verdict, "not in all rounds: %s", small->note ? small->note : large->note);
}

struct bench_verdict bench_judge(const struct bench_results *results, const struct bench_goal *goal, int family)
{
	/* Met until something says otherwise; without a figure something does. */
	struct bench_verdict verdict = { .state = BENCH_MET, .size = BENCH_NO_SIZE };

	if (goal->op == BENCH_FLAT)
		judge_flat(&verdict, results, goal, family);
	else
		judge_sizes(&verdict, results, goal, family);
	if (verdict.spread.n == 0)
		not_measured(&verdict, "no samples");
	return verdict;
}
