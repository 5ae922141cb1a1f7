/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The forbidden packets. None of them waits for anything.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "first.h"

#define SOURCE_PORT 9 /* discard; a raw frame's alone */
#define HOPS        64

static const struct sockaddr *address_of(const struct first_peer *peer, int family, socklen_t *ret_length)
{
	*ret_length = family == AF_INET ? sizeof(peer->v4) : sizeof(peer->v6);
	return family == AF_INET ? (const struct sockaddr *)&peer->v4 : (const struct sockaddr *)&peer->v6;
}

static bool send_udp(const struct first_peer *peer, int family)
{
	socklen_t length;
	const struct sockaddr *to = address_of(peer, family, &length);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool sent = fd >= 0 && sendto(fd, "first", 5, MSG_DONTWAIT, to, length) == 5;
	close(fd);
	return sent;
}

/* The SYN is on its way, or dropped, when connect(2) returns; closing the socket then sends nothing more. */
static bool send_tcp(const struct first_peer *peer, int family)
{
	socklen_t length;
	const struct sockaddr *to = address_of(peer, family, &length);
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool sent = fd >= 0 && connect(fd, to, length) < 0 && errno == EINPROGRESS;
	close(fd);
	return sent;
}

/* The own address that the route to the peer takes: a frame from another one would be refused for that alone. */
static bool own_address(const struct first_peer *peer, int family, struct sockaddr_in6 *ret)
{
	socklen_t length, size = sizeof(*ret);
	const struct sockaddr *to = address_of(peer, family, &length);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known = fd >= 0 && connect(fd, to, length) == 0 && getsockname(fd, (struct sockaddr *)ret, &size) == 0;
	close(fd);
	return known;
}

static uint32_t add_words(uint32_t sum, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)(data[i] << 8 | (i + 1 < length ? data[i + 1] : 0));
	return sum;
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static size_t put_udp(uint8_t *to, uint16_t port, const uint8_t *addresses, size_t addresses_length)
{
	static const char payload[] = "first raw";
	const uint16_t source = htons(SOURCE_PORT), length = 8 + sizeof(payload), wire_length = htons(length);
	memset(to, 0, 8);
	memcpy(to, &source, 2);
	memcpy(to + 2, &port, 2);
	memcpy(to + 4, &wire_length, 2);
	memcpy(to + 8, payload, sizeof(payload));
	uint16_t sum = folded(add_words(add_words(IPPROTO_UDP + length, addresses, addresses_length), to, length));
	memcpy(to + 6, &sum, 2);
	return length;
}

static size_t put_packet(uint8_t *ip, const struct first_peer *peer, int family, const struct sockaddr_in6 *own)
{
	if (family == AF_INET) {
		const struct sockaddr_in *from = (const struct sockaddr_in *)own;
		memset(ip, 0, 20);
		ip[0] = 0x45;
		ip[8] = HOPS;
		ip[9] = IPPROTO_UDP;
		memcpy(ip + 12, &from->sin_addr, 4);
		memcpy(ip + 16, &peer->v4.sin_addr, 4);
		size_t length = 20 + put_udp(ip + 20, peer->v4.sin_port, ip + 12, 8);
		ip[3] = (uint8_t)length;
		uint16_t sum = folded(add_words(0, ip, 20));
		memcpy(ip + 10, &sum, 2);
		return length;
	}
	memset(ip, 0, 8);
	ip[0] = 0x60;
	ip[6] = IPPROTO_UDP;
	ip[7] = HOPS;
	memcpy(ip + 8, &own->sin6_addr, 16);
	memcpy(ip + 24, &peer->v6.sin6_addr, 16);
	size_t length = put_udp(ip + 40, peer->v6.sin6_port, ip + 8, 32);
	ip[5] = (uint8_t)length;
	return 40 + length;
}

bool first_mac(uint8_t ret[6])
{
	struct ifreq link = { .ifr_name = FIRST_LINK };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known = fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &link) == 0;
	close(fd);
	if (known)
		memcpy(ret, link.ifr_hwaddr.sa_data, ETH_ALEN);
	return known;
}

/* To every station of the link, so that it does not wait until the neighbour is found. */
static bool send_raw(const struct first_peer *peer, int family)
{
	struct sockaddr_in6 own;
	uint8_t mac[ETH_ALEN];
	struct sockaddr_ll out = { .sll_family = AF_PACKET, .sll_halen = ETH_ALEN };
	uint8_t frame[128];
	bool sent = false;
	/* Closing one waits until no processor looks at it any more, some 10 ms, which are not the lock's: it stays
	 * open. */
	static int fd = -1;
	if (fd < 0)
		fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd >= 0 && own_address(peer, family, &own) && first_mac(mac)) {
		const uint16_t type = htons(family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6);
		memset(frame, 0xff, ETH_ALEN);
		memcpy(frame + ETH_ALEN, mac, ETH_ALEN);
		memcpy(frame + 12, &type, 2);
		size_t length = ETH_HLEN + put_packet(frame + ETH_HLEN, peer, family, &own);
		out.sll_ifindex = (int)if_nametoindex(FIRST_LINK);
		sent = sendto(fd, frame, length, MSG_DONTWAIT, (struct sockaddr *)&out, sizeof(out)) == (ssize_t)length;
	}
	return sent;
}

void first_volley(const struct first_peer *forbidden, unsigned sent[WAY_COUNT])
{
	sent[WAY_UDP4] += send_udp(forbidden, AF_INET);
	sent[WAY_UDP6] += send_udp(forbidden, AF_INET6);
	sent[WAY_RAW4] += send_raw(forbidden, AF_INET);
	sent[WAY_RAW6] += send_raw(forbidden, AF_INET6);
	sent[WAY_TCP4] += send_tcp(forbidden, AF_INET);
	sent[WAY_TCP6] += send_tcp(forbidden, AF_INET6);
}
