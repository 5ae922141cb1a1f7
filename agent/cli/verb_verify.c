/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `nanoseg verify`: exit code 0 when the kernel holds what is planned, 1 when a lock differs or is missing.
 */
#include <string.h>

#include "cleanup.h"
#include "document.h"

static const struct ns_column columns[] = {
	{ "WORKLOAD", NS_CUT }, { "CONTAINER", NS_CUT },   { "LOCK", NS_LEFT },
	{ "STATE", NS_LEFT },   { "PROTECTION", NS_LEFT },
};

/* What the daemon does not say is not so. */
static bool is_equal(const json_t *lock)
{
	return json_is_true(json_object_get(lock, "equal"));
}

static bool all_equal(const json_t *document)
{
	const json_t *locks = json_object_get(document, "locks"), *lock;
	bool equal = json_is_array(locks);
	size_t i;

	json_array_foreach (locks, i, lock)
		equal &= is_equal(lock);
	return equal;
}

/* The differing lines, each one line of its own however foreign it is. */
static int print_difference(const struct ns_cli *cli, const json_t *lock, struct ns_error *err)
{
	NS_FREE char *copy = strdup(ns_document_text(lock, "difference"));
	NS_FREE char *head = NULL;
	char *rest = copy, *line;
	int r;

	if (!copy ||
	    asprintf(&head, "%s lock of %s", ns_document_text(lock, "lock"),
		     *ns_document_text(lock, "workload") ? ns_document_text(lock, "workload") : "the host") < 0) {
		head = NULL;
		return ns_cli_no_memory(err);
	}
	(void)fputc('\n', cli->out);
	r = ns_document_line(cli->out, "DIFFERS  ", head, err);
	while (r == NS_CLI_OK && (line = strsep(&rest, "\n"))) {
		if (*line)
			r = ns_document_line(cli->out, "  ", line, err);
	}
	return r;
}

static int people(struct ns_cli *cli, const json_t *document, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	const json_t *locks = json_object_get(document, "locks"), *lock;
	size_t i;
	int r = NS_CLI_OK;

	json_array_foreach (locks, i, lock) {
		ns_table_add(&table, ns_document_text(lock, "workload"));
		ns_table_add(&table, ns_document_text(lock, "container"));
		ns_table_add(&table, ns_document_text(lock, "lock"));
		ns_table_add(&table, is_equal(lock) ? "as planned" : "DIFFERS");
		ns_table_add(&table, ns_document_text(lock, "protection"));
	}
	if (json_array_size(locks) == 0)
		(void)fputs("no locks: no such container is running\n", cli->out);
	if (ns_table_print(&table, cli->width, cli->out, err) < 0)
		return NS_CLI_REFUSED;
	json_array_foreach (locks, i, lock) {
		if (r == NS_CLI_OK && !is_equal(lock))
			r = print_difference(cli, lock, err);
	}
	return r;
}

int ns_verb_verify(struct ns_cli *cli, struct ns_error *err)
{
	struct ns_response response = { 0 };
	int r = ns_client_get(cli->request->socket,
			      ns_client_path("/v1/verify", "workload", cli->request->args[0], NULL), &response, err);

	if (r == NS_CLI_OK)
		r = cli->request->json ? ns_document_print(cli, &response, err) : people(cli, response.json, err);
	if (r == NS_CLI_OK && !all_equal(response.json))
		r = NS_CLI_REFUSED;
	ns_response_release(&response);
	return r;
}
