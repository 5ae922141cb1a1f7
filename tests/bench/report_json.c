/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "report_out.h"

#define DIGITS 9

static json_t *family_or_null(int family)
{
	return family == BENCH_NO_FAMILY ? json_null() : json_integer(family);
}

static json_t *size_or_null(int64_t size)
{
	return size == BENCH_NO_SIZE ? json_null() : json_integer(size);
}

static json_t *spread_json(const struct bench_spread *spread)
{
	if (spread->n == 0)
		return json_null();
	return json_pack("{s:I, s:f, s:f, s:f}", "rounds", (json_int_t)spread->n, "median", spread->median, "min",
			 spread->min, "max", spread->max);
}

static json_t *values_json(const struct bench_series *series)
{
	json_t *values = json_array();

	for (size_t i = 0; i < series->n_samples; i++) {
		const struct bench_sample *sample = &series->samples[i];
		json_t *value = json_pack("[I, o]", (json_int_t)sample->round,
					  sample->measured ? json_real(sample->value) : json_null());

		if (json_array_append_new(values, value) < 0) {
			json_decref(values);
			return NULL;
		}
	}
	return values;
}

static json_t *series_json(const struct bench_results *results, const struct bench_series *series)
{
	struct bench_spread none = bench_ratio(series, bench_baseline(results, series, "none"));
	struct bench_spread conntrack = bench_ratio(series, bench_baseline(results, series, "conntrack"));

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s*}", "group", series->group,
			 "what", series->what, "unit", series->unit, "better", series->higher ? "higher" : "lower",
			 "case", series->contender, "size", size_or_null(series->size), "family",
			 family_or_null(series->family), "value", spread_json(&series->spread), "of_none",
			 spread_json(&none), "of_conntrack", spread_json(&conntrack), "values", values_json(series),
			 "note", series->note);
}

static json_t *goal_json(const struct bench_results *results, const struct bench_goal *goal, int family)
{
	static const char *const states[] = { "not measured", "met", "missed" };
	static const char *const ops[] = { "", ">=", "<=", "flat" };
	struct bench_verdict verdict = bench_judge(results, goal, family);
	bool any = verdict.spread.n > 0;

	return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:s*, s:s*, s:o, s:o, s:o, s:s*}", "id", goal->id, "text",
			 goal->text, "family", family_or_null(family), "state", states[verdict.state], "op",
			 ops[goal->op], "bound", json_real(any ? verdict.bound : goal->bound), "baseline",
			 goal->baseline, "unit", goal->unit, "size", size_or_null(verdict.size), "judged",
			 any ? json_real(verdict.judged) : json_null(), "spread", spread_json(&verdict.spread), "why",
			 *verdict.why ? verdict.why : NULL);
}

int bench_write_json(FILE *out, const struct bench_report *report, struct ns_error *err)
{
	NS_JSON json_t *root = json_object();
	json_t *goals = json_array(), *series = json_array();
	int r = 0;

	for (size_t i = 0; i < report->goals->n; i++)
		for (size_t f = 0; f < report->goals->goals[i].n_families; f++)
			r |= json_array_append_new(goals, goal_json(report->results, &report->goals->goals[i],
								    report->goals->goals[i].families[f]));
	for (size_t i = 0; i < report->results->n; i++)
		r |= json_array_append_new(series, series_json(report->results, &report->results->series[i]));
	if (report->environment)
		r |= json_object_set(root, "environment", ns_unconst(report->environment));
	r |= json_object_set_new(root, "goals", goals);
	r |= json_object_set_new(root, "series", series);
	if (r < 0)
		return ns_error_set(err, -ENOMEM, "results.json: out of memory");
	(void)fputs("{\n", out);
	/* A line a goal and a series, so that two runs can be compared. */
	if (report->environment) {
		(void)fputs("\"environment\": ", out);
		r |= json_dumpf(report->environment, out, JSON_INDENT(1) | JSON_REAL_PRECISION(DIGITS));
		(void)fputs(",\n", out);
	}
	for (int part = 0; part < 2; part++) {
		const json_t *array = part ? series : goals;

		(void)fprintf(out, "\"%s\": [\n", part ? "series" : "goals");
		for (size_t i = 0; i < json_array_size(array); i++) {
			r |= json_dumpf(json_array_get(array, i), out, JSON_REAL_PRECISION(DIGITS));
			(void)fputs(i + 1 < json_array_size(array) ? ",\n" : "\n", out);
		}
		(void)fputs(part ? "]\n" : "],\n", out);
	}
	(void)fputs("}\n", out);
	return r < 0 ? ns_error_set(err, -EIO, "results.json: cannot be written") : 0;
}
