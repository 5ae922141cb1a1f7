/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Packets of the learner's test. Each function runs in a child of lab_spawn and returns its exit status; ctx is a
 * struct flow, and a family that is not said is told by the address.
 */
#ifndef NANOSEG_TESTS_LEARN_TRAFFIC_H
#define NANOSEG_TESTS_LEARN_TRAFFIC_H

#include <stdint.h>

struct flow {
	const char *address; /* to; of a server: to listen on */
	uint16_t port;
	uint8_t protocol;
	unsigned count;    /* of ports, from `port` on */
	int ready;         /* servers: a byte is written when they listen; -1: nobody waits for it */
	const char *group; /* to join */
};

int flow_connect(const void *ctx);      /* one TCP connection, closed at once */
int flow_connect_try(const void *ctx);  /* one TCP SYN, whatever becomes of it, and a little time for others to look */
int flow_connect_hold(const void *ctx); /* one TCP connection, until killed */
int flow_datagram(const void *ctx);     /* UDP, and a little time before the socket is closed */
int flow_datagrams(const void *ctx);    /* UDP to `count` ports from one socket at full speed */
int flow_syns(const void *ctx);         /* TCP to `count` ports, each from a socket of its own, at full speed */
int flow_raw(const void *ctx);          /* one packet of the protocol: an echo request, an SCTP INIT, or else zeros */
int flow_serve_tcp(const void *ctx);    /* accepts and keeps what it has accepted, until killed */
int flow_serve_udp(const void *ctx);    /* until killed; joins `group` if it is given */

#endif
