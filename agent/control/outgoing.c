/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "outgoing.h"

struct outgoing {
	struct ns_api *api;
	struct ns_stream stream;
	struct ns_text text;
	size_t at; /* sent of it */
	bool whole;
};

static void release_outgoing(void *ctx)
{
	struct outgoing *outgoing = ctx;

	outgoing->api->service.later--;
	ns_stream_release(&outgoing->stream);
	ns_text_release(&outgoing->text);
	free(outgoing);
}

/* At most one step, when there is less than half of what the connection could take: others wait for this one too. */
static int refill(struct outgoing *outgoing, size_t room)
{
	size_t rest = outgoing->text.length - outgoing->at;
	struct ns_error error = NS_ERROR_INIT;
	int r;

	if (outgoing->whole || rest > room / 2)
		return 0;
	if (rest > 0)
		memmove(outgoing->text.data, outgoing->text.data + outgoing->at, rest);
	outgoing->text.length = rest;
	outgoing->at = 0;
	r = outgoing->stream.next(outgoing->stream.ctx, &outgoing->text, &error);
	outgoing->whole = r == 0;
	if (r < 0)
		ns_log_error("api: an answer breaks off: %s", error.text);
	return r < 0 ? r : 0;
}

/* 0 bytes: the library asks again in its next turn. After an error the connection ends without the mark of the end, so
 * that nobody takes half a document for a whole one. */
static ssize_t read_outgoing(void *ctx, uint64_t position, char *buffer, size_t max)
{
	struct outgoing *outgoing = ctx;
	size_t n;

	if (refill(outgoing, max) < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = outgoing->text.length - outgoing->at;
	if (n == 0 && outgoing->whole)
		return MHD_CONTENT_READER_END_OF_STREAM;
	n = n < max ? n : max;
	if (n > 0)
		memcpy(buffer, outgoing->text.data + outgoing->at, n);
	outgoing->at += n;
	return (ssize_t)n;
}

struct MHD_Response *ns_outgoing_response(struct ns_api *api, struct ns_reply *reply)
{
	struct outgoing *outgoing = calloc(1, sizeof *outgoing);
	struct MHD_Response *response;

	if (!outgoing)
		return NULL;
	outgoing->api = api;
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, NS_HTTP_HEADERS_MAX, read_outgoing, outgoing,
						     release_outgoing);
	if (!response) {
		free(outgoing);
		return NULL;
	}
	outgoing->stream = reply->later;
	reply->later = (struct ns_stream)NS_STREAM_INIT;
	api->service.later++;
	return response;
}
