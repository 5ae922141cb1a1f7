/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Interfaces and addresses of one network namespace, from an rtnetlink socket inside it. Notifications (and ENOBUFS)
 * only say that something changed, once until the next reading; reading is always a whole dump.
 *
 * The socket pins the namespace until it is freed. A process in the namespace may send to it, so what does not come
 * from the kernel (port id 0) is thrown away, and a dump has a socket of its own under a random port.
 */
#ifndef NANOSEG_ADDRESSES_H
#define NANOSEG_ADDRESSES_H

#include <systemd/sd-event.h>

#include <nanoseg/addr.h>
#include <nanoseg/endpoint.h>
#include <nanoseg/error.h>

struct ns_addresses;

struct ns_found_address {
	struct ns_prefix prefix;
	int index; /* of the interface it is on */
};

/* The room is the caller's. */
struct ns_addresses_found {
	struct ns_found_address *addresses; /* sorted; the same on two interfaces is told twice */
	size_t n_addresses, max_addresses;
	struct ns_interface *interfaces;     /* sorted by index; without lo */
	size_t n_interfaces, max_interfaces; /* max 0: not wanted */
	bool without_link_local;             /* in: they are not wanted */
	bool truncated;                      /* there were more than fit */
};

/* netns_fd < 0: the caller's own namespace. `changed` comes from the event loop, once for any number of changes; it
 * must not free the object. */
int ns_addresses_open(sd_event *event, int netns_fd, void (*changed)(void *ctx), void *ctx, struct ns_addresses **ret,
		      struct ns_error *err);
struct ns_addresses *ns_addresses_free(struct ns_addresses *addresses); /* accepts NULL; returns NULL */

/* Dumps into what `found` points to, whose contents are undefined after a failure. Never waits: the kernel answers a
 * dump within the call. -EAGAIN: it changed faster than it could be read. */
int ns_addresses_read(struct ns_addresses *addresses, struct ns_addresses_found *found, struct ns_error *err);

/* A fresh fd of the namespace itself, from the socket in it: needs no process and no path. */
int ns_addresses_open_netns(const struct ns_addresses *addresses, struct ns_error *err);

#endif
