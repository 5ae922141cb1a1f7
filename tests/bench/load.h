/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load: the benchmark's load generator. Each client runs for a time and prints one line of JSON.
 *
 *   load serve PORT[-PORT]                     TCP and UDP, IPv4 and IPv6, until killed; prints "ready"
 *   load bulk ADDRESS PORT                     one TCP connection after the other, as much as goes
 *   load connect ADDRESS PORT[-PORT]           TCP connections, opened and cut with a reset, several in flight
 *   load connect-latency ADDRESS PORT[-PORT]   the same one by one: how long each took to open
 *   load rtt ADDRESS PORT                      one byte to and fro on one TCP connection
 *   load udp ADDRESS PORT                      datagrams of one flow that was answered once
 *   load udp-new ADDRESS PORT[-PORT]           datagrams that are each the first of a flow, from sockets made before
 *   load edges tcp|udp ADDRESS COUNT PORT[-PORT]  ADDRESS and the COUNT - 1 after it, times the ports: each once, or
 *                                              over and over for --seconds
 *
 *   --cpu N        runs on that CPU only
 *   --seconds S    how long; of edges: over and over; of bulk: each connection
 *   --times N      of bulk: so many connections
 *   --in-flight N  of connect and edges
 *   --rate N       of edges: so many are started a second, evenly
 *   --bytes N      of a datagram of udp
 *
 * Exit status: 0; 1 when it could not be measured, or an edge could not be opened; 2 for bad arguments. Both say why,
 * in one line.
 */
#ifndef NANOSEG_BENCH_LOAD_H
#define NANOSEG_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define LOAD_SECONDS_DEFAULT   1.0
#define LOAD_SECONDS_MAX       600.0
#define LOAD_IN_FLIGHT_DEFAULT 32
#define LOAD_IN_FLIGHT_MAX     4096
#define LOAD_PORTS_MAX         4096
#define LOAD_ADDRESSES_MAX     1048576
#define LOAD_RATE_MAX          10000000
#define LOAD_TIMES_MAX         1000
#define LOAD_BYTES_MIN         1
#define LOAD_BYTES_DEFAULT     64
#define LOAD_BYTES_MAX         1400
#define LOAD_FLOW_SOCKETS      16384   /* of udp-new: times the ports are the flows that there can be */
#define LOAD_SAMPLES_MAX       2000000 /* round trips that are remembered; a run ends when there are so many */
#define LOAD_FDS_MAX           65536   /* of one process */
#define LOAD_ANSWER_MS         2000    /* the server's, to what is not measured itself */
#define LOAD_EDGES_SECONDS     300.0   /* edges that are not open by then have failed */

/* What a TCP connection to the server is for is its first byte, what a datagram is for is its own. One that says
 * nothing is held until it ends. */
#define LOAD_BULK 'b' /* reads until the end, then answers with struct load_received */
#define LOAD_ECHO 'e' /* of what follows; of the datagram itself */
#define LOAD_COUNT                                                                                                     \
	'c'           /* each byte, this one too, is answered with the number of datagrams counted so far, a uint64_t */
#define LOAD_SINK 's' /* a datagram: counted */

/* Both on one machine: in its byte order. */
struct load_received {
	uint64_t bytes;
	uint64_t nanoseconds; /* from the first byte to the end */
};

struct load_options {
	struct sockaddr_storage to; /* with the first port */
	socklen_t length;
	uint32_t addresses; /* from `to` on */
	uint16_t port_lo, port_hi;
	bool udp;       /* of edges */
	int cpu;        /* -1: any */
	double seconds; /* 0: not given */
	uint32_t in_flight, rate, bytes, times;
};

/* ---- load_options.c: all exit with status 2 and one line about what is wrong ---- */

/* What stands before the first option is taken by the caller; `argv` begins with the first option. */
void load_parse_options(int argc, char **argv, struct load_options *options);
void load_parse_address(const char *text, struct load_options *options);
void load_parse_ports(const char *text, struct load_options *options);
uint32_t load_parse_number(const char *what, const char *text, uint32_t min, uint32_t max);

/* ---- load_net.c ---- */

/* One line, and status 1. */
__attribute__((noreturn, format(printf, 1, 2))) void load_fail(const char *format, ...);
uint64_t load_now(void); /* nanoseconds of CLOCK_MONOTONIC */
/* Microseconds of processor time that this process has used. A packet's way is in it, as far as it is gone on the
 * sender's processor. Where others use the machine as well, it is steadier than what the clock says. */
double load_cpu(void);
/* The address `n` places after the first, in its last 32 bits, with the port. */
void load_destination(const struct load_options *options, uint32_t address, uint16_t port,
		      struct sockaddr_storage *ret);
/* A connected, non-blocking TCP socket that sends at once; never fails, or says why it did. */
int load_connect_one(const struct load_options *options, uint8_t purpose);
/* Waits for events, of one descriptor or of an epoll; false: none came in so many nanoseconds. */
bool load_wait(int fd, short events, uint64_t nanoseconds);
/* Reads exactly so much. */
void load_read(int fd, void *data, size_t length);
/* The datagrams that the server has counted so far. `fd` is of load_connect_one(LOAD_COUNT), which asks for the first.
 */
uint64_t load_count(int fd, bool ask);
/* To LOAD_FDS_MAX descriptors, or as many as there may be; returns how many. */
size_t load_raise_limit(void);

/* ---- load_latency.c: round trips, remembered one by one ---- */

struct load_latency {
	uint32_t *samples; /* nanoseconds */
	size_t count;
};

void load_latency_init(struct load_latency *latency);
/* false: there is no room for another one. */
bool load_latency_add(struct load_latency *latency, uint64_t nanoseconds);
/* Prints the line, and releases. */
void load_latency_print(struct load_latency *latency, const char *what);

/* ---- the verbs: their exit status ---- */

int load_serve(const struct load_options *options);
int load_bulk(const struct load_options *options);
int load_connect(const struct load_options *options);
int load_connect_latency(const struct load_options *options);
int load_edges(const struct load_options *options);
int load_rtt(const struct load_options *options);
int load_udp(const struct load_options *options);
int load_udp_new(const struct load_options *options);
int load_udp_edges(const struct load_options *options);

#endif
