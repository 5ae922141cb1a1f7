/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The parts of the API server: api.c holds daemon and loop, exchange.c one request on its way in and out, connections.c
 * the list of clients and their deadlines.
 */
#ifndef NANOSEG_API_INTERNAL_H
#define NANOSEG_API_INTERNAL_H

#include <microhttpd.h>
#include <systemd/sd-event.h>

#include "api.h"
#include "routes.h"

struct ns_api_times {
	unsigned idle_seconds;    /* NS_HTTP_IDLE_SECONDS */
	unsigned request_seconds; /* NS_HTTP_REQUEST_SECONDS */
};

/* One client. */
struct ns_api_connection {
	struct ns_api_connection *next;
	int fd; /* the HTTP library's */
	bool root;
	int64_t since; /* ns_clock_elapsed(): of the connect, or of the end of the last request */
};

struct ns_api {
	struct ns_service service;
	struct ns_api_times times;
	sd_event *event;
	sd_event_source *ready, *timer;
	struct MHD_Daemon *http;
	struct ns_api_connection *connections; /* at most NS_HTTP_CONNECTIONS_MAX */
	size_t body_bytes;                     /* held by requests under way; at most NS_HTTP_BODIES_MAX */
	char *path;                            /* to be removed at the end; NULL: not ours */
};

/* As ns_api_new, with other times (for tests). */
int ns_api_new_timed(sd_event *event, struct ns_engine *engine, const char *socket_path, int listen_fd,
		     const struct ns_api_times *times, struct ns_api **ret, struct ns_error *err);

/* ---- connections.c: callbacks of the HTTP library, and the deadline that its own idle timeout does not know ---- */

void ns_api_connection_notify(void *api, struct MHD_Connection *http, void **socket_context,
			      enum MHD_ConnectionNotificationCode code);
struct ns_api_connection *ns_api_connection_of(struct MHD_Connection *http);
/* Shuts down those whose request takes longer than allowed; *ret_next_us: until the next one would be, or UINT64_MAX.
 */
void ns_api_connections_expire(struct ns_api *api, uint64_t *ret_next_us);

/* ---- exchange.c: callbacks of the HTTP library ---- */

enum MHD_Result ns_api_exchange_handle(void *api, struct MHD_Connection *http, const char *url, const char *method,
				       const char *version, const char *data, size_t *data_size, void **exchange);
void ns_api_exchange_completed(void *api, struct MHD_Connection *http, void **exchange,
			       enum MHD_RequestTerminationCode code);
/* Percent-decodes in place and returns the length. What cannot be (bad digits, NUL) becomes the byte 0xff, which no
 * path and no name has. */
size_t ns_api_unescape(void *api, struct MHD_Connection *http, char *text);

#endif
