/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "cut_flows.h"
#include "netns.h"

#define OPEN_MS  2000
#define DRAIN_MS 100
#define PING_ID  0x6e73

#define CHECK(call)                                                                                                    \
	do {                                                                                                           \
		if ((call) < 0)                                                                                        \
			fail_msg("%s: %s", #call, strerror(errno));                                                    \
	} while (0)

int64_t flows_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void flows_sleep(long ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

/* ---- opening ---- */

union any_address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct index_args {
	const char *name;
};

static int find_index(void *ctx, struct ns_error *err)
{
	const struct index_args *args = ctx;

	return (int)if_nametoindex(args->name);
}

static socklen_t resolve(const struct flows *flows, enum lab_place place, const char *text, uint16_t port, bool mapped,
			 union any_address *ret)
{
	char buf[64];

	memset(ret, 0, sizeof(*ret));
	if (!mapped && inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(port);
		return sizeof(ret->v4);
	}
	(void)snprintf(buf, sizeof(buf), "%s%s", mapped ? "::ffff:" : "", text);
	assert_int_equal(inet_pton(AF_INET6, buf, &ret->v6.sin6_addr), 1);
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = htons(port);
	if (IN6_IS_ADDR_LINKLOCAL(&ret->v6.sin6_addr)) {
		struct index_args args = { place == LAB_CONTAINER ? "lan0" : "eth0" };

		ret->v6.sin6_scope_id = (uint32_t)ns_netns_call(flows->lab.netns[place], find_index, &args, NULL);
	}
	return sizeof(ret->v6);
}

static int open_socket(const struct flows *flows, enum lab_place place, int family, int type, int protocol)
{
	struct ns_error err = NS_ERROR_INIT;
	int one = 1;
	int fd = ns_netns_socket(flows->lab.netns[place], family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol, &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	if (family != AF_PACKET)
		CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	return fd;
}

static void wait_for(int fd, short events, const char *what)
{
	struct pollfd p = { .fd = fd, .events = events };
	int error = 0;
	socklen_t length = sizeof(error);

	if (poll(&p, 1, OPEN_MS) != 1)
		fail_msg("%s: nothing within %d ms", what, OPEN_MS);
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	if (error != 0)
		fail_msg("%s: %s", what, strerror(error));
}

static void connect_to(int fd, const union any_address *to, socklen_t length, const char *what)
{
	if (connect(fd, &to->sa, length) < 0 && errno != EINPROGRESS)
		fail_msg("%s: connect: %s", what, strerror(errno));
	wait_for(fd, POLLOUT, what);
}

/* The server learns from a first datagram who its client is. */
static void meet(int client, int server, union any_address *ret_from, socklen_t *ret_length, const char *what)
{
	char buf[CHUNK_BYTES];

	*ret_length = sizeof(*ret_from);

	CHECK(send(client, "hello", 5, 0));
	wait_for(server, POLLIN, what);
	CHECK(recvfrom(server, buf, sizeof(buf), 0, &ret_from->sa, ret_length));
}

struct pair *flows_open(struct flows *flows, const struct pair_spec *spec)
{
	int type = spec->udp ? SOCK_DGRAM : SOCK_STREAM, listener, client, server;
	const char *at = spec->at ? spec->at : spec->to;
	union any_address to, here, from;
	socklen_t from_length = 0;
	socklen_t to_length = resolve(flows, spec->client, spec->to, spec->port, spec->mapped, &to);
	socklen_t here_length = resolve(flows, spec->server, at, spec->at ? spec->at_port : spec->port, false, &here);
	struct pair *pair = &flows->pairs[flows->n];

	assert_true(flows->n < PAIRS_MAX);
	listener = open_socket(flows, spec->server, here.sa.sa_family, type, 0);
	if (bind(listener, &here.sa, here_length) < 0 || (!spec->udp && listen(listener, 8) < 0))
		fail_msg("%s: %s port %d: %s", spec->what, at, spec->port, strerror(errno));
	client = open_socket(flows, spec->client, to.sa.sa_family, type, 0);
	if (spec->from_port != 0) {
		union any_address own = { .sa = { .sa_family = to.sa.sa_family } };

		own.v4.sin_port = htons(spec->from_port); /* at the same place in both */
		CHECK(bind(client, &own.sa, to_length));
	}
	connect_to(client, &to, to_length, spec->what);
	if (spec->udp) {
		server = listener;
		meet(client, server, &from, &from_length, spec->what);
		if (!spec->server_unconnected)
			CHECK(connect(server, &from.sa, from_length));
	} else {
		wait_for(listener, POLLIN, spec->what);
		server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		CHECK(server);
		(void)close(listener);
	}
	*pair = (struct pair){ .what = spec->what, .type = type, .family = to.sa.sa_family };
	pair->inner = spec->server == LAB_CONTAINER ? server : client;
	pair->outer = spec->server == LAB_CONTAINER ? client : server;
	pair->forbidden = spec->port >= FORBIDDEN_LOW && spec->port <= FORBIDDEN_HIGH;
	pair->has_socket = (spec->server == LAB_CONTAINER || spec->client == LAB_CONTAINER) &&
			   !(spec->server == LAB_CONTAINER && spec->server_unconnected);
	if (spec->server_unconnected) {
		memcpy(&pair->to, &from, from_length);
		pair->to_length = from_length;
	}
	pair->no_entry = spec->server == LAB_CONTAINER && spec->client == LAB_CONTAINER;
	flows->n++;
	return pair;
}

struct pair *flows_connecting(struct flows *flows, const struct pair_spec *spec, const char *to)
{
	struct pair *pair = &flows->pairs[flows->n];
	union any_address address;
	socklen_t length = resolve(flows, spec->client, to, spec->port, false, &address);

	assert_true(flows->n < PAIRS_MAX);
	*pair = (struct pair){
		.what = spec->what, .type = SOCK_STREAM, .outer = -1, .forbidden = true, .has_socket = true
	};
	pair->inner = open_socket(flows, spec->client, address.sa.sa_family, SOCK_STREAM, 0);
	pair->family = address.sa.sa_family;
	assert_int_equal(connect(pair->inner, &address.sa, length), -1);
	assert_int_equal(errno, EINPROGRESS);
	flows->n++;
	return pair;
}

struct pair *flows_ping(struct flows *flows, const char *to)
{
	struct pair *pair = &flows->pairs[flows->n];
	union any_address address;
	socklen_t length = resolve(flows, LAB_CONTAINER, to, 0, false, &address);
	bool v6 = address.sa.sa_family == AF_INET6;
	struct icmp6_filter filter;

	assert_true(flows->n < PAIRS_MAX);
	*pair = (struct pair){ .what = to, .type = SOCK_RAW, .outer = -1, .family = address.sa.sa_family };
	pair->inner = open_socket(flows, LAB_CONTAINER, pair->family, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	CHECK(connect(pair->inner, &address.sa, length));
	if (v6) {
		ICMP6_FILTER_SETBLOCKALL(&filter);
		ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
		CHECK(setsockopt(pair->inner, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)));
	}
	flows->n++;
	return pair;
}

void flows_begin(struct flows *flows)
{
	*flows = (struct flows){ .wires = { -1, -1 } };
	lab_begin(&flows->lab);
	flows->wires[0] = open_socket(flows, LAB_PEER, AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	flows->wires[1] = open_socket(flows, LAB_BEYOND, AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
}

void flows_end(struct flows *flows)
{
	if (flows->running)
		flows_stop(flows);
	for (size_t i = 0; i < flows->n; i++) {
		(void)close(flows->pairs[i].inner);
		if (flows->pairs[i].outer >= 0)
			(void)close(flows->pairs[i].outer);
	}
	for (size_t i = 0; i < 2; i++)
		if (flows->wires[i] >= 0)
			(void)close(flows->wires[i]);
	lab_end(&flows->lab);
}

/* ---- the wires ---- */

static bool is_forbidden_port(const uint8_t *at)
{
	unsigned port = (unsigned)at[0] << 8 | at[1];

	return port >= FORBIDDEN_LOW && port <= FORBIDDEN_HIGH;
}

static bool is_forbidden(const uint8_t *packet, size_t length, bool beyond)
{
	bool v6 = length > 0 && packet[0] >> 4 == 6;
	size_t header = v6 ? 40 : length > 0 ? (size_t)(packet[0] & 0x0f) * 4 : 0;
	uint8_t protocol;

	if (length < header + 8 || header < 20)
		return false;
	protocol = packet[v6 ? 6 : 9];
	packet += header;
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)
		return is_forbidden_port(packet) || is_forbidden_port(packet + 2);
	return beyond && ((protocol == IPPROTO_ICMP && packet[0] == ICMP_ECHO) ||
			  (protocol == IPPROTO_ICMPV6 && packet[0] == ICMP6_ECHO_REQUEST));
}

static void look_at(struct flows *flows, size_t wire, bool watching)
{
	uint8_t packet[256];
	struct sockaddr_ll from;

	for (;;) {
		socklen_t length = sizeof(from);
		ssize_t n = recvfrom(flows->wires[wire], packet, sizeof(packet), 0, (struct sockaddr *)&from, &length);

		if (n < 0)
			return;
		if (!watching || from.sll_pkttype == PACKET_OUTGOING || !is_forbidden(packet, (size_t)n, wire == 1))
			continue;
		if (atomic_fetch_add(&flows->leaks, 1) == 0) {
			size_t at = 0;

			for (ssize_t i = 0; i < n && at + 3 < sizeof(flows->leak); i++)
				at += (size_t)snprintf(flows->leak + at, sizeof(flows->leak) - at, "%02x", packet[i]);
		}
	}
}

/* ---- traffic ---- */

static void note_error(struct pair *pair)
{
	if (errno == EPERM || errno == EDESTADDRREQ) {
		atomic_fetch_add(&pair->refused, 1);
		return;
	}
	if (errno == EAGAIN || errno == EINTR || atomic_load(&pair->error) != 0)
		return;
	atomic_store(&pair->error_at, flows_now());
	atomic_store(&pair->error, errno);
}

static void send_ping(struct pair *pair)
{
	bool v6 = pair->family == AF_INET6;
	uint8_t echo[CHUNK_BYTES] = { v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO, 0, 0, 0, PING_ID >> 8, PING_ID & 0xff };
	unsigned sum = (ICMP_ECHO << 8) + PING_ID;

	if (!v6) {
		sum = ~sum;
		echo[2] = (uint8_t)(sum >> 8);
		echo[3] = (uint8_t)sum;
	}
	if (send(pair->inner, echo, sizeof(echo), 0) == sizeof(echo))
		atomic_fetch_add(&pair->sent_in, CHUNK_BYTES);
	else
		note_error(pair);
}

static void send_chunks(struct pair *pair)
{
	static const char chunk[CHUNK_BYTES];
	ssize_t n;

	if (pair->type == SOCK_RAW) {
		send_ping(pair);
		return;
	}
	n = sendto(pair->inner, chunk, sizeof(chunk), MSG_NOSIGNAL,
		   pair->to_length > 0 ? (const struct sockaddr *)&pair->to : NULL, pair->to_length);
	if (n > 0)
		atomic_fetch_add(&pair->sent_in, (unsigned long)n);
	else if (n < 0)
		note_error(pair);
	if (pair->outer < 0)
		return;
	n = send(pair->outer, chunk, sizeof(chunk), MSG_NOSIGNAL);
	if (n > 0)
		atomic_fetch_add(&pair->sent_out, (unsigned long)n);
}

static void receive_chunks(struct pair *pair)
{
	char buf[4096];
	ssize_t n;

	while ((n = recv(pair->inner, buf, sizeof(buf), 0)) > 0) {
		if (pair->type == SOCK_RAW)
			n = CHUNK_BYTES;
		atomic_fetch_add(&pair->got_in, (unsigned long)n);
	}
	if (n < 0)
		note_error(pair);
	while (pair->outer >= 0 && (n = recv(pair->outer, buf, sizeof(buf), 0)) > 0)
		atomic_fetch_add(&pair->got_out, (unsigned long)n);
	if (pair->outer >= 0 && n < 0 && errno != EAGAIN)
		atomic_store(&pair->outer_error, errno);
}

static void *pump(void *ctx)
{
	struct flows *flows = ctx;
	bool watching = false;

	while (!atomic_load(&flows->stop)) {
		for (size_t i = 0; i < 2; i++)
			look_at(flows, i, watching);
		watching = atomic_load(&flows->watch);
		for (size_t i = 0; i < flows->n; i++) {
			receive_chunks(&flows->pairs[i]);
			if (!atomic_load(&flows->quiet))
				send_chunks(&flows->pairs[i]);
		}
		atomic_fetch_add(&flows->turns, 1);
		flows_sleep(2);
	}
	for (size_t i = 0; i < 2; i++)
		look_at(flows, i, watching);
	return NULL;
}

void flows_start(struct flows *flows)
{
	assert_int_equal(pthread_create(&flows->thread, NULL, pump, flows), 0);
	flows->running = true;
}

void flows_watch(struct flows *flows)
{
	atomic_store(&flows->watch, true);
}

void flows_stop(struct flows *flows)
{
	atomic_store(&flows->quiet, true);
	flows_sleep(DRAIN_MS);
	atomic_store(&flows->stop, true);
	(void)pthread_join(flows->thread, NULL);
	flows->running = false;
}
