/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_contenders.h"
#include "report_lines.h"
#include "report_svg.h"
#include "report_text.h"

#define LINES_MAX  24
#define POINTS_MAX 16
#define LABEL_GAP  16.0

#define LEFT   64.0
#define TOP    104.0
#define HEIGHT 520.0
#define BOTTOM (HEIGHT - 58.0)

struct point {
	int64_t size;
	struct bench_spread spread;
};

struct line {
	struct bench_contender contender;
	struct point points[POINTS_MAX]; /* one with BENCH_NO_SIZE: a level line */
	size_t n;
	char label[96];
	double end_x, end_y, label_y;
};

struct chart {
	const struct bench_line_plot *plot;
	struct line lines[LINES_MAX];
	size_t n;
	int64_t sizes[POINTS_MAX];
	size_t n_sizes;
	unsigned rounds;
	double max, step, right;
	const char *unit;
};

static bool is_level(const struct line *line)
{
	return line->points[0].size == BENCH_NO_SIZE;
}

static struct line *line_of(struct chart *chart, const char *contender)
{
	for (size_t i = 0; i < chart->n; i++)
		if (strcmp(chart->lines[i].contender.name, contender) == 0)
			return &chart->lines[i];
	if (chart->n == LINES_MAX)
		return NULL;
	chart->lines[chart->n] = (struct line){ .contender = bench_contender(contender) };
	return &chart->lines[chart->n++];
}

static void add_size(struct chart *chart, int64_t size)
{
	size_t i = 0;

	while (i < chart->n_sizes && chart->sizes[i] < size)
		i++;
	if (size == BENCH_NO_SIZE || chart->n_sizes == POINTS_MAX || (i < chart->n_sizes && chart->sizes[i] == size))
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

static void gather(struct chart *chart, const struct bench_results *results)
{
	const struct bench_line_plot *plot = chart->plot;

	for (size_t i = 0; i < results->n; i++) {
		const struct bench_series *series = &results->series[i];
		struct bench_spread spread = series->spread;
		struct line *line;

		if (!is_wanted(plot, series))
			continue;
		if (plot->baseline)
			spread = bench_ratio(series, bench_baseline(results, series, plot->baseline));
		line = spread.n > 0 ? line_of(chart, series->contender) : NULL;
		if (!line || line->n == POINTS_MAX)
			continue;
		line->points[line->n++] = (struct point){ series->size, spread };
		add_size(chart, series->size);
		chart->unit = series->unit;
		chart->rounds = spread.n > chart->rounds ? spread.n : chart->rounds;
		chart->max = fmax(chart->max, spread.max);
	}
}

static double x_of(const struct chart *chart, int64_t size)
{
	double first = (double)chart->sizes[0], last = (double)chart->sizes[chart->n_sizes - 1], at = (double)size;

	if (chart->plot->log_x) {
		first = log(fmax(first, 1));
		last = log(fmax(last, 1));
		at = log(fmax(at, 1));
	}
	/* Room at both sides for whiskers that stand beside each other. */
	return LEFT + 26 + (last > first ? (at - first) / (last - first) : 0.5) * (chart->right - LEFT - 52);
}

static double y_of(const struct chart *chart, double value)
{
	return BOTTOM - value / chart->max * (BOTTOM - TOP);
}

static void draw_frame(FILE *out, const struct chart *chart)
{
	char figure[BENCH_FIGURE_MAX], text[160];
	double before = -1e9;

	for (unsigned i = 0; i * chart->step <= chart->max * 1.0001; i++) {
		double y = y_of(chart, i * chart->step);

		bench_svg_line(out, i == 0 ? "l a" : "l g", LEFT, y, chart->right, y);
		if (chart->plot->baseline)
			(void)snprintf(figure, sizeof figure, "%.*f", chart->step < 0.0999 ? 2 : 1, i * chart->step);
		else
			(void)bench_figure(figure, i * chart->step);
		bench_svg_text(out, "m", LEFT - 10, y + 4, BENCH_END, figure);
	}
	for (size_t i = 0; i < chart->n_sizes; i++) {
		double x = x_of(chart, chart->sizes[i]);

		bench_svg_line(out, "l a", x, BOTTOM, x, BOTTOM + 5);
		if (x - before < 44)
			continue;
		before = x;
		bench_svg_text(out, "m", x, BOTTOM + 21, BENCH_MIDDLE, bench_count(figure, chart->sizes[i]));
	}
	bench_svg_text(out, "m", (LEFT + chart->right) / 2, BOTTOM + 43, BENCH_MIDDLE, chart->plot->x_title);
	if (chart->plot->baseline)
		(void)snprintf(text, sizeof text, "of %s (= 1)", bench_contender(chart->plot->baseline).title);
	else
		(void)snprintf(text, sizeof text, "%s", chart->unit);
	bench_svg_text(out, "m", 24, TOP - 14, BENCH_START, text);
}

static void draw_goal(FILE *out, const struct chart *chart)
{
	const struct bench_goal *goal = chart->plot->goal;
	int64_t first = chart->sizes[0], last = chart->sizes[chart->n_sizes - 1];
	double y1 = goal->bound + goal->bound_each * (double)first, y2 = goal->bound + goal->bound_each * (double)last;

	bench_svg_line(out, "l s9 dot", x_of(chart, first), y_of(chart, y1), x_of(chart, last), y_of(chart, y2));
	bench_svg_text(out, "m", x_of(chart, first) + 4, y_of(chart, y1) - 8, BENCH_START, "the goal: not above");
}

static const char *stroke(char buf[static 48], const struct line *line, const char *more)
{
	(void)snprintf(buf, 48, "l s%u%s%s%s", line->contender.style, line->contender.kind == BENCH_OWN ? " own" : "",
		       line->contender.dashed ? " dash" : "", more);
	return buf;
}

static void draw_line(FILE *out, const struct chart *chart, struct line *line, double aside)
{
	char class[48], fill[16];
	bool own = line->contender.kind == BENCH_OWN;

	if (is_level(line)) {
		double y = y_of(chart, line->points[0].spread.median), x = chart->right - 8 + aside;

		bench_svg_line(out, stroke(class, line, ""), LEFT, y, chart->right, y);
		if (line->points[0].spread.max > line->points[0].spread.min) {
			(void)snprintf(class, sizeof class, "s%u", line->contender.style);
			bench_svg_whisker(out, class, x, y_of(chart, line->points[0].spread.min), x,
					  y_of(chart, line->points[0].spread.max));
		}
		line->end_x = chart->right;
		line->end_y = y;
		return;
	}
	(void)fprintf(out, "<path class=\"%s\" d=\"", stroke(class, line, ""));
	for (size_t i = 0; i < line->n; i++)
		(void)fprintf(out, "%c%.1f %.1f", i ? 'L' : 'M', x_of(chart, line->points[i].size) + aside,
			      y_of(chart, line->points[i].spread.median));
	(void)fputs("\"/>\n", out);
	for (size_t i = 0; i < line->n; i++) {
		const struct bench_spread *spread = &line->points[i].spread;
		double x = x_of(chart, line->points[i].size) + aside, y = y_of(chart, spread->median);

		(void)snprintf(class, sizeof class, "s%u", line->contender.style);
		if (spread->max > spread->min)
			bench_svg_whisker(out, class, x, y_of(chart, spread->min), x, y_of(chart, spread->max));
		(void)snprintf(fill, sizeof fill, "s%u f", line->contender.style);
		bench_svg_circle(out, fill, x, y, own ? 4 : 2.8);
		line->end_x = x + 6;
		line->end_y = y;
	}
}

static int compare_ends(const void *a, const void *b)
{
	const struct line *left = *(struct line *const *)a, *right = *(struct line *const *)b;
	int by = (left->end_y > right->end_y) - (left->end_y < right->end_y);

	return by ? by : (left > right) - (left < right);
}

static void draw_labels(FILE *out, struct chart *chart)
{
	struct line *sorted[LINES_MAX];
	double centres[LINES_MAX];
	char class[32];

	for (size_t i = 0; i < chart->n; i++)
		sorted[i] = &chart->lines[i];
	qsort(sorted, chart->n, sizeof *sorted, compare_ends);
	for (size_t i = 0; i < chart->n; i++)
		centres[i] = sorted[i]->end_y;
	bench_spread_out(centres, chart->n, LABEL_GAP, TOP - 10, BOTTOM + 12);
	for (size_t i = 0; i < chart->n; i++) {
		const struct line *line = sorted[i];
		double x = chart->right + 8;

		(void)snprintf(class, sizeof class, "l thin s%u", line->contender.style);
		bench_svg_line(out, class, fmin(line->end_x, x), line->end_y, x, line->end_y);
		bench_svg_line(out, class, x, line->end_y, x + 20, centres[i]);
		(void)snprintf(class, sizeof class, "s%u f%s", line->contender.style,
			       line->contender.kind == BENCH_OWN ? " b" : "");
		bench_svg_text(out, class, x + 25, centres[i] + 4, BENCH_START, line->label);
	}
}

static void make_labels(struct chart *chart)
{
	double widest = 0;

	for (size_t i = 0; i < chart->n; i++) {
		struct line *line = &chart->lines[i];
		double median = line->points[line->n - 1].spread.median;
		char figure[BENCH_FIGURE_MAX];

		(void)snprintf(line->label, sizeof line->label, "%s  %s", line->contender.title,
			       chart->plot->baseline ? bench_ratio_figure(figure, median)
						     : bench_figure(figure, median));
		widest = fmax(widest, bench_svg_text_width(line->label, 12));
	}
	chart->right = BENCH_SVG_WIDTH - 46 - fmin(widest, 300);
}

static void begin(FILE *out, const struct chart *chart)
{
	const struct bench_line_plot *plot = chart->plot;
	char second[160], desc[1536];
	size_t used;

	(void)snprintf(second, sizeof second,
		       "%sMedians of %u rounds%s; whiskers from the least to the greatest. Thick lines: nanoseg.",
		       plot->family == 4   ? "IPv4. "
		       : plot->family == 6 ? "IPv6. "
					   : "",
		       chart->rounds, plot->baseline ? ", each a ratio within its round" : "");
	used = (size_t)snprintf(desc, sizeof desc, "%s At the end of each line:", second);
	for (size_t i = 0; i < chart->n && used < sizeof desc - 1; i++)
		used += (size_t)snprintf(desc + used, sizeof desc - used, " %s;", chart->lines[i].label);
	bench_svg_begin(out, HEIGHT, plot->title, second, NULL, desc);
}

bool bench_line_plot(FILE *out, const struct bench_results *results, const struct bench_line_plot *plot)
{
	struct chart chart = { .plot = plot };

	gather(&chart, results);
	if (chart.n_sizes == 0)
		return false;
	if (plot->goal)
		chart.max = fmax(chart.max,
				 plot->goal->bound + plot->goal->bound_each * (double)chart.sizes[chart.n_sizes - 1]);
	chart.max = plot->baseline ? fmax(chart.max, 1) * 1.03 : chart.max > 0 ? chart.max * 1.03 : 1;
	chart.step = bench_tick_step(chart.max, 6);
	make_labels(&chart);
	begin(out, &chart);
	draw_frame(out, &chart);
	if (plot->goal)
		draw_goal(out, &chart);
	/* Ours last, on top of the others. */
	for (int own = 0; own < 2; own++)
		for (size_t i = 0; i < chart.n; i++)
			if ((chart.lines[i].contender.kind == BENCH_OWN) == own)
				draw_line(out, &chart, &chart.lines[i],
					  chart.n > 1 ? ((double)i / (double)(chart.n - 1) - 0.5) * 22 : 0);
	draw_labels(out, &chart);
	bench_svg_end(out);
	return true;
}
