/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cleanup.h"
#include "report_contenders.h"
#include "report_out.h"
#include "report_text.h"

#define COLUMNS_MAX 16

static void put_environment(FILE *out, const json_t *environment)
{
	json_t *json = ns_unconst(environment), *value;
	const char *key;

	if (!environment)
		return;
	(void)fputs("\n## The machine and the run\n\n| | |\n| --- | --- |\n", out);
	json_object_foreach (json, key, value) {
		if (!json_is_string(value))
			continue;
		(void)fputs("| ", out);
		bench_put_cell(out, key);
		(void)fputs(" | ", out);
		bench_put_cell(out, json_string_value(value));
		(void)fputs(" |\n", out);
	}
}

static void put_failures(FILE *out, const json_t *environment)
{
	const json_t *failed = json_object_get(environment, "failed");

	if (json_array_size(failed) == 0)
		return;
	(void)fputs("\n**Did not run to their end:** ", out);
	for (size_t i = 0; i < json_array_size(failed); i++) {
		(void)fputs(i ? "; " : "", out);
		bench_put_cell(out, json_string_value(json_array_get(failed, i)));
	}
	(void)fputs(". What they had measured by then is below.\n", out);
}

/* What was asked: ">= 0.970 of no rules", "<= 2 ms". */
static void put_goal(FILE *out, const struct bench_goal *goal, const struct bench_verdict *verdict)
{
	char figure[BENCH_FIGURE_MAX];
	double bound = verdict->spread.n > 0 ? verdict->bound : goal->bound;

	if (goal->op == BENCH_FLAT)
		(void)fprintf(out, "largest within %s%% of smallest", bench_figure(figure, goal->bound * 100));
	else if (goal->baseline)
		(void)fprintf(out, "%s %s of %s", goal->op == BENCH_AT_LEAST ? "≥" : "≤",
			      bench_ratio_figure(figure, goal->bound), bench_contender(goal->baseline).title);
	else
		(void)fprintf(out, "%s %s %s", goal->op == BENCH_AT_LEAST ? "≥" : "≤", bench_figure(figure, bound),
			      goal->unit);
	if (goal->every)
		(void)fputs(", every round", out);
}

/* "0.981 (0.970-0.990)"; of one round only the figure. */
static void put_spread(FILE *out, const struct bench_spread *spread, bool ratio)
{
	const char *(*text)(char buf[static BENCH_FIGURE_MAX], double) = ratio ? bench_ratio_figure : bench_figure;
	char figures[3][BENCH_FIGURE_MAX];

	(void)fputs(text(figures[0], spread->median), out);
	if (spread->n > 1)
		(void)fprintf(out, " (%s–%s)", text(figures[1], spread->min), text(figures[2], spread->max));
}

static void put_verdict(FILE *out, const struct bench_goal *goal, const struct bench_verdict *verdict)
{
	static const char *const states[] = { "not measured", "**met**", "**missed**" };
	char figure[BENCH_FIGURE_MAX];

	if (verdict->spread.n > 0) {
		put_spread(out, &verdict->spread, goal->baseline || goal->op == BENCH_FLAT);
		if (verdict->size != BENCH_NO_SIZE)
			(void)fprintf(out, " at %s", bench_count(figure, verdict->size));
	}
	(void)fprintf(out, " | %s", states[verdict->state]);
	if (*verdict->why) {
		(void)fputs(verdict->state == BENCH_NOT_MEASURED ? ": " : "; besides: ", out);
		bench_put_cell(out, verdict->why);
	}
}

static void put_goals(FILE *out, const struct bench_report *report)
{
	unsigned counts[3] = { 0 };

	(void)fputs("\n## Goals\n\n"
		    "Medians of the rounds, with the least and the greatest; at the size at which it is closest, where "
		    "there are several. Compared before they are rounded.\n\n"
		    "| what | | goal | measured | |\n| --- | --- | --- | --- | --- |\n",
		    out);
	for (size_t i = 0; i < report->goals->n; i++) {
		const struct bench_goal *goal = &report->goals->goals[i];

		for (size_t f = 0; f < goal->n_families; f++) {
			struct bench_verdict verdict = bench_judge(report->results, goal, goal->families[f]);

			counts[verdict.state]++;
			(void)fputs("| ", out);
			bench_put_cell(out, goal->text);
			(void)fputs(goal->families[f] == 4   ? " | IPv4 | "
				    : goal->families[f] == 6 ? " | IPv6 | "
							     : " | | ",
				    out);
			put_goal(out, goal, &verdict);
			(void)fputs(" | ", out);
			put_verdict(out, goal, &verdict);
			(void)fputs(" |\n", out);
		}
	}
	(void)fprintf(out, "\n%u met, %u missed, %u not measured.\n", counts[BENCH_MET], counts[BENCH_MISSED],
		      counts[BENCH_NOT_MEASURED]);
}

/* ---- a table a group, what and family: contenders down, sizes across ---- */

struct table {
	const struct bench_series *first;
	size_t n; /* series */
	int64_t sizes[COLUMNS_MAX];
	size_t n_sizes;
};

static bool same_table(const struct bench_series *a, const struct bench_series *b)
{
	return a->family == b->family && strcmp(a->group, b->group) == 0 && strcmp(a->what, b->what) == 0;
}

static struct table table_at(const struct bench_results *results, size_t from)
{
	struct table table = { .first = &results->series[from] };

	for (size_t i = from; i < results->n && same_table(table.first, &results->series[i]); i++, table.n++) {
		int64_t size = results->series[i].size;
		size_t at = 0;

		while (at < table.n_sizes && table.sizes[at] < size)
			at++;
		if (table.n_sizes == COLUMNS_MAX || (at < table.n_sizes && table.sizes[at] == size))
			continue;
		memmove(&table.sizes[at + 1], &table.sizes[at], (table.n_sizes - at) * sizeof *table.sizes);
		table.sizes[at] = size;
		table.n_sizes++;
	}
	return table;
}

static void put_ratio(FILE *out, const struct bench_results *results, const struct bench_series *series,
		      const char *baseline)
{
	struct bench_spread ratio = bench_ratio(series, bench_baseline(results, series, baseline));

	if (ratio.n == 0)
		return;
	(void)fputs("<br>", out);
	put_spread(out, &ratio, true);
	(void)fprintf(out, " of %s", bench_contender(baseline).title);
}

static void put_series(FILE *out, const struct bench_results *results, const struct bench_series *series)
{
	if (series->spread.n > 0)
		put_spread(out, &series->spread, false);
	put_ratio(out, results, series, "none");
	put_ratio(out, results, series, "conntrack");
	if (series->n_missing > 0) {
		(void)fprintf(out, "%snot measured in %u of %zu rounds: ", series->spread.n > 0 ? "<br>" : "",
			      series->n_missing, series->n_samples);
		bench_put_cell(out, series->note);
	}
}

static void put_row(FILE *out, const struct bench_results *results, const struct table *table, const char *contender)
{
	(void)fputs("| ", out);
	bench_put_cell(out, bench_contender(contender).title);
	for (size_t column = 0; column < table->n_sizes; column++) {
		(void)fputs(" | ", out);
		for (size_t i = 0; i < table->n; i++)
			if (strcmp(table->first[i].contender, contender) == 0 &&
			    table->first[i].size == table->sizes[column])
				put_series(out, results, &table->first[i]);
	}
	(void)fputs(" |\n", out);
}

static void put_table(FILE *out, const struct bench_results *results, const struct table *table)
{
	const struct bench_series *first = table->first;
	char figure[BENCH_FIGURE_MAX];

	(void)fputs("\n### ", out);
	bench_put_cell(out, first->what);
	(void)fprintf(out, "%s, ", first->family == 4 ? ", IPv4" : first->family == 6 ? ", IPv6" : "");
	bench_put_cell(out, first->unit);
	(void)fprintf(out, " (%s is better)\n\n|", first->higher ? "higher" : "lower");
	for (size_t i = 0; i < table->n_sizes; i++)
		(void)fprintf(out, " | %s",
			      table->sizes[i] == BENCH_NO_SIZE ? "" : bench_count(figure, table->sizes[i]));
	(void)fputs(" |\n| ---", out);
	for (size_t i = 0; i < table->n_sizes; i++)
		(void)fputs(" | ---", out);
	(void)fputs(" |\n", out);
	for (size_t i = 0; i < table->n; i++)
		if (i == 0 || strcmp(first[i - 1].contender, first[i].contender) != 0)
			put_row(out, results, table, first[i].contender);
}

static void put_plots(FILE *out, const char *group, const struct bench_drawn *plots, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(plots[i].group, group) != 0)
			continue;
		(void)fputs("\n![", out);
		bench_put_cell(out, plots[i].title);
		(void)fprintf(out, "](%s)\n", plots[i].file);
	}
}

static void put_groups(FILE *out, const struct bench_results *results, const struct bench_drawn *plots, size_t n)
{
	const char *group = "";

	for (size_t i = 0; i < results->n;) {
		struct table table = table_at(results, i);

		if (strcmp(group, table.first->group) != 0) {
			group = table.first->group;
			(void)fputs("\n## ", out);
			bench_put_cell(out, bench_group_title(group) ? bench_group_title(group) : group);
			(void)fputs("\n", out);
			put_plots(out, group, plots, n);
		}
		put_table(out, results, &table);
		i += table.n;
	}
}

void bench_write_page(FILE *out, const struct bench_report *report, const struct bench_drawn *plots, size_t n_plots)
{
	(void)fputs("# Measured\n\n"
		    "Written by `tests/bench/run.sh`; what the words mean, and what the figures do not say, is in "
		    "[tests/bench/README.md](../README.md). All values of all rounds are in "
		    "[results.json](results.json).\n",
		    out);
	put_failures(out, report->environment);
	put_goals(out, report);
	put_groups(out, report->results, plots, n_plots);
	put_environment(out, report->environment);
}
