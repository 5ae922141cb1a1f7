/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a hook tells of a namespace, and what the processes in one may do.
 */
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/capability.h>

#include "netns.h"
#include "watch_world.h"

static struct ns_endpoint *hint(const struct ns_hint *words)
{
	struct ns_endpoint *endpoint = NULL;
	struct ns_error err = NS_ERROR_INIT;

	if (ns_watch_hint(watch, words, &endpoint, &err) < 0)
		fail_msg("%s", err.text);
	return endpoint;
}

static int refusal(const struct ns_hint *words)
{
	struct ns_endpoint *endpoint = NULL;
	struct ns_error err = NS_ERROR_INIT;
	int r = ns_watch_hint(watch, words, &endpoint, &err);

	assert_null(endpoint);
	assert_true(r == 0 || *err.text);
	return r;
}

/* A process that nobody knows is an endpoint from the moment that it is told of to its end. */
static void test_process(void **state)
{
	pid_t pid = lab_process(NULL, NULL);
	struct ns_hint words = { .pid = pid, .runtime = "crio", .container_id = ID_A, .workload = "k8s/shop/web" };
	struct ns_endpoint *e;
	char where[32];

	begin(HOUR);
	assert_int_equal(count_endpoints(), 0);
	(void)snprintf(where, sizeof where, "%d", (int)pid);
	tie("out0", where);
	lab_sh("nsenter -t %d -n ip addr add 192.0.2.1/24 dev eth0; "
	       "nsenter -t %d -n ip addr add 2001:db8::1/64 dev eth0 nodad",
	       (int)pid, (int)pid);
	e = hint(&words);
	/* All of it within the call: the namespace, who it is, its addresses, its port. */
	assert_int_equal(seen.attached, 1);
	assert_string_equal(e->workload, "k8s/shop/web");
	assert_string_equal(e->container_id, ID_A);
	assert_false(e->provisional);
	assert_int_equal(e->pid, pid);
	assert_true(has_address(e, "192.0.2.1") && has_address(e, "2001:db8::1"));
	assert_true(port_leads("out0", NS_PORT_ENDPOINT, e->cookie));
	run_for(1);
	assert_ptr_equal(find("k8s/shop/web"), e);
	assert_string_equal(e->netns_path, "");
	/* Told again: another container's words do not rename it, its own do. */
	words.container_id = &ID_A[1];
	words.workload = "k8s/shop/side";
	assert_ptr_equal(hint(&words), e);
	assert_string_equal(e->workload, "k8s/shop/web");
	words.container_id = ID_A;
	words.name = "caf\xc3\xa9";
	assert_ptr_equal(hint(&words), e);
	assert_string_equal(e->workload, "k8s/shop/side");
	assert_string_equal(e->name, "caf\xc3\xa9");
	assert_int_equal(seen.attached, 1);
	assert_int_equal(seen.identified >= 1, true);
	/* What changed in it since is read before the call returns. */
	lab_sh("nsenter -t %d -n ip addr add 192.0.2.2/24 dev eth0; "
	       "nsenter -t %d -n ip addr add 2001:db8::2/64 dev eth0 nodad",
	       (int)pid, (int)pid);
	assert_ptr_equal(hint(&words), e);
	assert_true(has_address(e, "192.0.2.2") && has_address(e, "2001:db8::2"));
	lab_kill(pid);
	UNTIL(count_endpoints() == 0, 1);
	assert_int_equal(refusal(&words), -ENOENT);
}

/* A file outside the directories keeps it for as long as the namespace is mounted there. */
static void test_file(void **state)
{
	struct ns_hint words = { .netns_path = "/run/elsewhere", .runtime = "cri", .name = "web" };
	struct ns_endpoint *e;

	begin(HOUR);
	lab_sh(": >/run/elsewhere");
	assert_int_equal(refusal(&words), -EINVAL); /* not mounted yet */
	lab_sh("unshare -n mount --bind /proc/self/ns/net /run/elsewhere");
	e = hint(&words);
	assert_string_equal(e->workload, "cri/web");
	assert_true(e->provisional);
	assert_string_equal(e->netns_path, "/run/elsewhere");
	run_for(1);
	assert_ptr_equal(find("cri/web"), e);
	lab_sh("mkdir -p /run/netns; : >/run/netns/a"); /* looks again, and a scan with nobody in it */
	run_for(0.5);
	assert_ptr_equal(find("cri/web"), e);
	lab_sh("umount /run/elsewhere");
	UNTIL(count_endpoints() == 0, 1);
	/* A name of one's own says it, whether the file was seen already or not. */
	lab_sh("ip netns add mine");
	e = hint(&(struct ns_hint){ .netns_path = "/run/../run/netns/mine" });
	assert_string_equal(e->workload, "netns/mine");
	assert_false(e->provisional);
	assert_string_equal(e->netns_path, "/run/netns/mine");
	lab_sh("ip netns del mine");
	UNTIL(count_endpoints() == 0, 1);
	/* A runtime's file is somebody's before anybody is in it, once that is told. */
	lab_sh("f=/run/netns/cni-1b4e28ba-2fa1-11d2-883f-0016d3cca427; : >$f; "
	       "unshare -n mount --bind /proc/self/ns/net $f");
	UNTIL(count_endpoints() == 1, 1);
	assert_true(ns_watch_next(watch, NULL)->provisional);
	words.netns_path = ns_watch_next(watch, NULL)->netns_path;
	words.workload = "k8s/shop/web";
	e = hint(&words);
	assert_ptr_equal(e, find("k8s/shop/web"));
	assert_false(e->provisional);
	lab_sh("f=/run/netns/netns-1b4e28ba-2fa1-11d2-883f-0016d3cca427; : >$f; "
	       "unshare -n mount --bind /proc/self/ns/net $f");
	UNTIL(count_endpoints() == 2, 1);
	assert_true(find("podman/netns-1b4e28ba-2fa1-11d2-883f-0016d3cca427")->provisional);
}

static void test_refused(void **state)
{
	static char much[512];
	pid_t pid = lab_process(NULL, NULL);
	struct ns_hint wrong[] = {
		{ .pid = 0 },
		{ .pid = getpid() },
		{ .netns_path = "/proc/self/ns/net" },
		{ .netns_path = "run/netns/a" },
		{ .netns_path = "/dev/null" },
		{ .netns_path = much },
		{ .pid = pid, .workload = "no spaces" },
		{ .pid = pid, .workload = "/a" },
		{ .pid = pid, .workload = "caf\xc3\xa9" },
		{ .pid = pid, .workload = much },
		{ .pid = pid, .name = "a\x1b[1m" },
		{ .pid = pid, .name = "a\xff" },
		{ .pid = pid, .name = "a\xc2\x9b" },
		{ .pid = pid, .image = "a\n" },
		{ .pid = pid, .image = much },
		{ .pid = pid, .runtime = "much-too-long-a-name" },
		{ .pid = pid, .runtime = "a/b" },
		{ .pid = pid, .container_id = "a b" },
		{ .pid = pid, .container_id = much },
	};

	memset(much, 'a', sizeof much - 1);
	much[0] = '/';
	begin(HOUR);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (refusal(&wrong[i]) != -EINVAL)
			fail_msg("%zu was not refused", i);
	assert_int_equal(refusal(&(struct ns_hint){ .netns_path = "/run/none" }), -ENOENT);
	assert_int_equal(count_endpoints(), 0);
	lab_kill(pid);
}

/* Takes a capability out of every set; only_bounding: out of the bounding set alone, which takes away nothing yet. */
static void drop(int cap, bool only_bounding)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	uint32_t keep = ~(UINT32_C(1) << cap % 32);

	(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (only_bounding)
		return;
	if (syscall(SYS_capget, &header, sets) < 0)
		lab_die("capget");
	sets[cap / 32].effective &= keep;
	sets[cap / 32].permitted &= keep;
	sets[cap / 32].inheritable &= keep;
	if (syscall(SYS_capset, &header, sets) < 0)
		lab_die("capset");
}

/* A process in the namespace of another one, without some capabilities: -1 for all of them. */
static pid_t guest(pid_t of, int without_a, int without_b, int flags, bool only_bounding)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		int fd = ns_netns_open_pid(of, NULL);

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fd < 0 || setns(fd, CLONE_NEWNET) < 0 || unshare(flags) < 0)
			lab_die("a guest");
		/* SETPCAP last: it is needed for the others. */
		for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
			if (cap != CAP_SETPCAP && (cap == without_a || cap == without_b || without_a < 0))
				drop(cap, only_bounding);
		if (without_a < 0)
			drop(CAP_SETPCAP, only_bounding);
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

static bool may(const struct ns_endpoint *e, bool net_admin, bool net_raw, bool privileged)
{
	return e->net_admin == net_admin && e->net_raw == net_raw && e->privileged == privileged;
}

static bool finds(const struct ns_endpoint *e, const char *start)
{
	for (size_t i = 0; i < e->n_findings; i++)
		if (strncmp(e->findings[i], start, strlen(start)) == 0)
			return true;
	return false;
}

static void test_capabilities(void **state)
{
	struct ns_endpoint *e;
	pid_t holder, pid;

	begin(100000);
	lab_sh("mkdir -p /run/netns");
	holder = lab_process(NULL, "/run/netns/a");
	UNTIL(find("netns/a"), 1);
	e = find("netns/a");
	UNTIL(may(e, true, true, true), 1);
	assert_true(finds(e, "privileged: ") && finds(e, "NET_ADMIN: ") && finds(e, "NET_RAW: "));
	pid = guest(holder, -1, -1, 0, false);
	lab_kill(holder);
	UNTIL(may(e, false, false, false), 2); /* what may do nothing is all that is left */
	assert_int_equal(e->n_findings, 0);
	holder = pid;
	pid = guest(holder, CAP_SYS_ADMIN, CAP_NET_ADMIN, 0, false); /* as in `docker exec` */
	UNTIL(may(e, false, true, false), 2);
	assert_true(finds(e, "NET_RAW: ") && e->n_findings == 1);
	lab_kill(pid);
	UNTIL(may(e, false, false, false), 2);
	pid = guest(holder, CAP_SYS_ADMIN, CAP_NET_RAW, 0, false);
	UNTIL(may(e, true, false, false), 2);
	lab_kill(pid);
	UNTIL(may(e, false, false, false), 2);
	/* Who has left the bounding set keeps what it has. */
	pid = guest(holder, CAP_SYS_ADMIN, CAP_NET_ADMIN, 0, true);
	UNTIL(may(e, true, true, true), 2);
	lab_kill(pid);
	UNTIL(may(e, false, false, false), 2);
	/* In a user namespace of its own making it has all of them, and none over this one. */
	pid = guest(holder, 64, 64, CLONE_NEWUSER, false);
	run_for(0.5);
	assert_true(may(e, false, false, false));
	lab_kill(pid);
	lab_kill(holder);
	run_for(0.5);
	assert_true(may(e, false, false, false)); /* nobody there */
	/* A container with a user namespace of its own rules over the network namespace that it made. */
	lab_sh("unshare -U -n --map-root-user --fork --kill-child sleep 1000 & echo $! >/run/pid; sleep 0.3");
	lab_sh("P=$(cat /run/pid); : >/run/netns/b; mount --bind /proc/$P/ns/net /run/netns/b");
	UNTIL(find("netns/b") && find("netns/b")->net_admin, 2);
	assert_true(may(find("netns/b"), true, true, false));
}

static void test_links_without_a_port(void **state)
{
	struct ns_endpoint *e;

	begin(HOUR);
	lab_sh("ip netns add a; ip netns add b; ip netns add c");
	UNTIL(find("netns/a") && find("netns/b") && find("netns/c"), 1);
	e = find("netns/a");
	tie("out0", "a");
	UNTIL(e->n_interfaces == 1, 1);
	run_for(0.7);
	assert_int_equal(e->n_findings, 0);
	lab_sh("ip link add link out0 name mv0 type macvlan; ip link set mv0 netns b");
	e = find("netns/b");
	UNTIL(e->n_findings == 1, 1);
	assert_string_equal(e->findings[0],
			    "no veth: its link mv0 (macvlan) has no host end, so only the inner lock holds");
	lab_sh("ip -n b link del mv0");
	UNTIL(e->n_findings == 0, 1);
	/* From one container into another: the host sees neither end. */
	lab_sh("ip -n b link add x0 type veth peer name x1 netns c");
	UNTIL(finds(e, "no port: its link x0 ") && finds(find("netns/c"), "no port: its link x1 "), 1);
	/* And a pair inside one is nobody's way out. */
	lab_sh("ip -n b link del x0; ip -n b link add y0 type veth peer name y1");
	UNTIL(e->n_interfaces == 2 && e->n_findings == 0 && find("netns/c")->n_findings == 0, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, watch_setup, watch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_process),
		CASE(test_file),
		CASE(test_refused),
		CASE(test_capabilities),
		CASE(test_links_without_a_port),
	};

	lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
