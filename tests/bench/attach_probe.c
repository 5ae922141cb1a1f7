/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Probes. A socket for one protocol hears a frame behind the ingress hooks of the device that it came in by, so one
 * that the gate has dropped is not heard.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "attach.h"

struct request {
	uint8_t to[ATTACH_MAC_BYTES], from[ATTACH_MAC_BYTES];
	uint16_t type;
	uint16_t hardware, protocol;
	uint8_t hardware_bytes, protocol_bytes;
	uint16_t operation;
	uint8_t sender[ATTACH_MAC_BYTES];
	uint8_t sender_address[4];
	uint8_t target[ATTACH_MAC_BYTES];
	uint8_t target_address[4];
} __attribute__((packed));

static int heard_at = -1;

static int open_socket(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ARP));

	if (fd < 0) {
		perror("attach: a packet socket");
		exit(1);
	}
	return fd;
}

void attach_probe_start(void)
{
	heard_at = open_socket();
}

int attach_probe_socket(void)
{
	return open_socket();
}

static bool hears(const struct request *sent, uint64_t until)
{
	for (;;) {
		uint64_t now = attach_now();
		struct pollfd fd = { .fd = heard_at, .events = POLLIN };
		struct request got;

		if (now >= until || poll(&fd, 1, (int)((until - now + 999) / 1000)) <= 0)
			return false;
		if (recv(heard_at, &got, sizeof got, MSG_DONTWAIT) == (ssize_t)sizeof got &&
		    memcmp(got.from, sent->from, sizeof got.from) == 0 &&
		    memcmp(got.target_address, sent->target_address, sizeof got.target_address) == 0)
			return true;
	}
}

bool attach_probe_passes(int fd, const uint8_t mac[static ATTACH_MAC_BYTES], uint32_t address, unsigned ms)
{
	static uint32_t serial; /* in the address asked for: a late one is not taken for the next */
	const uint32_t target = htonl(0x0a520000u | (++serial & 0xffffu));
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ARP),
				  .sll_ifindex = 0,
				  .sll_halen = ATTACH_MAC_BYTES };
	struct request request = { .type = htons(ETH_P_ARP),
				   .hardware = htons(ARPHRD_ETHER),
				   .protocol = htons(ETH_P_IP),
				   .hardware_bytes = ATTACH_MAC_BYTES,
				   .protocol_bytes = 4,
				   .operation = htons(ARPOP_REQUEST) };
	struct ifreq link = { .ifr_name = "eth0" };

	memset(request.to, 0xff, sizeof request.to);
	memcpy(request.from, mac, sizeof request.from);
	memcpy(request.sender, mac, sizeof request.sender);
	memcpy(request.sender_address, &address, sizeof address);
	memcpy(request.target_address, &target, sizeof target);
	if (ioctl(fd, SIOCGIFINDEX, &link) < 0) {
		perror("attach: eth0");
		exit(1);
	}
	to.sll_ifindex = link.ifr_ifindex;
	if (sendto(fd, &request, sizeof request, 0, (const struct sockaddr *)&to, sizeof to) !=
	    (ssize_t)sizeof request) {
		perror("attach: a probe cannot be sent");
		exit(1);
	}
	return hears(&request, attach_now() + (uint64_t)ms * 1000);
}
