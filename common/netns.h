/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Network namespaces from the outside: a socket belongs for ever to the namespace its creator was in, so
 * one thread can hold sockets in a thousand namespaces by entering, opening and coming back.
 */
#ifndef NANOSEG_NETNS_H
#define NANOSEG_NETNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <nanoseg/error.h>

/* Opens the namespace of a process (/proc/PID/ns/net) or of a bind mount. Close-on-exec fd, or -errno. A path
 * that is not a network namespace (the file before its bind mount lands) is -EINVAL. */
int ns_netns_open_pid(pid_t pid, struct ns_error *err);
int ns_netns_open_path(const char *path, struct ns_error *err);

/* Unique for the life of the kernel (SO_NETNS_COOKIE, Linux 5.14). */
int ns_netns_cookie(int netns_fd, uint64_t *ret, struct ns_error *err);
int ns_netns_own_cookie(uint64_t *ret, struct ns_error *err);

/* socket(2) inside the namespace: fd or -errno. netns_fd < 0: the caller's own. The thread is back in its own
 * namespace when this returns; if it cannot get back the process aborts, because going on in the wrong
 * namespace could write rules where they are nobody's wish. */
int ns_netns_socket(int netns_fd, int domain, int type, int protocol, struct ns_error *err);

/* Whether it may have TCP or UDP sockets that are connected, bound or listening: to list them costs a walk through the
 * tables of the whole machine. What cannot be read may have some. */
bool ns_netns_may_have_sockets(int netns_fd);

/* For a program whose threads never go into another namespace but by ns_netns_call: the one they are in now is where
 * they are returned to, without asking each time. */
int ns_netns_settle(struct ns_error *err);

/* Runs fn inside the namespace, for libraries that open their own sockets. Returns fn's value. */
int ns_netns_call(int netns_fd, int (*fn)(void *ctx, struct ns_error *err), void *ctx, struct ns_error *err);

#endif
