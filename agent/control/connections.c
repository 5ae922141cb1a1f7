/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <sys/socket.h>

#include "api_internal.h"
#include "clock.h"
#include "log.h"

struct ns_api_connection *ns_api_connection_of(struct MHD_Connection *http)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static int socket_of(struct MHD_Connection *http)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

static bool is_root(int fd)
{
	struct ucred credential;
	socklen_t length = sizeof credential;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credential, &length) == 0 && credential.uid == 0;
}

/* The last places are root's, so that nobody who may only look can keep everybody out. */
static bool has_room(const struct ns_api *api)
{
	unsigned others = 0;

	for (const struct ns_api_connection *c = api->connections; c; c = c->next)
		others += !c->root;
	return others < NS_HTTP_CONNECTIONS_MAX - NS_HTTP_CONNECTIONS_ROOT;
}

static void started(struct ns_api *api, struct MHD_Connection *http, void **socket_context)
{
	struct ns_api_connection *connection = NULL;
	int fd = socket_of(http);
	bool root = is_root(fd);

	if (root || has_room(api))
		connection = malloc(sizeof *connection);
	if (!connection) {
		/* The library has no way to refuse here; it sees the end of the stream and closes. */
		ns_log_warning("api: a connection is turned away: %u are open already",
			       NS_HTTP_CONNECTIONS_MAX - NS_HTTP_CONNECTIONS_ROOT);
		(void)shutdown(fd, SHUT_RDWR);
		return;
	}
	*connection = (struct ns_api_connection){ api->connections, fd, root, ns_clock_elapsed() };
	api->connections = connection;
	*socket_context = connection;
}

static void closed(struct ns_api *api, void **socket_context)
{
	for (struct ns_api_connection **link = &api->connections; *link; link = &(*link)->next) {
		struct ns_api_connection *connection = *link;

		if (connection == *socket_context) {
			*link = connection->next;
			free(connection);
			break;
		}
	}
	*socket_context = NULL;
}

void ns_api_connection_notify(void *ctx, struct MHD_Connection *http, void **socket_context,
			      enum MHD_ConnectionNotificationCode code)
{
	struct ns_api *api = ctx;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		started(api, http, socket_context);
	else
		closed(api, socket_context);
}

void ns_api_connections_expire(struct ns_api *api, uint64_t *ret_next_us)
{
	int64_t now = ns_clock_elapsed(), limit = (int64_t)api->times.request_seconds * 1000000;
	uint64_t next = UINT64_MAX;

	for (struct ns_api_connection *c = api->connections; c; c = c->next) {
		int64_t left = c->since + limit - now;

		if (left <= 0) {
			(void)shutdown(c->fd, SHUT_RDWR);
			/* Once is enough; the library closes it in its next turn. */
			c->since = now;
			left = limit;
		}
		if ((uint64_t)left < next)
			next = (uint64_t)left;
	}
	*ret_next_us = next;
}
