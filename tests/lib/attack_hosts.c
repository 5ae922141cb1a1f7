/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who is who in the shop, and how an attack is known on the wire.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack.h"

static const struct {
	const char *v4, *v6;
} hosts[HOST_COUNT] = {
	[HOST_NONE] = { "0.0.0.0", "::" },
	[HOST_FAR] = { "203.0.113.9", "2001:db8:66::9" },
	[HOST_PEER] = { "10.77.0.4", "fd77::4" },
	[HOST_NEIGHBOUR] = { "10.77.0.5", "fd77::5" },
	[HOST_OWN] = { "10.77.0.3", "fd77::3" },
	[HOST_SECOND] = { "10.77.0.33", "fd77::33" },
	[HOST_LOOPBACK] = { "127.0.0.1", "::1" },
	[HOST_NOBODY] = { "10.77.0.77", "fd77::77" },
	[HOST_ALL] = { "255.255.255.255", "ff02::1" },
	[HOST_LINK_ALL] = { "10.77.0.255", "ff02::2" },
	[HOST_LINK_GROUP] = { "224.0.0.251", "ff02::fb" },
	[HOST_GROUP] = { "239.1.2.3", "ff0e::7" },
	[HOST_GATEWAY] = { "10.77.0.1", "fd77::1" },
	[HOST_CLIENT] = { "10.77.0.2", "fd77::2" },
	[HOST_SOLICITED] = { "224.0.0.1", "ff02::1:ff00:3" },
	[HOST_ANY] = { "0.0.0.0", "::" },
	[HOST_OWN_LINK] = { "169.254.7.3", "fe80::77:ff:fe00:3" },
	[HOST_OTHER_LINK] = { "169.254.7.5", "fe80::77:ff:fe00:5" },
};

const char *attack_host_text(enum attack_host host, int family)
{
	return family == AF_INET ? hosts[host].v4 : hosts[host].v6;
}

size_t attack_host_bytes(enum attack_host host, int family, uint8_t *ret)
{
	if (inet_pton(family, attack_host_text(host, family), ret) != 1)
		abort();
	return family == AF_INET ? 4 : 16;
}

socklen_t attack_host_sockaddr(enum attack_host host, int family, uint16_t port, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;
		in->sin_port = htons(port);
		attack_host_bytes(host, family, (uint8_t *)&in->sin_addr);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	in6->sin6_port = htons(port);
	attack_host_bytes(host, family, in6->sin6_addr.s6_addr);
	if (IN6_IS_ADDR_MULTICAST(&in6->sin6_addr))
		in6->sin6_scope_id = if_nametoindex("eth0");
	return sizeof(*in6);
}

/* The lab gives each container the MAC address 02:77:00:00:00:N, with the N of its address. */
void attack_host_mac(enum attack_host host, int family, uint8_t ret[6])
{
	static const uint8_t numbers[HOST_COUNT] = {
		[HOST_FAR] = 1,    [HOST_PEER] = 4,     [HOST_NEIGHBOUR] = 5,  [HOST_OWN] = 3,
		[HOST_SECOND] = 3, [HOST_LOOPBACK] = 3, [HOST_NOBODY] = 0x77,  [HOST_GATEWAY] = 1,
		[HOST_CLIENT] = 2, [HOST_OWN_LINK] = 3, [HOST_OTHER_LINK] = 5,
	};
	uint8_t address[16];
	size_t size = attack_host_bytes(host, family, address);
	if (numbers[host]) {
		memcpy(ret, (const uint8_t[6]){ 2, 0x77, 0, 0, 0, numbers[host] }, 6);
	} else if (family == AF_INET6) {
		memcpy(ret, (const uint8_t[2]){ 0x33, 0x33 }, 2);
		memcpy(ret + 2, address + size - 4, 4);
	} else if (host == HOST_LINK_GROUP || host == HOST_GROUP) {
		memcpy(ret, (const uint8_t[3]){ 1, 0, 0x5e }, 3);
		memcpy(ret + 3, address + 1, 3);
		ret[3] &= 0x7f;
	} else {
		memset(ret, 0xff, 6);
	}
}

void attack_marker(size_t number, uint8_t ret[ATTACK_MARKER_SIZE])
{
	char text[ATTACK_MARKER_SIZE + 1];
	snprintf(text, sizeof(text), "nanoseg-att-%04x", (unsigned)(number & 0xffff));
	memcpy(ret, text, ATTACK_MARKER_SIZE);
}

uint8_t attack_proto(const struct attack *a)
{
	return a->proto ? a->proto : IPPROTO_UDP;
}
