/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>

#include "cleanup.h"
#include "rules.h"

static int people(struct ns_cli *cli, const json_t *policy, struct ns_error *err)
{
	const json_t *proposer = json_object_get(policy, "proposer");
	char revision[96];
	const struct {
		const char *label, *text;
	} head[] = {
		{ "workload  ", ns_document_text(policy, "workload") },
		{ "revision  ", revision },
		{ "mode      ", ns_document_text(policy, "mode") },
		{ "verdict   ", ns_document_text(policy, "verdict") },
		{ "made by   ", ns_document_text(proposer, "user") },
		{ "created   ", ns_document_text(policy, "created") },
		{ "digest    ", ns_document_text(policy, "digest") },
	};
	int r = NS_CLI_OK;

	(void)snprintf(revision, sizeof(revision), "%" PRIu64 "%s%.32s%s%.32s", ns_document_number(policy, "revision"),
		       *ns_document_text(policy, "state") ? ", " : "", ns_document_text(policy, "state"),
		       *ns_document_text(policy, "origin") ? ", " : "", ns_document_text(policy, "origin"));
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]) && r == NS_CLI_OK; i++) {
		if (*head[i].text)
			r = ns_document_line(cli->out, head[i].label, head[i].text, err);
	}
	(void)fputc('\n', cli->out);
	return r == NS_CLI_OK ? ns_rules_table(cli, json_object_get(policy, "rules"), err) : r;
}

int ns_verb_policy_show(struct ns_cli *cli, struct ns_error *err)
{
	const struct ns_cli_request *request = cli->request;
	char number[24];

	(void)snprintf(number, sizeof(number), "%" PRIu64, request->revision);
	return ns_document_get(cli,
			       ns_client_path("/v1/policy", "workload", request->args[0], "revision",
					      request->revision ? number : NULL, NULL),
			       people, err);
}
