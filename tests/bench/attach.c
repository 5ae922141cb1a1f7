/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * attach measure PREFIX FIRST COUNT GAP_US ELEMENTS MS: COUNT namespaces, or as many as begin within MS, PREFIX<FIRST>
 * and on come, as `ip netns add` and a CNI plugin make them, GAP_US on average after one another, and go together at
 * the end. Prints, as JSON, percentiles in milliseconds: of closed (the host hears of the link → it is closed), plan
 * (the namespace is there → table nanoseg with at least ELEMENTS elements is in it) and open (the namespace is there →
 * its link is open).
 *
 * A link that is never closed has its plan in before it is heard of, or the program fails: what was open for a moment
 * is measured until the plan is in. Rules that have not come within ten seconds count as ten, and are told as late.
 * With `standing` as a seventh argument no link may let a probe through before it is opened.
 *
 * attach vault NAME: one whose link is to stay closed: no probe may pass once it is, or with `standing` ever. And with
 * `pass`, one must.
 * attach churn RATE: attach_churn.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "make_netns.h"

#define COUNT_MAX   10000
#define WAIT_MS     10000
#define PROBE_EVERY 20
/* From the commit that opens a link until the observer has heard of it, at the most. */
#define HEARD_US 20000

struct container {
	char name[32], link[IFNAMSIZ];
	uint8_t mac[ATTACH_MAC_BYTES];
	uint32_t address;
	int netns, heard; /* the namespace; a socket that hears what is committed there */
	int probe;
	uint64_t came; /* its name was there */
	uint64_t made; /* its link was, as far as its maker knows */
};

static int host, host_netlink;

__attribute__((noreturn)) static void die(const char *what)
{
	(void)fprintf(stderr, "attach: %s: %s\n", what, strerror(errno));
	exit(1);
}

__attribute__((noreturn)) static void fail(const struct container *container, const char *what)
{
	(void)fprintf(stderr, "attach: %s: %s\n", container->name, what);
	exit(1);
}

/* What `ip netns add` does, with an ear in it before anybody else can know of it. Stays in it. */
static void make_namespace(struct container *container)
{
	char path[64];
	int file;

	(void)snprintf(path, sizeof path, "/run/netns/%s", container->name);
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare");
	container->heard = attach_listen_socket();
	attach_listen_begin(container->heard, container->link);
	file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (file < 0 || mount("/proc/thread-self/ns/net", path, "none", MS_BIND, NULL) < 0)
		die(container->name);
	container->came = attach_now();
	(void)close(file);
	container->netns = open(path, O_RDONLY | O_CLOEXEC);
	if (container->netns < 0)
		die(container->name);
}

/* What a CNI plugin does: the pair is made from inside. */
static void make_link(struct container *container, unsigned n)
{
	uint32_t low = htonl(2 + n);
	unsigned char address6[16] = { 0xfd, 0x81 };
	int netlink = make_netlink();

	memcpy(address6 + 12, &low, sizeof low);
	set_up(netlink, "lo", NULL);
	make_pair(netlink, host, container->link, container->mac);
	container->made = attach_now();
	set_up(netlink, "eth0", NULL);
	add_address(netlink, AF_INET, &container->address, sizeof container->address, 16);
	add_address(netlink, AF_INET6, address6, sizeof address6, 64);
	container->probe = attach_probe_socket();
	(void)close(netlink);
	enter_netns(host);
	set_up(host_netlink, container->link, NULL);
}

static void make(struct container *ret, const char *prefix, unsigned n)
{
	*ret = (struct container){ .address = htonl(0x0a510000u | ((2 + n) & 0xffffu)),
				   .mac = { 2, 0, 0x51, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };
	(void)snprintf(ret->name, sizeof ret->name, "%s%u", prefix, n);
	(void)snprintf(ret->link, sizeof ret->link, "v%.*s", IFNAMSIZ - 2, ret->name);
	make_namespace(ret);
	make_link(ret, n);
}

static void forget(struct container *container)
{
	attach_listen_end(container->heard);
	(void)close(container->heard);
	(void)close(container->probe);
	(void)close(container->netns);
}

static bool passes(const struct container *container, unsigned ms)
{
	return attach_probe_passes(container->probe, container->mac, container->address, ms);
}

static bool is_planned(const struct attach_times *times)
{
	return times->planned != 0;
}

static bool is_closed(const struct attach_times *times)
{
	return times->closed != 0;
}

static bool is_opened(const struct attach_times *times)
{
	return times->opened != 0;
}

static uint64_t since(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

struct results {
	uint64_t *closed, *plan, *open;
	unsigned n, unclosed, probes, late;
};

/* At once, while nobody can have its rules in yet: with a gate that stands, nothing may pass. */
static uint64_t probe_at_birth(const struct container *container)
{
	return passes(container, 1) ? attach_now() : 0;
}

static void judge(const struct container *container, uint64_t passed, const struct attach_times *times, bool standing,
		  struct results *results)
{
	/* As soon as either of them knew of it. */
	uint64_t link = times->link && times->link < container->made ? times->link : container->made;

	if (standing && passed && since(passed, times->opened) > HEARD_US)
		fail(container, "a probe passed before the link was opened");
	if (standing)
		results->closed[results->n] = 0;
	else
		results->closed[results->n] = since(link, times->closed ? times->closed : times->planned);
	results->unclosed += !standing && !times->closed;
	results->plan[results->n] = since(container->came, times->planned);
	results->open[results->n] = since(container->came, times->opened ? times->opened : times->planned);
	results->n++;
}

static void sample(const char *prefix, unsigned n, unsigned elements, bool standing, struct results *results)
{
	struct container container;
	struct attach_times times;
	uint64_t passed = 0;

	make(&container, prefix, n);
	if (standing)
		passed = probe_at_birth(&container);
	if (!attach_listen_wait(is_planned, WAIT_MS, &times)) {
		results->late++;
		times.planned = attach_now();
	} else if (times.elements < elements) {
		fail(&container, "these are not its rules");
	}
	if (standing && !attach_listen_wait(is_opened, WAIT_MS, &times))
		fail(&container, "its link was not opened");
	/* What was closed is opened; what never was has been looked at by then. */
	if (!standing && (times.closed || attach_listen_wait(is_closed, 50, &times)))
		(void)attach_listen_wait(is_opened, WAIT_MS, &times);
	if (times.closed && !times.opened)
		fail(&container, "its link was not opened");
	judge(&container, passed, &times, standing, results);
	if (results->n % PROBE_EVERY == 1) {
		if (!passes(&container, 100) && !passes(&container, 1000) && !passes(&container, 3000))
			fail(&container, "no probe passes through an open link");
		results->probes++;
	}
	forget(&container);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The nearest rank, in milliseconds. */
static double percentile(uint64_t *values, unsigned n, unsigned percent)
{
	unsigned rank = (n * percent + 99) / 100;

	qsort(values, n, sizeof *values, compare);
	return (double)values[rank ? rank - 1 : 0] / 1000;
}

static void print(const char *name, uint64_t *values, unsigned n)
{
	(void)printf("\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f},", name, percentile(values, n, 50),
		     percentile(values, n, 99), percentile(values, n, 100));
}

static void pause_about(unsigned us)
{
	uint64_t wait = us / 2 + (us ? (uint64_t)random() % us : 0);
	struct timespec time = { .tv_sec = (time_t)(wait / 1000000), .tv_nsec = (long)(wait % 1000000) * 1000 };

	(void)nanosleep(&time, NULL);
}

static unsigned number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

static int measure(int argc, char **argv)
{
	static uint64_t closed[COUNT_MAX], plan[COUNT_MAX], opened[COUNT_MAX];
	struct results results = { closed, plan, opened, 0, 0, 0, 0 };
	unsigned first = number(argv[1]), count = number(argv[2]), gap = number(argv[3]);
	uint64_t end = attach_now() + (uint64_t)number(argv[5]) * 1000;
	bool standing = argc > 6 && strcmp(argv[6], "standing") == 0;
	char name[32];

	if (count == 0 || count > COUNT_MAX)
		die("so many samples");
	for (unsigned i = 0; i < count && (i == 0 || attach_now() < end); i++) {
		pause_about(gap);
		sample(argv[0], first + i, number(argv[4]), standing, &results);
	}
	count = results.n;
	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(name, sizeof name, "%s%u", argv[0], first + i);
		delete_netns(name);
	}
	(void)printf("{");
	print("closed", closed, count);
	print("plan", plan, count);
	print("open", opened, count);
	(void)printf("\"n\":%u,\"unclosed\":%u,\"probes\":%u,\"late\":%u}\n", count, results.unclosed, results.probes,
		     results.late);
	return 0;
}

/* One whose link must stay closed, once it is or from birth, or that must get through. */
static int vault(int argc, char **argv)
{
	bool wanted = argc > 1 && strcmp(argv[1], "pass") == 0, passed = false;
	bool standing = argc > 1 && strcmp(argv[1], "standing") == 0;
	struct container container;
	struct attach_times times;

	make(&container, argv[0], 0);
	if (!wanted && !standing && !attach_listen_wait(is_closed, WAIT_MS, &times))
		fail(&container, "its link was not closed");
	for (unsigned i = 0; i < (wanted ? 100 : 10) && !passed; i++)
		passed = passes(&container, 50);
	forget(&container);
	delete_netns(container.name);
	if (passed != wanted)
		fail(&container, wanted ? "nothing passes" : "a probe passed through a link that is closed");
	return 0;
}

static int churn(int argc, char **argv)
{
	return attach_churn(number(argv[0]));
}

static const struct verb {
	const char *name;
	int min, max;
	int (*run)(int argc, char **argv);
	bool listens;
} verbs[] = { { "measure", 6, 7, measure, true }, { "vault", 1, 2, vault, true }, { "churn", 1, 1, churn, false } };

struct run {
	const struct verb *verb;
	int argc, status;
	char **argv;
};

/* In a thread: a process is where its first thread is, and one that stayed in a namespace while it makes that would be
 * taken for whoever lives there. */
static void *run_verb(void *ctx)
{
	struct run *run = ctx;

	host = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	host_netlink = make_netlink();
	if (run->verb->listens) {
		attach_listen_start();
		attach_probe_start();
	}
	run->status = run->verb->run(run->argc, run->argv);
	return NULL;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++) {
		struct run run = { &verbs[i], argc - 2, 1, argv + 2 };
		pthread_t thread;

		if (strcmp(verbs[i].name, argv[1]) != 0 || argc - 2 < verbs[i].min || argc - 2 > verbs[i].max)
			continue;
		errno = pthread_create(&thread, NULL, run_verb, &run);
		if (errno)
			die("a thread");
		(void)pthread_join(thread, NULL);
		return run.status;
	}
	(void)fputs(
		"usage: attach measure PREFIX FIRST COUNT GAP_US ELEMENTS MS [standing] | vault NAME [pass|standing] "
		"| churn "
		"RATE\n",
		stderr);
	return 2;
}
