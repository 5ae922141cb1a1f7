/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "api_internal.h"
#include "cleanup.h"
#include "clock.h"
#include "listen.h"
#include "log.h"

NS_DEFINE_CLEANUP(struct ns_api *, ns_api_free)

#define TIMER_ACCURACY_US 1

/* ---- the loop ----
 *
 * The HTTP library has an epoll of its own, nested in that of the loop: it is readable whenever there is something to
 * do. What it wants to do later it tells after each turn. */

static int arm_timer(struct ns_api *api, uint64_t delay_us)
{
	uint64_t now;
	int r;

	if (delay_us == UINT64_MAX)
		return sd_event_source_set_enabled(api->timer, SD_EVENT_OFF);
	r = sd_event_now(api->event, CLOCK_MONOTONIC, &now);
	if (r >= 0)
		r = sd_event_source_set_time(api->timer, now + delay_us);
	return r < 0 ? r : sd_event_source_set_enabled(api->timer, SD_EVENT_ONESHOT);
}

static int turn(struct ns_api *api)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	uint64_t deadline, delay = UINT64_MAX;
	int r;

	ns_api_connections_expire(api, &deadline);
	if (MHD_run(api->http) != MHD_YES)
		ns_log_error("api: the HTTP server cannot go on");
	if (MHD_get_timeout(api->http, &timeout_ms) == MHD_YES)
		delay = timeout_ms * 1000;
	/* A client that came in this turn has a deadline that was not counted yet, but it has the idle timeout too. */
	r = arm_timer(api, delay < deadline ? delay : deadline);
	if (r < 0)
		ns_log_error("api: no timer: %s", strerror(-r));
	return 0;
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	return turn(ctx);
}

static int on_timer(sd_event_source *source, uint64_t time, void *ctx)
{
	return turn(ctx);
}

/* What it has to say is about clients that broke off or sent garbage. */
__attribute__((format(printf, 2, 0))) static void log_http(void *ctx, const char *format, va_list args)
{
	struct ns_error line; /* for its way of making foreign bytes printable */
	char text[NS_ERROR_TEXT_MAX];

	(void)vsnprintf(text, sizeof text, format, args);
	text[strcspn(text, "\n")] = '\0';
	(void)ns_error_set(&line, -EINVAL, "%s", text);
	ns_log_debug("api: http: %s", line.text);
}

/* ---- starting and ending ---- */

/* Takes the listening socket. */
static int start_http(struct ns_api *api, int listen_fd, struct ns_error *err)
{
	api->http = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, ns_api_exchange_handle, api,
		MHD_OPTION_EXTERNAL_LOGGER, log_http, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)NS_HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		api->times.idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)NS_HTTP_HEADERS_MAX,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, ns_api_exchange_completed, api,
		MHD_OPTION_NOTIFY_CONNECTION, ns_api_connection_notify, api, MHD_OPTION_UNESCAPE_CALLBACK,
		ns_api_unescape, api, MHD_OPTION_END);
	if (!api->http) {
		(void)close(listen_fd);
		return ns_error_set(err, -EIO, "the HTTP server does not start");
	}
	return 0;
}

static int join_loop(struct ns_api *api, struct ns_error *err)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(api->http, MHD_DAEMON_INFO_EPOLL_FD);
	int r;

	if (!info || info->epoll_fd < 0)
		return ns_error_set(err, -ENOSYS, "the HTTP library has no epoll");
	r = sd_event_add_io(api->event, &api->ready, info->epoll_fd, EPOLLIN, on_ready, api);
	/* An accuracy of 0 would mean 250 ms, and the library asks for "at once" in the middle of every large body. */
	if (r >= 0)
		r = sd_event_add_time(api->event, &api->timer, CLOCK_MONOTONIC, UINT64_MAX, TIMER_ACCURACY_US, on_timer,
				      api);
	if (r >= 0)
		r = sd_event_source_set_enabled(api->timer, SD_EVENT_OFF);
	if (r < 0)
		return ns_error_set(err, r, "the HTTP server cannot join the loop: %s", strerror(-r));
	(void)sd_event_source_set_description(api->ready, "api");
	(void)sd_event_source_set_description(api->timer, "api-timer");
	return 0;
}

static int get_socket(struct ns_api *api, const char *socket_path, int listen_fd, struct ns_error *err)
{
	int fd, r;

	if (listen_fd >= 0) {
		r = ns_listen_check(listen_fd, err);
		return r < 0 ? r : listen_fd;
	}
	fd = ns_listen_open(socket_path, err);
	if (fd < 0)
		return fd;
	api->path = strdup(socket_path);
	if (!api->path) {
		(void)unlink(socket_path);
		(void)close(fd);
		return ns_error_set(err, -ENOMEM, "out of memory for the API");
	}
	return fd;
}

int ns_api_new_timed(sd_event *event, struct ns_engine *engine, const char *socket_path, int listen_fd,
		     const struct ns_api_times *times, struct ns_api **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_api_freep) struct ns_api *api = calloc(1, sizeof *api);
	int fd, r;

	if (!api)
		return ns_error_set(err, -ENOMEM, "out of memory for the API");
	api->service = (struct ns_service){ .engine = engine, .started = ns_clock_elapsed() };
	api->times = *times;
	api->event = sd_event_ref(event);
	fd = get_socket(api, socket_path, listen_fd, err);
	if (fd < 0)
		return fd;
	r = start_http(api, fd, err);
	if (r >= 0)
		r = join_loop(api, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(api);
	return 0;
}

int ns_api_new(sd_event *event, struct ns_engine *engine, const char *socket_path, int listen_fd, struct ns_api **ret,
	       struct ns_error *err)
{
	const struct ns_api_times times = { NS_HTTP_IDLE_SECONDS, NS_HTTP_REQUEST_SECONDS };

	return ns_api_new_timed(event, engine, socket_path, listen_fd, &times, ret, err);
}

struct ns_api *ns_api_free(struct ns_api *api)
{
	if (!api)
		return NULL;
	/* The sources first: the library is about to close what they watch. */
	sd_event_source_disable_unref(api->ready);
	sd_event_source_disable_unref(api->timer);
	if (api->path)
		(void)unlink(api->path);
	if (api->http)
		MHD_stop_daemon(api->http);
	sd_event_unref(api->event);
	free(api->path);
	free(api);
	return NULL;
}
