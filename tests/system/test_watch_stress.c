/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The watcher under stress: many lives, death at any instant, no descriptors, forged netlink and restless links.
 */
#include <malloc.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "netns.h"
#include "watch_world.h"

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
	(void)usleep((unsigned)random() % (most_us + 1));
}

/* One short life: a namespace in a runtime's cgroup, mounted in the manner of Docker, ended at any instant. */
static pid_t start_short_life(int i)
{
	pid_t pid = fork();

	if (pid == 0) {
		char path[600], file[64];
		int fd;

		srandom((unsigned)getpid());
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
	srandom(1);
	/* On a busy machine most are over before anybody looks: more of them, then. */
	for (int i = 0; i < 300 || (seen.attached < 50 && lab_seconds() < enough); i++) {
		pid_t pid = start_short_life(i);

		assert_true(pid > 0);
		for (int turns = (int)random() % 4; turns > 0; turns--)
			assert_true(sd_event_run(loop, (uint64_t)(random() % 1500)) >= 0);
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

			/* NOLINTNEXTLINE(cert-err34-c): the kernel wrote these numbers */
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
	tie("out0", "a");
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
		lab_sh("ip -n a addr add 192.0.2.7/24 dev eth0; ip -n a addr add 2001:db8::7/64 dev eth0 nodad");
		UNTIL(has_address(e, "192.0.2.7") && has_address(e, "2001:db8::7"), 2);
		assert_int_equal(e->n_addresses, 2);
		lab_sh("ip -n a addr flush dev eth0");
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
			/* NOLINTNEXTLINE(cert-env33-c): ip is what changes links here */
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, watch_setup, watch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_cycles),
		CASE(test_forged_answers),
		CASE(test_death_at_any_instant),
		CASE(test_without_descriptors),
		CASE(test_restless_links),
	};

	lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
