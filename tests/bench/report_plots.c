/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which plots there are, and what is in each.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "report_bars.h"
#include "report_lines.h"
#include "report_out.h"
#include "report_text.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef bool draw(FILE *out, const struct bench_report *report, int family, struct bench_drawn *drawn);

static bool lines(FILE *out, const struct bench_report *report, const struct bench_line_plot *plot,
		  struct bench_drawn *drawn)
{
	drawn->group = plot->group;
	(void)snprintf(drawn->title, sizeof drawn->title, "%s", plot->title);
	return bench_line_plot(out, report->results, plot);
}

static bool bars(FILE *out, const char *group, const struct bench_bar_plot *plot, struct bench_drawn *drawn)
{
	drawn->group = group;
	(void)snprintf(drawn->title, sizeof drawn->title, "%s", plot->title);
	return bench_bar_plot(out, plot);
}

/* ---- bars ---- */

/* The largest size of the contender's that is not above `most`; NULL: none. */
static const struct bench_series *largest(const struct bench_results *results, const char *group, const char *what,
					  const char *contender, int family, int64_t most)
{
	const struct bench_series *found = NULL;

	for (size_t i = 0; i < results->n; i++) {
		const struct bench_series *series = &results->series[i];

		if (series->family == family && series->size <= most && strcmp(series->contender, contender) == 0 &&
		    strcmp(series->what, what) == 0 && strcmp(series->group, group) == 0 &&
		    (!found || series->size > found->size))
			found = series;
	}
	return found;
}

static void fill(struct bench_bar_row *row, size_t kind, const struct bench_series *series)
{
	if (!row || !series)
		return;
	row->values[kind] = series->spread;
	if (series->spread.n == 0)
		row->note = series->note;
}

/* Everybody's ratio at the largest size, where there is no second one to draw a line to. */
static bool draw_ratios(FILE *out, const struct bench_report *report, const struct bench_line_plot *line,
			struct bench_drawn *drawn)
{
	struct bench_bar_plot plot = { .title = line->title, .unit = "of no rules", .kinds = { "", NULL } };
	const char *before = "";

	for (size_t i = 0; i < report->results->n; i++) {
		const struct bench_series *series = &report->results->series[i], *at;
		struct bench_contender contender = bench_contender(series->contender);
		char label[160], figure[BENCH_FIGURE_MAX];
		struct bench_bar_row *row;

		if (series->family != line->family || strcmp(series->group, line->group) != 0 ||
		    strcmp(series->what, line->what) != 0 || strcmp(series->contender, before) == 0)
			continue;
		before = series->contender;
		at = largest(report->results, line->group, line->what, before, line->family, BENCH_SIZE_MAX);
		if (!at || strcmp(before, line->baseline) == 0)
			continue;
		(void)snprintf(label, sizeof label, "%s%s%s", contender.title,
			       at->size == BENCH_NO_SIZE ? "" : ", list of ",
			       at->size == BENCH_NO_SIZE ? "" : bench_count(figure, at->size));
		row = bench_bar_row(&plot, before, label);
		fill(row, 0, at);
		if (row && at->spread.n > 0)
			row->values[0] = bench_ratio(at, bench_baseline(report->results, at, line->baseline));
	}
	return bars(out, line->group, &plot, drawn);
}

static bool draw_over_sizes(FILE *out, const struct bench_report *report, const char *what, const char *title,
			    int family, struct bench_drawn *drawn)
{
	const struct bench_line_plot plot = {
		.title = title,
		.x_title = "rules, or elements of the list that allows it",
		.group = "datapath",
		.what = what,
		.family = family,
		.baseline = "none",
		.log_x = true,
	};

	return lines(out, report, &plot, drawn) || draw_ratios(out, report, &plot, drawn);
}

static bool draw_connections(FILE *out, const struct bench_report *report, int family, struct bench_drawn *drawn)
{
	return draw_over_sizes(out, report, "connect",
			       family == 4 ? "New TCP connections a second, IPv4"
					   : "New TCP connections a second, IPv6",
			       family, drawn);
}

static bool draw_bulk(FILE *out, const struct bench_report *report, int family, struct bench_drawn *drawn)
{
	return draw_over_sizes(out, report, "bulk", family == 4 ? "Bulk TCP, IPv4" : "Bulk TCP, IPv6", family, drawn);
}

/* Two whats beside each other, for everybody at one size. */
static bool draw_latency(FILE *out, const struct bench_report *report, int family, const char *title,
			 const char *second, const char *whats[2], struct bench_drawn *drawn)
{
	static const int64_t most = 10000;
	struct bench_bar_plot plot = { .title = title, .second = second, .kinds = { "p50", "p99" } };
	const char *before = "";

	for (size_t i = 0; i < report->results->n; i++) {
		const struct bench_series *series = &report->results->series[i], *at;
		struct bench_contender contender = bench_contender(series->contender);
		char label[160], figure[BENCH_FIGURE_MAX];

		if (series->family != family || strcmp(series->group, "datapath") != 0 ||
		    strcmp(series->what, whats[0]) != 0 || strcmp(series->contender, before) == 0)
			continue;
		before = series->contender;
		plot.unit = series->unit;
		at = largest(report->results, "datapath", whats[0], before, family, most);
		if (!at)
			continue;
		(void)snprintf(label, sizeof label, "%s", contender.title);
		if (at->size != BENCH_NO_SIZE && at->size != most)
			(void)snprintf(label, sizeof label, "%s (%s)", contender.title, bench_count(figure, at->size));
		struct bench_bar_row *row = bench_bar_row(&plot, before, label);

		fill(row, 0, at);
		fill(row, 1, bench_find(report->results, "datapath", whats[1], before, at->size, family));
	}
	return plot.unit && bars(out, "datapath", &plot, drawn);
}

static bool draw_roundtrip(FILE *out, const struct bench_report *report, int family, struct bench_drawn *drawn)
{
	return draw_latency(out, report, family, family == 4 ? "Round trip, IPv4" : "Round trip, IPv6",
			    "One byte there and back on an open TCP connection; lists of 10,000.",
			    (const char *[]){ "rtt-p50", "rtt-p99" }, drawn);
}

static bool draw_connect(FILE *out, const struct bench_report *report, int family, struct bench_drawn *drawn)
{
	return draw_latency(out, report, family, family == 4 ? "Connecting, IPv4" : "Connecting, IPv6",
			    "From connect() until the connection stands; lists of 10,000.",
			    (const char *[]){ "connect-latency-p50", "connect-latency-p99" }, drawn);
}

/* Both families of one what, at its largest size; a row for each of the names that is there. */
static void add_rows(struct bench_bar_plot *plot, const struct bench_report *report, const char *group,
		     const char *what, const char *const *names, size_t n, const char *suffix, bool apart)
{
	for (size_t i = 0; i < n; i++) {
		struct bench_bar_row *row;
		const struct bench_series *series[2];
		char name[BENCH_NAME_MAX + 16];

		(void)snprintf(name, sizeof name, "%s%s", names[i], suffix);
		series[0] = largest(report->results, group, what, name, 4, BENCH_SIZE_MAX);
		series[1] = largest(report->results, group, what, name, 6, BENCH_SIZE_MAX);
		if (!series[0] && !series[1])
			continue;
		plot->unit = series[series[0] ? 0 : 1]->unit;
		/* The name has to outlive the row: the series'. */
		row = bench_bar_row(plot, series[series[0] ? 0 : 1]->contender, bench_contender(name).title);
		fill(row, 0, series[0]);
		fill(row, 1, series[1]);
		if (row)
			row->apart = apart && i == 0;
	}
}

static bool draw_lost(FILE *out, const struct bench_report *report, int family, struct bench_drawn *drawn)
{
	static const char *const names[] = { "nanoseg", "conntrack-E", "ulogd2" };
	static const char *const suffixes[] = { "", " stopped", " killed" };
	struct bench_bar_plot plot = {
		.title = "Edges lost, of 60,000 opened at full speed",
		.second = "While they run; while they are stopped; when they are killed and started again.",
		.kinds = { "IPv4", "IPv6" },
	};

	for (size_t i = 0; i < COUNT(suffixes); i++)
		add_rows(&plot, report, "learning", "edges_lost", names, COUNT(names), suffixes[i], i > 0);
	return plot.unit && bars(out, "learning", &plot, drawn);
}

static bool draw_attach(FILE *out, const struct bench_report *report, int family, struct bench_drawn *drawn)
{
	static const struct {
		const char *words, *p50, *p99;
	} whats[] = {
		{ "port closed", "closed_p50", "closed_p99" },
		{ "plan in", "plan_p50", "plan_p99" },
		{ "port open", "open_p50", "open_p99" },
	};
	static const char *const cases[] = { "nanoseg idle",           "nanoseg churn",
					     "nanoseg idle enforcing", "nanoseg churn enforcing",
					     "nanoseg idle standing",  "nanoseg churn standing" };
	struct bench_bar_plot plot = {
		.title = "A container starts",
		.second =
			"From the link's appearance, with nothing else going on and while 100 namespaces a second come "
			"and go.",
		.kinds = { "p50", "p99" },
	};

	for (size_t w = 0; w < COUNT(whats); w++) {
		bool first = true;

		for (size_t i = 0; i < COUNT(cases); i++) {
			const struct bench_series *series =
				bench_find(report->results, "attach", whats[w].p50, cases[i], BENCH_NO_SIZE, 0);
			struct bench_bar_row *row;
			char label[160];

			(void)snprintf(label, sizeof label, "%s: %s", whats[w].words, cases[i] + strlen("nanoseg "));
			row = series ? bench_bar_row(&plot, series->contender, label) : NULL;
			if (!row)
				continue;
			plot.unit = series->unit;
			fill(row, 0, series);
			fill(row, 1, bench_find(report->results, "attach", whats[w].p99, cases[i], BENCH_NO_SIZE, 0));
			row->contender.style = (unsigned)w;
			row->apart = first && w > 0;
			first = false;
		}
	}
	return plot.unit && bars(out, "attach", &plot, drawn);
}

static bool draw_change(FILE *out, const struct bench_report *report, int family, struct bench_drawn *drawn)
{
	static const char *const names[] = { "nanoseg", "nft-f" };
	struct bench_bar_plot plot = {
		.title = "One address moves that 1,000 endpoints name",
		.second = "Until the last of their locks has it; nft -f with the same elements into the same tables.",
		.kinds = { "IPv4", "IPv6" },
	};

	add_rows(&plot, report, "change", "address_1000", names, COUNT(names), "", false);
	return plot.unit && bars(out, "change", &plot, drawn);
}

static bool draw_memory(FILE *out, const struct bench_report *report, int family, struct bench_drawn *drawn)
{
	static const char *const contenders[] = { "nanoseg", "learning", "restarted", NULL };
	const struct bench_goal *goal = NULL;

	for (size_t i = 0; !goal && i < report->goals->n; i++)
		if (strcmp(report->goals->goals[i].what, "rss") == 0 && report->goals->goals[i].op == BENCH_AT_MOST)
			goal = &report->goals->goals[i];
	return lines(out, report,
		     &(struct bench_line_plot){
			     .title = "The daemon's memory at rest",
			     .x_title = "endpoints, each with a policy of 100 rules",
			     .group = "cost",
			     .what = "rss",
			     .family = BENCH_NO_FAMILY,
			     .contenders = contenders,
			     .goal = goal,
		     },
		     drawn);
}

static const struct {
	const char *file;
	draw *draw;
	int family;
} plots[] = {
	{ "connections-ipv4.svg", draw_connections, 4 },
	{ "connections-ipv6.svg", draw_connections, 6 },
	{ "bulk-ipv4.svg", draw_bulk, 4 },
	{ "bulk-ipv6.svg", draw_bulk, 6 },
	{ "roundtrip-ipv4.svg", draw_roundtrip, 4 },
	{ "roundtrip-ipv6.svg", draw_roundtrip, 6 },
	{ "connecting-ipv4.svg", draw_connect, 4 },
	{ "connecting-ipv6.svg", draw_connect, 6 },
	{ "edges-lost.svg", draw_lost, 0 },
	{ "attach.svg", draw_attach, 0 },
	{ "address.svg", draw_change, 0 },
	{ "memory.svg", draw_memory, 0 },
};
_Static_assert(COUNT(plots) <= BENCH_PLOTS_MAX, "more plots than there is room for");

int bench_write_plots(int directory, const struct bench_report *report, struct bench_drawn *ret_drawn,
		      struct ns_error *err)
{
	int n = 0;

	for (size_t i = 0; i < COUNT(plots); i++) {
		FILE *out = bench_file_open(directory, plots[i].file, err);
		int r;

		if (!out)
			return err->code;
		ret_drawn[n] = (struct bench_drawn){ .file = plots[i].file };
		if (plots[i].draw(out, report, plots[i].family, &ret_drawn[n])) {
			r = bench_file_close(directory, plots[i].file, out, err);
			n++;
		} else {
			/* The one of an earlier run says nothing of this one. */
			r = bench_file_discard(directory, plots[i].file, out, err);
		}
		if (r < 0)
			return r;
	}
	return n;
}
