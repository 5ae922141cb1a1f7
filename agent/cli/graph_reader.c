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

/* The members that are known, in the order in which the daemon writes them. */
struct name {
	const char *before; /* the value: "\"name\":" */
	size_t length;      /* of `before` */
};
#define NAME(name)                                                                                                     \
	{                                                                                                              \
		"\"" name "\":", sizeof(name) + 2                                                                      \
	}

struct names {
	const struct name *names;
	size_t n;
};

/* A key and its colon. *which: its place among the names, or `n`; before, where it is expected: nearly always it is
 * there, without a blank, and then one comparison is all. */
static int read_key(char **at, const char *end, const struct names *names, size_t *which)
{
	struct ns_scan_text key;
	size_t i = 0;
	char c;
	int r;

	if (*which < names->n) {
		const struct name *expected = &names->names[*which];

		if ((size_t)(end - *at) >= expected->length && memcmp(*at, expected->before, expected->length) == 0) {
			*at += expected->length;
			return 1;
		}
	}
	r = ns_scan_peek(at, end, &c);
	if (r > 0)
		r = ns_scan_string(at, end, &key);
	if (r > 0)
		r = ns_scan_char(at, end, ':');
	if (r <= 0)
		return r;
	while (i < names->n && !is(&key, names->names[i].before + 1, names->names[i].length - 3))
		i++;
	*which = i;
	return 1;
}

typedef int (*read_member)(struct reading *reading, size_t which, char **at, const char *end, void *ctx);

/* {"key": value, …} */
static int read_object(struct reading *reading, char **at, const char *end, const struct names *names, read_member read,
		       void *ctx)
{
	char *p = *at, c;
	int r = ns_scan_char(&p, end, '{');
	size_t which = 0;

	for (bool first = true; r > 0; first = false) {
		r = ns_scan_peek(&p, end, &c);
		if (r > 0 && c == '}') {
			*at = p + 1;
			return 1;
		}
		if (r > 0 && !first)
			r = ns_scan_char(&p, end, ',');
		if (r > 0)
			r = read_key(&p, end, names, &which);
		if (r > 0)
			r = read(reading, which++, &p, end, ctx);
	}
	return r;
}

enum { PEER_CLASS, PEER_NAME, PEER_ADDRESS };

static int read_peer_member(struct reading *reading, size_t which, char **at, const char *end, void *ctx)
{
	struct ns_shown_peer *peer = ctx;

	switch (which) {
	case PEER_CLASS:
		return read_text(reading, at, end, &peer->peer_class);
	case PEER_NAME:
		return read_text(reading, at, end, &peer->name);
	case PEER_ADDRESS:
		return read_text(reading, at, end, &peer->address);
	default:
		return ns_scan_value(at, end);
	}
}

static int read_peer(struct reading *reading, char **at, const char *end, struct ns_shown_peer *peer)
{
	static const struct name list[] = {
		[PEER_CLASS] = NAME("class"), [PEER_NAME] = NAME("name"), [PEER_ADDRESS] = NAME("address")
	};
	static const struct names names = { list, sizeof(list) / sizeof(list[0]) };
	char c;
	int r = ns_scan_peek(at, end, &c);

	if (r > 0)
		r = c == '{' ? read_object(reading, at, end, &names, read_peer_member, peer) : ns_scan_value(at, end);
	return r;
}

enum {
	WORKLOAD,
	DIRECTION,
	PEER,
	PROTOCOL,
	PORT,
	ICMP_TYPE,
	PACKETS,
	BYTES,
	FIRST_SEEN,
	LAST_SEEN,
	PROCESS,
	UID,
	SOURCE,
};

static const struct name edge_list[] = {
	[WORKLOAD] = NAME("workload"),   [DIRECTION] = NAME("direction"), [PEER] = NAME("peer"),
	[PROTOCOL] = NAME("protocol"),   [PORT] = NAME("port"),           [ICMP_TYPE] = NAME("icmp_type"),
	[PACKETS] = NAME("packets"),     [BYTES] = NAME("bytes"),         [FIRST_SEEN] = NAME("first_seen"),
	[LAST_SEEN] = NAME("last_seen"), [PROCESS] = NAME("process"),     [UID] = NAME("uid"),
	[SOURCE] = NAME("source"),
};
static const struct names edge_names = { edge_list, sizeof(edge_list) / sizeof(edge_list[0]) };

static int read_edge_member(struct reading *reading, size_t which, char **at, const char *end, void *ctx)
{
	struct ns_shown_edge *edge = &reading->edge;

	switch (which) {
	case WORKLOAD:
		return read_text(reading, at, end, &edge->workload);
	case DIRECTION:
		return read_text(reading, at, end, &edge->direction);
	case PEER:
		return read_peer(reading, at, end, &edge->peer);
	case PROTOCOL:
		return read_text(reading, at, end, &edge->protocol);
	case PORT:
		return ns_scan_integer(at, end, &edge->port, &edge->has_port);
	case ICMP_TYPE:
		return ns_scan_integer(at, end, &edge->type, &edge->has_type);
	case PACKETS:
		return read_count(at, end, &edge->packets);
	case BYTES:
		return read_count(at, end, &edge->bytes);
	case FIRST_SEEN:
		return read_text(reading, at, end, &edge->first_seen);
	case LAST_SEEN:
		return read_text(reading, at, end, &edge->last_seen);
	case PROCESS:
		return read_text(reading, at, end, &edge->process);
	case UID:
		return ns_scan_integer(at, end, &edge->uid, &edge->has_uid);
	case SOURCE:
		edge->has_source = true;
		return read_peer(reading, at, end, &edge->source);
	default:
		return ns_scan_value(at, end);
	}
}

/* 1 and the edge; 0, -1. */
static int read_edge(struct reading *reading, char **at, const char *end)
{
	char c;
	int r = ns_scan_peek(at, end, &c);

	reading->edge = (struct ns_shown_edge)NS_SHOWN_EDGE_INIT;
	reading->n_texts = 0;
	if (r > 0)
		r = c == '{' ? read_object(reading, at, end, &edge_names, read_edge_member, NULL)
			     : ns_scan_value(at, end);
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
	if (c == '[' && is(&key, "edges", 5)) {
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
