/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cgroup.h"

#define ID_A "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define ID_B "0000000000000000000000000000000000000000000000000000000000000bbb"

struct row {
	const char *text, *runtime, *id; /* runtime NULL: nobody's */
};

static const struct row rows[] = {
	/* cgroup v2 */
	{ "0::/system.slice/docker-" ID_A ".scope\n", "docker", ID_A },
	{ "0::/docker/" ID_A "\n", "docker", ID_A },
	{ "0::/docker/" ID_A "/inner/part\n", "docker", ID_A },
	{ "0::/machine.slice/libpod-" ID_A ".scope/container\n", "podman", ID_A },
	{ "0::/libpod_parent/libpod-" ID_A "\n", "podman", ID_A },
	{ "0::/libpod_parent/" ID_B "/libpod-" ID_A "\n", "podman", ID_A },
	{ "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1.slice/cri-containerd-" ID_A ".scope\n",
	  "containerd", ID_A },
	{ "0::/kubepods.slice/kubepods-pod1.slice/crio-" ID_A ".scope\n", "crio", ID_A },
	{ "0::/kubepods/besteffort/pod12/" ID_A "\n", "containerd", ID_A },
	{ "0::/k8s.io/" ID_A "\n", "containerd", ID_A },
	{ "0::/lxc.payload.web\n", "lxc", "web" },
	{ "0::/lxc.payload.web/init.scope\n", "lxc", "web" },
	{ "0::/lxc/web\n", "lxc", "web" },
	{ "0::/payload/init.scope\n", "nspawn", "" },
	{ "0::/machine.slice/machine-n1.scope/payload\n", "nspawn", "n1" },
	{ "0::/machine.slice/machine-a\\x2db.scope/payload/init.scope\n", "nspawn", "a-b" },
	{ "0::/machine.slice/systemd-nspawn@n2.service/payload\n", "nspawn", "n2" },
	/* cgroup v1 and hybrid: the unified line says nothing, or the memory line has a prefix */
	{ "9:name=systemd:/docker/" ID_A "\n4:memory:/docker/" ID_A "\n0::/\n", "docker", ID_A },
	{ "4:memory:/box/1/lxc.payload.c1\n1:cpu,cpuacct:/lxc.payload.c1\n", "lxc", "c1" },
	{ "8:pids:/\n0::/docker/" ID_A, "docker", ID_A }, /* no newline at the end */
	/* The outermost name wins: what is below is the container's own doing. */
	{ "0::/docker/" ID_A "/docker/" ID_B "\n", "docker", ID_A },
	{ "0::/docker/" ID_A "/system.slice/docker-" ID_B ".scope\n", "docker", ID_A },
	{ "0::/lxc.payload.c1/docker/" ID_B "\n", "lxc", "c1" },
	{ "0::/docker/" ID_A "/user.slice/libpod-" ID_B ".scope\n", "docker", ID_A },
	/* Below a parent that nobody knows: an id for the engines, unless something better is found. */
	{ "0::/weird/" ID_A "\n", "", ID_A },
	{ "0::/" ID_A "\n", "", ID_A },
	{ "0::/job/" ID_B "/docker/" ID_A "\n", "docker", ID_A },
	{ "0::/job/" ID_B "\n4:memory:/docker/" ID_A "\n", "docker", ID_A },
	/* Nobody's. */
	{ "0::/\n", NULL, NULL },
	{ "", NULL, NULL },
	{ "\n\n", NULL, NULL },
	{ "0\n", NULL, NULL },
	{ "0:\n", NULL, NULL },
	{ "0::\n", NULL, NULL },
	{ "0::/user.slice/user-0.slice/session-1.scope\n", NULL, NULL },
	{ "0::/buildkit/abc\n", NULL, NULL },
	{ "0::/docker\n", NULL, NULL },
	{ "0::/docker/buildkit/abc\n", NULL, NULL },
	{ "0::/docker/" ID_A "0\n", NULL, NULL },
	{ "0::/docker/A1B2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90\n", NULL, NULL },
	{ "0::/system.slice/docker-123.scope\n", NULL, NULL },
	{ "0::/machine.slice/libpod-conmon-" ID_A ".scope\n", NULL, NULL },
	{ "0::/kubepods.slice/crio-conmon-" ID_A ".scope\n", NULL, NULL },
	{ "0::/lxc.monitor.web\n", NULL, NULL },
	{ "0::/lxc.payload.\n", NULL, NULL },
	{ "0::/lxc.payload.we\x1b[2Jb\n", NULL, NULL },
	{ "4:memory:/payload\n", NULL, NULL }, /* only systemd's hierarchies tell of nspawn */
};

#define USER "user.slice/user-1000.slice/user@1000.service/"

/* Below user.slice: the user's own cgroups, whatever he calls them. */
static const struct {
	const char *text, *runtime, *id, *pod;
	uid_t uid;
} users[] = {
	{ "0::/" USER "user.slice/libpod-" ID_A ".scope/container\n", "podman", ID_A, "", 1000 },
	{ "0::/" USER "user.slice/user-libpod_pod_" ID_B ".slice/libpod-" ID_A ".scope\n", "podman", ID_A, ID_B, 1000 },
	{ "0::/" USER "docker/" ID_A "\n", "docker", ID_A, "", 1000 },
	{ "0::/" USER "app.slice/docker-" ID_A ".scope\n", "docker", ID_A, "", 1000 },
	{ "0::/" USER "lxc.payload.web\n", "lxc", "web", "", 1000 },
	{ "0::/" USER "machine-n1.scope/payload\n", "nspawn", "n1", "", 1000 },
	{ "1:name=systemd:/" USER "docker-" ID_A ".scope\n", "docker", ID_A, "", 1000 },
	{ "0::/user.slice/user-0.slice/session-1.scope/libpod-" ID_A "\n", "podman", ID_A, "", 0 },
	{ "0::/" USER "docker-" ID_A ".scope/" ID_B "\n", "docker", ID_A, "", 1000 },
	/* Podman without a service manager to ask. */
	{ "0::/" USER ID_A "\n", "podman", ID_A, "", 1000 },
	{ "9:name=systemd:/" USER "app.slice/" ID_A "\n8:pids:/\n0::/\n", "podman", ID_A, "", 1000 },
	/* Another user's name below one's own, and one's own system. */
	{ "0::/" USER "user.slice/user-1001.slice/libpod-" ID_A ".scope\n", "podman", ID_A, "", 1000 },
	{ "0::/" USER "system.slice/docker-" ID_A ".scope\n", "docker", ID_A, "", 1000 },
	{ "0::/user.slice/user-4294967294.slice/docker/" ID_A "\n", "docker", ID_A, "", 4294967294 },
};

static const char *const nobodys[] = {
	"0::/user.slice/docker/" ID_A "\n",
	"0::/user.slice/user-.slice/docker/" ID_A "\n",
	"0::/user.slice/user-1x.slice/docker/" ID_A "\n",
	"0::/user.slice/user--1.slice/docker/" ID_A "\n",
	"0::/user.slice/user-4294967295.slice/docker/" ID_A "\n",
	"0::/user.slice/user-99999999999.slice/docker/" ID_A "\n",
	"0::/user.slice",
	"0::/user.slice/user-1000.slice",
};

static void test_users(void **state)
{
	for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
		struct ns_cgroup_identity found = { .runtime = "untouched" };

		if (!ns_cgroup_identify(users[i].text, strlen(users[i].text), NULL, &found))
			fail_msg("%s: nobody's", users[i].text);
		assert_string_equal(found.runtime, users[i].runtime);
		assert_string_equal(found.id, users[i].id);
		assert_string_equal(found.pod, users[i].pod);
		assert_true(found.rootless);
		assert_int_equal(found.uid, users[i].uid);
	}
	for (size_t i = 0; i < sizeof nobodys / sizeof *nobodys; i++) {
		struct ns_cgroup_identity found = { .runtime = "untouched" };

		if (ns_cgroup_identify(nobodys[i], strlen(nobodys[i]), NULL, &found))
			fail_msg("%s: %s %s", nobodys[i], found.runtime, found.id);
	}
}

/* Podman's pods, above the container; what a container makes below it is none. */
static void test_pods(void **state)
{
	static const struct {
		const char *text, *pod;
	} cases[] = {
		{ "0::/libpod_parent/" ID_B "/libpod-" ID_A "\n", ID_B },
		{ "0::/machine.slice/machine-libpod_pod_" ID_B ".slice/libpod-" ID_A ".scope/container\n", ID_B },
		{ "0::/libpod_parent/libpod-" ID_A "\n", "" },
		{ "0::/machine.slice/libpod-" ID_A ".scope/" ID_B "/libpod-" ID_B "\n", "" },
		{ "0::/machine.slice/machine-libpod_pod_x.slice/libpod-" ID_A ".scope\n", "" },
		{ "0::/" ID_B "/docker-" ID_A ".scope\n", "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ns_cgroup_identity found;

		assert_true(ns_cgroup_identify(cases[i].text, strlen(cases[i].text), NULL, &found));
		assert_string_equal(found.id, ID_A);
		assert_string_equal(found.pod, cases[i].pod);
		assert_false(found.rootless);
	}
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ns_cgroup_identity found = { .runtime = "untouched", .id = "untouched" };
		const char *runtime = rows[i].runtime ? rows[i].runtime : "untouched";
		const char *id = rows[i].runtime ? rows[i].id : "untouched";
		bool is = ns_cgroup_identify(rows[i].text, strlen(rows[i].text), NULL, &found);

		if (is != (rows[i].runtime != NULL))
			fail_msg("%s: found %d", rows[i].text, is);
		if (strcmp(found.runtime, runtime) != 0 || strcmp(found.id, id) != 0)
			fail_msg("%s: %s %s", rows[i].text, found.runtime, found.id);
	}
}

/* An agent that itself runs in a container sees its own name above everything. */
static void test_own(void **state)
{
	static const struct ns_cgroup_identity own = { .runtime = "docker", .id = ID_A };
	static const char same[] = "0::/docker/" ID_A "/x\n", inner[] = "0::/docker/" ID_A "/docker/" ID_B "\n";
	struct ns_cgroup_identity found;

	assert_false(ns_cgroup_identify(same, sizeof same - 1, &own, &found));
	assert_true(ns_cgroup_identify(inner, sizeof inner - 1, &own, &found));
	assert_string_equal(found.id, ID_B);
}

static void test_long_names(void **state)
{
	char text[1024];
	struct ns_cgroup_identity found;
	int n = snprintf(text, sizeof text, "0::/lxc.payload.%0*d\n", NS_CONTAINER_ID_MAX - 1, 7);

	assert_true(ns_cgroup_identify(text, (size_t)n, NULL, &found));
	assert_int_equal(strlen(found.id), NS_CONTAINER_ID_MAX - 1);
	n = snprintf(text, sizeof text, "0::/lxc.payload.%0*d\n", NS_CONTAINER_ID_MAX, 7);
	assert_false(ns_cgroup_identify(text, (size_t)n, NULL, &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_users),      cmocka_unit_test(test_pods),
		cmocka_unit_test(test_own),  cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
