/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "cleanup.h"
#include "document.h"
#include "nearest.h"

#define DIGEST_SHOWN 19 /* "sha256:" and 12 digits */

/* " revision 1 (sha256:d25d31fa8c1e…)" where a policy is in force; else "". */
static void in_force(const json_t *answer, char *buf, size_t size)
{
	const char *mode = ns_document_text(answer, "mode"), *digest = ns_document_text(answer, "digest");
	uint64_t revision = ns_document_number(answer, "revision");

	*buf = '\0';
	if (revision && (strcmp(mode, "enforcing") == 0 || strcmp(mode, "auditing") == 0))
		(void)snprintf(buf, size, " revision %" PRIu64 "%s%.*s%s", revision, *digest ? " (" : "", DIGEST_SHOWN,
			       digest, *digest ? "…)" : "");
}

static int people(struct ns_cli *cli, const json_t *answer, struct ns_error *err)
{
	uint64_t waiting = ns_document_number(answer, "proposed_revision");
	bool unchanged = json_is_true(json_object_get(answer, "unchanged"));
	NS_FREE char *line = NULL;
	char policy[96], proposal[64] = "";
	int r;

	in_force(answer, policy, sizeof(policy));
	if (waiting)
		(void)snprintf(proposal, sizeof(proposal), "; revision %" PRIu64 " waits for approval", waiting);
	if (asprintf(&line, "%s: %s%s, %s%s%s", ns_document_text(answer, "workload"), ns_document_text(answer, "mode"),
		     policy, unchanged ? "as before" : "was ",
		     unchanged ? "" : ns_document_text(answer, "previous_mode"), proposal) < 0) {
		line = NULL;
		return ns_cli_no_memory(err);
	}
	r = ns_document_line(cli->out, "", line, err);
	if (r == NS_CLI_OK)
		ns_document_cut(cli->out, answer);
	return r == NS_CLI_OK ? ns_document_warnings(cli->out, answer, err) : r;
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
