/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cleanup.h"
#include "document.h"

static const struct ns_column revision_columns[] = {
	{ "REVISION", NS_RIGHT }, { "STATE", NS_LEFT },  { "ORIGIN", NS_LEFT },
	{ "CREATED", NS_LEFT },   { "MADE BY", NS_CUT }, { "DIGEST", NS_CUT | NS_SPARE },
};
static const struct ns_column decision_columns[] = {
	{ "REVISION", NS_RIGHT }, { "DECISION", NS_LEFT }, { "TIME", NS_LEFT }, { "BY", NS_CUT }, { "REASON", NS_CUT },
};

static const struct ns_column mode_columns[] = {
	{ "FROM", NS_LEFT }, { "TO", NS_LEFT },        { "TIME", NS_LEFT },
	{ "BY", NS_CUT },    { "REVISION", NS_RIGHT }, { "REASON", NS_CUT },
};

static int print_modes(struct ns_cli *cli, const json_t *changes, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(mode_columns);
	const json_t *row;
	size_t i;

	json_array_foreach (changes, i, row) {
		ns_table_add(&table, ns_document_text(row, "from"));
		ns_table_add(&table, ns_document_text(row, "to"));
		ns_table_add(&table, ns_document_text(row, "time"));
		ns_table_add(&table, ns_document_text(json_object_get(row, "actor"), "user"));
		if (ns_document_number(row, "revision"))
			ns_table_add_number(&table, ns_document_number(row, "revision"));
		else
			ns_table_add(&table, NULL);
		ns_table_add(&table, ns_document_text(row, "reason"));
	}
	if (i)
		(void)fputc('\n', cli->out);
	return ns_table_print(&table, cli->width, cli->out, err);
}

static int print_decisions(struct ns_cli *cli, const json_t *decisions, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(decision_columns);
	const json_t *row;
	size_t i;

	json_array_foreach (decisions, i, row) {
		ns_table_add_number(&table, ns_document_number(row, "revision"));
		ns_table_add(&table, ns_document_text(row, "decision"));
		ns_table_add(&table, ns_document_text(row, "time"));
		ns_table_add(&table, ns_document_text(json_object_get(row, "actor"), "user"));
		ns_table_add(&table, ns_document_text(row, "reason"));
	}
	if (i)
		(void)fputc('\n', cli->out);
	return ns_table_print(&table, cli->width, cli->out, err);
}

static int people(struct ns_cli *cli, const json_t *history, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(revision_columns);
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(history, "revisions"), i, row) {
		ns_table_add_number(&table, ns_document_number(row, "revision"));
		ns_table_add(&table, ns_document_text(row, "state"));
		ns_table_add(&table, ns_document_text(row, "origin"));
		ns_table_add(&table, ns_document_text(row, "created"));
		ns_table_add(&table, ns_document_text(json_object_get(row, "proposer"), "user"));
		ns_table_add(&table, ns_document_text(row, "digest"));
	}
	if (i == 0)
		(void)fputs("no revisions: nothing was proposed yet\n", cli->out);
	if (ns_table_print(&table, cli->width, cli->out, err) < 0)
		return NS_CLI_REFUSED;
	if (print_decisions(cli, json_object_get(history, "decisions"), err) < 0 ||
	    print_modes(cli, json_object_get(history, "mode_changes"), err) < 0)
		return NS_CLI_REFUSED;
	return NS_CLI_OK;
}

int ns_verb_policy_history(struct ns_cli *cli, struct ns_error *err)
{
	return ns_document_get(cli, ns_client_path("/v1/policy/history", "workload", cli->request->args[0], NULL),
			       people, err);
}
