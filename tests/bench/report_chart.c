/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_chart.h"
#include "report_svg.h"
#include "report_text.h"

#define LABEL_GAP 16.0
#define CLASS_MAX 48

static double x_of(const struct bench_chart *chart, int64_t size)
{
	double first = (double)chart->sizes[0], last = (double)chart->sizes[chart->n_sizes - 1], at = (double)size;

	if (chart->plot->log_x) {
		first = log(fmax(first, 1));
		last = log(fmax(last, 1));
		at = log(fmax(at, 1));
	}
	/* Room at both sides for whiskers that stand beside each other. */
	return BENCH_CHART_LEFT + 26 +
	       (last > first ? (at - first) / (last - first) : 0.5) * (chart->right - BENCH_CHART_LEFT - 52);
}

static double y_of(const struct bench_panel *panel, double value)
{
	return panel->bottom - (value - panel->min) / (panel->max - panel->min) * (panel->bottom - panel->top);
}

static void draw_sizes(FILE *out, const struct bench_chart *chart, const struct bench_panel *panel)
{
	char figure[BENCH_FIGURE_MAX];
	double before = -1e9;

	for (size_t i = 0; i < chart->n_sizes; i++) {
		double x = x_of(chart, chart->sizes[i]);

		bench_svg_line(out, "l a", x, panel->bottom, x, panel->bottom + 5);
		if (!panel->sizes || x - before < 44)
			continue;
		before = x;
		bench_svg_text(out, "m", x, panel->bottom + 21, BENCH_MIDDLE, bench_count(figure, chart->sizes[i]));
	}
	if (panel->sizes)
		bench_svg_text(out, "m", (BENCH_CHART_LEFT + chart->right) / 2, panel->bottom + 43, BENCH_MIDDLE,
			       chart->plot->x_title);
}

static void draw_frame(FILE *out, const struct bench_chart *chart, const struct bench_panel *panel)
{
	char figure[BENCH_FIGURE_MAX];

	for (double value = ceil(panel->min / panel->step - 1e-6) * panel->step + 0.0; value <= panel->max * 1.0001;
	     value += panel->step) {
		double y = y_of(panel, value);

		bench_svg_line(out, "l g", BENCH_CHART_LEFT, y, chart->right, y);
		if (chart->plot->baseline)
			(void)snprintf(figure, sizeof figure, "%.*f", panel->step < 0.0999 ? 2 : 1, value);
		else
			(void)bench_figure(figure, value);
		bench_svg_text(out, "m", BENCH_CHART_LEFT - 10, y + 4, BENCH_END, figure);
	}
	bench_svg_line(out, "l a", BENCH_CHART_LEFT, panel->bottom, chart->right, panel->bottom);
	bench_svg_text(out, "m", 24, panel->top - 14, BENCH_START, panel->words);
	draw_sizes(out, chart, panel);
}

static void draw_goal(FILE *out, const struct bench_chart *chart, const struct bench_panel *panel)
{
	const struct bench_goal *goal = chart->plot->goal;
	int64_t first = chart->sizes[0], last = chart->sizes[chart->n_sizes - 1];
	double y1 = goal->bound + goal->bound_each * (double)first, y2 = goal->bound + goal->bound_each * (double)last;

	bench_svg_line(out, "l s9 dot", x_of(chart, first), y_of(panel, y1), x_of(chart, last), y_of(panel, y2));
	bench_svg_text(out, "m", x_of(chart, last), y_of(panel, y2) - 8, BENCH_END, "the goal: not above this");
}

static void draw_whisker(FILE *out, const struct bench_panel *panel, const struct bench_line *line,
			 const struct bench_spread *spread, double x)
{
	char class[CLASS_MAX];

	(void)snprintf(class, sizeof class, "s%u", line->contender.style);
	if (spread->max > spread->min)
		bench_svg_whisker(out, class, x, y_of(panel, spread->min), x, y_of(panel, spread->max));
}

static void draw_line(FILE *out, const struct bench_chart *chart, const struct bench_panel *panel,
		      struct bench_line *line)
{
	bool own = line->contender.kind == BENCH_OWN, level = line->points[0].size == BENCH_NO_SIZE;
	char class[CLASS_MAX];

	(void)snprintf(class, sizeof class, "l s%u%s%s", line->contender.style, own ? " own" : "",
		       line->contender.dashed ? " dash" : "");
	line->end_y = y_of(panel, line->points[line->n - 1].spread.median);
	if (level) {
		line->end_x = chart->right;
		bench_svg_line(out, class, BENCH_CHART_LEFT, line->end_y, chart->right, line->end_y);
		draw_whisker(out, panel, line, &line->points[0].spread, chart->right - 6 + line->aside / 4);
		return;
	}
	line->end_x = x_of(chart, line->points[line->n - 1].size) + line->aside + 6;
	(void)fprintf(out, "<path class=\"%s\" d=\"", class);
	for (size_t i = 0; i < line->n; i++)
		(void)fprintf(out, "%c%.1f %.1f", i ? 'L' : 'M', x_of(chart, line->points[i].size) + line->aside,
			      y_of(panel, line->points[i].spread.median));
	(void)fputs("\"/>\n", out);
	(void)snprintf(class, sizeof class, "s%u f", line->contender.style);
	for (size_t i = 0; i < line->n; i++) {
		double x = x_of(chart, line->points[i].size) + line->aside;

		draw_whisker(out, panel, line, &line->points[i].spread, x);
		bench_svg_circle(out, class, x, y_of(panel, line->points[i].spread.median), own ? 4 : 2.8);
	}
}

/* What leaves the panel ends at its edge. */
static void draw_lines(FILE *out, struct bench_chart *chart, const struct bench_panel *panel)
{
	int id = (int)panel->top;

	(void)fprintf(out,
		      "<clipPath id=\"p%d\"><rect x=\"0\" y=\"%.1f\" width=\"%.0f\" height=\"%.1f\"/></clipPath>\n", id,
		      panel->top - 8, BENCH_SVG_WIDTH, panel->bottom - panel->top + (panel->min > 0 ? 8 : 16));
	(void)fprintf(out, "<g clip-path=\"url(#p%d)\">\n", id);
	/* Ours last, on top of the others. */
	for (int own = 0; own < 2; own++)
		for (size_t i = 0; i < chart->n; i++)
			if ((chart->lines[i].contender.kind == BENCH_OWN) == own)
				draw_line(out, chart, panel, &chart->lines[i]);
	(void)fputs("</g>\n", out);
}

static int compare_ends(const void *a, const void *b)
{
	const struct bench_line *left = *(struct bench_line *const *)a, *right = *(struct bench_line *const *)b;
	int by = (left->end_y > right->end_y) - (left->end_y < right->end_y);

	return by ? by : (left > right) - (left < right);
}

static void draw_labels(FILE *out, struct bench_chart *chart, const struct bench_panel *panel)
{
	struct bench_line *sorted[BENCH_LINES_MAX];
	double centres[BENCH_LINES_MAX];
	char class[CLASS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < chart->n; i++) {
		double end = chart->lines[i].points[chart->lines[i].n - 1].spread.median;

		if (end >= panel->label_min && end < panel->label_max)
			sorted[n++] = &chart->lines[i];
	}
	if (n == 0)
		return;
	qsort(sorted, n, sizeof *sorted, compare_ends);
	for (size_t i = 0; i < n; i++)
		centres[i] = sorted[i]->end_y;
	bench_spread_out(centres, n, LABEL_GAP, panel->top - 10, panel->bottom + 12);
	for (size_t i = 0; i < n; i++) {
		const struct bench_line *line = sorted[i];
		double x = chart->right + 8;

		(void)snprintf(class, sizeof class, "l thin s%u", line->contender.style);
		if (line->end_x < x)
			bench_svg_line(out, class, line->end_x, line->end_y, x, line->end_y);
		bench_svg_line(out, class, x, line->end_y, x + 20, centres[i]);
		(void)snprintf(class, sizeof class, "s%u f%s", line->contender.style,
			       line->contender.kind == BENCH_OWN ? " b" : "");
		bench_svg_text(out, class, x + 25, centres[i] + 4, BENCH_START, line->label);
	}
}

void bench_chart_panel(FILE *out, struct bench_chart *chart, const struct bench_panel *panel)
{
	draw_frame(out, chart, panel);
	if (chart->plot->goal)
		draw_goal(out, chart, panel);
	draw_lines(out, chart, panel);
	draw_labels(out, chart, panel);
}
