/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HTTP over unix sockets without blocking: libcurl's multi interface on an sd-event loop. For the container
 * engines' APIs. Every request has a time limit and a size limit; a peer that answers garbage, hangs or goes away
 * ends in an error callback and nothing else.
 */
#ifndef NANOSEG_HTTP_CLIENT_H
#define NANOSEG_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include <nanoseg/error.h>

struct ns_http_client;
struct ns_http_request;

struct ns_http_handlers {
	/* A part of the body as it comes (streams); NULL: the body is collected for `done`. Not 0 ends the request. */
	int (*chunk)(void *ctx, const char *data, size_t length);
	/* Exactly once, unless cancelled. error->code 0 and status 200…599; or a negative code and status 0. */
	void (*done)(void *ctx, long status, const char *body, size_t length, const struct ns_error *error);
};

int ns_http_client_new(sd_event *event, const char *unix_socket, struct ns_http_client **ret, struct ns_error *err);
/* Cancels what is under way. Not from a callback of its own requests. Accepts NULL; returns NULL. */
struct ns_http_client *ns_http_client_free(struct ns_http_client *client);

/* GET path ("/v1.41/containers/json"). timeout_us 0: a stream without an end, whose status line must come within 10 s.
 * max_body limits what is collected; chunks have no limit. Callbacks never come before this has returned. Codes of
 * `done`: -ENOENT, -ECONNREFUSED, -EACCES (connecting), -ETIMEDOUT, -EMSGSIZE, -ECONNRESET, -EPROTO (not HTTP),
 * -ECANCELED. ret may be NULL; *ret is dead when `done` is called. */
int ns_http_get(struct ns_http_client *client, const char *path, uint64_t timeout_us, size_t max_body,
		const struct ns_http_handlers *handlers, void *ctx, struct ns_http_request **ret, struct ns_error *err);
void ns_http_cancel(struct ns_http_request *request); /* no callback follows; accepts NULL */

#endif
