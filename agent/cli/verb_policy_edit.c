/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `nanoseg policy edit`: a document by hand becomes the new proposed revision. The daemon judges it; what it refuses is
 * kept in a file, so that nothing typed is lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <nanoseg/limits.h>

#include "cleanup.h"
#include "editor.h"
#include "file.h"
#include "json.h"
#include "rules.h"

/* Sends the text as it is: the daemon's error then names the line or the member the user sees. */
static int send_text(struct ns_cli *cli, const char *text, size_t length, struct ns_error *err)
{
	struct ns_response response = { 0 };
	NS_JSON json_t *document = NULL;
	const char *workload;
	int r;

	if (length == 0)
		return ns_cli_refused(err, "the document is empty; nothing was sent");
	if (ns_json_decode(text, length, NS_POLICY_BYTES_MAX, NS_POLICY_DEPTH_MAX, &document, err) < 0)
		return NS_CLI_REFUSED;
	/* The one thing the daemon cannot know: for whom this was meant. */
	workload = json_string_value(json_object_get(document, "workload"));
	if (workload && strcmp(workload, cli->request->args[0]) != 0)
		return ns_cli_refused(err, "$.workload: this policy is of '%.128s', not of '%.128s'", workload,
				      cli->request->args[0]);
	r = ns_client_ask(cli->request->socket, "/v1/policy/edit", text, length, NULL, &response, err);
	if (r == NS_CLI_OK)
		r = cli->request->json ? ns_document_print(cli, &response, err)
				       : ns_rules_proposal(cli, response.json, err);
	ns_response_release(&response);
	return r;
}

/* The policy alone, without what the daemon tells beside it, in the order of the schema. Malloced text. */
static int newest(struct ns_cli *cli, char **ret, struct ns_error *err)
{
	static const char *const members[] = { "schema", "workload", "revision", "verdict", "rules" };
	struct ns_response response = { 0 };
	NS_JSON json_t *policy = json_object();
	char *text;
	int r = ns_client_get(cli->request->socket,
			      ns_client_path("/v1/policy", "workload", cli->request->args[0], NULL), &response, err);

	for (size_t i = 0; r == NS_CLI_OK && i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *value = json_object_get(response.json, members[i]);

		if (value && json_object_set(policy, members[i], value) < 0)
			r = ns_cli_no_memory(err);
	}
	ns_response_release(&response);
	if (r != NS_CLI_OK)
		return r;
	text = json_dumps(policy, JSON_INDENT(2));
	if (!text)
		return ns_cli_no_memory(err);
	*ret = text;
	return NS_CLI_OK;
}

/* A new file that only its owner can read. */
static int put_aside(const char *text, char *path, size_t size, struct ns_error *err)
{
	static const char suffix[] = ".json";
	const char *directory = getenv("TMPDIR");
	NS_CLOSE int fd = -1;
	int r;

	if (snprintf(path, size, "%s/nanoseg-policy-XXXXXX%s", directory && *directory ? directory : "/tmp", suffix) >=
	    (int)size)
		return ns_error_set(err, -ENAMETOOLONG, "TMPDIR: the path is too long");
	fd = mkostemps(path, (int)sizeof(suffix) - 1, O_CLOEXEC);
	if (fd < 0)
		return ns_error_set(err, -errno, "%s: %m", path);
	r = ns_file_write_all(fd, text, strlen(text));
	if (r == 0)
		r = ns_file_write_all(fd, "\n", 1);
	if (r < 0) {
		(void)unlink(path);
		return ns_error_set(err, r, "%s: %s", path, strerror(-r));
	}
	return 0;
}

static bool is_same(const char *before, const char *after, size_t length)
{
	NS_JSON json_t *old = json_loads(before, 0, NULL);
	NS_JSON json_t *new = json_loadb(after, length, JSON_REJECT_DUPLICATES, NULL);

	return old && new &&json_equal(old, new);
}

static int edit_by_hand(struct ns_cli *cli, struct ns_error *err)
{
	const char *workload = cli->request->args[0];
	NS_FREE char *before = NULL, *after = NULL;
	char path[512];
	size_t length = 0;
	int edited, r = newest(cli, &before, err);

	if (r != NS_CLI_OK)
		return r;
	if (put_aside(before, path, sizeof(path), err) < 0)
		return NS_CLI_REFUSED;
	edited = ns_editor_run(path, err);
	if (ns_file_read(path, NS_POLICY_BYTES_MAX, &after, &length, edited < 0 ? NULL : err) < 0 ||
	    (edited < 0 && !is_same(before, after, length))) {
		ns_error_context(err, "the text is kept in %s", path);
		return NS_CLI_REFUSED;
	}
	/* Nothing of anybody's is in it. */
	if (edited < 0) {
		(void)unlink(path);
		return NS_CLI_REFUSED;
	}
	if (is_same(before, after, length)) {
		(void)unlink(path);
		return ns_cli_refused(err, "%s: nothing was changed, nothing was sent", workload);
	}
	r = send_text(cli, after, length, err);
	if (r == NS_CLI_OK) {
		(void)unlink(path);
		return r;
	}
	struct ns_error why = *err;
	(void)ns_error_set(err, why.code,
			   "%.300s; your text is kept: correct it and run: nanoseg policy edit %s --file %s", why.text,
			   workload, path);
	return r;
}

int ns_verb_policy_edit(struct ns_cli *cli, struct ns_error *err)
{
	NS_FREE char *text = NULL;
	size_t length = 0;

	if (!cli->request->file && !cli->interactive)
		return ns_cli_usage(err, "policy edit: no terminal: use --file");
	if (!cli->request->file)
		return edit_by_hand(cli, err);
	if (ns_file_read(cli->request->file, NS_POLICY_BYTES_MAX, &text, &length, err) < 0)
		return NS_CLI_REFUSED;
	return send_text(cli, text, length, err);
}
