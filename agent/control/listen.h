/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The listening unix socket.
 */
#ifndef NANOSEG_LISTEN_H
#define NANOSEG_LISTEN_H

#include <nanoseg/error.h>

/* A non-blocking, close-on-exec listening socket at `path`, mode 0660 and of group "nanoseg" when there is one. A
 * socket that nobody answers on is replaced; one that somebody does is -EADDRINUSE; anything else at the path is
 * -EEXIST and stays. Returns the fd. */
int ns_listen_open(const char *path, struct ns_error *err);

/* Of an fd that somebody else opened: -EINVAL unless it is a listening unix stream socket. */
int ns_listen_check(int fd, struct ns_error *err);

#endif
