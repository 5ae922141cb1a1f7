/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "cleanup.h"
#include "document.h"

static int people(struct ns_cli *cli, const json_t *answer, struct ns_error *err)
{
	NS_FREE char *workload = ns_show_escape(ns_document_text(answer, "workload"));
	NS_FREE char *digest = ns_show_escape(ns_document_text(answer, "digest"));
	const char *mode = ns_document_text(answer, "mode");
	bool approved = strcmp(ns_document_text(answer, "decision"), "approve") == 0;

	if (!workload || !digest)
		return ns_cli_no_memory(err);
	(void)fprintf(cli->out, "%s: revision %" PRIu64 " %s\ndigest: %s\n", workload,
		      ns_document_number(answer, "revision"), approved ? "approved" : "rejected", digest);
	if (approved && (strcmp(mode, "enforcing") == 0 || strcmp(mode, "auditing") == 0))
		(void)fprintf(cli->out, "it is in force (%s)\n", mode);
	else if (approved)
		(void)fprintf(cli->out, "put it in force: nanoseg mode %s enforcing\n", workload);
	if (approved)
		ns_document_cut(cli->out, answer);
	return ns_document_warnings(cli->out, answer, err);
}

static bool is_digest(const char *text)
{
	static const char kind[] = "sha256:";
	size_t n = sizeof(kind) - 1;

	return strncmp(text, kind, n) == 0 && strlen(text) == n + 64 && strspn(text + n, "0123456789abcdef") == 64;
}

int ns_verb_policy_decide(struct ns_cli *cli, struct ns_error *err)
{
	const struct ns_cli_request *request = cli->request;
	const char *name = request->verb->name, *action = strchr(name, ' ') + 1;
	char path[64];

	if (!request->digest)
		return ns_cli_usage(err, "%s: pass --digest, shown by: nanoseg policy show %s", name, request->args[0]);
	if (!is_digest(request->digest))
		return ns_cli_usage(err, "--digest: '%.80s' is not a digest; copy it from 'nanoseg policy show %s'",
				    request->digest, request->args[0]);
	if (!request->reason)
		return ns_cli_usage(err, "%s: pass --reason TEXT: why, for those who read it later", name);
	(void)snprintf(path, sizeof(path), "/v1/policy/%s", action);
	return ns_document_post(cli, path,
				json_pack("{s:s, s:s, s:s}", "workload", request->args[0], "digest", request->digest,
					  "reason", request->reason),
				people, err);
}
