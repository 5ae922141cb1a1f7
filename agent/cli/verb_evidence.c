/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `nanoseg evidence export`: the document as the daemon made it, byte for byte, since digests may be taken of it.
 */
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "document.h"
#include "file.h"

static int save(const struct ns_cli *cli, const struct ns_response *response, const char *path, struct ns_error *err)
{
	char digest[NS_DIGEST_SIZE], figure[NS_SHOW_FIGURE_MAX];
	NS_FREE char *safe = ns_show_escape(path);

	if (!safe)
		return ns_cli_no_memory(err);
	if (ns_digest_bytes(response->text, response->length, digest, err) < 0 ||
	    ns_file_save(path, response->text, response->length, err) < 0)
		return NS_CLI_REFUSED;
	if (cli->request->json)
		return ns_document_print_json(cli,
					      json_pack("{s:s, s:I, s:s}", "output", safe, "bytes",
							(json_int_t)response->length, "digest", digest),
					      err);
	(void)fprintf(cli->out, "%s: %s, %s\n", safe, ns_show_bytes(response->length, figure), digest);
	return NS_CLI_OK;
}

int ns_verb_evidence_export(struct ns_cli *cli, struct ns_error *err)
{
	const struct ns_cli_request *request = cli->request;
	const char *workload = request->n_args ? request->args[0] : NULL;
	struct ns_response response = { 0 };
	int r = ns_client_get(request->socket, ns_client_path("/v1/evidence", "workload", workload, NULL), &response,
			      err);

	/* The line about the document must not land in the document. */
	if (r == NS_CLI_OK && request->output && strcmp(request->output, "-") != 0 &&
	    !ns_file_is_output(request->output))
		r = save(cli, &response, request->output, err);
	else if (r == NS_CLI_OK)
		r = ns_document_print(cli, &response, err);
	ns_response_release(&response);
	return r;
}
