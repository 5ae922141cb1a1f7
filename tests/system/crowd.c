/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * crowd N [FIRST]: makes N network namespaces as `ip netns` does, /run/netns/c0 and on, each with an eth0 whose host's
 * end is the link v0 and on, up, with the addresses 10.80.0.2 and fd80::2 and on; with FIRST all of these begin with
 * that number. For labs: a thousand takes a second or two.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "make_netns.h"

static void make(unsigned number, int host, int host_netlink)
{
	uint32_t address4 = htonl(0x0a500002u + number), low = htonl(2 + number);
	unsigned char address6[16] = { 0xfd, 0x80 };
	char name[16], outside[16];
	int netns, netlink;

	memcpy(address6 + 12, &low, sizeof low);
	(void)snprintf(name, sizeof name, "c%u", number);
	(void)snprintf(outside, sizeof outside, "v%u", number);
	netns = make_netns(name);
	enter_netns(netns);
	netlink = make_netlink();
	set_up(netlink, "lo", NULL);
	make_pair(netlink, host, outside, NULL);
	set_up(netlink, "eth0", NULL);
	add_address(netlink, AF_INET, &address4, sizeof address4, 16);
	add_address(netlink, AF_INET6, address6, sizeof address6, 64);
	(void)close(netlink);
	(void)close(netns);
	enter_netns(host);
	set_up(host_netlink, outside, NULL);
}

int main(int argc, char **argv)
{
	unsigned n = argc == 2 || argc == 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	unsigned first = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	int host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), netlink = make_netlink();

	if (n == 0 || n > 60000 || first > 60000 - n || host < 0) {
		(void)fputs("usage: crowd N [FIRST]\n", stderr);
		return 2;
	}
	for (unsigned i = first; i < first + n; i++)
		make(i, host, netlink);
	return 0;
}
