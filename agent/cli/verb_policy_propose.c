/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rules.h"

int ns_verb_policy_propose(struct ns_cli *cli, struct ns_error *err)
{
	json_t *body = json_pack("{s:s}", "workload", cli->request->args[0]);

	return ns_document_post(cli, "/v1/policy/propose", body, ns_rules_proposal, err);
}
