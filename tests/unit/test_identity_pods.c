/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who is who where several live: pods, members of a namespace, and what users start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "docker_pods.h"
#include "identity.h"

#define ID_A "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
#define ID_B "0000000000000000000000000000000000000000000000000000000000000bbb"
#define POD  "6b7ceb3ebf4cb97a0a6ac88a91157716c29804b65f4aefdea3493e517c2a6d7f"
#define CNI  "/run/netns/cni-1b4e28ba-2fa1-11d2-883f-0016d3cca427"
#define PM   "/run/netns/netns-1b4e28ba-2fa1-11d2-883f-0016d3cca427"

static void expect(const struct ns_identity_facts *facts, const char *workload, const char *why, bool provisional)
{
	struct ns_endpoint e = { 0 };

	(void)ns_identity_decide(facts, &e);
	if (strcmp(e.workload, workload) != 0)
		fail_msg("%s instead of %s (%s)", e.workload, workload, e.named_by);
	if (!strstr(e.named_by, why))
		fail_msg("%s: '%s' is not in '%s'", workload, why, e.named_by);
	if (e.provisional != provisional)
		fail_msg("%s: provisional is %d", workload, e.provisional);
	ns_identity_release(&e);
}

static struct ns_cgroup_identity in_cgroup(const char *runtime, const char *id)
{
	struct ns_cgroup_identity found = { .runtime = "" };

	(void)snprintf(found.runtime, sizeof found.runtime, "%s", runtime);
	(void)snprintf(found.id, sizeof found.id, "%s", id);
	return found;
}

/* ---- pods of Kubernetes ---- */

static void a_pod_and_its_containers(void **state)
{
	struct ns_container pause = { .id = ID_B,
				      .runtime = "containerd",
				      .pod_namespace = "shop",
				      .pod = "web-5d4f8c7b9-x2x4z",
				      .sandbox = true,
				      .sandbox_id = ID_B,
				      .image = "pause:1",
				      .bundle = "/run/b/config.json" };
	struct ns_container app = pause;
	const struct ns_container *one = &pause;
	struct ns_identity_facts facts = { .netns_path = CNI,
					   .pid = 42,
					   .containers = &one,
					   .n_containers = 1,
					   .cgroup = in_cgroup("containerd", ID_B) };
	struct ns_endpoint e = { 0 };

	(void)snprintf(app.id, sizeof app.id, "%s", ID_A);
	(void)snprintf(app.container, sizeof app.container, "app");
	(void)snprintf(app.image, sizeof app.image, "shop/web:1");
	app.sandbox = false;
	expect(&facts, "k8s/shop/web", "k8s: pod shop/web-5d4f8c7b9-x2x4z in /run/b/config.json", false);
	/* Of a runtime that keeps no process for the pod itself, one of the containers tells which it is. */
	one = &app;
	facts.cgroup = in_cgroup("containerd", ID_A);
	expect(&facts, "k8s/shop/web", "k8s: ", false);
	(void)ns_identity_decide(&facts, &e);
	assert_string_equal(e.container_id, ID_B);
	assert_string_equal(e.name, "web-5d4f8c7b9-x2x4z");
	assert_string_equal(e.image, "");
	facts.member = true;
	expect(&facts, "k8s/shop/web/app", "k8s: ", false);
	e = (struct ns_endpoint){ 0 };
	(void)ns_identity_decide(&facts, &e);
	assert_string_equal(e.container_id, ID_A);
	assert_string_equal(e.name, "app");
	assert_string_equal(e.image, "shop/web:1");
	/* A hook that tells of a member can name it, but not put it into another pod. */
	facts.hint = &(struct ns_hint_words){ .pod_namespace = "x", .pod = "y" };
	expect(&facts, "k8s/shop/web/app", "k8s: ", false);
	facts.hint = &(struct ns_hint_words){ .workload = "team/pod", .pod_namespace = "x", .pod = "y" };
	expect(&facts, "team/pod", "label: ", false);
	facts.member = false;
	one = &pause;
	expect(&facts, "team/pod", "label: ", false);
}

/* Hook and plugin tell the pod alone: its name is the one that the bundle's would be, by the same rules. */
static void a_pod_by_hint(void **state)
{
	struct ns_hint_words hint = { .container_id = ID_B, .name = "db-0", .pod_namespace = "shop", .pod = "db-0" };
	struct ns_container bare = { .id = ID_B, .runtime = "docker", .name = "k8s_POD_db-0" };
	const struct ns_container *one = &bare;
	struct ns_naming naming = NS_NAMING_DEFAULT;
	struct ns_identity_facts facts = {
		.netns_path = CNI, .pid = 42, .hint = &hint, .naming = &naming, .containers = &one
	};
	struct ns_endpoint e = { 0 };

	expect(&facts, "k8s/shop/db-N", "k8s: pod shop/db-0 in what a hook or plugin told; owner: the ordinal is N",
	       false);
	(void)ns_identity_decide(&facts, &e);
	assert_string_equal(e.runtime, "containerd"); /* by its file */
	assert_string_equal(e.container_id, ID_B);
	(void)snprintf(naming.owner, sizeof naming.owner, "pod");
	expect(&facts, "k8s/shop/db-0", "the pod's whole name", false);
	/* An engine that knows of no pods does not take it out of its pod. */
	facts.n_containers = 1;
	expect(&facts, "k8s/shop/db-0", "k8s: ", false);
	/* An annotation counts where labels do. */
	(void)snprintf(hint.workload, sizeof hint.workload, "team/db");
	expect(&facts, "team/db", "label: ", false);
	naming.rules[0] = NS_NAME_K8S;
	naming.n_rules = 1;
	expect(&facts, "k8s/shop/db-0", "k8s: ", false);
	facts.n_containers = 0;
	expect(&facts, "k8s/shop/db-0", "k8s: ", false);
	/* A pod of which only half is told is none. */
	hint = (struct ns_hint_words){ .runtime = "cri", .name = "db-0", .pod = "db-0" };
	expect(&facts, "cri/db-0", "name: ", true);
}

/* ---- pods of Podman ---- */

static void pods_of_podman(void **state)
{
	struct ns_container infra = { .id = ID_B,
				      .runtime = "podman",
				      .name = "6b7ceb3ebf4c-infra",
				      .pod_id = POD,
				      .pod = "shop",
				      .sandbox = true };
	struct ns_container web = { .id = ID_A, .runtime = "podman", .name = "web", .pod_id = POD, .pod = "shop" };
	const struct ns_container *one = &infra;
	struct ns_identity_facts facts = {
		.netns_path = PM, .pid = 42, .containers = &one, .n_containers = 1, .cgroup = in_cgroup("podman", ID_B)
	};

	(void)snprintf(facts.cgroup.pod, sizeof facts.cgroup.pod, "%s", POD);
	expect(&facts, "podman/shop", "pod: pod shop, whose namespace it holds", false);
	one = &web;
	facts.cgroup = in_cgroup("podman", ID_A);
	facts.member = true;
	expect(&facts, "podman/shop/web", "pod: pod shop", false);
	/* Until somebody tells the pod's name nothing that lasts is known. */
	web.pod[0] = '\0';
	expect(&facts, "podman/web", "name: ", true);
	facts.pod = "shop";
	expect(&facts, "podman/web", "name: ", true); /* the cgroup tells of no pod, the engine of one it cannot name */
	web.pod_id[0] = '\0';
	(void)snprintf(facts.cgroup.pod, sizeof facts.cgroup.pod, "%s", POD);
	expect(&facts, "podman/shop/web", "pod: ", false);
	facts.pod = NULL;
	expect(&facts, "podman/web", "name: ", true);
	/* A label is known without the pod. */
	(void)snprintf(web.label_workload, sizeof web.label_workload, "team/web");
	expect(&facts, "team/web", "label: ", false);
}

/* While it starts only conmon tells of it. */
static void pods_of_podman_by_conmon(void **state)
{
	struct ns_identity_facts facts = { .netns_path = PM,
					   .pid = 42,
					   .cgroup = in_cgroup("podman", ID_A),
					   .pod = "shop",
					   .conmon = { .id = ID_A, .name = "6b7ceb3ebf4c-infra" } };

	(void)snprintf(facts.cgroup.pod, sizeof facts.cgroup.pod, "%s", POD);
	expect(&facts, "podman/shop", "the command line of its conmon", true);
	facts.netns_path = "";
	facts.member = true;
	(void)snprintf(facts.conmon.name, sizeof facts.conmon.name, "web");
	expect(&facts, "podman/shop/web", "pod: pod shop", true);
	/* In a namespace that the container made: the same ancestors, and no file. */
	facts.member = false;
	expect(&facts, "podman/a1b2c3d4e5f6", "id: the cgroup of process 42", true);
}

#define LIST(id, name) "[{\"Id\":\"" id "\",\"Name\":\"" name "\",\"InfraId\":\"" ID_B "\"}]"

static int parse_pods(struct ns_docker_pods *pods, const char *text)
{
	struct ns_error err = NS_ERROR_INIT;

	return ns_docker_pods_parse(pods, text, strlen(text), &err);
}

static void podmans_list(void **state)
{
	static const char *const bad[] = {
		"{}", "[{}]", "[1]", LIST("x", "shop"), LIST(POD, ""), LIST(POD, "a/b"), LIST(POD, "a b"), "["
	};
	struct ns_docker_pods pods = { 0 };
	struct ns_container c = { .id = ID_A, .runtime = "podman", .name = "web" };

	assert_int_equal(parse_pods(&pods, LIST(POD, "shop")), 0);
	/* An answer that is none changes nothing. */
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_true(parse_pods(&pods, bad[i]) < 0);
	assert_int_equal(pods.n, 1);
	assert_false(ns_docker_pods_apply(&pods, &c));
	memcpy(c.pod_id, ID_A, sizeof ID_A);
	assert_false(ns_docker_pods_apply(&pods, &c));
	memcpy(c.pod_id, POD, sizeof POD);
	assert_true(ns_docker_pods_apply(&pods, &c));
	assert_string_equal(c.pod, "shop");
	assert_false(c.sandbox);
	memcpy(c.id, ID_B, sizeof ID_B);
	assert_true(ns_docker_pods_apply(&pods, &c));
	assert_true(c.sandbox);
	assert_int_equal(parse_pods(&pods, "null"), 0);
	assert_int_equal(pods.n, 0);
	ns_docker_pods_release(&pods);
}

static struct ns_container inspected(const char *labels, const char *host)
{
	struct ns_container found;
	struct ns_error err = NS_ERROR_INIT;
	char text[1024];

	(void)snprintf(text, sizeof text,
		       "{\"Id\":\"" ID_A "\",\"Name\":\"/web\",\"Config\":{\"Labels\":{%s}},\"HostConfig\":{%s},"
		       "\"State\":{}}",
		       labels, host);
	if (ns_docker_parse_container(text, strlen(text), false, &found, &err) < 0)
		fail_msg("%s", err.text);
	return found;
}

/* What an inspection tells of pods: of Podman's by the cgroup, of Kubernetes' over Docker by labels. */
static void pods_by_inspection(void **state)
{
	struct ns_container c;

	assert_string_equal(inspected("", "\"CgroupParent\":\"/libpod_parent/" POD "\"").pod_id, POD);
	assert_string_equal(inspected("", "\"CgroupParent\":\"machine.slice/machine-libpod_pod_" POD ".slice\"").pod_id,
			    POD);
	assert_string_equal(inspected("", "\"CgroupParent\":\"/libpod_parent\"").pod_id, "");
	assert_string_equal(inspected("", "\"CgroupParent\":\"/" POD "\"").pod_id, "");
	assert_string_equal(inspected("", "\"CgroupParent\":\"/libpod_parent/" POD "0\"").pod_id, "");
	c = inspected("\"io.kubernetes.docker.type\":\"container\",\"io.kubernetes.pod.namespace\":\"shop\","
		      "\"io.kubernetes.pod.name\":\"db-0\",\"io.kubernetes.container.name\":\"app\"",
		      "");
	assert_string_equal(c.pod_namespace, "shop");
	assert_string_equal(c.owner, "db-N");
	assert_string_equal(c.container, "app");
	assert_false(c.sandbox);
	assert_true(inspected("\"io.kubernetes.docker.type\":\"podsandbox\",\"io.kubernetes.pod.namespace\":\"shop\","
			      "\"io.kubernetes.pod.name\":\"db-0\"",
			      "")
			    .sandbox);
	assert_string_equal(
		inspected("\"io.kubernetes.pod.namespace\":\"shop\",\"io.kubernetes.pod.name\":\"x\"", "").pod, "");
}

/* ---- what users start ---- */

static struct ns_identity_facts users(const char *runtime, const char *id)
{
	struct ns_identity_facts facts = { .netns_path = "", .pid = 42, .cgroup = in_cgroup(runtime, id) };

	facts.cgroup.rootless = true;
	facts.cgroup.uid = 1000;
	return facts;
}

static void users_names(void **state)
{
	struct ns_identity_facts facts = users("podman", ID_A);
	struct ns_endpoint e = { 0 };

	expect(&facts, "user/1000/podman/a1b2c3d4e5f6", "rootless: below user.slice of user 1000", true);
	facts.conmon = (struct ns_conmon_words){ .id = ID_A, .name = "web" };
	expect(&facts, "user/1000/podman/web", "the command line of its conmon", false);
	(void)ns_identity_decide(&facts, &e);
	assert_int_equal(e.n_findings, 1);
	assert_int_equal(strncmp(e.findings[0], "rootless: made by user 1000, ", 29), 0);
	assert_false(e.name_only);
	ns_identity_release(&e);
	facts = users("lxc", "web");
	expect(&facts, "user/1000/lxc/web", "rootless", false);
	facts = users("nspawn", "");
	expect(&facts, "user/1000/nspawn/pid-42", "rootless", true);
}

/* However a user calls his cgroups and containers, whatever he annotates, and whoever is asked of the id. */
static void users_forgeries(void **state)
{
	struct ns_container root = { .id = ID_A, .runtime = "docker", .name = "db", .label_workload = "team/db" };
	const struct ns_container *one = &root;
	struct ns_identity_facts facts = users("docker", ID_A);
	struct ns_endpoint e = { 0 };

	/* root's container has that id */
	facts.containers = &one;
	facts.n_containers = 1;
	expect(&facts, "user/1000/docker/a1b2c3d4e5f6", "rootless", true);
	facts.member = true;
	expect(&facts, "user/1000/docker/a1b2c3d4e5f6", "rootless", true);
	(void)ns_identity_decide(&facts, &e);
	assert_string_equal(e.image, "");
	ns_identity_release(&e);
	/* a label, a name, a pod's name of another's */
	facts = users("podman", ID_A);
	facts.conmon = (struct ns_conmon_words){ .id = ID_A, .name = "db", .workload = "team/db" };
	expect(&facts, "user/1000/team/db", "label", false);
	(void)snprintf(facts.conmon.workload, sizeof facts.conmon.workload, "user/0/podman/db");
	expect(&facts, "user/1000/user/0/podman/db", "label", false);
	/* what a hook of his told */
	facts.conmon = (struct ns_conmon_words){ 0 };
	facts.hint = &(struct ns_hint_words){ .runtime = "docker", .name = "db", .workload = "team/db" };
	expect(&facts, "user/1000/team/db", "label", false);
	facts.hint = &(struct ns_hint_words){ .pod_namespace = "kube-system", .pod = "x", .container_id = ID_B };
	expect(&facts, "user/1000/k8s/kube-system/x", "k8s", false);
	/* a name that leaves no room */
	facts.hint = NULL;
	facts.conmon = (struct ns_conmon_words){ .id = ID_A, .name = "db" };
	memset(facts.conmon.workload, 'w', sizeof facts.conmon.workload - 1);
	expect(&facts, "user/1000/podman/a1b2c3d4e5f6", "label", false);
	/* Where the engine itself says who lives in the namespace, a process that was put there says nothing. */
	(void)snprintf(root.id, sizeof root.id, "%s", ID_B);
	facts.containers = &one;
	facts.n_containers = 1;
	expect(&facts, "team/db", "label", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_and_its_containers),
		cmocka_unit_test(a_pod_by_hint),
		cmocka_unit_test(pods_of_podman),
		cmocka_unit_test(pods_of_podman_by_conmon),
		cmocka_unit_test(podmans_list),
		cmocka_unit_test(pods_by_inspection),
		cmocka_unit_test(users_names),
		cmocka_unit_test(users_forgeries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
