/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include <curl/curl.h>

#include <nanoseg/limits.h>

#include "cleanup.h"
#include "http_client.h"

#define CONNECT_TIMEOUT_MS 5000L
/* A stream has no end, but its beginning has: the peer must answer with a status line in this time. */
#define STREAM_ANSWER_US  10000000
#define HEADERS_BYTES_MAX 65536
#define REQUESTS_MAX      ((size_t)4 * NS_HTTP_CONNECTIONS_MAX)
#define PATH_MAX_BYTES    4096

struct ns_http_request {
	LIST_ENTRY(ns_http_request) link;
	struct ns_http_client *client;
	CURL *easy;
	bool added;     /* to the multi handle */
	bool cancelled; /* no callback any more */
	bool stream;
	struct ns_http_handlers handlers;
	void *ctx;
	sd_event_source *deadline;
	char *body;
	size_t length, room, max_body, header_bytes;
	struct ns_error error; /* set by us; wins over curl's */
	char curl_text[CURL_ERROR_SIZE];
};

LIST_HEAD(request_list, ns_http_request);

struct watched_fd {
	LIST_ENTRY(watched_fd) link;
	struct ns_http_client *client;
	sd_event_source *source;
};

LIST_HEAD(fd_list, watched_fd);

struct ns_http_client {
	sd_event *event;
	char *unix_socket;
	CURLM *multi;
	sd_event_source *timer, *start; /* start: new requests, and the burial of cancelled ones */
	struct request_list requests;
	struct fd_list fds;
	size_t n_requests;
	bool inside; /* libcurl is running: its handles must not be touched */
};

/* ---- from libcurl to the event loop ---- */

static void drive(struct ns_http_client *client, curl_socket_t fd, int mask);

static int on_fd(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	const struct watched_fd *watched = ctx;
	int mask = (revents & EPOLLIN ? CURL_CSELECT_IN : 0) | (revents & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		   (revents & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

	drive(watched->client, fd, mask);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	drive(ctx, CURL_SOCKET_TIMEOUT, 0);
	return 0;
}

static void forget_fd(struct watched_fd *watched)
{
	sd_event_source_disable_unref(watched->source);
	LIST_REMOVE(watched, link);
	free(watched);
}

static int curl_wants_fd(CURL *easy, curl_socket_t fd, int what, void *ctx, void *fd_ctx)
{
	struct ns_http_client *client = ctx;
	struct watched_fd *watched = fd_ctx;
	uint32_t events =
		(what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);

	if (what == CURL_POLL_REMOVE) {
		if (watched)
			forget_fd(watched);
		return 0;
	}
	if (watched)
		return sd_event_source_set_io_events(watched->source, events) < 0 ? -1 : 0;
	watched = calloc(1, sizeof *watched);
	if (!watched)
		return -1;
	watched->client = client;
	LIST_INSERT_HEAD(&client->fds, watched, link);
	if (sd_event_add_io(client->event, &watched->source, fd, events, on_fd, watched) < 0 ||
	    curl_multi_assign(client->multi, fd, watched) != CURLM_OK) {
		forget_fd(watched);
		return -1;
	}
	return 0;
}

static int curl_wants_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct ns_http_client *client = ctx;

	if (timeout_ms < 0)
		return sd_event_source_set_enabled(client->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
	if (sd_event_source_set_time_relative(client->timer, (uint64_t)timeout_ms * 1000) < 0)
		return -1;
	return sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

/* ---- what the peer sends ---- */

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct ns_http_request *request = ctx;
	long status = 0;

	request->header_bytes += n;
	if (request->header_bytes > HEADERS_BYTES_MAX) {
		(void)ns_error_set(&request->error, -EMSGSIZE, "more than %d bytes of headers", HEADERS_BYTES_MAX);
		return 0;
	}
	/* The empty line ends them: a stream is under way now and may be silent as long as it likes. */
	(void)curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	if (request->stream && status >= 200 && n == 2 && memcmp(data, "\r\n", 2) == 0)
		request->deadline = sd_event_source_disable_unref(request->deadline);
	return n;
}

static int collect(struct ns_http_request *request, const char *data, size_t n)
{
	if (n > request->max_body - request->length)
		return ns_error_set(&request->error, -EMSGSIZE, "the answer is longer than %zu bytes",
				    request->max_body);
	if (n + 1 > request->room - request->length) {
		size_t room = request->room ? request->room : 4096;
		char *bigger;

		while (room - request->length < n + 1)
			room *= 2;
		bigger = realloc(request->body, room);
		if (!bigger)
			return ns_error_set(&request->error, -ENOMEM, "no memory for the answer");
		request->body = bigger;
		request->room = room;
	}
	memcpy(request->body + request->length, data, n);
	request->length += n;
	request->body[request->length] = '\0';
	return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct ns_http_request *request = ctx;
	long status = 0;
	int r;

	(void)curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	if (request->cancelled)
		return 0;
	if (n == 0)
		return 0;
	/* What comes with an error status is the peer's reason and belongs to `done`, also for a stream. */
	if (request->handlers.chunk && status >= 200 && status < 300) {
		r = request->handlers.chunk(request->ctx, data, n);
		if (r != 0)
			(void)ns_error_set(&request->error, r < 0 ? r : -ECANCELED, "ended by the reader");
	} else {
		r = collect(request, data, n);
	}
	return r == 0 ? n : 0;
}

/* ---- the life of a request ---- */

static void request_free(struct ns_http_request *request)
{
	struct ns_http_client *client = request->client;

	LIST_REMOVE(request, link);
	client->n_requests--;
	if (request->added)
		(void)curl_multi_remove_handle(client->multi, request->easy);
	curl_easy_cleanup(request->easy);
	sd_event_source_disable_unref(request->deadline);
	free(request->body);
	free(request);
}

static void finish(struct ns_http_request *request, long status, const struct ns_error *error)
{
	struct ns_http_handlers handlers = request->handlers;
	NS_FREE char *body = NS_TAKE(request->body);
	size_t length = request->length;
	void *ctx = request->ctx;
	bool cancelled = request->cancelled;

	/* Gone before the callback runs: it may start another one and need its room. */
	request_free(request);
	if (!cancelled)
		handlers.done(ctx, error->code == 0 ? status : 0, body ? body : "", length, error);
}

static int code_of(const struct ns_http_request *request, CURLcode code)
{
	long os_error = 0;

	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		(void)curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &os_error);
		return os_error > 0 ? -(int)os_error : -ECONNREFUSED;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return -ECONNRESET;
	default:
		return -EPROTO;
	}
}

static void conclude(struct ns_http_request *request, CURLcode code)
{
	struct ns_error error = request->error;
	long status = 0;

	(void)curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	if (error.code == 0 && code != CURLE_OK) {
		int r = code_of(request, code);

		(void)ns_error_set(&error, r, "%s: %s", request->client->unix_socket,
				   code == CURLE_COULDNT_CONNECT ? strerror(-r)
				   : *request->curl_text         ? request->curl_text
								 : curl_easy_strerror(code));
	} else if (error.code == 0 && (status < 200 || status > 599)) {
		(void)ns_error_set(&error, -EPROTO, "%s: answered with status %ld", request->client->unix_socket,
				   status);
	} else if (error.code != 0) {
		ns_error_context(&error, "%s", request->client->unix_socket);
	}
	finish(request, status, &error);
}

/* Callbacks may start and cancel requests, so the list is read anew after each. */
static void reap(struct ns_http_client *client)
{
	const CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(client->multi, &left))) {
		struct ns_http_request *request = NULL;
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&request);
		conclude(request, code);
	}
}

static void drive(struct ns_http_client *client, curl_socket_t fd, int mask)
{
	int running;

	client->inside = true;
	(void)curl_multi_socket_action(client->multi, fd, mask, &running);
	client->inside = false;
	reap(client);
}

static int on_start(sd_event_source *source, void *ctx)
{
	struct ns_http_client *client = ctx;
	struct ns_http_request *request, *next;

	for (request = LIST_FIRST(&client->requests); request; request = next) {
		next = LIST_NEXT(request, link);
		if (request->cancelled) {
			request_free(request);
			continue;
		}
		if (request->added)
			continue;
		if (curl_multi_add_handle(client->multi, request->easy) == CURLM_OK) {
			request->added = true;
			continue;
		}
		(void)ns_error_set(&request->error, -ENOMEM, "cannot start the request");
		conclude(request, CURLE_OK);
		/* The callback may have changed the list: the rest has its turn next. */
		(void)sd_event_source_set_enabled(client->start, SD_EVENT_ONESHOT);
		return 0;
	}
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct ns_http_request *request = ctx;

	(void)ns_error_set(&request->error, -ETIMEDOUT, "no answer in time");
	conclude(request, CURLE_OK);
	return 0;
}

static int set_options(struct ns_http_request *request, const char *path, struct ns_error *err)
{
	char url[PATH_MAX_BYTES + 32];
	CURL *easy = request->easy;
	CURLcode r = CURLE_OK;

	(void)snprintf(url, sizeof url, "http://localhost%s", path);
#define SET(option, value)                                                                                             \
	do {                                                                                                           \
		if (r == CURLE_OK)                                                                                     \
			r = curl_easy_setopt(easy, option, value);                                                     \
	} while (0)
	SET(CURLOPT_URL, url);
	SET(CURLOPT_UNIX_SOCKET_PATH, request->client->unix_socket);
	SET(CURLOPT_PROXY, ""); /* whatever the environment says */
	SET(CURLOPT_PROTOCOLS_STR, "http");
	SET(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	/* The peer can close a kept connection at the moment it is used again; a new one costs next to nothing. */
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	SET(CURLOPT_USERAGENT, "nanoseg/" NANOSEG_VERSION);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, request);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, request);
	SET(CURLOPT_ERRORBUFFER, request->curl_text);
	SET(CURLOPT_PRIVATE, request);
#undef SET
	if (r != CURLE_OK)
		return ns_error_set(err, -ENOMEM, "cannot prepare a request: %s", curl_easy_strerror(r));
	return 0;
}

int ns_http_get(struct ns_http_client *client, const char *path, uint64_t timeout_us, size_t max_body,
		const struct ns_http_handlers *handlers, void *ctx, struct ns_http_request **ret, struct ns_error *err)
{
	struct ns_http_request *request;
	int r;

	if (*path != '/' || strlen(path) > PATH_MAX_BYTES)
		return ns_error_set(err, -EINVAL, "a request's path begins with / and has at most %d bytes",
				    PATH_MAX_BYTES);
	if (client->n_requests >= REQUESTS_MAX)
		return ns_error_set(err, -EBUSY, "more than %zu requests at once", REQUESTS_MAX);
	request = calloc(1, sizeof *request);
	if (!request)
		return ns_error_set(err, -ENOMEM, "no memory for a request");
	request->client = client;
	request->handlers = *handlers;
	request->ctx = ctx;
	request->stream = timeout_us == 0;
	request->max_body = max_body < NS_HTTP_BODY_MAX ? max_body : NS_HTTP_BODY_MAX;
	LIST_INSERT_HEAD(&client->requests, request, link);
	client->n_requests++;
	request->easy = curl_easy_init();
	r = request->easy ? set_options(request, path, err) : ns_error_set(err, -ENOMEM, "no memory for a request");
	if (r == 0) {
		r = sd_event_add_time_relative(client->event, &request->deadline, CLOCK_MONOTONIC,
					       timeout_us ? timeout_us : STREAM_ANSWER_US, 0, on_deadline, request);
		if (r < 0)
			r = ns_error_set(err, r, "cannot limit a request's time: %s", strerror(-r));
	}
	if (r < 0) {
		request_free(request);
		return r;
	}
	/* Begun from the loop, never from here: the caller may be in a callback, and its own is never called early. */
	(void)sd_event_source_set_enabled(client->start, SD_EVENT_ONESHOT);
	if (ret)
		*ret = request;
	return 0;
}

void ns_http_cancel(struct ns_http_request *request)
{
	if (!request)
		return;
	request->cancelled = true;
	request->deadline = sd_event_source_disable_unref(request->deadline);
	if (request->client->inside)
		(void)sd_event_source_set_enabled(request->client->start, SD_EVENT_ONESHOT);
	else
		request_free(request);
}

/* ---- the client ---- */

static int set_up(struct ns_http_client *client, struct ns_error *err)
{
	int r = sd_event_add_time_relative(client->event, &client->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, client);

	if (r >= 0)
		r = sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_defer(client->event, &client->start, on_start, client);
	if (r >= 0)
		r = sd_event_source_set_enabled(client->start, SD_EVENT_OFF);
	if (r < 0)
		return ns_error_set(err, r, "cannot prepare an HTTP client: %s", strerror(-r));
	client->multi = curl_multi_init();
	if (!client->multi || curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_fd) != CURLM_OK ||
	    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) != CURLM_OK ||
	    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer) != CURLM_OK ||
	    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client) != CURLM_OK ||
	    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)NS_HTTP_CONNECTIONS_MAX) != CURLM_OK)
		return ns_error_set(err, -ENOMEM, "cannot prepare an HTTP client");
	return 0;
}

NS_DEFINE_CLEANUP(struct ns_http_client *, ns_http_client_free)

int ns_http_client_new(sd_event *event, const char *unix_socket, struct ns_http_client **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_http_client_freep) struct ns_http_client *client = NULL;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ns_error_set(err, -ENOMEM, "cannot prepare an HTTP client");
	client = calloc(1, sizeof *client);
	if (client) {
		LIST_INIT(&client->requests);
		LIST_INIT(&client->fds);
		client->event = sd_event_ref(event);
		client->unix_socket = strdup(unix_socket);
	}
	if (!client || !client->unix_socket) {
		if (!client)
			curl_global_cleanup();
		return ns_error_set(err, -ENOMEM, "no memory for an HTTP client");
	}
	r = set_up(client, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(client);
	return 0;
}

struct ns_http_client *ns_http_client_free(struct ns_http_client *client)
{
	if (!client)
		return NULL;
	while (!LIST_EMPTY(&client->requests))
		request_free(LIST_FIRST(&client->requests));
	if (client->multi)
		(void)curl_multi_cleanup(client->multi);
	while (!LIST_EMPTY(&client->fds))
		forget_fd(LIST_FIRST(&client->fds));
	sd_event_source_disable_unref(client->timer);
	sd_event_source_disable_unref(client->start);
	sd_event_unref(client->event);
	free(client->unix_socket);
	free(client);
	curl_global_cleanup();
	return NULL;
}
