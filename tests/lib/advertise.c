/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One router advertisement, from the link-local address of a device to all nodes on its link: hosts that configure
 * themselves make addresses in the prefix. It offers no route.
 *
 *   advertise DEVICE PREFIX PREFERRED VALID     a prefix of 64 bits; the lifetimes in seconds
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct advertisement {
	struct nd_router_advert router;
	struct nd_opt_prefix_info prefix;
};

static int fail(const char *what)
{
	fprintf(stderr, "advertise: %s: %s\n", what, strerror(errno));
	return 1;
}

static int seconds(const char *text, uint32_t *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value > UINT32_MAX)
		return -1;
	*ret = htonl((uint32_t)value);
	return 0;
}

static int send_it(unsigned device, const struct advertisement *advertisement)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_scope_id = device };
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6), hops = 255, index = (int)device, r = 0;

	if (fd < 0)
		return fail("socket");
	if (inet_pton(AF_INET6, "ff02::1", &to.sin6_addr) != 1)
		r = fail("ff02::1");
	/* With fewer hops than all of them it could have come from another link, and counts for nothing. */
	else if (setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0 ||
		 setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)) < 0)
		r = fail("setsockopt");
	else if (sendto(fd, advertisement, sizeof(*advertisement), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		r = fail("sendto");
	close(fd);
	return r;
}

int main(int argc, char **argv)
{
	struct advertisement advertisement = {
		.router.nd_ra_type = ND_ROUTER_ADVERT,
		.prefix = {
			.nd_opt_pi_type = ND_OPT_PREFIX_INFORMATION,
			.nd_opt_pi_len = sizeof(struct nd_opt_prefix_info) / 8,
			.nd_opt_pi_prefix_len = 64,
			.nd_opt_pi_flags_reserved = ND_OPT_PI_FLAG_ONLINK | ND_OPT_PI_FLAG_AUTO,
		},
	};
	unsigned device;

	if (argc != 5 || inet_pton(AF_INET6, argv[2], &advertisement.prefix.nd_opt_pi_prefix) != 1 ||
	    seconds(argv[3], &advertisement.prefix.nd_opt_pi_preferred_time) < 0 ||
	    seconds(argv[4], &advertisement.prefix.nd_opt_pi_valid_time) < 0) {
		fprintf(stderr, "usage: advertise DEVICE PREFIX PREFERRED VALID\n");
		return 2;
	}
	device = if_nametoindex(argv[1]);
	return device ? send_it(device, &advertisement) : fail(argv[1]);
}
