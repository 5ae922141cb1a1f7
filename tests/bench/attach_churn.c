/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Churn: containers that nobody waits for. Each has a name that was not there before, a link and addresses, and lives
 * for a tenth of a second.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "make_netns.h"

#define LIFE_US   UINT64_C(100000)
#define RATE_MAX  1000u
#define NAME_SIZE 32

static volatile sig_atomic_t ended;

static void on_term(int number)
{
	ended = 1;
}

static void name_of(unsigned n, char ret[static NAME_SIZE])
{
	(void)snprintf(ret, NAME_SIZE, "t%d-%u", (int)(getpid() % 10000), n);
}

static void come(unsigned n, int host, int host_netlink)
{
	uint32_t address4 = htonl(0x0a530000u | (n & 0xffffu)), low = htonl(n);
	unsigned char address6[16] = { 0xfd, 0x83 };
	char name[NAME_SIZE], outside[IFNAMSIZ];
	int netns, netlink;

	memcpy(address6 + 12, &low, sizeof low);
	name_of(n, name);
	(void)snprintf(outside, sizeof outside, "vt%u", n);
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

static void go(unsigned n)
{
	char name[NAME_SIZE];

	name_of(n, name);
	delete_netns(name);
}

static void sleep_until(uint64_t at)
{
	struct timespec until = { .tv_sec = (time_t)(at / 1000000), .tv_nsec = (long)(at % 1000000 * 1000) };

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

int attach_churn(unsigned rate)
{
	static uint64_t born[RATE_MAX]; /* by number, as far as they live */
	int host = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), host_netlink = make_netlink();
	unsigned n_born = 0, n_gone = 0;
	uint64_t began = attach_now();

	if (rate == 0 || rate > RATE_MAX || host < 0) {
		(void)fputs("attach: churn is 1 to 1000 a second\n", stderr);
		return 2;
	}
	(void)signal(SIGTERM, on_term);
	/* Where the machine cannot make so many, it makes as many as it can, and says how many those were. */
	while (!ended) {
		uint64_t next = began + (uint64_t)n_born * 1000000 / rate;

		sleep_until(next);
		come(n_born, host, host_netlink);
		born[n_born++ % RATE_MAX] = attach_now();
		while (n_gone < n_born &&
		       (n_born - n_gone == RATE_MAX || attach_now() - born[n_gone % RATE_MAX] >= LIFE_US))
			go(n_gone++);
	}
	(void)printf("%.1f\n", (double)n_born * 1e6 / (double)(attach_now() - began));
	while (n_gone < n_born)
		go(n_gone++);
	return 0;
}
