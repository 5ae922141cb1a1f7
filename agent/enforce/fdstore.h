/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * systemd's file descriptor store (sd_notify(3), FDSTORE=1): sockets that own tables stay open in the service manager
 * while no agent runs, so that ownership has no gap across a crash or an upgrade. Names are the namespaces' cookies
 * ("ns-4711"): they all come back in one environment variable, which the kernel bounds at 128 KiB.
 *
 * Keep a socket before it owns a table: what has been sent is kept, however soon the agent dies. The manager never says
 * whether it keeps anything, and systemd before 254 cannot be asked; so it is tried, with one end of a pipe. An end
 * that the manager does not keep is closed, and the other end sees that.
 *
 * `store` may be NULL everywhere: nothing is available, taken or kept.
 */
#ifndef NANOSEG_FDSTORE_H
#define NANOSEG_FDSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nanoseg/error.h>

struct ns_fdstore;

/* Takes over what the manager hands in (LISTEN_FDS, LISTEN_FDNAMES), but for a socket it listens on for us (that is
 * left for ns_fdstore_activated). Never fails for want of a manager: then nothing is kept, and `available` says why.
 * Waits up to NS_FDSTORE_WAIT_MS for the manager. Once a process. Returns how many were neither: those are closed, and
 * let go by the manager too. */
int ns_fdstore_open(struct ns_fdstore **ret, struct ns_error *err);
struct ns_fdstore *ns_fdstore_close(struct ns_fdstore *store); /* accepts NULL; what was not taken is closed */

/* Whether sockets are kept; *ret_why is "" or one line, static. */
bool ns_fdstore_available(const struct ns_fdstore *store, const char **ret_why);
/* To be called every few seconds, and sooner while busy: sends what waits, and tries again when something was kept
 * since the last trial, since the unit's store may be full. Never waits for an answer; that is taken in by a later
 * call. True: what `available` says has changed. */
bool ns_fdstore_check(struct ns_fdstore *store);
bool ns_fdstore_busy(const struct ns_fdstore *store);
/* How many are kept, handed in ones included. */
size_t ns_fdstore_kept(const struct ns_fdstore *store);

/* The socket kept for a namespace, or -1. The caller owns it; it stays in the store as well. That it is of that
 * namespace is for ns_nft_adopt to find out. */
int ns_fdstore_take(struct ns_fdstore *store, uint64_t cookie);
/* Keeps a duplicate of a socket, instead of the one that is kept for that namespace so far, if any; the same one again
 * changes nothing. It is sent at once, unless NS_FDSTORE_BURST others are on the way: then later ones wait, and
 * `available` says so. Does nothing when there is no manager, or it keeps none. -E2BIG: no more fit, by number
 * (NS_FDSTORE_MAX, or what the manager allows) or by their names (NS_FDSTORE_NAMES_BYTES). */
int ns_fdstore_keep(struct ns_fdstore *store, uint64_t cookie, int fd, struct ns_error *err);
/* The namespace is gone. */
void ns_fdstore_drop(struct ns_fdstore *store, uint64_t cookie);
/* Drops those that nobody took: their namespaces ended while no agent ran. Returns how many. */
size_t ns_fdstore_drop_untaken(struct ns_fdstore *store);
/* A stream socket that the manager listens on for us (nanosegd.socket), or -1. The caller owns it. */
int ns_fdstore_activated(const struct ns_fdstore *store);

#endif
