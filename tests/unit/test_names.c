/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "names.h"
#include "owner.h"

#define ID "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"

static char name[NS_WORKLOAD_MAX], why[NS_NAMED_BY_MAX];

static void expect(const struct ns_container *container, enum ns_name_level level, const struct ns_naming *naming,
		   const char *wanted, const char *reason)
{
	ns_names_decide(container, level, naming, name, why);
	if (strcmp(name, wanted) != 0)
		fail_msg("%s instead of %s (%s)", name, wanted, why);
	if (!strstr(why, reason))
		fail_msg("%s: '%s' is not in '%s'", name, reason, why);
}

static struct ns_naming rules(const char *text)
{
	struct ns_naming naming = NS_NAMING_DEFAULT;
	struct ns_error err = NS_ERROR_INIT;

	if (ns_naming_parse(text, &naming, &err) < 0)
		fail_msg("%s", err.text);
	return naming;
}

/* ---- owners ---- */

static void owners_by_pattern(void **state)
{
	static const struct {
		const char *pod, *owner;
		enum ns_owner_form form;
	} cases[] = {
		{ "web-5d4f8c7b9-x2x4z", "web", NS_OWNER_REPLICASET },
		{ "coredns-5d78c9869d-hm5jk", "coredns", NS_OWNER_REPLICASET },
		{ "a-b-c-66b6c48dd5-zzzzz", "a-b-c", NS_OWNER_REPLICASET },
		{ "web-456789-x2x4z", "web", NS_OWNER_REPLICASET },
		/* A hash is never of these letters, nor longer, nor shorter. */
		{ "web-xwvtsrqpn-x2x4z", "web-xwvtsrqpn-X", NS_OWNER_RANDOM },
		{ "web-5d4f8c7b9bb-x2x4z", "web-5d4f8c7b9bb-X", NS_OWNER_RANDOM },
		{ "web-5d4f8-x2x4z", "web-5d4f8-X", NS_OWNER_RANDOM },
		{ "-5d4f8c7b9-x2x4z", "-5d4f8c7b9-X", NS_OWNER_RANDOM },
		{ "5d4f8c7b9-x2x4z", "5d4f8c7b9-X", NS_OWNER_RANDOM },
		{ "backup-28123456-x2x4z", "backup-N-X", NS_OWNER_CRONJOB },
		{ "agent-x2x4z", "agent-X", NS_OWNER_RANDOM },
		{ "db-0", "db-N", NS_OWNER_ORDINAL },
		{ "db-1234", "db-N", NS_OWNER_ORDINAL },
		/* No ordinals are written so. */
		{ "db-007", "db-007", NS_OWNER_WHOLE },
		{ "db-12345", "db-12345", NS_OWNER_WHOLE },
		{ "web", "web", NS_OWNER_WHOLE },
		{ "web-", "web-", NS_OWNER_WHOLE },
		{ "-0", "-0", NS_OWNER_WHOLE },
		{ "0", "0", NS_OWNER_WHOLE },
		{ "", "", NS_OWNER_WHOLE },
		{ "kube-apiserver-node1", "kube-apiserver-node1", NS_OWNER_WHOLE },
		{ "web-x2x4a", "web-x2x4a", NS_OWNER_WHOLE },
		{ "web-x2x4", "web-x2x4", NS_OWNER_WHOLE },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char owner[NS_NAME_MAX];
		enum ns_owner_form form = ns_owner_of_pod(cases[i].pod, owner);

		if (strcmp(owner, cases[i].owner) != 0 || form != cases[i].form)
			fail_msg("%s: %s (%s)", cases[i].pod, owner, ns_owner_form_text(form));
	}
}

/* Kinds that may share a name stay apart; so do names that were cut. */
static void owners_do_not_fall_together(void **state)
{
	static const char *const pods[] = { "web-5d4f8c7b9-x2x4z", "web-x2x4z", "web-0", "web-28123456-x2x4z" };
	char owners[4][NS_NAME_MAX], longest[64];

	for (size_t i = 0; i < 4; i++) {
		(void)ns_owner_of_pod(pods[i], owners[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(owners[i], owners[k]);
	}
	memset(longest, 'a', sizeof longest);
	memcpy(longest + 47, "-5d4f8c7b9-x2x4z", sizeof "-5d4f8c7b9-x2x4z");
	assert_int_equal(strlen(longest), 63);
	assert_int_equal(ns_owner_of_pod(longest, owners[0]), NS_OWNER_WHOLE);
	assert_string_equal(owners[0], longest);
	assert_int_equal(ns_owner_of_pod(longest + 1, owners[0]), NS_OWNER_REPLICASET);
}

/* ---- rules ---- */

static void pods_of_kubernetes(void **state)
{
	struct ns_container c = { .id = ID,
				  .runtime = "containerd",
				  .pod_namespace = "shop",
				  .pod = "web-5d4f8c7b9-x2x4z",
				  .container = "app",
				  .bundle = "/run/b/config.json" };
	struct ns_naming whole = NS_NAMING_DEFAULT;

	expect(&c, NS_NAME_ALONE, NULL, "k8s/shop/web/app",
	       "k8s: pod shop/web-5d4f8c7b9-x2x4z in /run/b/config.json; owner: the ReplicaSet's hash");
	expect(&c, NS_NAME_ALONE, NULL, "k8s/shop/web/app", "passed over: label (none)");
	/* Whichever of its containers tells of it, the namespace is the pod's. */
	expect(&c, NS_NAME_NAMESPACE, NULL, "k8s/shop/web", "k8s: ");
	(void)snprintf(c.label_workload, sizeof c.label_workload, "team/app");
	expect(&c, NS_NAME_NAMESPACE, NULL, "k8s/shop/web", "label (it is a container's, not the pod's)");
	expect(&c, NS_NAME_ALONE, NULL, "team/app", "label: nanoseg.workload in /run/b/config.json");
	c.label_workload[0] = c.container[0] = '\0';
	c.sandbox = true;
	expect(&c, NS_NAME_ALONE, NULL, "k8s/shop/web", "k8s: ");
	(void)snprintf(whole.owner, sizeof whole.owner, "pod");
	expect(&c, NS_NAME_NAMESPACE, &whole, "k8s/shop/web-5d4f8c7b9-x2x4z", "the pod's whole name");
	/* A slash makes no other part. */
	(void)snprintf(c.pod_namespace, sizeof c.pod_namespace, "a/b");
	expect(&c, NS_NAME_NAMESPACE, NULL, "k8s/a_b/web", "k8s: ");
	/* Nobody knows which it is. */
	c.sandbox = false;
	expect(&c, NS_NAME_ALONE, NULL, "containerd/a1b2c3d4e5f6",
	       "k8s (nobody tells which container of the pod it is)");
}

static void pods_of_podman(void **state)
{
	struct ns_container c = { .id = ID, .runtime = "podman", .name = "web", .pod = "shop", .pod_id = ID };

	expect(&c, NS_NAME_ALONE, NULL, "podman/shop/web", "pod: pod shop");
	c.sandbox = true;
	expect(&c, NS_NAME_NAMESPACE, NULL, "podman/shop", "whose namespace it holds");
	c.pod[0] = '\0';
	expect(&c, NS_NAME_ALONE, NULL, "podman/web", "name: ");
}

static void order_of_the_rules(void **state)
{
	struct ns_container c = { .id = ID,
				  .runtime = "docker",
				  .name = "shop-web-1",
				  .project = "shop",
				  .service = "web",
				  .image = "registry:5000/shop/web:1.2@sha256:00",
				  .label_workload = "team/web" };
	struct ns_naming naming = rules("image label name");

	expect(&c, NS_NAME_ALONE, NULL, "team/web", "label: ");
	expect(&c, NS_NAME_ALONE, &naming, "image/registry:5000/shop/web", "image: image registry:5000/shop/web:1.2@");
	naming = rules("compose label");
	expect(&c, NS_NAME_ALONE, &naming, "compose/shop/web", "compose: labels com.docker.compose.project");
	c.service[0] = '\0';
	expect(&c, NS_NAME_ALONE, &naming, "team/web", "passed over: compose (no labels of compose)");
	/* "name" needs not be written. */
	(void)snprintf(c.label_workload, sizeof c.label_workload, "no spaces");
	expect(&c, NS_NAME_ALONE, &naming, "docker/shop-web-1", "label (not a usable name)");
	c.name[0] = '\0';
	expect(&c, NS_NAME_ALONE, &naming, "docker/a1b2c3d4e5f6", "id: no rule gives a name");
}

static void images(void **state)
{
	static const struct {
		const char *image, *name;
	} cases[] = {
		{ "nginx", "image/nginx" },
		{ "nginx:1.25", "image/nginx" },
		{ "docker.io/library/nginx:latest", "image/docker.io/library/nginx" },
		{ "host:5000/nginx", "image/host:5000/nginx" },
		{ "nginx@sha256:0123", "image/nginx" },
		{ "sha256:0123456789ab", "docker/c" },
		{ "0123456789ab", "docker/c" },
		{ ID, "docker/c" },
		{ "", "docker/c" },
		{ "a b", "docker/c" },
		{ ":1", "docker/c" },
	};
	struct ns_naming naming = rules("image name");

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ns_container c = { .id = ID, .runtime = "docker", .name = "c" };

		(void)snprintf(c.image, sizeof c.image, "%s", cases[i].image);
		expect(&c, NS_NAME_ALONE, &naming, cases[i].name, "");
	}
}

/* Cut names could be another's: a rule whose name does not fit gives none. */
static void nothing_is_cut(void **state)
{
	struct ns_container c = { .id = ID, .runtime = "docker", .name = "c" };

	memset(c.pod_namespace, 'n', 200);
	memset(c.pod, 'p', 200);
	memset(c.project, 'a', 255);
	memset(c.service, 'b', 255);
	expect(&c, NS_NAME_NAMESPACE, NULL, "docker/c", "k8s (the name would be longer than 255 bytes)");
	memset(c.name, 'c', 255);
	expect(&c, NS_NAME_NAMESPACE, NULL, "docker/a1b2c3d4e5f6", "id: ");
}

static void words_of_the_rules(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "", "is empty; use any of label k8s compose pod image name" },
		{ " \t", "is empty" },
		{ "label k9s", "'k9s' is no rule; did you mean 'k8s'?; use any of label" },
		{ "label LABEL", "'LABEL' is no rule" },
		{ "label label", "'label' stands there twice" },
		{ "name k8s", "'k8s' stands behind 'name', which every container has; put 'name' last" },
		{ "label,k8s", "'label,k8s' is no rule" },
	};
	struct ns_naming naming = NS_NAMING_DEFAULT, before = naming;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct ns_error err = NS_ERROR_INIT;

		assert_int_equal(ns_naming_parse(bad[i].text, &naming, &err), -EINVAL);
		if (!strstr(err.text, bad[i].error))
			fail_msg("%s: %s", bad[i].text, err.text);
		assert_memory_equal(&naming, &before, sizeof naming);
	}
	naming = rules("\tlabel  k8s compose pod image name ");
	assert_int_equal(naming.n_rules, NS_NAME_RULES_MAX);
	assert_int_equal(naming.rules[4], NS_NAME_IMAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners_by_pattern),  cmocka_unit_test(owners_do_not_fall_together),
		cmocka_unit_test(pods_of_kubernetes), cmocka_unit_test(pods_of_podman),
		cmocka_unit_test(order_of_the_rules), cmocka_unit_test(images),
		cmocka_unit_test(nothing_is_cut),     cmocka_unit_test(words_of_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
