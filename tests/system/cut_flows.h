/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Connections of the container of learn_lab.h under continuous traffic both ways, and what is seen of them on the wires
 * beyond it.
 */
#ifndef NANOSEG_TESTS_CUT_FLOWS_H
#define NANOSEG_TESTS_CUT_FLOWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <pthread.h>

#include <cmocka.h>

#include "learn_lab.h"

#define PAIRS_MAX   128
#define CHUNK_BYTES 64

/* Two sockets that talk to each other; `inner` is the container's own, where it has one. For pings there is no `outer`.
 */
struct pair {
	const char *what;
	bool forbidden;
	bool has_socket; /* one that must end when the connection is cut */
	bool no_entry;   /* none that counts in conntrack: loopback */
	int type;        /* SOCK_STREAM, SOCK_DGRAM, SOCK_RAW */
	int inner, outer;
	int family;
	/* Whom inner answers, where it is not connected. */
	struct sockaddr_storage to;
	socklen_t to_length;
	atomic_ulong sent_in, sent_out; /* bytes that inner and outer sent … */
	atomic_ulong got_in, got_out;   /* … and received */
	atomic_ulong refused;           /* sends of inner that the lock refused, or that had nowhere to go */
	atomic_int error;               /* of inner; 0: none yet */
	atomic_llong error_at;          /* microseconds, CLOCK_MONOTONIC */
	atomic_int outer_error;
};

struct flows {
	struct lab lab;
	struct pair pairs[PAIRS_MAX];
	size_t n;
	pthread_t thread;
	bool running;
	int wires[2]; /* the peer's and that of the host beyond */
	atomic_bool stop, quiet, watch;
	atomic_ulong turns;
	atomic_ulong leaks; /* packets of forbidden connections from the container, since `watch` */
	char leak[128];     /* the first of them */
};

/* Ports of what is forbidden in every direction: 7500 to 7999; echo requests of 10.78.0.2 and fd78::2 likewise. */
#define FORBIDDEN_LOW  7500
#define FORBIDDEN_HIGH 7999

struct pair_spec {
	const char *what;
	enum lab_place client, server;
	const char *to; /* where the client connects to … */
	uint16_t port;
	const char *at; /* … and where the server is; NULL: there */
	uint16_t at_port;
	uint16_t from_port;      /* the client's; 0: any */
	bool udp, mapped;        /* mapped: an IPv6 socket that speaks IPv4 */
	bool server_unconnected; /* UDP: one socket for all its clients; in the container */
};

/* Fail the test when they cannot. */
void flows_begin(struct flows *flows);
void flows_end(struct flows *flows);
struct pair *flows_open(struct flows *flows, const struct pair_spec *spec);
/* A TCP connection that is being opened, and no more; of the spec: client, port, what. */
struct pair *flows_connecting(struct flows *flows, const struct pair_spec *spec, const char *to);
struct pair *flows_ping(struct flows *flows, const char *to);
void flows_start(struct flows *flows); /* traffic, by a thread of its own */
void flows_watch(struct flows *flows); /* from now on packets of what is forbidden are counted */
/* Ends sending, lets what is under way arrive, and joins the thread. */
void flows_stop(struct flows *flows);

int64_t flows_now(void); /* microseconds */
void flows_sleep(long ms);

#endif
