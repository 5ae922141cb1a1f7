/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What container engines answer, and cgroup paths. The first byte chooses: v(ersion), i(nspection), l(ist), e(vent),
 * c(group).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "docker_json.h"
#include "identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever was accepted must be terminated, printable and of use as an identity. */
static void check_text(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	if (n == room)
		abort();
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			abort();
}

#define CHECK_TEXT(text) check_text(text, sizeof(text))

static void check(void *ctx, const struct ns_container *container)
{
	struct ns_endpoint endpoint = { 0 };
	struct ns_identity_facts facts = { .netns_path = "", .containers = &container, .n_containers = 1 };
	struct ns_container copy = *container;

	if (!ns_docker_is_id(container->id) || container->pid < 0)
		abort();
	CHECK_TEXT(container->name);
	CHECK_TEXT(container->image);
	CHECK_TEXT(container->image_digest);
	CHECK_TEXT(container->label_workload);
	CHECK_TEXT(container->project);
	CHECK_TEXT(container->service);
	CHECK_TEXT(container->sandbox_key);
	memcpy(copy.runtime, "docker", sizeof "docker");
	facts.containers = &(const struct ns_container *){ &copy };
	(void)ns_identity_decide(&facts, &endpoint);
	if (!ns_identity_is_workload(endpoint.workload))
		abort();
	ns_identity_release(&endpoint);
}

static void fuzz_cgroup(const char *text, size_t size)
{
	struct ns_cgroup_identity found;
	struct ns_endpoint endpoint = { 0 };
	struct ns_identity_facts facts = { .netns_path = "", .pid = 1 };

	if (!ns_cgroup_identify(text, size, NULL, &found))
		return;
	CHECK_TEXT(found.runtime);
	CHECK_TEXT(found.id);
	if (!*found.runtime) { /* an id that only an engine could know */
		if (!ns_docker_is_id(found.id))
			abort();
		return;
	}
	facts.cgroup = found;
	(void)ns_identity_decide(&facts, &endpoint);
	if (!ns_identity_is_workload(endpoint.workload))
		abort();
	ns_identity_release(&endpoint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ns_container container;
	enum ns_docker_action action;
	char version[NS_DOCKER_VERSION_MAX], *text;

	if (size == 0)
		return 0;
	/* Exactly as long as it is, so that a byte too far is seen. */
	text = malloc(size - 1 ? size - 1 : 1);
	if (!text)
		return 0;
	memcpy(text, data + 1, --size);
	switch (data[0]) {
	case 'v':
		if (ns_docker_parse_version(text, size, version, NULL) == 0)
			CHECK_TEXT(version);
		break;
	case 'i':
		if (ns_docker_parse_container(text, size, true, &container, NULL) == 0)
			check(NULL, &container);
		break;
	case 'l':
		(void)ns_docker_parse_list(text, size, check, NULL, NULL);
		break;
	case 'e':
		if (ns_docker_parse_event(text, size, &action, &container, NULL) == 0 && action != NS_DOCKER_OTHER)
			check(NULL, &container);
		break;
	case 'c':
		fuzz_cgroup(text, size);
		break;
	default:
		break;
	}
	free(text);
	return 0;
}
