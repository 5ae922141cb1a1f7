/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One blocking request at a time on the daemon's socket.
 */
#ifndef NANOSEG_HOOKS_HTTP_H
#define NANOSEG_HOOKS_HTTP_H

#include <stdint.h>

#include <jansson.h>

#include <nanoseg/error.h>

struct ns_daemon_line; /* a connection, kept between requests */

int ns_daemon_line_new(const char *socket, struct ns_daemon_line **ret, struct ns_error *err);
struct ns_daemon_line *ns_daemon_line_free(struct ns_daemon_line *line); /* accepts NULL; returns NULL */

/* GET, or POST of `body` when it is not NULL. The answer's document, a new reference. The text of errors names the
 * socket or is the daemon's own line. -EACCES, -EINVAL: refused (401, 403; other 4xx that asking again does not
 * change). -EAGAIN: not there, not now, or not in time (also 404, 409, 5xx). -EPROTO: it is no nanosegd that answers.
 * -ENOMEM. */
int ns_daemon_line_ask(struct ns_daemon_line *line, const char *path, const char *body, int64_t timeout_us,
		       json_t **ret, struct ns_error *err);
/* Percent-encoded; malloced. */
char *ns_daemon_line_escape(struct ns_daemon_line *line, const char *text);

#endif
