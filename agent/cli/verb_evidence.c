/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `nanoseg evidence export`: the document as the daemon made it, byte for byte, since digests may be taken of it.
 */
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "digest.h"
#include "document.h"
#include "file.h"
#include "scan.h"

NS_DEFINE_CLEANUP(struct ns_digest *, ns_digest_free)

/* A document on its way into a file. */
struct saving {
	const char *path;
	struct ns_file file;
	struct ns_digest *digest;
	struct ns_scan scan;
	uint64_t bytes;
};

/* The file is not touched before there is something to write. */
static int save_some(void *ctx, const char *data, size_t length, struct ns_error *err)
{
	struct saving *saving = ctx;
	int r = saving->bytes == 0 ? ns_file_begin(&saving->file, saving->path, err) : 0;

	ns_scan_pass(&saving->scan, data, length);
	if (r == 0)
		r = ns_digest_add(saving->digest, data, length, err);
	if (r == 0)
		r = ns_file_add(&saving->file, data, length, err);
	saving->bytes += length;
	return r < 0 ? NS_CLI_REFUSED : NS_CLI_OK;
}

static int say(const struct ns_cli *cli, const struct saving *saving, const char *digest, struct ns_error *err)
{
	NS_FREE char *safe = ns_show_escape(saving->path);
	char figure[NS_SHOW_FIGURE_MAX];

	if (!safe)
		return ns_cli_no_memory(err);
	if (cli->request->json)
		return ns_document_print_json(cli,
					      json_pack("{s:s, s:I, s:s}", "output", safe, "bytes",
							(json_int_t)saving->bytes, "digest", digest),
					      err);
	(void)fprintf(cli->out, "%s: %s, %s\n", safe, ns_show_bytes(saving->bytes, figure), digest);
	return NS_CLI_OK;
}

static int save(const struct ns_cli *cli, char *path, struct ns_error *err)
{
	NS_CLEANUP(ns_digest_freep) struct ns_digest *digest = NULL;
	struct saving saving = { .path = cli->request->output, .file = NS_FILE_INIT };
	char text[NS_DIGEST_SIZE];
	int r = ns_digest_begin(&digest, err) < 0 ? NS_CLI_REFUSED : NS_CLI_OK;

	if (r != NS_CLI_OK) {
		free(path);
		return r;
	}
	saving.digest = digest;
	r = ns_client_stream(cli->request->socket, path, save_some, &saving, err);
	if (r == NS_CLI_OK && !ns_scan_is_whole(&saving.scan)) {
		(void)ns_error_set(err, -EPROTO, "what answers is no nanosegd: its document is no JSON");
		r = NS_CLI_UNREACHABLE;
	}
	if (r == NS_CLI_OK && (ns_digest_end(digest, text, err) < 0 || ns_file_end(&saving.file, err) < 0))
		r = NS_CLI_REFUSED;
	ns_file_release(&saving.file);
	return r == NS_CLI_OK ? say(cli, &saving, text, err) : r;
}

/* On a terminal it is indented, which needs all of it. */
static int indented(const struct ns_cli *cli, char *path, struct ns_error *err)
{
	struct ns_response response = { 0 };
	int r = ns_client_get(cli->request->socket, path, &response, err);

	if (r == NS_CLI_OK)
		r = ns_document_print(cli, &response, err);
	ns_response_release(&response);
	return r;
}

int ns_verb_evidence_export(struct ns_cli *cli, struct ns_error *err)
{
	const struct ns_cli_request *request = cli->request;
	const char *workload = request->n_args ? request->args[0] : NULL;
	char *path = ns_client_path("/v1/evidence", "workload", workload, NULL);

	/* The line about the document must not land in the document. */
	if (request->output && strcmp(request->output, "-") != 0 && !ns_file_is_output(request->output))
		return save(cli, path, err);
	return cli->terminal ? indented(cli, path, err) : ns_document_pass(cli, path, err);
}
