/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "report_chart.h"
#include "report_svg.h"
#include "report_text.h"

#define TOP 104.0

struct scale {
	double max, close; /* of all; the least of ours and of what we are compared with */
	unsigned rounds;
	const char *unit;
};

static struct bench_line *line_of(struct bench_chart *chart, const char *contender)
{
	for (size_t i = 0; i < chart->n; i++)
		if (strcmp(chart->lines[i].contender.name, contender) == 0)
			return &chart->lines[i];
	if (chart->n == BENCH_LINES_MAX)
		return NULL;
	chart->lines[chart->n] = (struct bench_line){ .contender = bench_contender(contender) };
	return &chart->lines[chart->n++];
}

static void add_size(struct bench_chart *chart, int64_t size)
{
	size_t i = 0;

	while (i < chart->n_sizes && chart->sizes[i] < size)
		i++;
	if (size == BENCH_NO_SIZE || chart->n_sizes == BENCH_POINTS_MAX ||
	    (i < chart->n_sizes && chart->sizes[i] == size))
		return;
	memmove(&chart->sizes[i + 1], &chart->sizes[i], (chart->n_sizes - i) * sizeof *chart->sizes);
	chart->sizes[i] = size;
	chart->n_sizes++;
}

static bool is_wanted(const struct bench_line_plot *plot, const struct bench_series *series)
{
	const char *const *name = plot->contenders;

	if (series->family != plot->family || strcmp(series->group, plot->group) != 0 ||
	    strcmp(series->what, plot->what) != 0)
		return false;
	while (name && *name && strcmp(*name, series->contender) != 0)
		name++;
	return !name || *name;
}

static struct scale gather(struct bench_chart *chart, const struct bench_results *results)
{
	const struct bench_line_plot *plot = chart->plot;
	struct scale scale = { .close = 1 };

	for (size_t i = 0; i < results->n; i++) {
		const struct bench_series *series = &results->series[i];
		struct bench_spread spread = series->spread;
		struct bench_line *line;

		if (!is_wanted(plot, series))
			continue;
		if (plot->baseline)
			spread = bench_ratio(series, bench_baseline(results, series, plot->baseline));
		line = spread.n > 0 ? line_of(chart, series->contender) : NULL;
		if (!line || line->n == BENCH_POINTS_MAX)
			continue;
		line->points[line->n++] = (struct bench_point){ series->size, spread };
		add_size(chart, series->size);
		scale.unit = series->unit;
		scale.rounds = spread.n > scale.rounds ? spread.n : scale.rounds;
		scale.max = fmax(scale.max, spread.max);
		if (line->contender.kind != BENCH_OTHER)
			scale.close = fmin(scale.close, spread.min);
	}
	if (plot->goal && chart->n_sizes > 0)
		scale.max = fmax(scale.max,
				 plot->goal->bound + plot->goal->bound_each * (double)chart->sizes[chart->n_sizes - 1]);
	scale.max = plot->baseline ? fmax(scale.max, 1) * 1.01 : scale.max > 0 ? scale.max * 1.03 : 1;
	return scale;
}

static void make_labels(struct bench_chart *chart)
{
	double widest = 0;

	for (size_t i = 0; i < chart->n; i++) {
		struct bench_line *line = &chart->lines[i];
		double median = line->points[line->n - 1].spread.median;
		char figure[BENCH_FIGURE_MAX];

		/* An en space: several of the common ones would be one. */
		(void)snprintf(line->label, sizeof line->label, "%s\xe2\x80\x82%s", line->contender.title,
			       chart->plot->baseline ? bench_ratio_figure(figure, median)
						     : bench_figure(figure, median));
		widest = fmax(widest, bench_svg_text_width(line->label, 12));
		if (chart->plot->baseline && chart->n > 1)
			line->aside = ((double)i / (double)(chart->n - 1) - 0.5) * 24;
	}
	chart->right = BENCH_SVG_WIDTH - 46 - fmin(widest, 300);
}

static void begin(FILE *out, const struct bench_chart *chart, const struct scale *scale, double height)
{
	const struct bench_line_plot *plot = chart->plot;
	char second[160], desc[2048];
	size_t used;

	if (scale->rounds > 1)
		(void)snprintf(second, sizeof second,
			       "Medians of %u rounds%s; whiskers from the least to the greatest. Thick lines: nanoseg.",
			       scale->rounds, plot->baseline ? ", each a ratio within its round" : "");
	else
		(void)snprintf(second, sizeof second, "One round. Thick lines: nanoseg.");
	used = (size_t)snprintf(desc, sizeof desc, "%s At the end of each line:", second);
	for (size_t i = 0; i < chart->n && used < sizeof desc - 1; i++)
		used += (size_t)snprintf(desc + used, sizeof desc - used, " %s;", chart->lines[i].label);
	bench_svg_begin(out, height, plot->title, second, NULL, desc);
}

/* Ours and what they are compared with lie close to each other, and somebody else's far below: once closer, once all.
 */
static void draw_both(FILE *out, struct bench_chart *chart, const struct scale *scale, double close)
{
	char words[2][160];
	struct bench_panel upper = {
		.top = TOP,
		.bottom = TOP + 262,
		.min = close,
		.max = scale->max,
		.step = bench_tick_step(scale->max - close, 6),
		.words = words[0],
		.label_min = close,
		.label_max = INFINITY,
	};
	struct bench_panel lower = {
		.top = TOP + 330,
		.bottom = TOP + 480,
		.max = scale->max,
		.step = bench_tick_step(scale->max, 6),
		.words = words[1],
		.label_max = close,
		.sizes = true,
	};

	(void)snprintf(words[0], sizeof words[0], "of %s (= 1), from %.2f up",
		       bench_contender(chart->plot->baseline).title, close);
	(void)snprintf(words[1], sizeof words[1], "the same from 0");
	begin(out, chart, scale, lower.bottom + 58);
	bench_chart_panel(out, chart, &upper);
	bench_chart_panel(out, chart, &lower);
}

static void draw_one(FILE *out, struct bench_chart *chart, const struct scale *scale)
{
	char words[160];
	struct bench_panel panel = {
		.top = TOP,
		.bottom = TOP + 358,
		.max = scale->max,
		.step = bench_tick_step(scale->max, 6),
		.words = words,
		.label_max = INFINITY,
		.sizes = true,
	};

	if (chart->plot->baseline)
		(void)snprintf(words, sizeof words, "of %s (= 1)", bench_contender(chart->plot->baseline).title);
	else
		(void)snprintf(words, sizeof words, "%s", scale->unit);
	begin(out, chart, scale, panel.bottom + 58);
	bench_chart_panel(out, chart, &panel);
}

bool bench_line_plot(FILE *out, const struct bench_results *results, const struct bench_line_plot *plot)
{
	struct bench_chart chart = { .plot = plot };
	struct scale scale = gather(&chart, results);
	double close = floor((scale.close - 0.004) * 20) / 20;

	if (chart.n_sizes < 2)
		return false;
	make_labels(&chart);
	if (plot->baseline && close >= 0.4)
		draw_both(out, &chart, &scale, close);
	else
		draw_one(out, &chart, &scale);
	bench_svg_end(out);
	return true;
}
