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

#include "identity.h"

#define ID_A "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define ID_B "0000000000000000000000000000000000000000000000000000000000000bbb"

/* What it has allocated is good until the next call. */
static struct ns_endpoint decide(const char *path, const char *runtime, const char *id,
				 const struct ns_container *container)
{
	static struct ns_endpoint endpoint;
	struct ns_identity_facts facts = { .netns_path = path, .pid = 42, .containers = &container };

	(void)snprintf(facts.cgroup.runtime, sizeof facts.cgroup.runtime, "%s", runtime);
	(void)snprintf(facts.cgroup.id, sizeof facts.cgroup.id, "%s", id);
	facts.n_containers = container ? 1 : 0;
	ns_identity_release(&endpoint);
	memset(&endpoint, 0, sizeof endpoint);
	(void)ns_identity_decide(&facts, &endpoint);
	return endpoint;
}

static void check(const struct ns_endpoint *endpoint, const char *workload, const char *runtime, bool provisional)
{
	assert_string_equal(endpoint->workload, workload);
	assert_string_equal(endpoint->runtime, runtime);
	assert_int_equal(endpoint->provisional, provisional);
}

static void test_without_engine(void **state)
{
	struct ns_endpoint e = decide("/run/netns/web", "", "", NULL);

	check(&e, "netns/web", "netns", false);
	e = decide("/run/docker/netns/0123456789ab", "", "", NULL);
	check(&e, "docker/0123456789ab", "docker", true);
	e = decide("/run/docker/netns/0123456789ab", "docker", ID_A, NULL);
	check(&e, "docker/a1b2c3d4e5f6", "docker", true);
	assert_string_equal(e.container_id, ID_A);
	e = decide("/run/netns/netns-1b4e28ba-2fa1-11d2-883f-0016d3cca427", "", "", NULL);
	check(&e, "podman/netns-1b4e28ba-2fa1-11d2-883f-0016d3cca427", "podman", true);
	e = decide("/run/netns/cni-1b4e28ba-2fa1-11d2-883f-0016d3cca427", "containerd", ID_A, NULL);
	check(&e, "containerd/a1b2c3d4e5f6", "containerd", true);
	e = decide("/run/netns/netns-mine", "", "", NULL);
	check(&e, "netns/netns-mine", "netns", false);
	e = decide("", "lxc", "web", NULL);
	check(&e, "lxc/web", "lxc", false);
	e = decide("", "nspawn", "n1", NULL);
	check(&e, "nspawn/n1", "nspawn", false);
	e = decide("", "nspawn", "", NULL);
	check(&e, "nspawn/pid-42", "nspawn", true);
	/* A name of one's own stays, whatever runs in the namespace. */
	e = decide("/run/netns/web", "podman", ID_A, NULL);
	check(&e, "netns/web", "netns", false);
	e = decide("/run/netns/a b\x1b[1m", "", "", NULL);
	check(&e, "netns/a_b__1m", "netns", false);
}

static void test_with_engine(void **state)
{
	struct ns_container c = {
		.id = ID_A, .runtime = "docker", .name = "shop-web-1", .image = "nginx", .net_raw = true
	};
	struct ns_endpoint e = decide("/run/docker/netns/0123456789ab", "docker", ID_A, &c);

	check(&e, "docker/shop-web-1", "docker", false);
	assert_string_equal(e.name, "shop-web-1");
	assert_string_equal(e.image, "nginx");
	assert_int_equal(e.n_findings, 1);
	assert_int_equal(strncmp(e.findings[0], "NET_RAW: ", 9), 0);
	assert_true(e.net_raw && !e.net_admin && !e.privileged);
	(void)snprintf(c.project, sizeof c.project, "sh/op");
	e = decide("", "docker", ID_A, &c);
	check(&e, "docker/shop-web-1", "docker", false);
	(void)snprintf(c.service, sizeof c.service, "web");
	e = decide("", "docker", ID_A, &c);
	check(&e, "compose/sh_op/web", "docker", false);
	(void)snprintf(c.label_workload, sizeof c.label_workload, "team/web");
	e = decide("", "docker", ID_A, &c);
	check(&e, "team/web", "docker", false);
	(void)snprintf(c.label_workload, sizeof c.label_workload, "no spaces");
	e = decide("", "docker", ID_A, &c);
	check(&e, "compose/sh_op/web", "docker", false);
	assert_int_equal(e.n_findings, 2);
	/* Names that are too long together are not cut into another one's. */
	memset(c.project, 'p', 200);
	memset(c.service, 's', 200);
	c.project[200] = c.service[200] = c.label_workload[0] = '\0';
	e = decide("", "docker", ID_A, &c);
	check(&e, "docker/shop-web-1", "docker", false);
	memset(c.name, 'n', sizeof c.name - 1);
	c.name[sizeof c.name - 1] = '\0';
	e = decide("", "docker", ID_A, &c);
	check(&e, "docker/a1b2c3d4e5f6", "docker", false);
}

static void test_workload_names(void **state)
{
	static const char *const good[] = { "a", "compose/shop/web", "team/x:1", "a.b-c_d@e+f" };
	static const char *const bad[] = { "", "/a", "a b", "a\n", "a\"b", "\xc3\xa9", "a*", "?" };
	char longest[NS_WORKLOAD_MAX + 1];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(ns_identity_is_workload(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(ns_identity_is_workload(bad[i]));
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_false(ns_identity_is_workload(longest));
	longest[sizeof longest - 2] = '\0';
	assert_true(ns_identity_is_workload(longest));
}

/* What was known for certain is not replaced by less, and several in one namespace are told. */
static void test_no_downgrade(void **state)
{
	struct ns_container a = { .id = ID_A, .runtime = "docker", .name = "web" };
	struct ns_container b = {
		.id = ID_B, .runtime = "docker", .name = "side", .privileged = true, .net_admin = true
	};
	const struct ns_container *both[] = { &a, &b };
	struct ns_identity_facts facts = { .netns_path = "/run/docker/netns/0123456789ab", .containers = both };
	struct ns_endpoint e = { 0 };

	assert_true(ns_identity_decide(&facts, &e));
	assert_true(e.provisional);
	facts.n_containers = facts.n_sharing = 2;
	facts.undivided = "no cgroup v2";
	assert_true(ns_identity_decide(&facts, &e));
	assert_false(ns_identity_decide(&facts, &e));
	check(&e, "docker/web", "docker", false);
	assert_int_equal(e.n_findings, 3);
	assert_int_equal(strncmp(e.findings[0], "privileged: ", 12), 0);
	assert_int_equal(strncmp(e.findings[1], "NET_ADMIN: ", 11), 0);
	assert_string_equal(e.findings[2], "shared by 2 containers, one policy: no cgroup v2");
	assert_true(e.privileged && e.net_admin && !e.net_raw);
	/* The engine forgets them: the name stays, and what it told of their rights does not. */
	facts.n_containers = facts.n_sharing = 0;
	facts.undivided = NULL;
	assert_true(ns_identity_decide(&facts, &e));
	assert_int_equal(e.n_findings, 0);
	assert_false(e.privileged || e.net_admin);
	facts.netns_path = "";
	assert_false(ns_identity_decide(&facts, &e));
	check(&e, "docker/web", "docker", false);
	/* What its processes may do is told of whoever it is. */
	facts.caps = (struct ns_caps){ .net_admin = true, .net_raw = true };
	assert_true(ns_identity_decide(&facts, &e));
	assert_false(ns_identity_decide(&facts, &e));
	assert_true(e.net_admin && e.net_raw && !e.privileged);
	check(&e, "docker/web", "docker", false);
	ns_identity_release(&e);
}

/* conmon tells the name before the engine does, and never the labels. */
static void test_conmon(void **state)
{
	static const char file[] = "/run/netns/netns-1b4e28ba-2fa1-11d2-883f-0016d3cca427";
	struct ns_container c = { .id = ID_A, .runtime = "podman", .name = "web" }, other = c;
	const struct ns_container *container = &c;
	struct ns_identity_facts facts = { .netns_path = file,
					   .pid = 42,
					   .cgroup = { .runtime = "podman", .id = ID_A },
					   .containers = &container,
					   .conmon = { .id = ID_A, .name = "web" } };
	struct ns_endpoint e = { 0 };

	assert_true(ns_identity_decide(&facts, &e));
	assert_false(ns_identity_decide(&facts, &e));
	check(&e, "podman/web", "podman", true);
	assert_true(e.name_only);
	assert_string_equal(e.container_id, ID_A);
	/* The engine says the same: it is certain now, and that is news. */
	facts.n_containers = 1;
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "podman/web", "podman", false);
	assert_false(e.name_only);
	facts.n_containers = 0;
	assert_false(ns_identity_decide(&facts, &e));
	/* An annotation is better than the name, and a label better than both. */
	(void)snprintf(facts.conmon.workload, sizeof facts.conmon.workload, "team/web");
	e = (struct ns_endpoint){ 0 };
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "team/web", "podman", true);
	facts.n_containers = 1;
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "team/web", "podman", false);
	(void)snprintf(c.label_workload, sizeof c.label_workload, "team/other");
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "team/other", "podman", false);
	/* Until conmon is found there may be an annotation; a label is better than that. */
	e = (struct ns_endpoint){ 0 };
	facts.conmon_awaited = true;
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "team/other", "podman", false);
	c.label_workload[0] = facts.conmon.name[0] = facts.conmon.workload[0] = '\0';
	e = (struct ns_endpoint){ 0 };
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "podman/web", "podman", true);
	assert_false(e.name_only);
	facts.conmon_awaited = false;
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "podman/web", "podman", false);
	facts.conmon = (struct ns_conmon_words){ .id = ID_A, .name = "web", .workload = "team/web" };
	/* It is the annotation of that container alone. */
	(void)snprintf(other.id, sizeof other.id, "%s", ID_B);
	container = &other;
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "podman/web", "podman", false);
	/* A namespace that the container made itself has the same conmon above it, and is not the container's. */
	facts.n_containers = 0;
	facts.netns_path = "";
	e = (struct ns_endpoint){ 0 };
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "podman/a1b2c3d4e5f6", "podman", true);
	assert_false(e.name_only);
	/* Who named a file of one's own is not asked twice. */
	facts.netns_path = "/run/netns/mine";
	e = (struct ns_endpoint){ 0 };
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "netns/mine", "netns", false);
	assert_false(e.name_only);
}

static struct ns_endpoint hinted(const char *path, const char *cgroup_runtime, const struct ns_hint_words *hint)
{
	struct ns_endpoint endpoint = { 0 };
	struct ns_identity_facts facts = { .netns_path = path, .pid = 42, .hint = hint };

	(void)snprintf(facts.cgroup.runtime, sizeof facts.cgroup.runtime, "%s", cgroup_runtime);
	(void)snprintf(facts.cgroup.id, sizeof facts.cgroup.id, "%s", *cgroup_runtime ? ID_A : "");
	(void)ns_identity_decide(&facts, &endpoint);
	return endpoint;
}

/* Over what the cgroup and the path make one guess, under what an engine says. */
static void test_hints(void **state)
{
	static const char cni[] = "/run/netns/cni-1b4e28ba-2fa1-11d2-883f-0016d3cca427";
	struct ns_hint_words whole = { .runtime = "containerd",
				       .container_id = ID_B,
				       .name = "api",
				       .image = "api:1",
				       .workload = "k8s/prod/deploy/api" };
	struct ns_hint_words id = { .runtime = "cri", .container_id = ID_B };
	struct ns_hint_words name = { .runtime = "cri", .name = "a/p i" }, none = { 0 };
	struct ns_container c = { .id = ID_A, .runtime = "docker", .name = "web" };
	const struct ns_container *container = &c;
	struct ns_identity_facts facts = { .netns_path = "", .hint = &whole, .containers = &container };
	struct ns_endpoint e = hinted(cni, "", &whole);

	check(&e, "k8s/prod/deploy/api", "containerd", false);
	assert_string_equal(e.container_id, ID_B);
	assert_string_equal(e.image, "api:1");
	e = hinted(cni, "podman", &whole);
	check(&e, "k8s/prod/deploy/api", "containerd", false);
	e = hinted("", "", &whole);
	check(&e, "k8s/prod/deploy/api", "containerd", false);
	e = hinted("/run/netns/mine", "", &whole);
	check(&e, "k8s/prod/deploy/api", "containerd", false);
	e = hinted(cni, "", &id);
	check(&e, "cri/000000000000", "cri", true);
	e = hinted("", "podman", &name);
	check(&e, "cri/a_p_i", "cri", true);
	e = hinted("", "", &none);
	check(&e, "netns/pid-42", "netns", true);
	/* What is certain without it stays certain. */
	e = hinted("/run/netns/mine", "", &name);
	check(&e, "netns/mine", "cri", false);
	assert_string_equal(e.name, "a/p i");
	facts.n_containers = 1;
	memset(&e, 0, sizeof e);
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "k8s/prod/deploy/api", "docker", false);
	/* A label names it as plainly; words that name no workload give way to the engine. */
	(void)strcpy(c.label_workload, "shop/web");
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "shop/web", "docker", false);
	c.label_workload[0] = '\0';
	facts.hint = &name;
	assert_true(ns_identity_decide(&facts, &e));
	check(&e, "docker/web", "docker", false);
}

/* Every line fits whole. */
static void test_findings_fit(void **state)
{
	struct ns_bare_link bare = { .name = "123456789012345", .kind = "veth" };
	struct ns_identity_facts facts = {
		.netns_path = "/run/netns/a", .bare = bare, .caps = { true, true, true }, .truncated = true
	};
	struct ns_endpoint e = { 0 };

	assert_true(ns_identity_decide(&facts, &e));
	assert_int_equal(e.n_findings, 5);
	for (size_t i = 0; i < e.n_findings; i++)
		assert_true(strlen(e.findings[i]) < sizeof e.findings[i] - 1);
	assert_int_equal(strncmp(e.findings[3], "no port: its link 123456789012345 ", 34), 0);
	(void)snprintf(facts.bare.kind, sizeof facts.bare.kind, "123456789012345");
	assert_true(ns_identity_decide(&facts, &e));
	assert_string_equal(e.findings[3], "no veth: its link 123456789012345 (123456789012345) has no host end, so "
					   "only the inner lock holds");
	ns_identity_release(&e);
}

static void test_bare_links(void **state)
{
	static const struct {
		const char *kind;
		bool outside, bare;
	} links[] = {
		{ "veth", true, false },    { "netkit", true, false }, { "", false, true },
		{ "tun", false, true },     { "macvlan", true, true }, { "ipvlan", true, true },
		{ "bridge", false, false }, { "gre", false, false },   { "gre", true, true },
		{ "dummy", false, false },  { "vlan", false, false },
	};

	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		struct ns_interface interface = { .peer_outside = links[i].outside };

		(void)snprintf(interface.kind, sizeof interface.kind, "%s", links[i].kind);
		assert_int_equal(ns_findings_is_bare(&interface), links[i].bare);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_engine), cmocka_unit_test(test_with_engine),
		cmocka_unit_test(test_workload_names), cmocka_unit_test(test_no_downgrade),
		cmocka_unit_test(test_hints),          cmocka_unit_test(test_findings_fit),
		cmocka_unit_test(test_bare_links),     cmocka_unit_test(test_conmon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
