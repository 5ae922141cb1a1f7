/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The watcher: every frame that the container's veth hands to the host, and which attack it belongs to.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "attack.h"

#define QUEUE_BYTES (8 * 1024 * 1024)
#define FRAME_MAX   2048

struct view {
	int family;
	uint8_t proto;
	const uint8_t *to, *l4;
	size_t l4_length;
	bool more; /* fragments follow */
};

/* A packet without extension headers; none of the bare attacks has any. */
static bool parse(const uint8_t *data, size_t length, uint16_t type, struct view *ret)
{
	if (type == ETHERTYPE_IP && length >= 20) {
		size_t header = (size_t)(data[0] & 0xf) * 4, total = (size_t)(data[2] << 8 | data[3]);
		if (header < 20 || total < header || total > length)
			return false;
		*ret = (struct view){ AF_INET, data[9], data + 16, data + header, total - header, data[6] & 0x20 };
		return !(data[6] & 0x1f) && !data[7];
	}
	if (type == ETHERTYPE_IPV6 && length >= 40) {
		size_t payload = (size_t)(data[4] << 8 | data[5]);
		if (payload > length - 40)
			return false;
		*ret = (struct view){ AF_INET6, data[6], data + 24, data + 40, payload, false };
		return true;
	}
	return false;
}

static bool is_bare(const struct attack *a, const struct view *v)
{
	uint8_t to[16];
	if (!a->bare || a->family != v->family || v->proto != (a->road == ROAD_TCP ? IPPROTO_TCP : attack_proto(a)) ||
	    memcmp(to, v->to, attack_host_bytes(a->wire_to, a->family, to)) != 0)
		return false;
	switch (a->shape) {
	case SHAPE_SHORT:
		return v->l4_length == 1;
	case SHAPE_TINY:
		return v->l4_length == 8 && v->more;
	default:
		return v->l4_length >= 20 && (v->l4[2] << 8 | v->l4[3]) == a->wire_port;
	}
}

static void count(const uint8_t *data, size_t length, uint16_t type, unsigned *counts)
{
	struct view v = { 0 };
	bool parsed = parse(data, length, type, &v);
	for (size_t i = 0; i < attack_count; i++) {
		uint8_t marker[ATTACK_MARKER_SIZE];
		attack_marker(i, marker);
		if (memmem(data, length, marker, sizeof(marker)) || (parsed && is_bare(&attacks[i], &v)))
			counts[i]++;
	}
}

/* Reads everything that is there. */
static void drain(int fd, unsigned *counts)
{
	for (;;) {
		uint8_t data[FRAME_MAX];
		struct sockaddr_ll from;
		socklen_t from_length = sizeof(from);
		ssize_t n = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &from_length);
		if (n < 0)
			return;
		if (from.sll_pkttype != PACKET_OUTGOING)
			count(data, (size_t)n, ntohs(from.sll_protocol), counts);
	}
}

static int open_tap(const char *device)
{
	const int queue = QUEUE_BYTES;
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(device) };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !at.sll_ifindex || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		fprintf(stderr, "attack: watching %s: %s\n", device, strerror(errno));
		exit(1);
	}
	return fd;
}

int attack_watch(const char *device)
{
	unsigned *counts = calloc(attack_count, sizeof(*counts));
	struct tpacket_stats lost = { 0 };
	socklen_t size = sizeof(lost);
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	int ended = signalfd(-1, &term, SFD_CLOEXEC), fd = open_tap(device);
	if (!counts || ended < 0)
		return 1;
	puts("ready");
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = ended, .events = POLLIN } };
	do {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 1;
		drain(fd, counts);
	} while (!(p[1].revents & POLLIN));
	for (size_t i = 0; i < attack_count; i++)
		printf("%s %s %u\n", attacks[i].name, attacks[i].group, counts[i]);
	free(counts);
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size) < 0 || lost.tp_drops) {
		fprintf(stderr, "attack: %u frames were lost\n", lost.tp_drops);
		return 1;
	}
	return 0;
}
