/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * systemd's file descriptor store (sd_notify(3), FDSTORE=1): sockets that own tables stay open in the service manager
 * while no agent runs, so that ownership has no gap across a crash or an upgrade. Names are the namespaces' cookies.
 */
#ifndef NANOSEG_FDSTORE_H
#define NANOSEG_FDSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nanoseg/error.h>

struct ns_fdstore;

/* Takes over what the manager hands in (LISTEN_FDS, LISTEN_FDNAMES), but for sockets it listens on for us (those are
 * left for activated_fd). Never fails for want of a manager: then nothing is kept, and `available` says why. Once a
 * process. */
int ns_fdstore_open(struct ns_fdstore **ret, struct ns_error *err);
struct ns_fdstore *ns_fdstore_close(struct ns_fdstore *store); /* accepts NULL; what was not taken is closed */

/* Whether sockets are kept; *ret_why is "" or one line, static. */
bool ns_fdstore_available(const struct ns_fdstore *store, const char **ret_why);
/* The socket kept for a namespace, or -1. The caller owns it; it stays in the store as well. */
int ns_fdstore_take(struct ns_fdstore *store, uint64_t cookie);
/* Keeps a duplicate. Does nothing when not available. -E2BIG: NS_FDSTORE_MAX are kept. */
int ns_fdstore_keep(struct ns_fdstore *store, uint64_t cookie, int fd, struct ns_error *err);
/* The namespace is gone. */
void ns_fdstore_drop(struct ns_fdstore *store, uint64_t cookie);
/* Drops those that nobody took: their namespaces ended while no agent ran. Returns how many. */
size_t ns_fdstore_drop_untaken(struct ns_fdstore *store);
/* A stream socket that the manager listens on for us (nanosegd.socket), or -1. */
int ns_fdstore_activated(const struct ns_fdstore *store);

#endif
