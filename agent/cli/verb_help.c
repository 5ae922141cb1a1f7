/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `nanoseg help` and `nanoseg version`: what needs neither daemon nor kernel.
 */
#include <string.h>

#include "cleanup.h"
#include "document.h"

int ns_verb_version(struct ns_cli *cli, struct ns_error *err)
{
	if (cli->request->json)
		return ns_document_print_json(cli, json_pack("{s:s}", "version", NANOSEG_VERSION), err);
	(void)fputs("nanoseg " NANOSEG_VERSION "\n", cli->out);
	return NS_CLI_OK;
}

/* "policy" asks for all that begins so, "policy show" for one. */
static bool is_asked_for(const struct ns_cli_verb *verb, const char *asked)
{
	size_t length = strlen(asked);

	return length == 0 ||
	       (strncmp(verb->name, asked, length) == 0 && (verb->name[length] == '\0' || verb->name[length] == ' '));
}

static int list(struct ns_cli *cli, const char *asked, size_t *ret_found, struct ns_error *err)
{
	static const struct ns_column columns[] = { { "COMMAND", NS_LEFT }, { "WHAT IT DOES", NS_LEFT } };
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	size_t n;
	const struct ns_cli_verb *verbs = ns_cli_verbs(&n);
	NS_JSON json_t *document = json_array();

	for (size_t i = 0; i < n; i++) {
		if (!is_asked_for(&verbs[i], asked))
			continue;
		(*ret_found)++;
		ns_table_addf(&table, "%s%s%s", verbs[i].name, *verbs[i].usage ? " " : "", verbs[i].usage);
		ns_table_add(&table, verbs[i].summary);
		if (json_array_append_new(document, json_pack("{s:s, s:s, s:s, s:s}", "command", verbs[i].name, "usage",
							      verbs[i].usage, "summary", verbs[i].summary, "role",
							      verbs[i].role)) < 0)
			return ns_cli_no_memory(err);
	}
	if (*ret_found == 0)
		return NS_CLI_OK;
	if (cli->request->json)
		return ns_document_print_json(cli, NS_TAKE(document), err);
	return ns_table_print(&table, 0, cli->out, err) < 0 ? NS_CLI_REFUSED : NS_CLI_OK;
}

int ns_verb_help(struct ns_cli *cli, struct ns_error *err)
{
	const struct ns_cli_request *request = cli->request;
	bool one = request->n_args > 0;
	char asked[128] = "";
	size_t found = 0;
	int r;

	if (one)
		(void)snprintf(asked, sizeof(asked), "%s%s%s", request->args[0], request->n_args > 1 ? " " : "",
			       request->n_args > 1 ? request->args[1] : "");
	if (!one && !request->json)
		(void)fputs(
			"nanoseg watches containers, learns who talks to whom, and has the kernel refuse the rest.\n\n",
			cli->out);
	r = list(cli, asked, &found, err);
	if (r == NS_CLI_OK && found == 0)
		return ns_cli_usage(err, "help: there is no command '%.64s'; 'nanoseg help' lists the commands", asked);
	if (r == NS_CLI_OK && !one && !request->json)
		(void)fputs("\nEverywhere: --json (one document for programs), --socket PATH (" NS_CLI_SOCKET_DEFAULT
			    "), "
			    "--help.\nExit codes: 0 done, 1 refused or not found, 2 wrong usage, 3 nanosegd cannot be "
			    "reached. More: man nanoseg\n",
			    cli->out);
	return r;
}
