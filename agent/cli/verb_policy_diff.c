/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "cleanup.h"
#include "rules.h"

static int people(struct ns_cli *cli, const json_t *diff, struct ns_error *err)
{
	const json_t *added = json_object_get(diff, "added"), *removed = json_object_get(diff, "removed");
	const json_t *changed = json_object_get(diff, "changed"), *rule;
	NS_FREE char *workload = ns_show_escape(ns_document_text(diff, "workload"));
	uint64_t from = ns_document_number(diff, "from"), to = ns_document_number(diff, "to");
	const json_t *verdict = json_object_get(diff, "verdict");
	const char *verdict_from = ns_document_text(verdict, "from"), *verdict_to = ns_document_text(verdict, "to");
	bool other_verdict = strcmp(verdict_from, verdict_to) != 0;
	size_t i;
	int r = NS_CLI_OK;

	if (!workload)
		return ns_cli_no_memory(err);
	if (from)
		(void)fprintf(cli->out, "%s: from revision %" PRIu64 " to revision %" PRIu64 "\n", workload, from, to);
	else
		(void)fprintf(cli->out, "%s: from nothing to revision %" PRIu64 "\n", workload, to);
	if (other_verdict && *verdict_from)
		r = ns_document_line(cli->out, "- verdict ", verdict_from, err);
	if (other_verdict && r == NS_CLI_OK)
		r = ns_document_line(cli->out, "+ verdict ", verdict_to, err);
	json_array_foreach (removed, i, rule) {
		r = r == NS_CLI_OK ? ns_rules_line(cli->out, "- ", rule, err) : r;
	}
	json_array_foreach (changed, i, rule) {
		r = r == NS_CLI_OK ? ns_rules_line(cli->out, "- ", json_object_get(rule, "from"), err) : r;
		r = r == NS_CLI_OK ? ns_rules_line(cli->out, "+ ", json_object_get(rule, "to"), err) : r;
	}
	json_array_foreach (added, i, rule) {
		r = r == NS_CLI_OK ? ns_rules_line(cli->out, "+ ", rule, err) : r;
	}
	if (json_array_size(added) + json_array_size(removed) + json_array_size(changed) == 0 && !other_verdict)
		(void)fputs("no difference\n", cli->out);
	return r;
}

int ns_verb_policy_diff(struct ns_cli *cli, struct ns_error *err)
{
	const struct ns_cli_request *request = cli->request;
	char from[24], to[24];

	(void)snprintf(from, sizeof(from), "%" PRIu64, request->from);
	(void)snprintf(to, sizeof(to), "%" PRIu64, request->to);
	return ns_document_get(cli,
			       ns_client_path("/v1/policy/diff", "workload", request->args[0], "from",
					      request->from ? from : NULL, "to", request->to ? to : NULL, NULL),
			       people, err);
}
