/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON text as it grows, and documents that never stand in memory as a whole. A graph may have a million edges: they
 * are written one by one instead of being gathered into one JSON value of ten times the size, and a stream hands them
 * on before the next ones are read.
 */
#ifndef NANOSEG_TEXT_H
#define NANOSEG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <nanoseg/error.h>

struct ns_text {
	char *data; /* not terminated; NULL when empty */
	size_t length, allocated;
};

#define NS_TEXT_INIT                                                                                                   \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_text_release(struct ns_text *text);
/* Empty, with the memory kept. */
static inline void ns_text_clear(struct ns_text *text)
{
	text->length = 0;
}
/* Room for `length` more bytes behind those that are there, to write into and to add to text->length. -EMSGSIZE when
 * they could be beyond NS_HTTP_ANSWER_MAX, -ENOMEM. */
int ns_text_reserve(struct ns_text *text, size_t length, struct ns_error *err);
/* The same errors. */
int ns_text_add_bytes(struct ns_text *text, const char *bytes, size_t length, struct ns_error *err);
int ns_text_add(struct ns_text *text, const char *string, struct ns_error *err);
/* Writes `json` and gives up the reference, on failure too. NULL is -ENOMEM, so that builders need not check. */
int ns_text_take_json(struct ns_text *text, json_t *json, struct ns_error *err);
/* The same as the next element of an array: a comma first unless *first, which it clears. */
int ns_text_take_element(struct ns_text *text, bool *first, json_t *json, struct ns_error *err);

/* The text of ns_text_string(), without the value. */
int ns_text_add_string(struct ns_text *text, const char *string, struct ns_error *err);

/* New reference: null for "" and NULL; bytes that are not UTF-8 (names and programs are foreign) become '?'. */
json_t *ns_text_string(const char *string);
/* New reference; JSON integers are signed, so more than INT64_MAX is written as that. */
json_t *ns_text_count(uint64_t count);

/* A document that is made piece by piece. */
struct ns_stream {
	/* Appends the next piece, of bounded size. 1: there is more to come, and it may have appended nothing for now;
	 * 0: that was the end. An error means that there is no rest: what was appended so far is no document. */
	int (*next)(void *ctx, struct ns_text *text, struct ns_error *err);
	void (*release)(void *ctx);
	void *ctx;
};

#define NS_STREAM_INIT                                                                                                 \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_stream_release(struct ns_stream *stream); /* accepts one that was never filled */

#endif
