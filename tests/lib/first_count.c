/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The counter: every frame that crosses the bridge, whoever it is for, who sent it, and whether it is one of the
 * forbidden packets.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "first.h"

#define QUEUE_BYTES (16 * 1024 * 1024)
#define SENDERS_MAX 1024

static unsigned counts[FIRST_COOKIE_MAX + 1][WAY_COUNT];

static struct sender {
	uint8_t mac[ETH_ALEN];
	unsigned frames;
} senders[SENDERS_MAX];
static unsigned n_senders;

static void count_sender(const struct sockaddr_ll *from)
{
	unsigned i = 0;
	while (i < n_senders && memcmp(senders[i].mac, from->sll_addr, ETH_ALEN) != 0)
		i++;
	if (i == SENDERS_MAX) {
		fputs("first: more senders than can be counted\n", stderr);
		exit(1);
	}
	if (i == n_senders)
		memcpy(senders[n_senders++].mac, from->sll_addr, ETH_ALEN);
	senders[i].frames++;
}

static void count_l4(const uint8_t *l4, size_t length, uint8_t proto, int family)
{
	if (length < 8 || (proto != IPPROTO_UDP && proto != IPPROTO_TCP))
		return;
	const unsigned port = (unsigned)(l4[2] << 8 | l4[3]);
	if (port < FIRST_PORT || port > FIRST_PORT + FIRST_COOKIE_MAX)
		return;
	enum first_way way = proto == IPPROTO_TCP ? WAY_TCP4 : l4[0] == 0 && l4[1] == 9 ? WAY_RAW4 : WAY_UDP4;
	counts[port - FIRST_PORT][way + (family == AF_INET6)]++;
}

static void count(const uint8_t *data, size_t length, uint16_t type, const struct first_peer *forbidden)
{
	if (type == ETHERTYPE_IP && length >= 20 && !memcmp(data + 16, &forbidden->v4.sin_addr, 4)) {
		size_t header = (size_t)(data[0] & 0xf) * 4;
		if (header >= 20 && header <= length)
			count_l4(data + header, length - header, data[9], AF_INET);
	} else if (type == ETHERTYPE_IPV6 && length >= 40 && !memcmp(data + 24, &forbidden->v6.sin6_addr, 16)) {
		count_l4(data + 40, length - 40, data[6], AF_INET6);
	}
}

static void drain(int fd, const struct first_peer *forbidden)
{
	for (;;) {
		uint8_t data[256];
		struct sockaddr_ll from;
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
		if (n < 0)
			return;
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		count_sender(&from);
		count(data, (size_t)n, ntohs(from.sll_protocol), forbidden);
	}
}

/* A bridge hands up what it forwards only when it is promiscuous. */
static int open_tap(const char *device)
{
	const int queue = QUEUE_BYTES, index = (int)if_nametoindex(device);
	const struct sockaddr_ll at = { .sll_family = AF_PACKET,
					.sll_protocol = htons(ETH_P_ALL),
					.sll_ifindex = index };
	const struct packet_mreq all = { .mr_ifindex = index, .mr_type = PACKET_MR_PROMISC };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !index || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) < 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0) {
		fprintf(stderr, "first: watching %s: %s\n", device, strerror(errno));
		exit(1);
	}
	return fd;
}

static void print_counts(void)
{
	for (unsigned cookie = 0; cookie <= FIRST_COOKIE_MAX; cookie++)
		for (int way = 0; way < WAY_COUNT; way++)
			if (counts[cookie][way])
				printf("%u %s %u\n", cookie, first_way_names[way], counts[cookie][way]);
	for (unsigned i = 0; i < n_senders; i++) {
		const uint8_t *mac = senders[i].mac;
		printf(FIRST_MAC_FORMAT " %u\n", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], senders[i].frames);
	}
}

int first_count(int argc, char **argv)
{
	struct first_peer forbidden;
	struct tpacket_stats lost = { 0 };
	socklen_t size = sizeof(lost);
	sigset_t term;
	if (argc != 3 || !first_peer_parse(argv[1], argv[2], 0, &forbidden))
		return 2;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	int ended = signalfd(-1, &term, SFD_CLOEXEC), fd = open_tap(argv[0]);
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = ended, .events = POLLIN } };
	puts("ready");
	(void)fflush(stdout);
	do {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 1;
		drain(fd, &forbidden);
	} while (!(p[1].revents & POLLIN));
	print_counts();
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size) < 0 || lost.tp_drops) {
		fprintf(stderr, "first: %u frames were lost\n", lost.tp_drops);
		return 1;
	}
	return 0;
}
