/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How long a container's link is open that nobody has closed yet, and how long its namespace is without rules: seen
 * from outside, by the kernel's own notifications.
 */
#ifndef NANOSEG_BENCH_ATTACH_H
#define NANOSEG_BENCH_ATTACH_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define ATTACH_MAC_BYTES 6

/* What has been told of the sample under way; microseconds of CLOCK_MONOTONIC, 0: nothing yet. */
struct attach_times {
	uint64_t link;     /* its RTM_NEWLINK */
	uint64_t closed;   /* the commit of a gate's chain on it */
	uint64_t opened;   /* the commit that takes that away, or lists it among the open ones */
	uint64_t planned;  /* the commit that makes table nanoseg in its namespace */
	unsigned elements; /* of that commit */
};

uint64_t attach_now(void);

/* attach_listen.c: one thread hears everything. Called in the host's namespace. */
void attach_listen_start(void);
/* A socket that hears what is committed in the calling thread's namespace. */
int attach_listen_socket(void);
/* From here on the times are those of a namespace, heard by `fd`, and of the link `name`. */
void attach_listen_begin(int fd, const char *name);
/* Waits until `done` says so; false: not within `ms`. *ret is what is known then in either case. */
bool attach_listen_wait(bool (*done)(const struct attach_times *times), unsigned ms, struct attach_times *ret);
void attach_listen_end(int fd);

/* attach_probe.c: ARP requests of the container's, which locks let pass as far as they are in its own name, are heard
 * on the host's side behind its gate. */
void attach_probe_start(void); /* in the host's namespace */
int attach_probe_socket(void); /* in the container's */
/* Sends one from there: whether it was heard within `ms`. */
bool attach_probe_passes(int fd, const uint8_t mac[static ATTACH_MAC_BYTES], uint32_t address, unsigned ms);

/* attach_churn.c: namespaces that come and go, so many a second, until it is ended by SIGTERM. */
int attach_churn(unsigned rate);

#endif
