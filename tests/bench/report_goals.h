/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The goals (tests/bench/goals.json) and whether they are met. An array of objects:
 *
 *	{"id":"bulk-inner","text":"bulk TCP, inner lock, any size up to 100,000",
 *	 "group":"datapath","what":"bulk","case":"inner","families":[4,6],"sizes":[10,100000],
 *	 "baseline":"none","op":">=","bound":0.97}
 *
 * families	a row each; left out: samples without a family
 * sizes	each of them has to be measured and has to meet; left out: whatever was measured; every other size that
 *was measured has to meet, too baseline	the contender that the value is divided by; left out: the value itself,
 *whose "unit" must then be said op		">=" or "<=" the bound; "flat": the largest size's value divided by the
 *smallest's is off 1 by no more bound_each	added to the bound for each of the size's units over
 *"median" of the rounds (the default) or "every" round
 *
 * A goal without samples, with a size that is missing, or with rounds that could not be measured is not measured; met
 * it can only be by figures. Missed it is by one figure.
 */
#ifndef NANOSEG_BENCH_GOALS_H
#define NANOSEG_BENCH_GOALS_H

#include "report_series.h"

#define BENCH_GOALS_MAX       100
#define BENCH_GOALS_BYTES_MAX ((size_t)256 * 1024)
#define BENCH_GOAL_SIZES_MAX  16
#define BENCH_WHY_MAX         400

enum bench_op { BENCH_AT_LEAST = 1, BENCH_AT_MOST, BENCH_FLAT };
enum bench_state { BENCH_NOT_MEASURED = 0, BENCH_MET, BENCH_MISSED };

struct bench_goal {
	const char *id, *text, *group, *what, *contender;
	const char *baseline, *unit; /* NULL: none */
	int families[2];
	size_t n_families; /* at least 1 */
	int64_t sizes[BENCH_GOAL_SIZES_MAX];
	size_t n_sizes;
	enum bench_op op;
	double bound, bound_each;
	bool every;
};

struct bench_goals {
	struct bench_goal *goals;
	size_t n;
	json_t *json; /* owns the texts */
};

int bench_goals_read(struct bench_goals *ret, FILE *in, const char *name, struct ns_error *err);
void bench_goals_release(struct bench_goals *goals);

/* One row of the table. */
struct bench_verdict {
	enum bench_state state;
	struct bench_spread spread; /* of the size that came nearest to missing, or missed most; n 0: nothing there */
	double judged, bound;       /* what was compared with what */
	int64_t size;               /* that size, or BENCH_NO_SIZE */
	char why[BENCH_WHY_MAX];    /* not measured: why */
};

struct bench_verdict bench_judge(const struct bench_results *results, const struct bench_goal *goal, int family);

#endif
