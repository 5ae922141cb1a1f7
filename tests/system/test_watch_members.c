/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Containers that share a namespace, told apart by their cgroups: real namespaces, and cgroups as runtimes make them.
 * Nobody else tells of them: there is no engine, no link, and no scan within an hour.
 */
#include "cgroup2.h"
#include "netns.h"
#include "watch_world.h"

#define ID_B "b1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define ID_C "c1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define A    "nerdctl-" ID_A ".scope"
#define B    "nerdctl-" ID_B ".scope"
#define C    "nerdctl-" ID_C ".scope"
#define W_A  "containerd/a1b2c3d4e5f6"
#define W_B  "containerd/b1b2c3d4e5f6"
#define W_C  "containerd/c1b2c3d4e5f6"

static char slice[512]; /* an ordinary directory of cgroups, which all are made in */

static char *path_of(const char *name)
{
	static char paths[8][1024];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void)snprintf(path, sizeof *paths, "%s/%s", slice, name);
	return path;
}

static uint64_t make(const char *name)
{
	struct stat st;

	assert_int_equal(mkdir(path_of(name), 0755), 0);
	assert_int_equal(stat(path_of(name), &st), 0);
	return st.st_ino;
}

/* Until the kernel has let go of the last process in it. */
static void take_away(const char *name)
{
	double end = lab_seconds() + 2;

	while (rmdir(path_of(name)) < 0 && lab_seconds() < end)
		(void)usleep(1000);
	assert_int_not_equal(access(path_of(name), F_OK), 0);
}

/* A process in a cgroup that then goes into the namespace of `other`; 0: into none, or with NEW into one of its own. */
#define NEW ((pid_t)-1)
static pid_t start(const char *name, pid_t other)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char path[1100];
		int fd;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)snprintf(path, sizeof path, "%s/cgroup.procs", path_of(name));
		lab_write(path, "0");
		(void)usleep(3000); /* as a runtime, which has other things to do in between */
		if (other == NEW && unshare(CLONE_NEWNET) < 0)
			lab_die("a namespace");
		if (other > 0) {
			(void)snprintf(path, sizeof path, "/proc/%d/ns/net", (int)other);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
				lab_die("another's namespace");
		}
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

static int members_setup(void **state)
{
	(void)watch_setup(state);
	lab_cgroup_make(cgroup, "slice");
	(void)snprintf(slice, sizeof slice, "%s", cgroup);
	return 0;
}

/* Every cgroup that a failed test left, too. */
static int members_teardown(void **state)
{
	(void)kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	lab_sh("for i in $(seq 100); do find %s -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null; "
	       "test -z \"$(find %s -mindepth 1 -type d)\" && exit 0; sleep 0.02; done; exit 1",
	       slice, slice);
	return watch_teardown(state);
}

static bool is_member_of(const struct ns_endpoint *e, const struct ns_endpoint *of)
{
	return e && e->member.cgroup && e->cookie == (NS_ENDPOINT_MEMBER_BIT | e->member.cgroup) &&
	       e->netns_cookie == of->cookie && !e->host_netns;
}

static uint64_t cookie_through(const struct ns_endpoint *e)
{
	int fd = ns_watch_open_netns(watch, e, NULL);
	uint64_t cookie = 0;

	assert_true(fd >= 0);
	assert_int_equal(ns_netns_cookie(fd, &cookie, NULL), 0);
	(void)close(fd);
	return cookie;
}

static void test_life(void **state)
{
	uint64_t id_a, id_b, again;
	struct ns_endpoint *a, *b;
	char where[32];
	pid_t pa, pb, other;

	begin(HOUR);
	id_a = make(A);
	pa = start(A, NEW);
	UNTIL(find(W_A), 1);
	a = find(W_A);
	assert_int_equal(a->member.cgroup, 0); /* it made its namespace */
	assert_int_equal(a->netns_cookie, a->cookie);
	assert_false(a->joined_late);
	assert_int_equal(a->pid, pa);
	(void)snprintf(where, sizeof where, "%d", (int)pa);
	tie("out0", where);
	lab_sh("nsenter -t %d -n ip addr add 192.0.2.1/24 dev eth0; "
	       "nsenter -t %d -n ip addr add 2001:db8::1/64 dev eth0 nodad",
	       (int)pa, (int)pa);
	UNTIL(has_address(a, "192.0.2.1") && has_address(a, "2001:db8::1"), 1);
	run_for(1.2); /* so that no scan that the link asked for finds what comes */
	id_b = make(B);
	pb = start(B, pa);
	UNTIL(find(W_B), 1);
	b = find(W_B);
	assert_true(is_member_of(b, a));
	assert_int_equal(b->member.cgroup, id_b);
	assert_int_equal(b->member.level, ns_cgroup2_level(b->member.path));
	assert_non_null(strstr(b->member.path, "/slice/" B));
	assert_int_equal(b->pid, pb);
	assert_false(b->joined_late);
	assert_string_equal(b->container_id, ID_B);
	assert_true(b->provisional);
	assert_true(has_address(b, "192.0.2.1") && has_address(b, "2001:db8::1"));
	assert_int_equal(b->n_interfaces, a->n_interfaces);
	assert_int_equal(seen.attached, 2);
	assert_true(seen.fd_was_open);
	assert_int_equal(seen.fd_cookie, a->cookie);
	assert_int_equal(cookie_through(b), a->cookie);
	assert_int_equal(count_endpoints(), 2);
	assert_int_equal(a->member.cgroup, 0);
	assert_string_equal(a->container_id, ID_A);
	/* Addresses are all the members'. */
	seen.addresses = 0;
	lab_sh("nsenter -t %d -n ip addr add 192.0.2.2/24 dev eth0; "
	       "nsenter -t %d -n ip addr add 2001:db8::2/64 dev eth0 nodad",
	       (int)pa, (int)pa);
	UNTIL(has_address(b, "192.0.2.2") && has_address(b, "2001:db8::2"), 1);
	assert_true(seen.addresses >= 2);
	/* Started again: another cgroup of the same name. */
	lab_kill(pb);
	take_away(B);
	UNTIL(!find(W_B), 1);
	assert_int_equal(seen.detached, 1);
	assert_string_equal(seen.last_detached, W_B);
	again = make(B);
	assert_int_not_equal(again, id_b);
	pb = start(B, pa);
	UNTIL(find(W_B), 1);
	assert_int_equal(find(W_B)->member.cgroup, again);
	/* Who made it ends: it is not the other's then. */
	other = start(A, pa);
	lab_kill(pa);
	run_for(0.2);
	assert_ptr_equal(find(W_A), a);
	lab_kill(other);
	take_away(A);
	run_for(0.3);
	assert_ptr_equal(find(W_A), a);
	assert_true(is_member_of(find(W_B), a));
	/* The namespace ends with its last member, which ends first. */
	lab_kill(pb);
	UNTIL(count_endpoints() == 0, 3);
	assert_string_equal(seen.last_detached, W_A);
	assert_true(id_a != 0);
}

/* What was there before the agent; and two of them. */
static void test_before(void **state)
{
	struct ns_endpoint *a;
	pid_t pa;

	(void)make(A);
	(void)make(B);
	(void)make(C);
	pa = start(A, NEW);
	(void)start(C, pa);
	(void)start(B, pa);
	begin(HOUR);
	assert_int_equal(seen.attached, 3);
	a = find(W_A);
	assert_non_null(a);
	assert_int_equal(a->member.cgroup, 0);
	assert_true(is_member_of(find(W_B), a) && is_member_of(find(W_C), a));
	assert_true(find(W_B)->joined_late && find(W_C)->joined_late);
	assert_int_not_equal(find(W_B)->cookie, find(W_C)->cookie);
	assert_int_equal(count_endpoints(), 3);
}

static void test_host(void **state)
{
	struct ns_prefix host[8];
	struct ns_endpoint *e;
	uint64_t own;
	pid_t pid;

	lab_sh("ip link set lo up; ip addr add 203.0.113.2/32 dev lo; ip addr add 2001:db8:1::2/128 dev lo");
	begin(HOUR);
	(void)make(A);
	pid = start(A, 0);
	UNTIL(find(W_A), 1);
	e = find(W_A);
	assert_int_equal(ns_netns_own_cookie(&own, NULL), 0);
	assert_true(e->host_netns);
	assert_int_equal(e->netns_cookie, own);
	assert_int_equal(e->cookie, NS_ENDPOINT_MEMBER_BIT | e->member.cgroup);
	assert_int_equal(cookie_through(e), own);
	assert_int_equal(seen.fd_cookie, own);
	assert_int_equal(e->pid, pid);
	assert_true(has_address(e, "203.0.113.2") && has_address(e, "2001:db8:1::2"));
	assert_false(has_address(e, "127.0.0.1") || has_address(e, "::1"));
	assert_int_equal(count_endpoints(), 1);
	assert_true(ns_watch_host_addresses(watch, host, 8) >= 2);
	lab_sh("ip addr add 203.0.113.3/32 dev lo; ip addr add 2001:db8:1::3/128 dev lo");
	UNTIL(has_address(e, "203.0.113.3") && has_address(e, "2001:db8:1::3"), 1);
	/* It goes elsewhere with its first process: what it leaves here stays told apart. */
	(void)start(A, 0);
	(void)start(A, NEW);
	lab_kill(pid);
	run_for(0.5);
	assert_ptr_equal(find(W_A), e);
	assert_true(e->host_netns);
	lab_sh("ip link set lo down");
}

/* What a container does in its own cgroup is its own. */
static void test_below(void **state)
{
	struct ns_endpoint *a, *b;
	pid_t pa, pb;

	begin(HOUR);
	(void)make(A);
	(void)make(A "/init");
	pa = start(A "/init", NEW);
	UNTIL(find(W_A), 1);
	a = find(W_A);
	assert_int_equal(a->pid, pa);
	(void)make(B);
	(void)make(B "/" C);
	pb = start(B "/" C, pa);
	UNTIL(find(W_B), 1);
	b = find(W_B);
	assert_true(is_member_of(b, a));
	assert_int_equal(b->pid, pb);
	run_for(0.5);
	assert_null(find(W_C));
	assert_int_equal(count_endpoints(), 2);
	/* With its own cgroup empty it lives, as long as one below is not. */
	(void)make(B "/deep");
	(void)start(B "/deep", pa);
	lab_kill(pb);
	run_for(1.5);
	assert_ptr_equal(find(W_B), b);
	assert_int_equal(seen.detached, 0);
}

/* Below a directory called by an id that nobody knows only Podman keeps containers. */
static void test_unknown_parent(void **state)
{
	struct ns_endpoint *e;
	pid_t pid;

	begin(HOUR);
	(void)make(ID_A);
	(void)make(ID_A "/" B);
	(void)make(ID_A "/libpod-" ID_C);
	pid = start(ID_A "/libpod-" ID_C, NEW);
	UNTIL(find("podman/c1b2c3d4e5f6"), 1);
	e = find("podman/c1b2c3d4e5f6");
	(void)start(ID_A "/" B, pid);
	(void)make(ID_A "/libpod-" ID_B);
	(void)start(ID_A "/libpod-" ID_B, pid);
	UNTIL(find("podman/b1b2c3d4e5f6"), 1);
	assert_true(is_member_of(find("podman/b1b2c3d4e5f6"), e));
	run_for(0.3);
	assert_null(find(W_B));
	assert_int_equal(count_endpoints(), 2);
}

/* Where a user may make cgroups, they are called what he likes: no container is known by them. */
static void test_delegated(void **state)
{
	begin(HOUR);
	(void)make("user.service");
	assert_int_equal(chown(path_of("user.service"), 12345, 12345), 0);
	(void)make("user.service/" A);
	(void)start("user.service/" A, 0);
	(void)make("user.service/below");
	(void)make("user.service/below/" B);
	assert_int_equal(chown(path_of("user.service/below"), 12345, 12345), 0);
	(void)start("user.service/below/" B, 0);
	(void)make(C);
	(void)start(C, 0);
	UNTIL(find(W_C), 1);
	run_for(0.3);
	assert_null(find(W_A));
	assert_null(find(W_B));
}

/* A cgroup that stays when its container has ended; and one that is frozen. */
static void test_empty(void **state)
{
	struct ns_endpoint *b;
	char freeze[1100];
	uint64_t id;
	pid_t pa, pb;

	begin(HOUR);
	(void)make(A);
	pa = start(A, NEW);
	(void)make(B);
	UNTIL(find(W_A), 1);
	run_for(0.1);
	assert_null(find(W_B)); /* nobody is in it yet */
	pb = start(B, pa);
	UNTIL(find(W_B), 1);
	b = find(W_B);
	id = b->member.cgroup;
	(void)snprintf(freeze, sizeof freeze, "%s/cgroup.freeze", path_of(B));
	lab_write(freeze, "1");
	run_for(1.3);
	assert_ptr_equal(find(W_B), b);
	lab_write(freeze, "0");
	lab_kill(pb);
	UNTIL(!find(W_B), 3);
	(void)start(B, pa);
	UNTIL(find(W_B), 1);
	assert_int_equal(find(W_B)->member.cgroup, id);
}

/* A hook tells of a container that joins: all of it within the call. */
static void test_hint(void **state)
{
	struct ns_hint words = { .runtime = "containerd", .container_id = ID_B, .workload = "k8s/shop/web/side" };
	struct ns_endpoint *a, *e = NULL;
	struct ns_error err = NS_ERROR_INIT;
	pid_t pa;

	begin(HOUR);
	(void)make(A);
	pa = start(A, NEW);
	UNTIL(find(W_A), 1);
	a = find(W_A);
	(void)make(B);
	words.pid = start(B, pa);
	assert_null(find(W_B));
	assert_int_equal(ns_watch_hint(watch, &words, &e, &err), 0);
	assert_int_equal(seen.attached, 2);
	assert_true(is_member_of(e, a));
	assert_string_equal(e->workload, "k8s/shop/web/side");
	assert_false(e->provisional);
	assert_string_equal(a->workload, W_A);
	/* Told again, with more. */
	words.image = "side:1";
	assert_int_equal(ns_watch_hint(watch, &words, &e, &err), 0);
	assert_string_equal(e->image, "side:1");
	run_for(0.3);
	assert_ptr_equal(find("k8s/shop/web/side"), e);
	assert_int_equal(count_endpoints(), 2);
	/* On the host's network; and who is in no container there. */
	(void)make(C);
	words = (struct ns_hint){ .pid = start(C, 0), .container_id = ID_C, .workload = "k8s/shop/agent" };
	assert_int_equal(ns_watch_hint(watch, &words, &e, &err), 0);
	assert_true(e->host_netns);
	assert_string_equal(e->workload, "k8s/shop/agent");
	words.pid = getpid();
	assert_int_equal(ns_watch_hint(watch, &words, &e, &err), -EINVAL);
	assert_int_equal(count_endpoints(), 3);
}

static const char *state_of(json_t *status, const char *source)
{
	for (size_t i = 0; i < json_array_size(status); i++) {
		const char *name = json_string_value(json_object_get(json_array_get(status, i), "source"));

		if (strcmp(name, source) == 0)
			return json_string_value(json_object_get(json_array_get(status, i), "state"));
	}
	return "not told";
}

static void test_no_hierarchy(void **state)
{
	json_t *status;
	pid_t pa;

	hide_cgroups();
	(void)snprintf(slice, sizeof slice, "%s", cgroup);
	(void)make(A);
	(void)make(B);
	pa = start(A, NEW);
	(void)start(B, pa);
	begin(HOUR);
	assert_int_equal(count_endpoints(), 1);
	assert_non_null(find(W_A));
	assert_int_equal(find(W_A)->member.cgroup, 0);
	status = ns_watch_status(watch);
	assert_string_equal(state_of(status, "cgroups"), "absent");
	json_decref(status);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, members_setup, members_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_life),  CASE(test_before),         CASE(test_host),
		CASE(test_below), CASE(test_unknown_parent), CASE(test_delegated),
		CASE(test_empty), CASE(test_hint),           CASE(test_no_hierarchy),
	};

	lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
