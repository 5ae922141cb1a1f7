/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Drawings as SVG: a card with its own ground, so that it can be read on light and dark pages alike and follows the
 * reader's scheme where the viewer tells; text as text, no scripts, nothing fetched.
 *
 * Classes: s0 … s9 a colour (report_contenders.h) as stroke and fill, both chosen to be told apart without red and
 * green; l a line (no fill), f a surface or text (no stroke); own a contender of ours, dash dashed; t text, m muted
 * text, h the title, b bold; g grid, a axis, w whisker,
 * k ink.
 */
#ifndef NANOSEG_BENCH_SVG_H
#define NANOSEG_BENCH_SVG_H

#include <stdio.h>

#define BENCH_SVG_WIDTH 920.0

enum bench_anchor { BENCH_START = 0, BENCH_MIDDLE, BENCH_END };

/* The card with the title and up to two lines under it (NULL: none); desc is what somebody hears who does not see. */
void bench_svg_begin(FILE *out, double height, const char *title, const char *subtitle, const char *second,
		     const char *desc);
void bench_svg_end(FILE *out);

void bench_svg_line(FILE *out, const char *class, double x1, double y1, double x2, double y2);
void bench_svg_rect(FILE *out, const char *class, double x, double y, double width, double height);
void bench_svg_circle(FILE *out, const char *class, double x, double y, double radius);
void bench_svg_text(FILE *out, const char *class, double x, double y, enum bench_anchor anchor, const char *text);
/* Upright or level, with caps. */
void bench_svg_whisker(FILE *out, const char *class, double x1, double y1, double x2, double y2);

/* About how wide the text is, in the fonts that there may be: rather too much. */
double bench_svg_text_width(const char *text, double size);

/* The distance of round ticks from 0, for about `wanted` of them up to max. */
double bench_tick_step(double max, unsigned wanted);
/* Moves centres, in their order, so that each is `gap` or more from the next and all lie between top and bottom where
 * that is possible; as little as it takes. */
void bench_spread_out(double *centres, size_t n, double gap, double top, double bottom);

#endif
