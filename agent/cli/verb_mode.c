/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cleanup.h"
#include "document.h"
#include "nearest.h"

static int people(struct ns_cli *cli, const json_t *answer, struct ns_error *err)
{
	NS_FREE char *workload = ns_show_escape(ns_document_text(answer, "workload"));
	NS_FREE char *mode = ns_show_escape(ns_document_text(answer, "mode"));
	NS_FREE char *before = ns_show_escape(ns_document_text(answer, "previous_mode"));

	if (!workload || !mode || !before)
		return ns_cli_no_memory(err);
	if (json_is_true(json_object_get(answer, "unchanged")))
		(void)fprintf(cli->out, "%s: %s, as before\n", workload, mode);
	else
		(void)fprintf(cli->out, "%s: %s (was %s)\n", workload, mode, before);
	return ns_document_warnings(cli->out, answer, err);
}

int ns_verb_mode(struct ns_cli *cli, struct ns_error *err)
{
	static const char *const modes[] = { "learning", "auditing", "enforcing" };
	const struct ns_cli_request *request = cli->request;
	const char *mode = request->args[1], *nearest;
	bool known = false;

	for (size_t i = 0; i < 3; i++)
		known |= strcmp(modes[i], mode) == 0;
	if (!known) {
		nearest = ns_nearest(mode, modes, 3);
		return ns_cli_usage(err, "mode: '%.32s' is not one of learning, auditing, enforcing%s%s%s", mode,
				    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	}
	return ns_document_post(
		cli, "/v1/mode",
		json_pack("{s:s, s:s, s:s*}", "workload", request->args[0], "mode", mode, "reason", request->reason),
		people, err);
}
