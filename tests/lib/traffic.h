/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * traffic: real packets for tests and for the demo. One static program that needs nothing, so that it also runs in an
 * empty container.
 *
 *   traffic serve PROTO:PORT[-PORT]…           echo server on IPv4 and IPv6 until killed; prints "ready"
 *   traffic try KIND ADDRESS [PORT|TYPE] [MS]  one attempt; prints the outcome; 0 passed, 1 did not
 *   traffic hold KIND ADDRESS PORT [MS]        one connection, one byte to and fro every MS; prints "alive N"
 *   traffic bulk KIND ADDRESS PORT BYTES [MS]  so many bytes at once to and fro: fragments, where they do not fit
 *   traffic load KIND ADDRESS PORT COUNT [MS]  COUNT connections, on each a record to and fro every MS, until SIGTERM;
 * or all are broken; prints "sent S received R broken B last T", T the time of the last answer in microseconds since
 * 1970; 1 when S != R or B > 0 traffic knock KIND ADDRESS PORT [MS]       new attempts until SIGTERM; prints "passed P
 * of N"; 1 when P > 0 traffic edges KIND ADDRESS COUNT PORT[-PORT] [SIGNAL:PID] opens ADDRESS+0 … ADDRESS+COUNT-1 times
 * the ports, at full speed; sends the signal to the process when half are open
 *
 * KIND: tcp4 tcp6 udp4 udp6 ping4 ping6 icmp4 icmp6 (the last two take an ICMP type whose answer is the type plus one).
 */
#ifndef NANOSEG_TESTS_TRAFFIC_H
#define NANOSEG_TESTS_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum traffic_proto { TRAFFIC_TCP, TRAFFIC_UDP, TRAFFIC_PING, TRAFFIC_ICMP };

struct traffic_kind {
	enum traffic_proto proto;
	int family; /* AF_INET or AF_INET6 */
};

#define TRAFFIC_MS_DEFAULT    1000
#define TRAFFIC_LISTENERS_MAX 2048
#define TRAFFIC_LOAD_MAX      1024

/* Both exit with status 2 and one line when the text is not one. */
struct traffic_kind traffic_kind_parse(const char *text);
void traffic_range_parse(const char *text, uint16_t *ret_lo, uint16_t *ret_hi);
unsigned traffic_number_parse(const char *text, unsigned max);

/* Fills an address of the kind's family; returns its length. */
socklen_t traffic_address(const struct traffic_kind *kind, const char *text, uint16_t port,
			  struct sockaddr_storage *ret);
/* The address `n` after this one, in the last 32 bits. */
void traffic_address_add(struct sockaddr_storage *address, uint32_t n);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t traffic_now(void);
/* poll(2) on one fd until the deadline; false: nothing came. */
bool traffic_wait(int fd, short events, uint64_t deadline);

/* One attempt with an answer from the other side; NULL: passed, else what happened instead, in one word. */
const char *traffic_attempt(const struct traffic_kind *kind, const struct sockaddr_storage *to, socklen_t length,
			    unsigned icmp_type, unsigned timeout_ms);
const char *traffic_echo_attempt(const struct traffic_kind *kind, const struct sockaddr_storage *to, socklen_t length,
				 unsigned icmp_type, unsigned timeout_ms); /* ICMP */
const char *traffic_outcome(int error);

int traffic_serve(int argc, char **argv);
int traffic_try(int argc, char **argv);
int traffic_hold(int argc, char **argv);
int traffic_bulk(int argc, char **argv);
int traffic_load(int argc, char **argv);
int traffic_knock(int argc, char **argv);
int traffic_edges(int argc, char **argv);

#endif
