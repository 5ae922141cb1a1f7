/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One request on its way in and out. The body of a request that will be refused anyway (no such path, not the role) is
 * read and forgotten, so that the client hears the answer; one that is too large is refused before it is read when its
 * length is known, else at its end, and a client that goes on for twice the limit is cut off.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "outgoing.h"

enum keep { KEEP_BODY = 0, FORGET_BODY, BODY_TOO_LARGE, NO_ROOM_FOR_BODY };

struct exchange {
	struct ns_caller caller;
	enum keep keep;
	char *body;
	size_t length, allocated, received;
	struct ns_reply reply;
	bool later; /* the reply is being made, step by step */
};

static void forget_body(struct ns_api *api, struct exchange *exchange, enum keep keep)
{
	api->body_bytes -= exchange->allocated;
	free(exchange->body);
	exchange->body = NULL;
	exchange->length = exchange->allocated = 0;
	exchange->keep = keep;
}

static void end(struct ns_api *api, struct exchange *exchange)
{
	if (exchange->later)
		api->service.later--;
	ns_reply_release(&exchange->reply);
	forget_body(api, exchange, FORGET_BODY);
	free(exchange);
}

void ns_api_exchange_completed(void *ctx, struct MHD_Connection *http, void **exchange,
			       enum MHD_RequestTerminationCode code)
{
	struct ns_api_connection *connection = ns_api_connection_of(http);
	struct ns_api *api = ctx;

	if (*exchange) {
		end(api, *exchange);
		*exchange = NULL;
	}
	if (connection)
		connection->since = ns_clock_elapsed();
}

/* ---- in ---- */

/* The declared length; false: none, or not one that can be read. */
static bool content_length(struct MHD_Connection *http, unsigned long long *ret)
{
	const char *text = MHD_lookup_connection_value(http, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	char *end;

	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (errno == ERANGE)
		*ret = UINT64_MAX;
	return *end == '\0';
}

static struct exchange *begin(struct MHD_Connection *http, const char *method, const char *url)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ns_error error = NS_ERROR_INIT;
	struct exchange *exchange = calloc(1, sizeof *exchange);
	const struct ns_route *route;
	char allow[NS_ALLOW_MAX];
	unsigned long long declared;
	unsigned status;

	if (!exchange)
		return NULL;
	if (!info || ns_caller_identify(info->connect_fd, &exchange->caller, &error) < 0) {
		ns_log_error("api: %s", info ? error.text : "a connection without a socket");
		free(exchange);
		return NULL;
	}
	route = ns_route_find(method, url, &status, allow);
	if (!route || !ns_route_permits(route, &exchange->caller))
		exchange->keep = FORGET_BODY;
	if (content_length(http, &declared) && declared > NS_HTTP_BODY_MAX)
		exchange->keep = BODY_TOO_LARGE;
	return exchange;
}

/* Grows by doubling, within the bounds of this body and of all bodies. */
static void grow(struct ns_api *api, struct exchange *exchange, size_t needed)
{
	size_t allocated = exchange->allocated ? exchange->allocated : 4096;
	char *larger;

	while (allocated < needed)
		allocated *= 2;
	if (allocated > NS_HTTP_BODY_MAX)
		allocated = NS_HTTP_BODY_MAX;
	if (api->body_bytes - exchange->allocated + allocated > NS_HTTP_BODIES_MAX) {
		forget_body(api, exchange, NO_ROOM_FOR_BODY);
		return;
	}
	larger = realloc(exchange->body, allocated);
	if (!larger) {
		forget_body(api, exchange, NO_ROOM_FOR_BODY);
		return;
	}
	api->body_bytes += allocated - exchange->allocated;
	exchange->body = larger;
	exchange->allocated = allocated;
}

static enum MHD_Result receive(struct ns_api *api, struct exchange *exchange, const char *data, size_t size)
{
	exchange->received += size;
	if (exchange->received > (size_t)2 * NS_HTTP_BODY_MAX)
		return MHD_NO;
	if (exchange->keep == KEEP_BODY && size > NS_HTTP_BODY_MAX - exchange->length)
		forget_body(api, exchange, BODY_TOO_LARGE);
	if (exchange->keep == KEEP_BODY && size > exchange->allocated - exchange->length)
		grow(api, exchange, exchange->length + size);
	if (exchange->keep != KEEP_BODY)
		return MHD_YES;
	memcpy(exchange->body + exchange->length, data, size);
	exchange->length += size;
	return MHD_YES;
}

struct collection {
	struct ns_request *request;
	bool too_many;
	bool has_nul;
};

static enum MHD_Result collect_parameter(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_size,
					 const char *value, size_t value_size)
{
	struct collection *collection = ctx;
	struct ns_request *request = collection->request;

	if (request->n_parameters == NS_HTTP_PARAMETERS_MAX) {
		collection->too_many = true;
		return MHD_NO;
	}
	if (strlen(name) != name_size || (value && strlen(value) != value_size))
		collection->has_nul = true;
	request->parameters[request->n_parameters++] = (struct ns_parameter){ name, value };
	return MHD_YES;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t ns_api_unescape(void *ctx, struct MHD_Connection *http, char *text)
{
	char *to = text;

	for (const char *from = text; *from;) {
		int high = from[0] == '%' ? digit(from[1]) : -1;
		int low = high >= 0 ? digit(from[2]) : -1;

		if (from[0] != '%') {
			*to++ = *from++;
		} else if (low >= 0 && (high | low) != 0) {
			*to++ = (char)(high << 4 | low);
			from += 3;
		} else {
			*to++ = (char)0xff;
			from++;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

/* ---- out ---- */

static struct MHD_Response *whole_response(struct ns_reply *reply)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(reply->text.length, reply->text.data, MHD_RESPMEM_MUST_FREE);

	/* The library frees it now. */
	if (response)
		reply->text = (struct ns_text)NS_TEXT_INIT;
	return response;
}

static enum MHD_Result send_reply(struct ns_api *api, struct MHD_Connection *http, struct ns_reply *reply)
{
	struct MHD_Response *response = reply->later.next ? ns_outgoing_response(api, reply) : whole_response(reply);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	if (result == MHD_YES)
		result = MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (result == MHD_YES && reply->allow[0] != '\0')
		result = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
	if (result == MHD_YES)
		result = MHD_queue_response(http, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static void too_large(struct ns_reply *reply)
{
	char line[64];

	(void)snprintf(line, sizeof line, "$: the body is larger than the %u MiB allowed", NS_HTTP_BODY_MAX >> 20);
	ns_reply_error(reply, MHD_HTTP_CONTENT_TOO_LARGE, line);
}

/* Makes the reply, or begins to. */
static void make_reply(struct ns_api *api, struct exchange *exchange, const struct ns_request *request,
		       const struct collection *collection)
{
	struct ns_reply *reply = &exchange->reply;

	if (exchange->keep == BODY_TOO_LARGE)
		too_large(reply);
	else if (exchange->keep == NO_ROOM_FOR_BODY)
		ns_reply_error(reply, MHD_HTTP_SERVICE_UNAVAILABLE, "too many large requests at once; try again");
	else if (collection->too_many)
		ns_reply_error(reply, MHD_HTTP_BAD_REQUEST, "?: too many parameters");
	else if (collection->has_nul)
		ns_reply_error(reply, MHD_HTTP_BAD_REQUEST, "?: has a NUL");
	else
		ns_request_answer(&api->service, request, reply);
	exchange->later = reply->later.next && !reply->streamed;
	api->service.later += exchange->later;
}

/* Called again in each turn of the library while the reply is being made. */
static enum MHD_Result answer(struct ns_api *api, struct MHD_Connection *http, const char *method, const char *url,
			      struct exchange *exchange)
{
	struct ns_request request = { .method = method,
				      .path = url,
				      .caller = &exchange->caller,
				      .body = exchange->body,
				      .body_length = exchange->length };
	struct collection collection = { .request = &request };

	(void)MHD_get_connection_values_n(http, MHD_GET_ARGUMENT_KIND, collect_parameter, &collection);
	if (!exchange->later) {
		make_reply(api, exchange, &request, &collection);
		if (exchange->later)
			return MHD_YES;
	} else if (ns_request_go_on(&api->service, &request, &exchange->reply)) {
		return MHD_YES;
	}
	return send_reply(api, http, &exchange->reply);
}

enum MHD_Result ns_api_exchange_handle(void *ctx, struct MHD_Connection *http, const char *url, const char *method,
				       const char *version, const char *data, size_t *data_size, void **context)
{
	struct exchange *exchange = *context;
	struct ns_api *api = ctx;

	if (!exchange) {
		exchange = begin(http, method, url);
		*context = exchange;
		if (!exchange)
			return MHD_NO;
		/* Before a byte of it is read. */
		return exchange->keep == BODY_TOO_LARGE ? answer(api, http, method, url, exchange) : MHD_YES;
	}
	if (*data_size > 0) {
		enum MHD_Result result = receive(api, exchange, data, *data_size);

		*data_size = 0;
		return result;
	}
	return answer(api, http, method, url, exchange);
}
