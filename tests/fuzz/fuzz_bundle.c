/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * config.json of an OCI bundle, and Podman's list of pods: the first byte says which and whose. Whatever the bytes: a
 * container with names that end, and of which any set of rules makes a workload's name; or an error of one line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bundle_json.h"
#include "docker_pods.h"
#include "names.h"

#define ID "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_text(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	check(n < room);
	for (size_t i = 0; i < n; i++)
		check(text[i] >= ' ' && text[i] <= '~');
}

#define CHECK_TEXT(text) check_text(text, sizeof(text))

static void check_error(const struct ns_error *err)
{
	check(err->code < 0 && err->text[0] && strnlen(err->text, sizeof err->text) < sizeof err->text);
	check(!strpbrk(err->text, "\n\r\t\x1b"));
}

static void check_names(const struct ns_container *container)
{
	static const struct ns_naming by_default = NS_NAMING_DEFAULT;
	static const struct ns_naming other = { .rules = { NS_NAME_IMAGE, NS_NAME_K8S, NS_NAME_POD },
						.n_rules = 3,
						.owner = "pod" };
	char name[NS_WORKLOAD_MAX], why[NS_NAMED_BY_MAX];

	for (int level = NS_NAME_ALONE; level <= NS_NAME_NAMESPACE; level++) {
		ns_names_decide(container, (enum ns_name_level)level, &by_default, name, why);
		check(ns_names_is_workload(name) && strnlen(why, sizeof why) < sizeof why);
		ns_names_decide(container, (enum ns_name_level)level, &other, name, why);
		check(ns_names_is_workload(name) && strnlen(why, sizeof why) < sizeof why);
	}
}

static void try_bundle(const char *text, size_t length, enum ns_bundle_kind kind)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_container found;

	if (ns_bundle_parse(text, length, kind, ID, &found, &err) < 0) {
		check_error(&err);
		return;
	}
	CHECK_TEXT(found.runtime);
	CHECK_TEXT(found.name);
	CHECK_TEXT(found.image);
	CHECK_TEXT(found.label_workload);
	CHECK_TEXT(found.pod_namespace);
	CHECK_TEXT(found.pod);
	CHECK_TEXT(found.owner);
	CHECK_TEXT(found.container);
	CHECK_TEXT(found.sandbox_id);
	check(!*found.pod == !*found.pod_namespace);
	check(!*found.pod || kind != NS_BUNDLE_PLAIN);
	if (!*found.runtime)
		memcpy(found.runtime, "docker", sizeof "docker");
	check_names(&found);
}

static void try_pods(const char *text, size_t length)
{
	struct ns_container container = { .id = ID, .runtime = "podman", .name = "web" };
	struct ns_docker_pods pods = { 0 };
	struct ns_error err = NS_ERROR_INIT;

	if (ns_docker_pods_parse(&pods, text, length, &err) < 0)
		check_error(&err);
	for (size_t i = 0; i < pods.n; i++) {
		check(ns_docker_is_id(pods.list[i].id));
		memcpy(container.pod_id, pods.list[i].id, sizeof container.pod_id);
		check(ns_docker_pods_apply(&pods, &container));
		check_names(&container);
	}
	ns_docker_pods_release(&pods);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text; /* exactly as long as it is, so that a byte too far is seen */

	if (size == 0)
		return 0;
	text = malloc(size > 1 ? size - 1 : 1);
	check(text != NULL);
	memcpy(text, data + 1, size - 1);
	if (*data % 6 == 5)
		try_pods(text, size - 1);
	else
		try_bundle(text, size - 1, (enum ns_bundle_kind)(*data % 6));
	free(text);
	return 0;
}
