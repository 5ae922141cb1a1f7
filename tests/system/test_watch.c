/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The watcher against real namespaces, processes, cgroups and addresses: what it finds, and when it lets go.
 */
#include <net/if.h>

#include "netns.h"
#include "watch_world.h"

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
	/* First those on lo: once the others are there, they have been seen, and do not count. */
	lab_sh("ip -n a addr add 198.51.100.9/32 dev lo; ip -n a addr add 2001:db8:9::9/128 dev lo; "
	       "ip -n a addr add 192.0.2.7/24 dev eth0; ip -n a addr add 2001:db8::7/64 dev eth0 nodad");
	UNTIL(has_address(e, "192.0.2.7") && has_address(e, "2001:db8::7"), 1);
	assert_false(has_address(e, "198.51.100.9"));
	assert_false(has_address(e, "2001:db8:9::9"));
	assert_int_equal(e->n_addresses, 2);
	/* The same address on a link is the container's, on lo or not. */
	lab_sh("ip -n a addr add 198.51.100.9/32 dev eth0; ip -n a addr add 2001:db8:9::9/128 dev eth0 nodad");
	UNTIL(has_address(e, "198.51.100.9") && has_address(e, "2001:db8:9::9"), 1);
	lab_sh("ip -n a addr del 198.51.100.9/32 dev eth0; ip -n a addr del 2001:db8:9::9/128 dev eth0");
	UNTIL(e->n_addresses == 2, 1);
	UNTIL(e->n_interfaces == 1, 1);
	assert_string_equal(e->interfaces[0].name, "eth0");
	assert_int_equal(e->interfaces[0].peer_index, (int)if_nametoindex("out0"));
	lab_sh("ip -n a addr del 192.0.2.7/24 dev eth0; ip -n a addr del 2001:db8::7/64 dev eth0; ip -n a link set "
	       "eth0 name inner0");
	UNTIL(!has_address(e, "192.0.2.7") && !has_address(e, "2001:db8::7"), 1);
	UNTIL(e->n_interfaces == 1 && strcmp(e->interfaces[0].name, "inner0") == 0, 1);
	/* The agent's own: of these, those on lo count. */
	lab_sh("ip addr add 203.0.113.1/24 dev out0; ip addr add 2001:db8:1::1/64 dev out0 nodad");
	UNTIL(ns_watch_host_addresses(watch, host, 8) == 2 && seen.host > 0, 1);
	lab_sh("ip addr add 203.0.113.2/32 dev lo; ip addr add 2001:db8:1::2/128 dev lo");
	UNTIL(ns_watch_host_addresses(watch, host, 8) == 4, 1);
	assert_int_equal(ns_watch_host_addresses(watch, host, 1), 1);
	/* More than can be kept is said. */
	lab_sh("for i in $(seq 80); do ip -n a addr add 10.0.0.$i/32 dev inner0; done");
	UNTIL(e->n_addresses == NS_ENDPOINT_ADDRESSES_MAX && e->n_findings == 1, 2);
	lab_sh("ip -n a addr flush dev inner0");
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

	/* Where there is no unified hierarchy only a process tells of a container. */
	lab_cgroup_make(cgroup, CGROUP);
	hide_cgroups();
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
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, watch_setup, watch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_what_was_there), CASE(test_made_later), CASE(test_addresses),
		CASE(test_life),           CASE(test_cgroups),
	};

	lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
