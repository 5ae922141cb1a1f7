/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cleanup.h"
#include "rules.h"

static int started(struct ns_cli *cli, const json_t *answer, struct ns_error *err)
{
	NS_FREE char *workload = ns_show_escape(ns_document_text(answer, "workload"));

	if (!workload)
		return ns_cli_no_memory(err);
	(void)fprintf(cli->out, "%s: learning; when it has done all it does: nanoseg learn stop %s\n", workload,
		      workload);
	return ns_document_warnings(cli->out, answer, err);
}

int ns_verb_learn(struct ns_cli *cli, struct ns_error *err)
{
	const char *action = strchr(cli->request->verb->name, ' ') + 1;
	json_t *body = json_pack("{s:s, s:s}", "workload", cli->request->args[0], "action", action);

	return ns_document_post(cli, "/v1/learn", body, strcmp(action, "start") == 0 ? started : ns_rules_proposal,
				err);
}
