/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The command table, and what the commands share.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "traffic.h"

static const struct {
	const char *name;
	int min, max; /* arguments after the name */
	int (*run)(int argc, char **argv);
	const char *usage;
} verbs[] = {
	{ "serve", 1, 64, traffic_serve, "PROTO:PORT[-PORT]..." },
	{ "try", 2, 4, traffic_try, "KIND ADDRESS [PORT|TYPE] [MS]" },
	{ "hold", 3, 4, traffic_hold, "KIND ADDRESS PORT [MS]" },
	{ "bulk", 4, 5, traffic_bulk, "KIND ADDRESS PORT BYTES [MS]" },
	{ "load", 4, 5, traffic_load, "KIND ADDRESS PORT COUNT [MS]" },
	{ "knock", 3, 4, traffic_knock, "KIND ADDRESS PORT [MS]" },
	{ "edges", 4, 5, traffic_edges, "KIND ADDRESS COUNT PORT[-PORT] [SIGNAL:PID]" },
};

__attribute__((noreturn)) static void usage(const char *what)
{
	fprintf(stderr, "traffic: %s\n", what);
	exit(2);
}

struct traffic_kind traffic_kind_parse(const char *text)
{
	static const struct {
		const char *text;
		struct traffic_kind kind;
	} kinds[] = {
		{ "tcp4", { TRAFFIC_TCP, AF_INET } },   { "tcp6", { TRAFFIC_TCP, AF_INET6 } },
		{ "udp4", { TRAFFIC_UDP, AF_INET } },   { "udp6", { TRAFFIC_UDP, AF_INET6 } },
		{ "ping4", { TRAFFIC_PING, AF_INET } }, { "ping6", { TRAFFIC_PING, AF_INET6 } },
		{ "icmp4", { TRAFFIC_ICMP, AF_INET } }, { "icmp6", { TRAFFIC_ICMP, AF_INET6 } },
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].text, text))
			return kinds[i].kind;
	usage("the kinds are tcp4 tcp6 udp4 udp6 ping4 ping6 icmp4 icmp6");
}

unsigned traffic_number_parse(const char *text, unsigned max)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || end == text || *end || value > max)
		usage("a number is out of range");
	return (unsigned)value;
}

void traffic_range_parse(const char *text, uint16_t *ret_lo, uint16_t *ret_hi)
{
	char copy[16];
	snprintf(copy, sizeof(copy), "%s", text);
	char *dash = strchr(copy, '-');
	if (dash)
		*dash = '\0';
	*ret_lo = (uint16_t)traffic_number_parse(copy, UINT16_MAX);
	*ret_hi = dash ? (uint16_t)traffic_number_parse(dash + 1, UINT16_MAX) : *ret_lo;
	if (*ret_hi < *ret_lo)
		usage("a range ends before it begins");
}

socklen_t traffic_address(const struct traffic_kind *kind, const char *text, uint16_t port,
			  struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)kind->family;
	if (kind->family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;
		in->sin_port = htons(port);
		if (inet_pton(AF_INET, text, &in->sin_addr) != 1)
			usage("not an IPv4 address");
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	in6->sin6_port = htons(port);
	char copy[INET6_ADDRSTRLEN + IF_NAMESIZE];
	snprintf(copy, sizeof(copy), "%s", text);
	char *link = strchr(copy, '%'); /* fe80::1%eth0 */
	if (link) {
		*link++ = '\0';
		in6->sin6_scope_id = if_nametoindex(link);
	}
	if (inet_pton(AF_INET6, copy, &in6->sin6_addr) != 1 || (link && !in6->sin6_scope_id))
		usage("not an IPv6 address");
	return sizeof(*in6);
}

void traffic_address_add(struct sockaddr_storage *address, uint32_t n)
{
	uint32_t *last = address->ss_family == AF_INET ? &((struct sockaddr_in *)address)->sin_addr.s_addr
						       : &((struct sockaddr_in6 *)address)->sin6_addr.s6_addr32[3];
	*last = htonl(ntohl(*last) + n);
}

uint64_t traffic_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool traffic_wait(int fd, short events, uint64_t deadline)
{
	for (;;) {
		uint64_t now = traffic_now();
		if (now >= deadline)
			return false;
		struct pollfd p = { .fd = fd, .events = events };
		int n = poll(&p, 1, (int)(deadline - now));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

/* A packet that the output hook drops fails its send with EPERM; a refusal by ICMP comes as one of the others. */
const char *traffic_outcome(int error)
{
	switch (error) {
	case ETIMEDOUT:
		return "timeout";
	case ECONNREFUSED:
	case ECONNRESET:
		return "reset";
	case EPERM:
		return "blocked";
	case EACCES:
	case EHOSTUNREACH:
		return "prohibited";
	default:
		return strerror(error);
	}
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verbs[i].name, argv[1]) != 0)
			continue;
		if (argc - 2 >= verbs[i].min && argc - 2 <= verbs[i].max)
			return verbs[i].run(argc - 2, argv + 2);
		fprintf(stderr, "usage: traffic %s %s\n", verbs[i].name, verbs[i].usage);
		return 2;
	}
	usage("commands are serve, try, hold, bulk, load, knock and edges");
}
