/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "report_contenders.h"
#include "report_svg.h"
#include "report_text.h"

static const struct {
	const char *light, *dark;
} colours[BENCH_STYLES] = {
	{ "#0a66c2", "#58a6ff" }, { "#007a5c", "#2ec59a" }, { "#bc4c00", "#ff9550" }, { "#7d4f9e", "#c79bdc" },
	{ "#a43d7c", "#e58ac0" }, { "#876400", "#d9b54a" }, { "#47697f", "#9fbfd2" }, { "#79573f", "#d0ab8e" },
	{ "#666b72", "#adb3ba" }, { "#59636e", "#9198a1" },
};

static void put_style(FILE *out)
{
	(void)fputs("<style>\n"
		    "text{font-family:-apple-system,BlinkMacSystemFont,\"Segoe UI\",\"Noto Sans\",Helvetica,Arial,"
		    "\"DejaVu Sans\",sans-serif;font-size:12px}\n"
		    ".c{fill:#ffffff;stroke:#d1d9e0}\n.t{fill:#1f2328}\n.m{fill:#59636e}\n.g{stroke:#e6eaef}\n"
		    ".a{stroke:#8c959f}\n.k{stroke:#1f2328}\n.x{stroke:#ffffff}\n",
		    out);
	for (unsigned i = 0; i < BENCH_STYLES; i++)
		(void)fprintf(out, ".s%u{stroke:%s;fill:%s}\n", i, colours[i].light, colours[i].light);
	(void)fputs("@media (prefers-color-scheme:dark){\n"
		    ".c{fill:#0d1117;stroke:#3d444d}\n.t{fill:#f0f6fc}\n.m{fill:#9198a1}\n.g{stroke:#262c34}\n"
		    ".a{stroke:#656c76}\n.k{stroke:#f0f6fc}\n.x{stroke:#0d1117}\n",
		    out);
	for (unsigned i = 0; i < BENCH_STYLES; i++)
		(void)fprintf(out, ".s%u{stroke:%s;fill:%s}\n", i, colours[i].dark, colours[i].dark);
	(void)fputs("}\n.l{fill:none;stroke-width:1.5;stroke-linejoin:round;stroke-linecap:round}\n"
		    ".f{stroke:none}\n.own{stroke-width:3}\n.dash{stroke-dasharray:5 4}\n.dot{stroke-dasharray:1 4}\n"
		    ".w{stroke-width:1.2;stroke-opacity:.75}\n.thin{stroke-width:1;stroke-opacity:.55}\n"
		    ".pale{fill-opacity:.42}\n.h{font-size:17px;font-weight:600}\n.b{font-weight:600}\n"
		    ".x{stroke-width:4}\n</style>\n",
		    out);
}

void bench_svg_begin(FILE *out, double height, const char *title, const char *subtitle, const char *second,
		     const char *desc)
{
	(void)fprintf(out,
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		      "viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">",
		      BENCH_SVG_WIDTH, height, BENCH_SVG_WIDTH, height);
	bench_put_xml(out, title);
	(void)fputs("</title>\n<desc id=\"desc\">", out);
	bench_put_xml(out, desc);
	(void)fputs("</desc>\n", out);
	put_style(out);
	(void)fprintf(out, "<rect class=\"c\" x=\"0.5\" y=\"0.5\" width=\"%.0f\" height=\"%.0f\" rx=\"8\"/>\n",
		      BENCH_SVG_WIDTH - 1, height - 1);
	bench_svg_text(out, "t h", 24, 34, BENCH_START, title);
	if (subtitle)
		bench_svg_text(out, "m", 24, 55, BENCH_START, subtitle);
	if (second)
		bench_svg_text(out, "m", 24, 72, BENCH_START, second);
}

void bench_svg_end(FILE *out)
{
	(void)fputs("</svg>\n", out);
}

void bench_svg_line(FILE *out, const char *class, double x1, double y1, double x2, double y2)
{
	(void)fprintf(out, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", class, x1, y1, x2, y2);
}

void bench_svg_rect(FILE *out, const char *class, double x, double y, double width, double height)
{
	(void)fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", class, x, y,
		      width, height);
}

void bench_svg_circle(FILE *out, const char *class, double x, double y, double radius)
{
	(void)fprintf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n", class, x, y, radius);
}

void bench_svg_text(FILE *out, const char *class, double x, double y, enum bench_anchor anchor, const char *text)
{
	static const char *const anchors[] = { "", " text-anchor=\"middle\"", " text-anchor=\"end\"" };

	(void)fprintf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\"%s>", class, x, y, anchors[anchor]);
	bench_put_xml(out, text);
	(void)fputs("</text>\n", out);
}

void bench_svg_whisker(FILE *out, const char *class, double x1, double y1, double x2, double y2)
{
	double across = fabs(x2 - x1) > fabs(y2 - y1) ? 0 : 3, along = 3 - across;

	(void)fprintf(out,
		      "<path class=\"l w %s\" d=\"M%.1f %.1fL%.1f %.1fM%.1f %.1fL%.1f %.1fM%.1f %.1fL%.1f %.1f\"/>\n",
		      class, x1, y1, x2, y2, x1 - across, y1 - along, x1 + across, y1 + along, x2 - across, y2 - along,
		      x2 + across, y2 + along);
}

double bench_svg_text_width(const char *text, double size)
{
	size_t characters = 0;

	for (; *text; text++)
		characters += ((unsigned char)*text & 0xc0) != 0x80;
	return (double)characters * size * 0.58;
}

double bench_tick_step(double max, unsigned wanted)
{
	double rough = max / wanted, power, part;

	if (!(rough > 0))
		return 1;
	power = pow(10, floor(log10(rough)));
	part = rough / power;
	return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

void bench_spread_out(double *centres, size_t n, double gap, double top, double bottom)
{
	for (unsigned pass = 0; pass < 400; pass++) {
		bool moved = false;

		for (size_t i = 1; i < n; i++) {
			double lacking = gap - (centres[i] - centres[i - 1]);

			if (lacking < 0.05)
				continue;
			centres[i - 1] -= lacking / 2;
			centres[i] += lacking / 2;
			moved = true;
		}
		if (n > 0 && centres[0] < top)
			centres[0] = top;
		if (n > 0 && centres[n - 1] > bottom)
			centres[n - 1] = bottom;
		if (!moved)
			break;
	}
}
