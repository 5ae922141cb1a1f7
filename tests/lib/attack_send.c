/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sending, from inside the container. That a send fails is no verdict: what counts is what the watcher sees.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

#define LIVE_MS     1000
#define PAUSE_NS    (2 * 1000000L) /* between attacks: no queue on the way overflows */
#define TIMES       2              /* each attack */
#define IP_NODEFRAG 22

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "attack: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0)
		fail("socket");
	return fd;
}

static void option(int fd, int level, int name, int value, const char *what)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		fail(what);
}

static void send_raw(const struct attack *a, const struct attack_packets *packets)
{
	struct sockaddr_storage to;
	socklen_t length = attack_host_sockaddr(a->to, a->family, 0, &to);
	int fd = open_socket(a->family, SOCK_RAW, IPPROTO_RAW);
	option(fd, SOL_SOCKET, SO_BROADCAST, 1, "SO_BROADCAST");
	if (a->family == AF_INET)
		option(fd, IPPROTO_IP, IP_NODEFRAG, 1, "IP_NODEFRAG");
	else
		option(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1, "IPV6_HDRINCL");
	for (size_t i = 0; i < packets->count; i++)
		(void)sendto(fd, packets->data[i], packets->length[i], 0, (struct sockaddr *)&to, length);
	close(fd);
}

static void send_frames(const struct attack *a, const struct attack_packets *packets)
{
	uint16_t type = htons(a->family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = type,
				  .sll_halen = ETH_ALEN,
				  .sll_ifindex = (int)if_nametoindex("lo") };
	int fd = open_socket(AF_PACKET, SOCK_DGRAM, 0);
	for (size_t i = 0; i < packets->count; i++)
		if (sendto(fd, packets->data[i], packets->length[i], 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			fail("a frame on lo");
	close(fd);
}

static int bound_socket(int family, int type, enum attack_host host, uint16_t port)
{
	struct sockaddr_storage from;
	socklen_t length = attack_host_sockaddr(host, family, port, &from);
	int fd = open_socket(family, type, 0);
	if (bind(fd, (struct sockaddr *)&from, length) < 0)
		fail(attack_host_text(host, family));
	return fd;
}

static void send_socket(const struct attack *a, size_t number)
{
	struct sockaddr_storage to;
	socklen_t length = attack_host_sockaddr(a->to, a->family, a->port, &to);
	uint8_t marker[ATTACK_MARKER_SIZE];
	int type = a->road == ROAD_TCP ? SOCK_STREAM : SOCK_DGRAM;
	int fd = a->forged ? bound_socket(a->family, type, a->from, 0) : open_socket(a->family, type, 0);
	attack_marker(number, marker);
	/* The SYN has gone before connect() returns. */
	if (a->road == ROAD_TCP)
		(void)connect(fd, (struct sockaddr *)&to, length);
	else
		(void)sendto(fd, marker, sizeof(marker), 0, (struct sockaddr *)&to, length);
	close(fd);
}

static void send_answer(const struct attack *a, size_t number, const struct attack_packets *packets,
			uint16_t source_port)
{
	struct sockaddr_storage to;
	socklen_t length = attack_host_sockaddr(a->from, a->family, source_port, &to);
	uint8_t marker[ATTACK_MARKER_SIZE];
	int fd = bound_socket(a->family, SOCK_DGRAM, a->to, a->port);
	attack_marker(number, marker);
	send_raw(a, packets);
	(void)sendto(fd, marker, sizeof(marker), 0, (struct sockaddr *)&to, length);
	close(fd);
}

/* A connection with the peer that both sides know; stays open. Returns its own port. */
static uint16_t live_connection(int family)
{
	struct sockaddr_storage to, own;
	socklen_t length = attack_host_sockaddr(HOST_PEER, family, 53, &to), own_length = sizeof(own);
	char byte = 'x';
	int fd = open_socket(family, SOCK_DGRAM, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (connect(fd, (struct sockaddr *)&to, length) < 0 || send(fd, &byte, 1, 0) != 1 ||
	    poll(&p, 1, LIVE_MS) != 1 || recv(fd, &byte, 1, 0) != 1 ||
	    getsockname(fd, (struct sockaddr *)&own, &own_length) < 0)
		fail("no live connection with the peer");
	return ntohs(family == AF_INET ? ((struct sockaddr_in *)&own)->sin_port
				       : ((struct sockaddr_in6 *)&own)->sin6_port);
}

static void send_one(size_t number, uint16_t source_port, const uint16_t live[2])
{
	const struct attack *a = &attacks[number];
	struct attack_packets packets;
	attack_build(number, source_port, live[a->family == AF_INET6], &packets);
	switch (a->road) {
	case ROAD_RAW:
		send_raw(a, &packets);
		break;
	case ROAD_LOOPBACK:
		send_frames(a, &packets);
		break;
	case ROAD_UDP:
	case ROAD_TCP:
		send_socket(a, number);
		break;
	case ROAD_ANSWER:
		send_answer(a, number, &packets, source_port);
		break;
	}
}

int attack_send(const char *group)
{
	uint16_t source_port = (uint16_t)(20000 + getpid() % 10000);
	const uint16_t live[2] = { live_connection(AF_INET), live_connection(AF_INET6) };
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	unsigned sent = 0;
	for (int time = 0; time < TIMES; time++)
		for (size_t i = 0; i < attack_count; i++) {
			if (strcmp(attacks[i].group, group) != 0)
				continue;
			send_one(i, source_port, live);
			sent++;
			nanosleep(&pause, NULL);
		}
	if (!sent)
		fprintf(stderr, "attack: no group %s\n", group);
	return sent ? 0 : 2;
}
