/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>

#include "cleanup.h"
#include "doctor.h"
#include "document.h"

static const struct ns_column columns[] = {
	{ "FEATURE", NS_CUT },    { "AVAILABLE", NS_LEFT }, { "REQUIRED", NS_LEFT },
	{ "NEEDED FOR", NS_CUT }, { "WITHOUT IT", NS_CUT }, { "DETAIL", NS_CUT | NS_SPARE },
};

static bool is_missing(const json_t *row)
{
	return json_is_true(json_object_get(row, "required")) && !json_is_true(json_object_get(row, "available"));
}

int ns_doctor_print(const struct ns_cli *cli, const json_t *report, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	const json_t *row;
	size_t i, missing = 0;

	json_array_foreach (report, i, row) {
		bool available = json_is_true(json_object_get(row, "available"));
		bool required = json_is_true(json_object_get(row, "required"));

		missing += is_missing(row);
		ns_table_add(&table, ns_document_text(row, "feature"));
		ns_table_add(&table, available ? "yes" : is_missing(row) ? "MISSING" : "no");
		ns_table_add(&table, required ? "yes" : "no");
		ns_table_add(&table, ns_document_text(row, "needed_for"));
		ns_table_add(&table, required ? "no protection" : ns_document_text(row, "fallback"));
		ns_table_add(&table, ns_document_text(row, "detail"));
	}
	if (ns_table_print(&table, cli->width, cli->out, err) < 0)
		return NS_CLI_REFUSED;
	if (missing)
		(void)fprintf(cli->out, "\n%zu required feature%s missing: nanosegd cannot protect containers here\n",
			      missing, missing == 1 ? " is" : "s are");
	return missing ? NS_CLI_REFUSED : NS_CLI_OK;
}

int ns_verb_doctor(struct ns_cli *cli, struct ns_error *err)
{
	NS_JSON json_t *report = NULL;
	const json_t *row;
	size_t i;
	int r;

	if (ns_doctor_run(&report, err) < 0)
		return NS_CLI_REFUSED;
	if (!cli->request->json)
		return ns_doctor_print(cli, report, err);
	r = ns_document_print_json(cli, json_incref(report), err);
	json_array_foreach (report, i, row) {
		r = r == NS_CLI_OK && is_missing(row) ? NS_CLI_REFUSED : r;
	}
	return r;
}
