/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "graph_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "scan.h"

static int strange(struct ns_error *err, const char *why)
{
	(void)ns_error_set(err, -EPROTO, "what answers is no nanosegd: a graph that is none (%s)", why);
	return NS_CLI_UNREACHABLE;
}

int ns_graph_reader_start(struct ns_graph_reader *reader, ns_graph_each each, void *ctx, struct ns_error *err)
{
	*reader = (struct ns_graph_reader){ .each = each, .ctx = ctx, .rest = json_object(), .first = true };
	return reader->rest ? NS_CLI_OK : ns_cli_no_memory(err);
}

void ns_graph_reader_release(struct ns_graph_reader *reader)
{
	json_decref(reader->rest);
	free(reader->text);
	*reader = (struct ns_graph_reader){ 0 };
}

/* ---- one edge: steps as in scan.h ----
 *
 * Texts point into what was read; only when the whole edge is there they are decoded, which ends them with a NUL where
 * their quotation mark stood. */

#define TEXTS_MAX 12

struct reading {
	struct ns_shown_edge edge;
	struct {
		struct ns_scan_text text;
		const char **to;
	} texts[TEXTS_MAX];
	size_t n_texts;
};

static bool is(const struct ns_scan_text *key, const char *name, size_t length)
{
	return key->length == length && memcmp(key->at, name, length) == 0;
}
#define IS(key, name) is(key, name, sizeof(name) - 1)

/* A member that is no string is as if it were not there. */
static int read_text(struct reading *reading, char **at, const char *end, const char **to)
{
	char c;
	int r = ns_scan_peek(at, end, &c);

	if (r == 0)
		return 0;
	if (c != '"' || reading->n_texts == TEXTS_MAX)
		return ns_scan_value(at, end);
	reading->texts[reading->n_texts].to = to;
	r = ns_scan_string(at, end, &reading->texts[reading->n_texts].text);
	reading->n_texts += r > 0;
	return r;
}

static int read_count(char **at, const char *end, uint64_t *to)
{
	int64_t number;
	bool is_integer;
	int r = ns_scan_integer(at, end, &number, &is_integer);

	if (r > 0)
		*to = is_integer && number > 0 ? (uint64_t)number : 0;
	return r;
}

typedef int (*read_member)(struct reading *reading, const struct ns_scan_text *key, char **at, const char *end,
			   void *ctx);

/* {"key": value, …} */
static int read_object(struct reading *reading, char **at, const char *end, read_member read, void *ctx)
{
	struct ns_scan_text key;
	char *p = *at, c;
	int r = ns_scan_char(&p, end, '{');

	for (bool first = true; r > 0; first = false) {
		r = ns_scan_peek(&p, end, &c);
		if (r > 0 && c == '}') {
			*at = p + 1;
			return 1;
		}
		if (r > 0 && !first)
			r = ns_scan_char(&p, end, ',');
		if (r > 0 && (r = ns_scan_peek(&p, end, &c)) > 0)
			r = ns_scan_string(&p, end, &key);
		if (r > 0)
			r = ns_scan_char(&p, end, ':');
		if (r > 0)
			r = read(reading, &key, &p, end, ctx);
	}
	return r;
}

static int read_peer_member(struct reading *reading, const struct ns_scan_text *key, char **at, const char *end,
			    void *ctx)
{
	struct ns_shown_peer *peer = ctx;

	if (IS(key, "class"))
		return read_text(reading, at, end, &peer->peer_class);
	if (IS(key, "name"))
		return read_text(reading, at, end, &peer->name);
	if (IS(key, "address"))
		return read_text(reading, at, end, &peer->address);
	return ns_scan_value(at, end);
}

static int read_peer(struct reading *reading, char **at, const char *end, struct ns_shown_peer *peer)
{
	char c;
	int r = ns_scan_peek(at, end, &c);

	if (r > 0)
		r = c == '{' ? read_object(reading, at, end, read_peer_member, peer) : ns_scan_value(at, end);
	return r;
}

static int read_edge_member(struct reading *reading, const struct ns_scan_text *key, char **at, const char *end,
			    void *ctx)
{
	struct ns_shown_edge *edge = &reading->edge;

	if (IS(key, "workload"))
		return read_text(reading, at, end, &edge->workload);
	if (IS(key, "direction"))
		return read_text(reading, at, end, &edge->direction);
	if (IS(key, "peer"))
		return read_peer(reading, at, end, &edge->peer);
	if (IS(key, "protocol"))
		return read_text(reading, at, end, &edge->protocol);
	if (IS(key, "port"))
		return ns_scan_integer(at, end, &edge->port, &edge->has_port);
	if (IS(key, "icmp_type"))
		return ns_scan_integer(at, end, &edge->type, &edge->has_type);
	if (IS(key, "packets"))
		return read_count(at, end, &edge->packets);
	if (IS(key, "bytes"))
		return read_count(at, end, &edge->bytes);
	if (IS(key, "first_seen"))
		return read_text(reading, at, end, &edge->first_seen);
	if (IS(key, "last_seen"))
		return read_text(reading, at, end, &edge->last_seen);
	if (IS(key, "process"))
		return read_text(reading, at, end, &edge->process);
	if (IS(key, "uid"))
		return ns_scan_integer(at, end, &edge->uid, &edge->has_uid);
	if (IS(key, "source")) {
		edge->has_source = true;
		return read_peer(reading, at, end, &edge->source);
	}
	return ns_scan_value(at, end);
}

/* 1 and the edge; 0, -1. */
static int read_edge(struct reading *reading, char **at, const char *end)
{
	char c;
	int r = ns_scan_peek(at, end, &c);

	reading->edge = (struct ns_shown_edge)NS_SHOWN_EDGE_INIT;
	reading->n_texts = 0;
	if (r > 0)
		r = c == '{' ? read_object(reading, at, end, read_edge_member, NULL) : ns_scan_value(at, end);
	for (size_t i = 0; r > 0 && i < reading->n_texts; i++) {
		if (!ns_scan_terminate(&reading->texts[i].text))
			return -1;
		*reading->texts[i].to = reading->texts[i].text.at;
	}
	return r;
}

/* ---- the document ---- */

static int decode_member(struct ns_graph_reader *reader, struct ns_scan_text *key, const char *value, size_t length,
			 struct ns_error *err)
{
	json_t *json = json_loadb(value, length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

	/* The key's quotation mark is behind us, and so is all of the member. */
	if (!json || !ns_scan_terminate(key)) {
		json_decref(json);
		return strange(err, "a member that is no JSON");
	}
	return json_object_set_new(reader->rest, key->at, json) < 0 ? ns_cli_no_memory(err) : NS_CLI_OK;
}

/* A member beside the edges as a whole, or the beginning of the edges. *ret_step as in scan.h. */
static int member(struct ns_graph_reader *reader, char **at, const char *end, int *ret_step, struct ns_error *err)
{
	struct ns_scan_text key;
	char *p = *at, *value, c;
	int r = ns_scan_peek(&p, end, &c);

	if (r > 0 && c == '}') {
		reader->state = NS_GRAPH_END;
		*at = p + 1;
		*ret_step = 1;
		return NS_CLI_OK;
	}
	if (r > 0 && !reader->first)
		r = ns_scan_char(&p, end, ',');
	if (r > 0 && (r = ns_scan_peek(&p, end, &c)) > 0)
		r = ns_scan_string(&p, end, &key);
	if (r > 0)
		r = ns_scan_char(&p, end, ':');
	if (r > 0)
		r = ns_scan_peek(&p, end, &c);
	*ret_step = r;
	if (r <= 0)
		return NS_CLI_OK;
	if (c == '[' && IS(&key, "edges")) {
		reader->state = NS_GRAPH_EDGE;
		reader->first = true;
		*at = p + 1;
		return NS_CLI_OK;
	}
	value = p;
	*ret_step = ns_scan_value(&p, end);
	if (*ret_step <= 0)
		return NS_CLI_OK;
	reader->first = false;
	*at = p;
	return decode_member(reader, &key, value, (size_t)(p - value), err);
}

static int edge(struct ns_graph_reader *reader, char **at, const char *end, int *ret_step, struct ns_error *err)
{
	struct reading reading;
	char *p = *at, c;
	int r = ns_scan_peek(&p, end, &c);

	if (r > 0 && c == ']') {
		reader->state = NS_GRAPH_MEMBER;
		reader->first = false;
		*at = p + 1;
		*ret_step = 1;
		return NS_CLI_OK;
	}
	if (r > 0 && !reader->first)
		r = ns_scan_char(&p, end, ',');
	if (r > 0)
		r = read_edge(&reading, &p, end);
	*ret_step = r;
	if (r <= 0)
		return NS_CLI_OK;
	reader->first = false;
	*at = p;
	return reader->each(reader->ctx, &reading.edge, err);
}

static int step(struct ns_graph_reader *reader, char **at, const char *end, int *ret_step, struct ns_error *err)
{
	char c;

	switch (reader->state) {
	case NS_GRAPH_START:
		*ret_step = ns_scan_char(at, end, '{');
		if (*ret_step > 0)
			reader->state = NS_GRAPH_MEMBER;
		return NS_CLI_OK;
	case NS_GRAPH_MEMBER:
		return member(reader, at, end, ret_step, err);
	case NS_GRAPH_EDGE:
		return edge(reader, at, end, ret_step, err);
	case NS_GRAPH_END:
		break;
	}
	*ret_step = ns_scan_peek(at, end, &c) ? -1 : 0;
	return NS_CLI_OK;
}

static int append(struct ns_graph_reader *reader, const char *data, size_t length, struct ns_error *err)
{
	if (length > NS_HTTP_ANSWER_MAX - reader->length)
		return strange(err, "a member without end");
	if (length > reader->allocated - reader->length) {
		size_t allocated = (reader->length + length) * 2;
		char *text = realloc(reader->text, allocated);

		if (!text)
			return ns_cli_no_memory(err);
		reader->text = text;
		reader->allocated = allocated;
	}
	memcpy(reader->text + reader->length, data, length);
	reader->length += length;
	return NS_CLI_OK;
}

int ns_graph_reader_feed(void *ctx, const char *data, size_t length, struct ns_error *err)
{
	struct ns_graph_reader *reader = ctx;
	int r = append(reader, data, length, err), more = 1;
	char *at = reader->text, *end = reader->text + reader->length;

	while (r == NS_CLI_OK && more > 0)
		r = step(reader, &at, end, &more, err);
	if (r == NS_CLI_OK && more < 0)
		r = strange(err, "not JSON");
	reader->length = (size_t)(end - at);
	if (reader->length > 0)
		memmove(reader->text, at, reader->length);
	return r;
}

int ns_graph_reader_end(const struct ns_graph_reader *reader, struct ns_error *err)
{
	return reader->state == NS_GRAPH_END ? NS_CLI_OK : strange(err, "it ends in the middle");
}
