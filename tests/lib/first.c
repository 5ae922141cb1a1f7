/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "first.h"

const char *const first_way_names[WAY_COUNT] = { "udp4", "udp6", "tcp4", "tcp6", "raw4", "raw6" };

bool first_peer_parse(const char *v4, const char *v6, uint16_t port, struct first_peer *ret)
{
	*ret = (struct first_peer){ .v4 = { .sin_family = AF_INET, .sin_port = htons(port) },
				    .v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
	if (inet_pton(AF_INET, v4, &ret->v4.sin_addr) == 1 && inet_pton(AF_INET6, v6, &ret->v6.sin6_addr) == 1)
		return true;
	fprintf(stderr, "first: %s, %s: not an IPv4 and an IPv6 address\n", v4, v6);
	return false;
}

static int hold(void)
{
	int signal;
	sigset_t end;
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	sigprocmask(SIG_BLOCK, &end, NULL);
	return sigwait(&end, &signal) != 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "run"))
		return first_run(argc - 2, argv + 2);
	if (argc == 5 && !strcmp(argv[1], "count"))
		return first_count(argc - 2, argv + 2);
	if (argc == 2 && !strcmp(argv[1], "pause"))
		return hold();
	fputs("usage: first run COOKIE FILE MS ALLOWED4 ALLOWED6 PORT [FORBIDDEN4 FORBIDDEN6]\n"
	      "       first count DEVICE FORBIDDEN4 FORBIDDEN6\n"
	      "       first pause\n",
	      stderr);
	return 2;
}
