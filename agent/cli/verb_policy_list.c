/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cleanup.h"
#include "document.h"

static const struct ns_column columns[] = {
	{ "WORKLOAD", NS_CUT },   { "MODE", NS_LEFT },   { "SINCE", NS_LEFT }, { "ACTIVE", NS_RIGHT },
	{ "PROPOSED", NS_RIGHT }, { "RULES", NS_RIGHT }, { "DIGEST", NS_CUT },
};

static void add_revision(struct ns_table *table, const json_t *row, const char *name)
{
	uint64_t revision = ns_document_number(row, name);

	if (revision)
		ns_table_add_number(table, revision);
	else
		ns_table_add(table, "");
}

static int people(struct ns_cli *cli, const json_t *document, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	char age[NS_SHOW_FIGURE_MAX + 8];
	const json_t *row;
	size_t i;

	json_array_foreach (document, i, row) {
		ns_table_add(&table, ns_document_text(row, "workload"));
		ns_table_add(&table, ns_document_text(row, "mode"));
		ns_table_add(&table, ns_document_age(row, "since", cli->now, age));
		add_revision(&table, row, "active_revision");
		add_revision(&table, row, "proposed_revision");
		ns_table_add_number(&table, ns_document_number(row, "rules"));
		ns_table_add(&table, ns_document_text(row, "digest"));
	}
	if (i == 0)
		(void)fputs("no workloads: no container was seen yet\n", cli->out);
	return ns_table_print(&table, cli->width, cli->out, err) < 0 ? NS_CLI_REFUSED : NS_CLI_OK;
}

int ns_verb_policy_list(struct ns_cli *cli, struct ns_error *err)
{
	return ns_document_get(cli, ns_client_path("/v1/policies", NULL), people, err);
}
