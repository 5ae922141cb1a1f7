/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A tap on a device, over AF_PACKET.
 */
#include <arpa/inet.h>
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

#include "attack_tap.h"

#define QUEUE_BYTES (8 * 1024 * 1024)
#define FRAME_MAX   2048

/* Reads everything that is there. */
static void drain(int fd, attack_tap_frame each, void *ctx)
{
	for (;;) {
		uint8_t data[FRAME_MAX];
		struct sockaddr_ll from;
		socklen_t from_length = sizeof(from);
		ssize_t n = recvfrom(fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &from_length);
		if (n < 0)
			return;
		if (from.sll_pkttype != PACKET_OUTGOING)
			each(ctx, data, (size_t)n, ntohs(from.sll_protocol));
	}
}

static int open_tap(const char *device, bool promiscuous)
{
	const int queue = QUEUE_BYTES;
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(device) };
	struct packet_mreq all = { .mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !at.sll_ifindex || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    (promiscuous && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0)) {
		fprintf(stderr, "attack: watching %s: %s\n", device, strerror(errno));
		exit(1);
	}
	return fd;
}

int attack_tap(const char *device, bool promiscuous, attack_tap_frame each, void *ctx)
{
	struct tpacket_stats lost = { 0 };
	socklen_t size = sizeof(lost);
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	int ended = signalfd(-1, &term, SFD_CLOEXEC), fd = open_tap(device, promiscuous);
	if (ended < 0)
		return 1;
	puts("ready");
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = ended, .events = POLLIN } };
	do {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 1;
		drain(fd, each, ctx);
	} while (!(p[1].revents & POLLIN));
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &lost, &size) < 0 || lost.tp_drops) {
		fprintf(stderr, "attack: %u frames were lost\n", lost.tp_drops);
		return 1;
	}
	return 0;
}
