/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * reuse ROUNDS [PID]: hands addresses from one container to another, ten at a time. Container aI with address I serves;
 * it, or its link, is taken away, and bI has the address, the MAC and the same server a few milliseconds later; then aI
 * comes back. All the while the namespace `client` sends to every address: datagrams, connections, and bytes on
 * connections that it keeps, in IPv4 and IPv6. What of this arrives in bI is counted there, on the wire. So is what the
 * namespace `witness` sends: a round is over when that arrives, since bI's link is open then; and aI is back when the
 * client has had answers of all kinds.
 *
 * Begins with the as, says "ready", and hands over when it is told to, by a line. PID: of a process that is stopped
 * while addresses change hands. Prints {"rounds","slow","leaked","seen"}: slow are rounds that took more than 10 ms
 * from the end of the one to the address of the other, seen is what bs got of the witness.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "make_netns.h"
#include "reuse.h"

#define FRESH_EVERY   4        /* batches: the others move links between namespaces that stay */
#define AFTERWARDS_US 20000    /* how long the client goes on after the witness got through */
#define WAIT_US       15000000 /* for a hand-over: a busy machine's */
#define SLOW_US       10000

static struct reuse_shared *shared;
static struct side {
	int netns;
	pid_t server;
} sides[2][REUSE_PAIRS];
static int host, host_netlink;

static const char *name_of(bool b, unsigned i)
{
	static char name[16];

	(void)snprintf(name, sizeof name, "%c%u", b ? 'b' : 'a', i);
	return name;
}

static const char *link_of(bool b, unsigned i)
{
	static char name[16];

	(void)snprintf(name, sizeof name, "v%c%u", b ? 'b' : 'a', i);
	return name;
}

int64_t reuse_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void reuse_pause(long us)
{
	struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	(void)nanosleep(&t, NULL);
}

void reuse_die(const char *what)
{
	(void)fprintf(stderr, "FAILED: reuse: %s (%s)\n", what, strerror(errno));
	exit(1);
}

/* A child that ends with its parent. */
static bool begin_child(pid_t *ret)
{
	*ret = fork();
	if (*ret < 0)
		reuse_die("fork");
	if (*ret == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return *ret == 0;
}

static int open_netns(const char *name)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof path, "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		reuse_die(path);
	return fd;
}

static void make_side(bool b, unsigned i)
{
	struct side *side = &sides[b][i];
	atomic_bool *serves = &shared->pairs[i].serves;

	side->netns = make_netns(name_of(b, i));
	atomic_store(serves, false);
	if (begin_child(&side->server)) {
		enter_netns(side->netns);
		reuse_serve(&shared->pairs[i], i, b);
	}
	while (!atomic_load(serves))
		reuse_pause(100);
}

static void end_side(bool b, unsigned i)
{
	struct side *side = &sides[b][i];

	if (!side->server)
		return;
	(void)kill(side->server, SIGKILL);
	(void)waitpid(side->server, NULL, 0);
	(void)close(side->netns);
	delete_netns(name_of(b, i));
	side->server = 0;
}

static void connect_side(bool b, unsigned i)
{
	const unsigned char last = (unsigned char)(REUSE_FIRST + i), mac[6] = { 2, 0, 0, 0, 0, last };
	const unsigned char address4[4] = { 10, 77, 0, last }, address6[16] = { 0xfd, 0x77, [15] = last };
	int netlink;

	enter_netns(sides[b][i].netns);
	netlink = make_netlink();
	set_up(netlink, "lo", NULL);
	make_pair(netlink, host, link_of(b, i), mac);
	add_address(netlink, AF_INET, address4, sizeof address4, 24);
	add_address(netlink, AF_INET6, address6, sizeof address6, 64);
	set_up(netlink, "eth0", NULL);
	(void)close(netlink);
	enter_netns(host);
	set_up(host_netlink, link_of(b, i), "br0");
}

/* From a to b, or back. Microseconds from the end of the one to the other's address. fresh: the one's namespace ends,
 * and the other's is a new one. */
static int64_t hand_over(bool to_b, unsigned i, bool fresh)
{
	int64_t began;

	if (fresh)
		end_side(to_b, i);
	if (!sides[to_b][i].server)
		make_side(to_b, i);
	if (fresh)
		end_side(!to_b, i);
	delete_link(host_netlink, link_of(!to_b, i));
	began = reuse_now();
	connect_side(to_b, i);
	return reuse_now() - began;
}

/* Every counter of each pair and family has moved on; `what` is told when they do not. */
static void wait_for(const char *what, size_t first, size_t n)
{
	uint64_t before[REUSE_PAIRS][REUSE_COUNTERS];
	int64_t until = reuse_now() + WAIT_US;
	bool done = false;

	for (unsigned i = 0; i < REUSE_PAIRS; i++)
		for (size_t k = first; k < first + n; k++)
			before[i][k] = atomic_load(&shared->pairs[i].counters[k]);
	while (!done) {
		done = true;
		for (unsigned i = 0; i < REUSE_PAIRS; i++)
			for (size_t k = first; k < first + n; k++)
				done = done && atomic_load(&shared->pairs[i].counters[k]) > before[i][k] + 1;
		if (!done && reuse_now() > until) {
			for (unsigned i = 0; i < REUSE_PAIRS; i++)
				for (size_t k = first; k < first + n; k++)
					if (atomic_load(&shared->pairs[i].counters[k]) <= before[i][k] + 1)
						(void)fprintf(stderr, "pair %u, counter %zu; ", i, k);
			errno = ETIMEDOUT;
			reuse_die(what);
		}
		reuse_pause(500);
	}
}

static uint64_t total(size_t counter)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < REUSE_PAIRS; i++)
		sum += atomic_load(&shared->pairs[i].counters[counter]);
	return sum;
}

static unsigned batch(unsigned number, pid_t frozen)
{
	bool fresh = number % FRESH_EVERY == FRESH_EVERY - 1;
	unsigned slow = 0;

	if (frozen)
		(void)kill(frozen, SIGSTOP);
	for (unsigned i = 0; i < REUSE_PAIRS; i++)
		slow += hand_over(true, i, fresh) > SLOW_US;
	wait_for("what the witness sends does not reach who has the address now", REUSE_WITNESS, 2);
	reuse_pause(AFTERWARDS_US);
	if (frozen)
		(void)kill(frozen, SIGCONT);
	for (unsigned i = 0; i < REUSE_PAIRS; i++)
		(void)hand_over(false, i, fresh);
	wait_for("the client has no answers of who came back", REUSE_ANSWERS, 6);
	return slow;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0, done = 0, slow = 0;
	pid_t frozen = argc > 2 ? (pid_t)strtol(argv[2], NULL, 10) : 0, child;
	char line[16];

	if (rounds == 0)
		return 2;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (shared == MAP_FAILED || host < 0)
		reuse_die("no memory");
	host_netlink = make_netlink();
	for (unsigned i = 0; i < REUSE_PAIRS; i++) {
		make_side(false, i);
		make_side(true, i);
		connect_side(false, i);
	}
	if (begin_child(&child)) {
		enter_netns(open_netns("client"));
		reuse_hammer(shared);
	}
	if (begin_child(&child)) {
		enter_netns(open_netns("witness"));
		reuse_witness();
	}
	(void)puts("ready");
	(void)fflush(stdout);
	if (!fgets(line, sizeof line, stdin))
		return 1;
	wait_for("the client has no answers", REUSE_ANSWERS, 6);
	for (unsigned n = 0; done < rounds; n++, done += REUSE_PAIRS)
		slow += batch(n, frozen);
	(void)printf("{\"rounds\": %u, \"slow\": %u, \"leaked\": %" PRIu64 ", \"seen\": %" PRIu64 "}\n", done, slow,
		     total(REUSE_LEAKED), total(REUSE_WITNESS) + total(REUSE_WITNESS + 1));
	return 0;
}
