/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <malloc.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cmocka.h>

#include "cleanup.h"
#include "netns.h"
#include "watch.h"
#include "watch_lab.h"

#define ID_A "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
/* Not "docker": labs of others clean up what is called so. */
#define CGROUP "nerdctl-" ID_A ".scope"
#define HOUR   3600000000ull

/* Counts since the watcher was made, and what came last. */
struct seen {
	int attached, identified, addresses, detached, host;
	char last_attached[NS_WORKLOAD_MAX], last_detached[NS_WORKLOAD_MAX];
	bool inside; /* a callback is running: none may come within it */
	bool fd_was_open;
	uint64_t fd_cookie;
};

static sd_event *loop;
static struct ns_watch *watch;
static struct seen seen;
static char cgroup[512]; /* "": none was made */

static void enter_callback(void)
{
	assert_false(seen.inside);
	seen.inside = true;
}

static void on_attach(void *ctx, struct ns_endpoint *endpoint, int netns_fd)
{
	enter_callback();
	seen.attached++;
	seen.fd_was_open = fcntl(netns_fd, F_GETFD) >= 0;
	seen.fd_cookie = 0;
	(void)ns_netns_cookie(netns_fd, &seen.fd_cookie, NULL);
	memcpy(seen.last_attached, endpoint->workload, sizeof seen.last_attached);
	seen.inside = false;
}

static void on_identify(void *ctx, struct ns_endpoint *endpoint, const char *old_workload)
{
	enter_callback();
	seen.identified++;
	seen.inside = false;
}

static void on_addresses(void *ctx, struct ns_endpoint *endpoint)
{
	enter_callback();
	seen.addresses++;
	seen.inside = false;
}

static void on_detach(void *ctx, struct ns_endpoint *endpoint)
{
	enter_callback();
	seen.detached++;
	memcpy(seen.last_detached, endpoint->workload, sizeof seen.last_detached);
	seen.inside = false;
}

static void on_host(void *ctx)
{
	enter_callback();
	seen.host++;
	seen.inside = false;
}

static void begin(uint64_t scan_interval)
{
	static const struct ns_watch_events events = { on_attach, on_identify, on_addresses, on_detach, on_host };
	struct ns_watch_config config = { .netns_dirs = { "/run/netns", "/run/docker/netns" },
					  .n_netns_dirs = 2,
					  .scan_interval_us = scan_interval };
	struct ns_error err = NS_ERROR_INIT;

	seen = (struct seen){ 0 };
	assert_int_equal(sd_event_new(&loop), 0);
	if (ns_watch_new(loop, &config, &events, NULL, &watch, &err) < 0)
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	lab_fresh_run();
	return 0;
}

static int teardown(void **state)
{
	watch = ns_watch_free(watch);
	loop = sd_event_unref(loop);
	/* This is pid 1 of its own pid namespace: nobody else is meant. */
	(void)kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (*cgroup)
		lab_cgroup_remove(cgroup);
	*cgroup = '\0';
	lab_sh("ip -o link show type veth | sed 's/.*: \\(.*\\)@.*/\\1/' | while read l; do ip link del $l; done; "
	       "ip addr flush dev lo");
	return 0;
}

static void run_for(double seconds)
{
	for (double end = lab_seconds() + seconds; lab_seconds() < end;)
		assert_true(sd_event_run(loop, 2000) >= 0);
}

#define UNTIL(condition, limit)                                                                                        \
	do {                                                                                                           \
		double end = lab_seconds() + (limit);                                                                  \
		while (!(condition)) {                                                                                 \
			if (lab_seconds() > end)                                                                       \
				fail_msg("not in time: " #condition);                                                  \
			assert_true(sd_event_run(loop, 2000) >= 0);                                                    \
		}                                                                                                      \
	} while (0)

static struct ns_endpoint *find(const char *workload)
{
	for (struct ns_endpoint *e = ns_watch_next(watch, NULL); e; e = ns_watch_next(watch, e))
		if (strcmp(e->workload, workload) == 0)
			return e;
	return NULL;
}

static size_t count_endpoints(void)
{
	size_t n = 0;

	for (struct ns_endpoint *e = ns_watch_next(watch, NULL); e; e = ns_watch_next(watch, e))
		n++;
	return n;
}

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

static bool has_address(const struct ns_endpoint *endpoint, const char *text)
{
	char buf[NS_ADDR_TEXT_MAX];

	for (size_t i = 0; i < endpoint->n_addresses; i++)
		if (strcmp(ns_addr_format(&endpoint->addresses[i].addr, buf), text) == 0)
			return true;
	return false;
}

/* A veth into a namespace: when the kernel has destroyed the namespace, the end out here is gone too. */
static void tie(const char *name, const char *where)
{
	lab_sh("ip link add %s type veth peer name eth0 netns %s", name, where);
}

static void test_what_was_there(void **state)
{
	pid_t pid;
	struct ns_endpoint *e;
	uint64_t cookie;

	lab_sh("ip netns add empty; touch /run/netns/own /run/netns/not-yet; mount --bind /proc/self/ns/net "
	       "/run/netns/own");
	pid = lab_process(NULL, "/run/netns/old");
	begin(HOUR);
	assert_int_equal(count_endpoints(), 2);
	assert_int_equal(seen.attached, 2);
	e = find("netns/old");
	assert_non_null(e);
	assert_true(e->joined_late);
	assert_int_equal(e->pid, pid);
	assert_string_equal(e->netns_path, "/run/netns/old");
	assert_string_equal(e->runtime, "netns");
	e = find("netns/empty");
	assert_non_null(e);
	assert_false(e->joined_late);
	assert_int_equal(e->pid, 0);
	assert_int_equal(ns_netns_own_cookie(&cookie, NULL), 0);
	assert_true(e->cookie != 0 && e->cookie != cookie);
	lab_kill(pid);
}

static void test_made_later(void **state)
{
	uint64_t cookie = 0;
	int fd;

	begin(HOUR); /* /run/netns does not exist yet, and no scan helps */
	lab_sh("ip netns add a");
	UNTIL(find("netns/a"), 1);
	assert_false(find("netns/a")->joined_late);
	assert_true(seen.fd_was_open);
	assert_int_equal(seen.fd_cookie, find("netns/a")->cookie);
	fd = ns_watch_open_netns(watch, find("netns/a"), NULL);
	assert_true(fd >= 0);
	assert_int_equal(ns_netns_cookie(fd, &cookie, NULL), 0);
	assert_int_equal(cookie, seen.fd_cookie);
	(void)close(fd);
	/* As Docker does: the file first, and the mount some time later. */
	lab_sh("mkdir -p /run/docker/netns; : >/run/docker/netns/0123456789ab");
	run_for(0.05);
	lab_sh("unshare -n mount --bind /proc/self/ns/net /run/docker/netns/0123456789ab");
	UNTIL(find("docker/0123456789ab"), 1);
	assert_string_equal(find("docker/0123456789ab")->runtime, "docker");
	assert_true(find("docker/0123456789ab")->provisional);
	/* The directory goes with all that is in it, and comes again. */
	lab_sh("umount /run/docker/netns/0123456789ab; rm -r /run/docker");
	UNTIL(!find("docker/0123456789ab"), 1);
	lab_sh("ip netns del a");
	UNTIL(!find("netns/a"), 1);
	lab_sh("mkdir -p /run/docker/netns; : >/run/docker/netns/abcdefabcdef; unshare -n mount --bind "
	       "/proc/self/ns/net "
	       "/run/docker/netns/abcdefabcdef");
	UNTIL(find("docker/abcdefabcdef"), 1);
}

static void test_addresses(void **state)
{
	struct ns_prefix host[8];
	struct ns_endpoint *e;

	begin(HOUR);
	lab_sh("ip netns add a");
	UNTIL(find("netns/a"), 1);
	e = find("netns/a");
	tie("out0", "a");
	lab_sh("ip -n a addr add 192.0.2.7/24 dev eth0; ip -n a addr add 2001:db8::7/64 dev eth0 nodad; "
	       "ip -n a addr add 198.51.100.9/32 dev lo");
	UNTIL(has_address(e, "192.0.2.7") && has_address(e, "2001:db8::7") && has_address(e, "198.51.100.9"), 1);
	UNTIL(e->n_interfaces == 1, 1);
	assert_string_equal(e->interfaces[0].name, "eth0");
	assert_int_equal(e->interfaces[0].peer_index, (int)if_nametoindex("out0"));
	lab_sh("ip -n a addr del 192.0.2.7/24 dev eth0; ip -n a addr del 2001:db8::7/64 dev eth0; ip -n a link set "
	       "eth0 name inner0");
	UNTIL(!has_address(e, "192.0.2.7") && !has_address(e, "2001:db8::7"), 1);
	UNTIL(e->n_interfaces == 1 && strcmp(e->interfaces[0].name, "inner0") == 0, 1);
	/* The agent's own. */
	lab_sh("ip addr add 203.0.113.1/24 dev out0; ip addr add 2001:db8:1::1/64 dev out0 nodad");
	UNTIL(ns_watch_host_addresses(watch, host, 8) == 2 && seen.host > 0, 1);
	assert_int_equal(ns_watch_host_addresses(watch, host, 1), 1);
	/* More than can be kept is said. */
	lab_sh("for i in $(seq 80); do ip -n a addr add 10.0.0.$i/32 dev lo; done");
	UNTIL(e->n_addresses == NS_ENDPOINT_ADDRESSES_MAX && e->n_findings == 1, 2);
	lab_sh("ip -n a addr flush dev lo");
	UNTIL(e->n_addresses == 0 && e->n_findings == 0, 2);
}

static void test_life(void **state)
{
	pid_t pid, other;

	begin(HOUR);
	lab_sh("ip netns add a");
	UNTIL(find("netns/a"), 1);
	pid = lab_process(NULL, "/run/netns/b");
	other = lab_process(NULL, NULL); /* nobody's: no endpoint */
	UNTIL(find("netns/b"), 1);
	assert_int_equal(find("netns/b")->pid, pid);
	assert_false(find("netns/b")->joined_late);
	/* Without its mount it lives on by its process, under its name. */
	lab_sh("umount /run/netns/b; rm /run/netns/b");
	run_for(0.3);
	assert_non_null(find("netns/b"));
	assert_string_equal(find("netns/b")->netns_path, "");
	lab_kill(pid);
	UNTIL(!find("netns/b"), 1);
	assert_int_equal(seen.detached, 1);
	assert_string_equal(seen.last_detached, "netns/b");
	/* Without its process it lives on by its mount. */
	pid = lab_process(NULL, "/run/netns/c");
	UNTIL(find("netns/c"), 1);
	lab_kill(pid);
	UNTIL(find("netns/c")->pid == 0, 1);
	run_for(0.3);
	assert_non_null(find("netns/c"));
	lab_sh("umount /run/netns/c; rm /run/netns/c");
	UNTIL(!find("netns/c"), 1);
	assert_int_equal(count_endpoints(), 1);
	lab_kill(other);
}

static void test_cgroups(void **state)
{
	char where[32];
	pid_t pid, plain;

	lab_cgroup_make(cgroup, CGROUP);
	begin(HOUR);
	plain = lab_process(NULL, NULL);
	pid = lab_process(cgroup, NULL);
	run_for(0.1);
	assert_int_equal(count_endpoints(), 0); /* nothing told of it yet */
	(void)snprintf(where, sizeof where, "%d", (int)pid);
	tie("out0", where);
	UNTIL(find("containerd/a1b2c3d4e5f6"), 1);
	assert_string_equal(find("containerd/a1b2c3d4e5f6")->container_id, ID_A);
	assert_int_equal(find("containerd/a1b2c3d4e5f6")->pid, pid);
	assert_true(find("containerd/a1b2c3d4e5f6")->provisional);
	assert_int_equal(count_endpoints(), 1);
	lab_kill(pid);
	UNTIL(count_endpoints() == 0, 1);
	UNTIL(if_nametoindex("out0") == 0, 5);
	ns_watch_free(watch);
	sd_event_unref(loop);
	/* With nothing that tells, the scan finds it, and says that it was late. */
	begin(200000);
	run_for(1.5); /* what the end of the last one announced is over */
	pid = lab_process(cgroup, NULL);
	UNTIL(find("containerd/a1b2c3d4e5f6"), 1);
	assert_true(find("containerd/a1b2c3d4e5f6")->joined_late);
	lab_kill(pid);
	UNTIL(count_endpoints() == 0, 1);
	lab_kill(plain);
	lab_cgroup_remove(cgroup);
	*cgroup = '\0';
}

static void cycle_path(int i)
{
	lab_sh("ip netns add n%d", i);

	UNTIL(count_endpoints() == 1, 2);
	tie("out0", ns_watch_next(watch, NULL)->netns_path + sizeof "/run/netns/" - 1);
	UNTIL(ns_watch_next(watch, NULL)->n_interfaces == 1, 2);
	lab_sh("ip netns del n%d", i);
	UNTIL(count_endpoints() == 0, 2);
	UNTIL(if_nametoindex("out0") == 0, 5);
}

static void cycle_process(void)
{
	char where[32];
	pid_t pid = lab_process(cgroup, NULL);

	(void)snprintf(where, sizeof where, "%d", (int)pid);
	tie("out0", where);
	UNTIL(count_endpoints() == 1, 2);
	lab_kill(pid);
	UNTIL(count_endpoints() == 0, 2);
	UNTIL(if_nametoindex("out0") == 0, 5);
}

/* 100 starts and stops leave no namespace (its veth goes with it), no descriptor and no memory. */
static void test_cycles(void **state)
{
	size_t fds = 0, memory = 0;

	lab_cgroup_make(cgroup, CGROUP);
	begin(HOUR);
	for (int i = 0; i < 110; i++) {
		if (i == 10) { /* what is kept for the next time is there by now */
			fds = count_entries("/proc/self/fd");
			memory = mallinfo2().uordblks;
		}
		cycle_path(i);
		cycle_process();
	}
	assert_int_equal(count_entries("/proc/self/fd"), fds);
	assert_true(mallinfo2().uordblks <= memory + 4096);
	assert_int_equal(seen.attached, 220);
	assert_int_equal(seen.detached, 220);
	lab_cgroup_remove(cgroup);
	*cgroup = '\0';
}

static void nap(unsigned most_us)
{
	(void)usleep((unsigned)rand() % (most_us + 1));
}

/* One short life: a namespace in a runtime's cgroup, mounted in the manner of Docker, ended at any instant. */
static pid_t start_short_life(int i)
{
	pid_t pid = fork();

	if (pid == 0) {
		char path[600], file[64];
		int fd;

		srand((unsigned)getpid());
		if (unshare(CLONE_NEWNET) < 0)
			_exit(1);
		(void)snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
		lab_write(path, "0");
		nap(500);
		(void)snprintf(file, sizeof file, "/run/netns/r%d", i);
		fd = open(file, O_CREAT | O_RDONLY | O_CLOEXEC, 0444);
		nap(300);
		(void)mount("/proc/self/ns/net", file, NULL, MS_BIND, NULL);
		nap(i % 2 ? 2000 : 12000);
		(void)umount2(file, MNT_DETACH);
		nap(500);
		(void)unlink(file);
		nap(1000);
		_exit(fd >= 0 ? 0 : 1);
	}
	return pid;
}

static void test_death_at_any_instant(void **state)
{
	double enough = lab_seconds() + 40;
	size_t fds;

	lab_cgroup_make(cgroup, CGROUP);
	lab_sh("mkdir -p /run/netns");
	begin(100000);
	run_for(0.05);
	fds = count_entries("/proc/self/fd");
	srand(1);
	/* On a busy machine most are over before anybody looks: more of them, then. */
	for (int i = 0; i < 300 || (seen.attached < 50 && lab_seconds() < enough); i++) {
		pid_t pid = start_short_life(i);

		assert_true(pid > 0);
		for (int turns = rand() % 4; turns > 0; turns--)
			assert_true(sd_event_run(loop, (uint64_t)(rand() % 1500)) >= 0);
		if (i % 3 == 0) {
			lab_kill(pid);
			lab_sh("umount -l /run/netns/r%d 2>/dev/null; rm -f /run/netns/r%d", i, i);
		} else {
			while (waitpid(pid, NULL, WNOHANG) == 0)
				assert_true(sd_event_run(loop, 500) >= 0);
		}
	}
	UNTIL(count_endpoints() == 0, 2);
	assert_int_equal(count_entries("/proc/self/fd"), fds);
	assert_int_equal(seen.attached, seen.detached);
	if (seen.attached < 50)
		fail_msg("only %d were seen alive", seen.attached);
	lab_cgroup_remove(cgroup);
	*cgroup = '\0';
}

static bool source_is(const char *name, const char *wanted)
{
	json_t *status = ns_watch_status(watch);
	bool is = false;

	for (size_t i = 0; i < json_array_size(status); i++) {
		const json_t *row = json_array_get(status, i);

		if (strcmp(json_string_value(json_object_get(row, "source")), name) == 0)
			is = strcmp(json_string_value(json_object_get(row, "state")), wanted) == 0;
	}
	json_decref(status);
	return is;
}

/* Every descriptor that attaching needs fails once. */
static void test_without_descriptors(void **state)
{
	struct rlimit before, few;
	size_t fds;
	bool failed = false;

	lab_sh("mkdir -p /run/netns");
	begin(100000);
	run_for(0.05);
	fds = count_entries("/proc/self/fd");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (rlim_t spare = 0; spare < 12; spare++) {
		pid_t pid = lab_process(NULL, "/run/netns/tight");

		few = before;
		few.rlim_cur = fds - 3 + spare; /* the listing counts ".", ".." and itself */
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		for (int i = 0; i < 100; i++)
			assert_true(sd_event_run(loop, 2000) >= 0);
		failed = failed || !source_is("namespaces", "ok") || !source_is("processes", "ok");
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		UNTIL(find("netns/tight"), 1);
		UNTIL(source_is("namespaces", "ok") && source_is("processes", "ok"), 1);
		lab_kill(pid);
		lab_sh("umount -l /run/netns/tight; rm -f /run/netns/tight");
		UNTIL(count_endpoints() == 0, 1);
	}
	assert_true(failed);
	assert_int_equal(count_entries("/proc/self/fd"), fds);
}

/* From inside the namespace, without end: an address that is not there and the end of every dump, sent to every
 * rtnetlink socket in it. */
static void forge(int started)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg address;
		struct rtattr attr;
		uint8_t bytes[4];
		struct nlmsghdr done;
		int code;
	} message = { .header = { offsetof(__typeof__(message), done), RTM_NEWADDR, NLM_F_MULTI, 0, 0 },
		      .address = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1 },
		      .attr = { sizeof message.attr + 4, IFA_LOCAL },
		      .bytes = { 6, 6, 6, 6 },
		      .done = { sizeof message.done + 4, NLMSG_DONE, NLM_F_MULTI, 0, 0 } };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool told = false;

	for (;;) {
		FILE *list = fopen("/proc/thread-self/net/netlink", "re");
		char line[256];

		if (fd < 0 || !list)
			_exit(2);
		while (fgets(line, sizeof line, list)) {
			struct sockaddr_nl to = { .nl_family = AF_NETLINK };
			unsigned protocol;

			if (sscanf(line, "%*s %u %u", &protocol, &to.nl_pid) != 2 || protocol != NETLINK_ROUTE ||
			    to.nl_pid == 0)
				continue;
			for (uint32_t s = 0; s < 8; s++) {
				message.header.nlmsg_seq = message.done.nlmsg_seq = (uint32_t)time(NULL) - 2 + s;
				message.header.nlmsg_pid = message.done.nlmsg_pid = to.nl_pid;
				if (sendto(fd, &message, sizeof message, MSG_DONTWAIT, (struct sockaddr *)&to,
					   sizeof to) > 0 &&
				    !told)
					told = write(started, "x", 1) == 1;
			}
		}
		(void)fclose(list);
	}
}

static void test_forged_answers(void **state)
{
	struct ns_endpoint *e;
	int started[2];
	char byte;
	pid_t pid;

	begin(HOUR);
	lab_sh("ip netns add a");
	UNTIL(find("netns/a"), 1);
	e = find("netns/a");
	assert_int_equal(pipe2(started, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		int fd = ns_netns_open_path("/run/netns/a", NULL);

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
			_exit(1);
		forge(started[1]);
	}
	(void)close(started[1]);
	assert_int_equal(read(started[0], &byte, 1), 1);
	(void)close(started[0]);
	for (int i = 0; i < 20; i++) {
		lab_sh("ip -n a addr add 192.0.2.7/24 dev lo; ip -n a addr add 2001:db8::7/64 dev lo");
		UNTIL(has_address(e, "192.0.2.7") && has_address(e, "2001:db8::7"), 2);
		assert_int_equal(e->n_addresses, 2);
		lab_sh("ip -n a addr flush dev lo");
		UNTIL(e->n_addresses == 0, 2);
	}
	lab_kill(pid);
}

/* Links that change without end cost a bounded share of the time, and nothing is missed meanwhile. */
static void test_restless_links(void **state)
{
	struct timespec cpu;
	pid_t pid;

	begin(HOUR);
	lab_sh("ip netns add a");
	UNTIL(find("netns/a"), 1);
	tie("out0", "a");
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			if (system("ip -n a link set eth0 up; ip -n a link set eth0 down; ip -n a addr add "
				   "192.0.2.1/24 dev eth0; "
				   "ip -n a addr flush dev eth0") != 0)
				_exit(1);
	}
	run_for(0.2);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	run_for(1);
	{
		struct timespec after;
		double used;

		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
		used = (double)(after.tv_sec - cpu.tv_sec) + (double)(after.tv_nsec - cpu.tv_nsec) / 1e9;
		if (used > 0.6)
			fail_msg("%.2f of a second's time", used);
	}
	lab_sh("ip netns add b");
	UNTIL(find("netns/b"), 1);
	lab_kill(pid);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_what_was_there),
		CASE(test_made_later),
		CASE(test_addresses),
		CASE(test_life),
		CASE(test_cgroups),
		CASE(test_cycles),
		CASE(test_forged_answers),
		CASE(test_death_at_any_instant),
		CASE(test_without_descriptors),
		CASE(test_restless_links),
	};

	lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
