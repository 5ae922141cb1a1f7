/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nanoseg/limits.h>

#include "cleanup.h"
#include "text.h"

void ns_text_release(struct ns_text *text)
{
	free(text->data);
	*text = (struct ns_text)NS_TEXT_INIT;
}

static int reserve(struct ns_text *text, size_t length)
{
	size_t allocated = text->allocated ? text->allocated : 4096;
	char *larger;

	if (length > NS_HTTP_ANSWER_MAX - text->length)
		return -EMSGSIZE;
	if (length <= text->allocated - text->length)
		return 0;
	while (allocated < text->length + length)
		allocated *= 2;
	larger = realloc(text->data, allocated);
	if (!larger)
		return -ENOMEM;
	text->data = larger;
	text->allocated = allocated;
	return 0;
}

static int add_bytes(struct ns_text *text, const char *bytes, size_t length)
{
	int r = reserve(text, length);

	if (r < 0)
		return r;
	if (length > 0)
		memcpy(text->data + text->length, bytes, length);
	text->length += length;
	return 0;
}

static int failed(int r, struct ns_error *err)
{
	if (r == -EMSGSIZE)
		return ns_error_set(err, r, "the answer is larger than %u MiB; ask for one workload",
				    NS_HTTP_ANSWER_MAX >> 20);
	return ns_error_set(err, r, "out of memory for the answer");
}

int ns_text_reserve(struct ns_text *text, size_t length, struct ns_error *err)
{
	int r = reserve(text, length);

	return r < 0 ? failed(r, err) : 0;
}

int ns_text_add_bytes(struct ns_text *text, const char *bytes, size_t length, struct ns_error *err)
{
	int r = add_bytes(text, bytes, length);

	return r < 0 ? failed(r, err) : 0;
}

int ns_text_add(struct ns_text *text, const char *string, struct ns_error *err)
{
	return ns_text_add_bytes(text, string, strlen(string), err);
}

/* Whether it may stand between quotation marks as it is: nearly all names are. Then *ret_length is all of it. */
static bool is_plain(const char *string, size_t *ret_length)
{
	const char *p = string;

	while (*p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\')
		p++;
	*ret_length = (size_t)(p - string);
	return *p == '\0';
}

int ns_text_add_string(struct ns_text *text, const char *string, struct ns_error *err)
{
	size_t length;
	char *to;
	int r;

	if (!string || !*string)
		return ns_text_add_bytes(text, "null", 4, err);
	if (!is_plain(string, &length))
		return ns_text_take_json(text, ns_text_string(string), err);
	r = ns_text_reserve(text, length + 2, err);
	if (r < 0)
		return r;
	to = text->data + text->length;
	to[0] = '"';
	memcpy(to + 1, string, length);
	to[length + 1] = '"';
	text->length += length + 2;
	return 0;
}

struct dump {
	struct ns_text *text;
	int error;
};

static int dump_chunk(const char *bytes, size_t length, void *ctx)
{
	struct dump *dump = ctx;

	dump->error = add_bytes(dump->text, bytes, length);
	return dump->error < 0 ? -1 : 0;
}

int ns_text_take_json(struct ns_text *text, json_t *json, struct ns_error *err)
{
	NS_JSON json_t *taken = json;
	struct dump dump = { text, 0 };

	if (!taken)
		return failed(-ENOMEM, err);
	if (json_dump_callback(taken, dump_chunk, &dump, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
		return failed(dump.error < 0 ? dump.error : -ENOMEM, err);
	return 0;
}

int ns_text_take_element(struct ns_text *text, bool *first, json_t *json, struct ns_error *err)
{
	int r = *first ? 0 : add_bytes(text, ",", 1);

	if (r < 0) {
		json_decref(json);
		return failed(r, err);
	}
	*first = false;
	return ns_text_take_json(text, json, err);
}

json_t *ns_text_string(const char *string)
{
	NS_FREE char *clean = NULL;
	json_t *json;

	if (!string || string[0] == '\0')
		return json_null();
	json = json_string(string);
	if (json)
		return json;
	clean = strdup(string);
	if (!clean)
		return NULL;
	for (unsigned char *c = (unsigned char *)clean; *c; c++)
		if (*c >= 0x80)
			*c = '?';
	return json_string(clean);
}

json_t *ns_text_count(uint64_t count)
{
	return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

void ns_stream_release(struct ns_stream *stream)
{
	if (stream->release)
		stream->release(stream->ctx);
	*stream = (struct ns_stream)NS_STREAM_INIT;
}
