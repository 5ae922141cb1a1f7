/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `nanoseg status`: exit code 0 when every endpoint is protected as its mode asks and every source answers, else 1.
 */
#include <inttypes.h>
#include <string.h>

#include "cleanup.h"
#include "document.h"

static bool is_failing(const json_t *source)
{
	return strcmp(ns_document_text(source, "state"), "failing") == 0;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool all_is_well(const json_t *status)
{
	const json_t *source;
	size_t i;

	json_array_foreach (json_object_get(status, "sources"), i, source) {
		if (is_failing(source))
			return false;
	}
	return !begins(ns_document_text(json_object_get(status, "gate"), "state"), "failed") &&
	       json_array_size(json_object_get(status, "unprotected")) == 0;
}

/* "3 learning, 1 enforcing" */
static const char *count_words(const json_t *counts, char *buf, size_t size)
{
	const char *word;
	json_t *count;

	*buf = '\0';
	json_object_foreach (ns_unconst(counts), word, count) {
		size_t used = strlen(buf);

		(void)snprintf(buf + used, size - used, "%s%" JSON_INTEGER_FORMAT " %s", used ? ", " : "",
			       json_integer_value(count), word);
	}
	return buf;
}

static int print_head(const struct ns_cli *cli, const json_t *status, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release)
	struct ns_table table = NS_TABLE(((const struct ns_column[]){ { "", NS_LEFT }, { "", NS_LEFT } }));
	const json_t *gate = json_object_get(status, "gate"), *outer = json_object_get(status, "outer");
	char figure[NS_SHOW_FIGURE_MAX], words[256];

	table.headed = true;
	ns_table_add(&table, "nanosegd");
	ns_table_addf(&table, "%s, up for %s", ns_document_text(status, "version"),
		      ns_show_duration((int64_t)(ns_document_number(status, "uptime") % INT32_MAX) * 1000000, figure));
	ns_table_add(&table, "kernel");
	ns_table_add(&table, ns_document_text(status, "kernel"));
	ns_table_add(&table, "endpoints");
	ns_table_add_number(&table, ns_document_number(status, "endpoints"));
	ns_table_add(&table, "workloads");
	ns_table_add(&table, count_words(json_object_get(status, "modes"), words, sizeof(words)));
	if (json_object_size(outer)) {
		ns_table_add(&table, "outer locks");
		ns_table_add(&table, count_words(outer, words, sizeof(words)));
	}
	if (gate) {
		ns_table_add(&table, "gate");
		ns_table_add(&table, ns_document_text(gate, "state"));
	}
	if (json_object_get(status, "ownership")) {
		ns_table_add(&table, "ownership");
		ns_table_add(&table, ns_document_text(status, "ownership"));
	}
	return ns_table_print(&table, 0, cli->out, err);
}

/* Links that are shut, and such as lead to nobody known. */
static int print_gate(const struct ns_cli *cli, const json_t *status, struct ns_error *err)
{
	static const struct ns_column columns[] = { { "LINK", NS_LEFT }, { "GATE", NS_LEFT }, { "WHY", NS_CUT } };
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	const json_t *gate = json_object_get(status, "gate"), *port;
	size_t i;

	json_array_foreach (json_object_get(gate, "closed"), i, port) {
		ns_table_add(&table, ns_document_text(port, "port"));
		ns_table_add(&table, "closed");
		ns_table_add(&table, ns_document_text(port, "why"));
	}
	json_array_foreach (json_object_get(gate, "unmanaged"), i, port) {
		ns_table_add(&table, json_string_value(port));
		ns_table_add(&table, "open");
		ns_table_add(&table, "leads to no container that is known");
	}
	if (table.n_cells)
		(void)fputc('\n', cli->out);
	return ns_table_print(&table, cli->width, cli->out, err);
}

/* Each finding once: the first who has it, how many more, and what it means. */
static int print_findings(const struct ns_cli *cli, const json_t *status, struct ns_error *err)
{
	static const struct ns_column columns[] = { { "FINDING", NS_CUT }, { "OF", NS_CUT }, { "MEANS", NS_CUT } };
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	const json_t *findings = json_object_get(status, "findings"), *entry, *other;
	NS_JSON json_t *seen = json_object();
	size_t i, j;

	json_array_foreach (findings, i, entry) {
		const char *finding = ns_document_text(entry, "finding"), *means = ns_document_text(entry, "means");
		char key[1024];
		size_t n = 0;

		(void)snprintf(key, sizeof(key), "%.400s: %.600s", finding, means);
		if (!seen || json_object_get(seen, key) || json_object_set_new_nocheck(seen, key, json_true()) < 0)
			continue;
		json_array_foreach (findings, j, other)
			n += strcmp(ns_document_text(other, "finding"), finding) == 0 &&
			     strcmp(ns_document_text(other, "means"), means) == 0;
		ns_table_add(&table, finding);
		if (n > 1)
			ns_table_addf(&table, "%s and %zu more", ns_document_text(entry, "workload"), n - 1);
		else
			ns_table_add(&table, ns_document_text(entry, "workload"));
		ns_table_add(&table, means);
	}
	if (table.n_cells)
		(void)fputc('\n', cli->out);
	return ns_table_print(&table, cli->width, cli->out, err);
}

static int print_sources(const struct ns_cli *cli, const json_t *status, struct ns_error *err)
{
	static const struct ns_column columns[] = { { "SOURCE", NS_LEFT }, { "STATE", NS_LEFT }, { "DETAIL", NS_CUT } };
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	const json_t *source;
	size_t i;

	json_array_foreach (json_object_get(status, "sources"), i, source) {
		ns_table_add(&table, ns_document_text(source, "source"));
		ns_table_add(&table, ns_document_text(source, "state"));
		ns_table_add(&table, ns_document_text(source, "detail"));
	}
	if (table.n_cells)
		(void)fputc('\n', cli->out);
	return ns_table_print(&table, cli->width, cli->out, err);
}

static int print_gaps(const struct ns_cli *cli, const json_t *status, struct ns_error *err)
{
	static const struct ns_column columns[] = { { "LEARNING GAP", NS_CUT },
						    { "SINCE", NS_LEFT },
						    { "CAUSE", NS_CUT } };
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	char age[NS_SHOW_FIGURE_MAX + 8];
	const json_t *gap;
	size_t i;

	json_array_foreach (json_object_get(status, "gaps"), i, gap) {
		ns_table_add(&table, ns_document_text(gap, "workload"));
		ns_table_add(&table, ns_document_age(gap, "from", cli->now, age));
		ns_table_add(&table, ns_document_text(gap, "cause"));
	}
	if (table.n_cells)
		(void)fputc('\n', cli->out);
	return ns_table_print(&table, cli->width, cli->out, err);
}

/* Not wrong, but not restricted either; and what to do about it. */
static int print_unrestricted(const struct ns_cli *cli, const json_t *status, struct ns_error *err)
{
	static const struct ns_column columns[] = { { "NOT RESTRICTED", NS_LEFT },
						    { "MODE", NS_LEFT },
						    { "NEXT", NS_LEFT } };
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	const json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(status, "unrestricted"), i, entry) {
		ns_table_add(&table, ns_document_text(entry, "workload"));
		ns_table_add(&table, ns_document_text(entry, "mode"));
		ns_table_add(&table, ns_document_text(entry, "next"));
	}
	if (table.n_cells)
		(void)fputc('\n', cli->out);
	return ns_table_print(&table, cli->width, cli->out, err);
}

/* What is wrong is never cut: each in a paragraph of its own. */
static int print_trouble(const struct ns_cli *cli, const json_t *entry, struct ns_error *err)
{
	int r;

	(void)fputc('\n', cli->out);
	r = ns_document_line(cli->out, "UNPROTECTED  ", ns_document_text(entry, "workload"), err);
	if (r == NS_CLI_OK && *ns_document_text(entry, "container"))
		r = ns_document_line(cli->out, "  container  ", ns_document_text(entry, "container"), err);
	if (r == NS_CLI_OK)
		r = ns_document_line(cli->out, "  why        ", ns_document_text(entry, "why"), err);
	if (r == NS_CLI_OK && *ns_document_text(entry, "remedy"))
		r = ns_document_line(cli->out, "  remedy     ", ns_document_text(entry, "remedy"), err);
	return r;
}

/* Somebody else changed our rules. They were made right at once; who it was is for a person to judge. */
static int print_drift(const struct ns_cli *cli, const json_t *entry, struct ns_error *err)
{
	char age[NS_SHOW_FIGURE_MAX + 8], line[512];
	uint64_t count = ns_document_number(entry, "count"), pid = ns_document_number(entry, "pid");
	const char *last = ns_document_age(entry, "last", cli->now, age);
	int r;

	(void)fputc('\n', cli->out);
	r = ns_document_line(cli->out, "CHANGED BY OTHERS  ", ns_document_text(entry, "workload"), err);
	if (r == NS_CLI_OK && *ns_document_text(entry, "container"))
		r = ns_document_line(cli->out, "  container  ", ns_document_text(entry, "container"), err);
	(void)snprintf(line, sizeof(line), "%" PRIu64 " time%s%s%s", count, count == 1 ? "" : "s",
		       *last ? ", the last " : "", last);
	if (r == NS_CLI_OK)
		r = ns_document_line(cli->out, "  how often  ", line, err);
	(void)snprintf(line, sizeof(line), "%.256s", ns_document_text(entry, "command"));
	if (pid)
		(void)snprintf(line, sizeof(line), "%.256s (pid %" PRIu64 ")", ns_document_text(entry, "command"), pid);
	if (r == NS_CLI_OK && *line)
		r = ns_document_line(cli->out, "  by         ", line, err);
	if (r == NS_CLI_OK && *ns_document_text(entry, "what"))
		r = ns_document_line(cli->out, "  what       ", ns_document_text(entry, "what"), err);
	return r;
}

static int people(struct ns_cli *cli, const json_t *status, struct ns_error *err)
{
	const json_t *entry;
	size_t i;
	int r = NS_CLI_OK;

	if (print_head(cli, status, err) < 0 || print_sources(cli, status, err) < 0 ||
	    print_gate(cli, status, err) < 0 || print_gaps(cli, status, err) < 0 ||
	    print_findings(cli, status, err) < 0 || print_unrestricted(cli, status, err) < 0)
		return NS_CLI_REFUSED;
	json_array_foreach (json_object_get(status, "drift"), i, entry) {
		if (r == NS_CLI_OK)
			r = print_drift(cli, entry, err);
	}
	json_array_foreach (json_object_get(status, "unprotected"), i, entry) {
		if (r == NS_CLI_OK)
			r = print_trouble(cli, entry, err);
	}
	return r;
}

int ns_verb_status(struct ns_cli *cli, struct ns_error *err)
{
	struct ns_response response = { 0 };
	int r = ns_client_get(cli->request->socket, ns_client_path("/v1/status", NULL), &response, err);

	if (r == NS_CLI_OK)
		r = cli->request->json ? ns_document_print(cli, &response, err) : people(cli, response.json, err);
	if (r == NS_CLI_OK && !all_is_well(response.json))
		r = NS_CLI_REFUSED;
	ns_response_release(&response);
	return r;
}
