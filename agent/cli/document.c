/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "document.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "scan.h"

int ns_document_print_json(const struct ns_cli *cli, json_t *json, struct ns_error *err)
{
	NS_JSON json_t *owned = json;
	NS_FREE char *text = owned ? json_dumps(owned, cli->terminal ? JSON_INDENT(2) : JSON_COMPACT) : NULL;
	NS_FREE char *safe = NULL;

	if (text && cli->terminal)
		safe = ns_show_escape_json(text);
	if (!text || (cli->terminal && !safe))
		return ns_cli_no_memory(err);
	(void)fprintf(cli->out, "%s\n", safe ? safe : text);
	return NS_CLI_OK;
}

int ns_document_print(const struct ns_cli *cli, const struct ns_response *response, struct ns_error *err)
{
	if (cli->terminal)
		return ns_document_print_json(cli, json_incref(response->json), err);
	(void)fwrite(response->text, 1, response->length, cli->out);
	if (response->length == 0 || response->text[response->length - 1] != '\n')
		(void)fputc('\n', cli->out);
	return NS_CLI_OK;
}

struct passing {
	FILE *out;
	struct ns_scan scan;
	char last;
};

static int pass(void *ctx, const char *data, size_t length, struct ns_error *err)
{
	struct passing *passing = ctx;

	ns_scan_pass(&passing->scan, data, length);
	if (passing->scan.wrong) {
		(void)ns_error_set(err, -EPROTO, "what answers is no nanosegd: its document is not JSON");
		return NS_CLI_UNREACHABLE;
	}
	passing->last = data[length - 1];
	return fwrite(data, 1, length, passing->out) == length ? NS_CLI_OK : ns_cli_refused(err, "cannot write: %m");
}

int ns_document_pass(const struct ns_cli *cli, char *path, struct ns_error *err)
{
	struct passing passing = { .out = cli->out };
	int r = ns_client_stream(cli->request->socket, path, pass, &passing, err);

	if (r == NS_CLI_OK && !ns_scan_is_whole(&passing.scan)) {
		(void)ns_error_set(err, -EPROTO, "what answers is no nanosegd: its document ends in the middle");
		r = NS_CLI_UNREACHABLE;
	}
	if (r == NS_CLI_OK && passing.last != '\n')
		(void)fputc('\n', cli->out);
	return r;
}

const char *ns_document_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

uint64_t ns_document_number(const json_t *object, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(object, name));

	return number > 0 ? (uint64_t)number : 0;
}

const char *ns_document_peer(const json_t *peer, char buf[static NS_DOCUMENT_PEER_MAX])
{
	const char *peer_class = ns_document_text(peer, "class"), *name = ns_document_text(peer, "name");
	const char *where = ns_document_text(peer, "prefix");
	size_t used = 0;

	if (!*where)
		where = ns_document_text(peer, "address");
	if (strcmp(peer_class, "workload") == 0 && *name)
		peer_class = ""; /* the everyday peer: its name says it all */
	buf[0] = '\0';
	for (size_t i = 0; i < 3; i++) {
		const char *part = i == 0 ? peer_class : i == 1 ? name : where;
		int n = *part && used < NS_DOCUMENT_PEER_MAX
				? snprintf(buf + used, NS_DOCUMENT_PEER_MAX - used, "%s%s", used ? " " : "", part)
				: 0;

		used += n > 0 ? (size_t)n : 0;
	}
	return buf;
}

char *ns_document_join(const json_t *array, const char *separator)
{
	char *text = NULL;
	size_t size = 0, i;
	FILE *out = open_memstream(&text, &size);
	const json_t *value;

	if (!out)
		return NULL;
	json_array_foreach (array, i, value) {
		if (i)
			(void)fputs(separator, out);
		if (json_is_string(value))
			(void)fputs(json_string_value(value), out);
		else if (json_is_integer(value))
			(void)fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		else
			(void)fputc('?', out);
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

const char *ns_document_age(const json_t *object, const char *name, int64_t now,
			    char buf[static NS_SHOW_FIGURE_MAX + 8])
{
	return ns_document_age_of(ns_document_text(object, name), now, buf);
}

const char *ns_document_age_of(const char *text, int64_t now, char buf[static NS_SHOW_FIGURE_MAX + 8])
{
	char figure[NS_SHOW_FIGURE_MAX];
	int64_t time;

	if (ns_time_parse(text, &time) < 0)
		return "";
	if (now - time < 1000000) /* and clocks that were set back */
		return "now";
	(void)ns_show_duration(now - time, figure);
	figure[strcspn(figure, " ")] = '\0';
	(void)ns_show_copy(ns_show_copy(buf, figure), " ago");
	return buf;
}

int ns_document_line(FILE *out, const char *label, const char *text, struct ns_error *err)
{
	NS_FREE char *safe = ns_show_escape(text);

	if (!safe)
		return ns_cli_no_memory(err);
	(void)fprintf(out, "%s%s\n", label, safe);
	return NS_CLI_OK;
}

int ns_document_warnings(FILE *out, const json_t *document, struct ns_error *err)
{
	const json_t *warning;
	size_t i;
	int r = NS_CLI_OK;

	json_array_foreach (json_object_get(document, "warnings"), i, warning) {
		const char *text = json_string_value(warning);

		if (text && r == NS_CLI_OK)
			r = ns_document_line(out, "warning: ", text, err);
	}
	return r;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void ns_document_cut(FILE *out, const json_t *answer)
{
	const json_t *cut = json_object_get(answer, "cut");
	uint64_t connections = ns_document_number(cut, "connections"), sockets = ns_document_number(cut, "sockets");

	if (!json_is_object(cut) ||
	    (connections == 0 && sockets == 0 && strcmp(ns_document_text(answer, "mode"), "enforcing") != 0))
		return;
	(void)fprintf(out, "%" PRIu64 " connection%s cut, %" PRIu64 " socket%s closed\n", connections,
		      plural(connections), sockets, plural(sockets));
}

static int finish(struct ns_cli *cli, int r, struct ns_response *response, ns_document_people people,
		  struct ns_error *err)
{
	if (r == NS_CLI_OK)
		r = cli->request->json ? ns_document_print(cli, response, err) : people(cli, response->json, err);
	ns_response_release(response);
	return r;
}

int ns_document_get(struct ns_cli *cli, char *path, ns_document_people people, struct ns_error *err)
{
	struct ns_response response = { 0 };
	int r = ns_client_get(cli->request->socket, path, &response, err);

	return finish(cli, r, &response, people, err);
}

int ns_document_post(struct ns_cli *cli, const char *path, json_t *body, ns_document_people people,
		     struct ns_error *err)
{
	struct ns_response response = { 0 };
	int r = ns_client_post(cli->request->socket, path, body, &response, err);

	return finish(cli, r, &response, people, err);
}
