/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `nanoseg denies`, and with --follow once a second until SIGINT or SIGTERM. The daemon is asked for what was seen
 * after the newest time known, less an overlap, because what happened first need not be stored first; what of it was
 * printed already, with the same figures, is left out.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "clock.h"
#include "edges.h"

#define OVERLAP_US INT64_C(10000000)
#define PERIOD_NS  1000000000L

static const struct ns_column columns[] = {
	{ "LAST SEEN", NS_LEFT }, { "WORKLOAD", NS_CUT }, { "DIRECTION", NS_LEFT },
	{ "PEER", NS_CUT },       { "PROTO", NS_LEFT },   { "PORT", NS_LEFT },
	{ "PACKETS", NS_RIGHT },  { "VERDICT", NS_LEFT }, { "PROCESS", NS_CUT | NS_SPARE },
};

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
	(void)number;
	stopped = 1;
}

static void add_row(struct ns_table *table, const json_t *deny)
{
	const json_t *audited = json_object_get(deny, "audited");
	struct ns_shown_edge edge = ns_edge_of_json(deny);

	ns_table_add(table, edge.last_seen);
	ns_edge_cells(table, &edge);
	ns_table_add_number(table, edge.packets);
	ns_table_add(table, json_is_true(audited) ? "audited" : "refused");
	ns_edge_process_cell(table, &edge);
}

static int people(struct ns_cli *cli, const json_t *denies, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	const json_t *deny;
	size_t i;

	json_array_foreach (denies, i, deny) {
		add_row(&table, deny);
	}
	if (i == 0)
		(void)fputs("nothing was refused\n", cli->out);
	return ns_table_print(&table, cli->width, cli->out, err) < 0 ? NS_CLI_REFUSED : NS_CLI_OK;
}

/* ---- following ---- */

struct follow {
	struct ns_cli *cli;
	const char *workload;
	struct ns_table table;
	json_t *shown;  /* what the last answer held: identity -> figures. Older ones come again only when changed. */
	int64_t newest; /* last_seen; 0: none yet */
	bool reached;   /* the daemon answered the last time */
};

/* Some members of an object as one text. Malloced; NULL without memory. */
static char *describe(const json_t *deny, const char *const names[], size_t n_names)
{
	NS_JSON json_t *part = json_object();

	for (size_t i = 0; i < n_names; i++) {
		json_t *value = json_object_get(deny, names[i]);

		if (value && json_object_set(part, names[i], value) < 0)
			return NULL;
	}
	return json_dumps(part, JSON_COMPACT | JSON_SORT_KEYS);
}

/* Prints the news of one answer: rows, or with --json one line a deny. */
static int show_news(struct follow *follow, const json_t *denies, struct ns_error *err)
{
	static const char *const identifying[] = { "workload", "direction", "peer",      "source",
						   "protocol", "port",      "icmp_type", "audited" };
	static const char *const changing[] = { "packets", "last_seen" };
	NS_JSON json_t *now_shown = json_object();
	const json_t *deny;
	int r = NS_CLI_OK;
	size_t i;

	json_array_foreach (denies, i, deny) {
		NS_FREE char *identity = describe(deny, identifying, sizeof(identifying) / sizeof(identifying[0]));
		NS_FREE char *figures = describe(deny, changing, sizeof(changing) / sizeof(changing[0]));
		const char *before;
		int64_t seen;

		if (!identity || !figures)
			return ns_cli_no_memory(err);
		before = json_string_value(json_object_get(follow->shown, identity));
		if (json_object_set_new(now_shown, identity, json_string(figures)) < 0)
			return ns_cli_no_memory(err);
		if (ns_time_parse(ns_document_text(deny, "last_seen"), &seen) == 0 && seen > follow->newest)
			follow->newest = seen;
		if (before && strcmp(before, figures) == 0)
			continue;
		if (!follow->cli->request->json) {
			add_row(&follow->table, deny);
			continue;
		}
		NS_FREE char *line = json_dumps(deny, JSON_COMPACT);
		NS_FREE char *safe = line ? ns_show_escape_json(line) : NULL;
		if (!safe)
			return ns_cli_no_memory(err);
		(void)fprintf(follow->cli->out, "%s\n", safe);
	}
	json_decref(follow->shown);
	follow->shown = NS_TAKE(now_shown);
	if (ns_table_print(&follow->table, follow->cli->width, follow->cli->out, err) < 0)
		r = NS_CLI_REFUSED;
	if (fflush(follow->cli->out) != 0)
		r = ns_cli_refused(err, "cannot write: %m");
	return r;
}

/* A daemon that is restarted is waited for; one that was never there is an error. */
static int ask(struct follow *follow, struct ns_error *err)
{
	struct ns_response response = { 0 };
	char after[NS_TIME_TEXT_MAX];
	bool first = follow->shown == NULL;
	NS_FREE char *path = NULL;
	int r;

	if (follow->newest > OVERLAP_US)
		(void)ns_time_format(follow->newest - OVERLAP_US, after);
	path = ns_client_path("/v1/denies", "workload", follow->workload, "after",
			      follow->newest > OVERLAP_US ? after : NULL, NULL);
	if (!path)
		return ns_cli_no_memory(err);
	r = ns_client_ask(follow->cli->request->socket, path, NULL, 0, &stopped, &response, err);
	if (r == NS_CLI_UNREACHABLE && !first) {
		if (follow->reached)
			(void)fprintf(stderr, "nanoseg: %s; waiting for it\n", err->text);
		follow->reached = false;
		*err = (struct ns_error)NS_ERROR_INIT;
		return NS_CLI_OK;
	}
	if (r == NS_CLI_OK && response.json) {
		follow->reached = true;
		r = show_news(follow, response.json, err);
	}
	ns_response_release(&response);
	return r;
}

static int follow_denies(struct ns_cli *cli, const char *workload, struct ns_error *err)
{
	const struct sigaction action = { .sa_handler = on_stop };
	const struct timespec period = { .tv_nsec = PERIOD_NS - 1 };
	struct follow follow = { .cli = cli, .workload = workload, .table = NS_TABLE(columns), .reached = true };
	sigset_t stops, before;
	int r;

	/* Outside the sleep the signals wait, so that none is lost between the question and the sleep. */
	(void)sigemptyset(&stops);
	(void)sigaddset(&stops, SIGINT);
	(void)sigaddset(&stops, SIGTERM);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	do {
		r = ask(&follow, err);
		(void)sigprocmask(SIG_BLOCK, &stops, &before);
		if (r == NS_CLI_OK && !stopped)
			(void)ppoll(NULL, 0, &period, &before);
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
	} while (r == NS_CLI_OK && !stopped);
	ns_table_release(&follow.table);
	json_decref(follow.shown);
	return r;
}

int ns_verb_denies(struct ns_cli *cli, struct ns_error *err)
{
	const char *workload = cli->request->n_args ? cli->request->args[0] : NULL;

	if (cli->request->options & NS_CLI_FOLLOW)
		return follow_denies(cli, workload, err);
	return ns_document_get(cli, ns_client_path("/v1/denies", "workload", workload, NULL), people, err);
}
