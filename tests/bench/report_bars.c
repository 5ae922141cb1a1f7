/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_bars.h"
#include "report_svg.h"
#include "report_text.h"

#define TOP   100.0
#define BAR   11.0
#define APART 14.0

struct frame {
	const struct bench_bar_plot *plot;
	size_t kinds;
	double left, right, bottom, row, max, step;
	unsigned rounds;
};

struct bench_bar_row *bench_bar_row(struct bench_bar_plot *plot, const char *contender, const char *label)
{
	struct bench_bar_row *row;

	if (plot->n == BENCH_ROWS_MAX)
		return NULL;
	row = &plot->rows[plot->n++];
	*row = (struct bench_bar_row){ .contender = bench_contender(contender) };
	(void)snprintf(row->label, sizeof row->label, "%s", label);
	return row;
}

static int compare_values(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* The greatest value, or less where a few bars are several times as long as all others. */
static double scale_of(const struct bench_bar_plot *plot)
{
	double values[2 * BENCH_ROWS_MAX], top = 0;
	size_t n = 0;

	for (size_t i = 0; i < plot->n; i++)
		for (size_t k = 0; k < 2; k++)
			if (plot->rows[i].values[k].median > 0)
				values[n++] = plot->rows[i].values[k].median;
	qsort(values, n, sizeof *values, compare_values);
	for (size_t i = 0; i < n; i++) {
		/* Half of them have to be inside, and a step to four times as much ends the scale. */
		if (i > n / 2 && values[i] > 4 * top && top > 0)
			break;
		top = values[i];
	}
	for (size_t i = 0; i < plot->n; i++)
		for (size_t k = 0; k < 2; k++)
			if (plot->rows[i].values[k].median <= top)
				top = fmax(top, fmin(plot->rows[i].values[k].max, 1.6 * top));
	return top > 0 ? top * 1.02 : 1;
}

static struct frame make_frame(const struct bench_bar_plot *plot)
{
	struct frame frame = { .plot = plot, .kinds = plot->kinds[1] ? 2 : 1 };
	double widest = 60, y = TOP;

	frame.row = (double)frame.kinds * (BAR + 2) + 12;
	for (size_t i = 0; i < plot->n; i++) {
		widest = fmax(widest, bench_svg_text_width(plot->rows[i].label, 12));
		y += frame.row + (plot->rows[i].apart ? APART : 0);
		for (size_t k = 0; k < 2; k++)
			if (plot->rows[i].values[k].n > frame.rounds)
				frame.rounds = plot->rows[i].values[k].n;
	}
	frame.bottom = y;
	frame.left = 36 + fmin(widest, 330);
	frame.right = BENCH_SVG_WIDTH - 100;
	frame.max = scale_of(plot);
	frame.step = bench_tick_step(frame.max, 6);
	return frame;
}

static double x_of(const struct frame *frame, double value)
{
	return frame->left + fmin(value / frame->max, 1) * (frame->right - frame->left);
}

static void draw_scale(FILE *out, const struct frame *frame)
{
	char figure[BENCH_FIGURE_MAX];

	for (unsigned i = 0; i * frame->step <= frame->max * 1.0001; i++) {
		double x = x_of(frame, i * frame->step);

		bench_svg_line(out, i == 0 ? "l a" : "l g", x, TOP - 4, x, frame->bottom);
		bench_svg_text(out, "m", x, frame->bottom + 18, BENCH_MIDDLE, bench_figure(figure, i * frame->step));
	}
	bench_svg_text(out, "m", frame->right + 14, frame->bottom + 18, BENCH_START, frame->plot->unit);
}

static void draw_bar(FILE *out, const struct frame *frame, const struct bench_bar_row *row, size_t kind, double y)
{
	const struct bench_spread *spread = &row->values[kind];
	double end = x_of(frame, spread->median), label = end;
	char class[32], figure[BENCH_FIGURE_MAX];

	(void)snprintf(class, sizeof class, "s%u f%s", row->contender.style, kind ? " pale" : "");
	bench_svg_rect(out, class, frame->left, y, fmax(end - frame->left, 1), BAR);
	if (spread->median > frame->max) {
		/* Broken off. */
		bench_svg_line(out, "l x", end - 26, y + BAR + 3, end - 18, y - 3);
	} else if (spread->max > spread->min) {
		bench_svg_whisker(out, "k", x_of(frame, spread->min), y + BAR / 2, x_of(frame, spread->max),
				  y + BAR / 2);
		label = x_of(frame, spread->max) + 3;
	}
	(void)bench_figure(figure, spread->median);
	bench_svg_text(out,
		       kind                               ? "m"
		       : row->contender.kind == BENCH_OWN ? "t b"
							  : "t",
		       label + 6, y + BAR - 1, BENCH_START, figure);
}

static void draw_row(FILE *out, const struct frame *frame, const struct bench_bar_row *row, double y)
{
	double middle = y + (double)frame->kinds * (BAR + 2) / 2;

	bench_svg_text(out, row->contender.kind == BENCH_OWN ? "t b" : "t", frame->left - 10, middle + 3, BENCH_END,
		       row->label);
	for (size_t k = 0; k < frame->kinds; k++)
		if (row->values[k].n > 0)
			draw_bar(out, frame, row, k, y + (double)k * (BAR + 2));
	if (row->note) {
		char text[96];

		(void)snprintf(text, sizeof text, "not measured: %.78s", row->note);
		bench_svg_text(out, "m", frame->left + 8, middle + 3, BENCH_START, text);
	}
}

/* Which of two bars is which, at the right of the title's line. */
static void draw_kinds(FILE *out, const struct frame *frame)
{
	double x = frame->right + 60;

	for (size_t k = frame->kinds; frame->kinds > 1 && k-- > 0;) {
		x -= bench_svg_text_width(frame->plot->kinds[k], 12);
		bench_svg_text(out, "m", x, 34, BENCH_START, frame->plot->kinds[k]);
		x -= 20;
		bench_svg_rect(out, k ? "s0 f pale" : "s0 f", x, 25, 14, BAR - 1);
		x -= 18;
	}
}

static void begin(FILE *out, const struct frame *frame)
{
	const struct bench_bar_plot *plot = frame->plot;
	char subtitle[160], desc[4096], figures[2][BENCH_FIGURE_MAX];
	size_t used = (size_t)snprintf(desc, sizeof desc, "In %s:", plot->unit);

	for (size_t i = 0; i < plot->n && used < sizeof desc - 1; i++) {
		const struct bench_bar_row *row = &plot->rows[i];

		used += (size_t)snprintf(desc + used, sizeof desc - used, " %s", row->label);
		for (size_t k = 0; k < frame->kinds && used < sizeof desc - 1; k++)
			if (row->values[k].n > 0)
				used += (size_t)snprintf(desc + used, sizeof desc - used, " %s%s%s",
							 frame->kinds > 1 ? plot->kinds[k] : "",
							 frame->kinds > 1 ? " " : "",
							 bench_figure(figures[k], row->values[k].median));
		if (row->note && used < sizeof desc - 1)
			used += (size_t)snprintf(desc + used, sizeof desc - used, " not measured");
		if (used < sizeof desc - 1)
			used += (size_t)snprintf(desc + used, sizeof desc - used, ";");
	}
	(void)snprintf(subtitle, sizeof subtitle,
		       frame->rounds > 1 ? "Medians of %u rounds; whiskers from the least to the greatest."
					 : "%u round.",
		       frame->rounds);
	bench_svg_begin(out, frame->bottom + 36, plot->title, plot->second ? plot->second : subtitle,
			plot->second ? subtitle : NULL, desc);
}

bool bench_bar_plot(FILE *out, const struct bench_bar_plot *plot)
{
	struct frame frame = make_frame(plot);
	double y = TOP;

	if (frame.rounds == 0)
		return false;
	begin(out, &frame);
	draw_kinds(out, &frame);
	draw_scale(out, &frame);
	for (size_t i = 0; i < plot->n; i++) {
		y += plot->rows[i].apart ? APART : 0;
		draw_row(out, &frame, &plot->rows[i], y + 6);
		y += frame.row;
	}
	bench_svg_end(out);
	return true;
}
