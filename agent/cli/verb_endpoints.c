/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cleanup.h"
#include "document.h"

#define SHORT_ID 12 /* as `docker ps` shows them; the JSON has the whole */

static const struct ns_column columns[] = {
	{ "WORKLOAD", NS_CUT },
	{ "RUNTIME", NS_SPARE },
	{ "CONTAINER", NS_CUT },
	{ "ADDRESSES", NS_CUT },
	{ "MODE", NS_LEFT },
	{ "INNER", NS_CUT },
	{ "OUTER", NS_CUT },
	{ "GATE", NS_LEFT },
	{ "DRIFT", NS_RIGHT },
	{ "SINCE", NS_SPARE },
	{ "FINDINGS", NS_CUT | NS_SPARE },
};

/* How often somebody else changed its rules. */
static void add_drift(struct ns_table *table, const json_t *endpoint)
{
	uint64_t count = ns_document_number(json_object_get(endpoint, "drift"), "count");

	if (count)
		ns_table_add_number(table, count);
	else
		ns_table_add(table, "");
}

/* Of "closed: why" the word; `status` has the reason. */
static void add_word(struct ns_table *table, const char *text)
{
	ns_table_addf(table, "%.*s", (int)strcspn(text, ":"), text);
}

/* Of "NET_RAW: what it means" the word; `status` has the rest. Malloced; NULL without memory. */
static char *finding_words(const json_t *findings)
{
	NS_JSON json_t *words = json_array();
	const json_t *finding;
	size_t i;

	json_array_foreach (findings, i, finding) {
		const char *text = json_string_value(finding), *colon = text ? strstr(text, ": ") : NULL;

		if (text &&
		    json_array_append_new(words, json_stringn(text, colon ? (size_t)(colon - text) : strlen(text))) < 0)
			return NULL;
	}
	return words ? ns_document_join(words, "; ") : NULL;
}

static int people(struct ns_cli *cli, const json_t *document, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	char age[NS_SHOW_FIGURE_MAX + 8];
	const json_t *endpoint;
	size_t i;

	json_array_foreach (document, i, endpoint) {
		NS_FREE char *addresses = ns_document_join(json_object_get(endpoint, "addresses"), " ");
		NS_FREE char *findings = finding_words(json_object_get(endpoint, "findings"));
		const char *name = ns_document_text(endpoint, "name");

		if (!addresses || !findings)
			return ns_cli_no_memory(err);
		ns_table_add(&table, ns_document_text(endpoint, "workload"));
		ns_table_add(&table, ns_document_text(endpoint, "runtime"));
		if (*name)
			ns_table_add(&table, name);
		else
			ns_table_addf(&table, "%.*s", SHORT_ID, ns_document_text(endpoint, "container_id"));
		ns_table_add(&table, addresses);
		ns_table_add(&table, ns_document_text(endpoint, "mode"));
		ns_table_add(&table, ns_document_text(endpoint, "inner"));
		add_word(&table, ns_document_text(endpoint, "outer"));
		add_word(&table, ns_document_text(endpoint, "gate"));
		add_drift(&table, endpoint);
		ns_table_add(&table, ns_document_age(endpoint, "since", cli->now, age));
		ns_table_add(&table, findings);
	}
	if (json_array_size(document) == 0)
		(void)fputs("no endpoints: no container is running\n", cli->out);
	return ns_table_print(&table, cli->width, cli->out, err) < 0 ? NS_CLI_REFUSED : NS_CLI_OK;
}

/* Why each has its name; a line each is longer than a table would be wide. */
static int people_explained(struct ns_cli *cli, const json_t *document, struct ns_error *err)
{
	const json_t *endpoint;
	size_t i;
	int r;

	json_array_foreach (document, i, endpoint) {
		NS_FREE char *line = NULL;
		const char *name = ns_document_text(endpoint, "name");
		const char *why = ns_document_text(endpoint, "named_by");

		if (asprintf(&line, "%s (%s, %.*s)", ns_document_text(endpoint, "workload"),
			     ns_document_text(endpoint, "runtime"), *name ? (int)strlen(name) : SHORT_ID,
			     *name ? name : ns_document_text(endpoint, "container_id")) < 0) {
			line = NULL;
			return ns_cli_no_memory(err);
		}
		r = ns_document_line(cli->out, "", line, err);
		if (r == NS_CLI_OK)
			r = ns_document_line(cli->out, "    ", *why ? why : "the daemon does not say why", err);
		if (r != NS_CLI_OK)
			return r;
	}
	if (json_array_size(document) == 0)
		(void)fputs("no endpoints: no container is running\n", cli->out);
	return NS_CLI_OK;
}

int ns_verb_endpoints(struct ns_cli *cli, struct ns_error *err)
{
	bool explain = cli->request->options & NS_CLI_EXPLAIN;

	return ns_document_get(cli, ns_client_path("/v1/endpoints", NULL), explain ? people_explained : people, err);
}
