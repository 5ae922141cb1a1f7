/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See test_api_steps.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "test_api_steps.h"

int api_setup(void **state)
{
	struct test_api *test = calloc(1, sizeof *test);

	assert_non_null(test);
	test_caller = NULL;
	test_api_start(test, 10, 30);
	test_store_meet(&test->data, WEB, ns_clock_now() - 1000000);
	*state = test;
	return 0;
}

int api_teardown(void **state)
{
	struct test_api *test = *state;

	test_caller = NULL;
	test_api_stop(test);
	free(test);
	return 0;
}

const char *text(const json_t *json, const char *member)
{
	const char *value = json_string_value(json_object_get(json, member));

	if (!value)
		fail_msg("no string member %s", member);
	return value;
}

json_int_t number(const json_t *json, const char *member)
{
	if (!json_is_integer(json_object_get(json, member)))
		fail_msg("no integer member %s", member);
	return json_integer_value(json_object_get(json, member));
}

bool is_null(const json_t *json, const char *member)
{
	return json_is_null(json_object_get(json, member));
}

void see(struct test_api *test, enum ns_direction direction, const char *peer, const char *address, uint8_t protocol,
	 uint16_t port)
{
	struct ns_edge edge = test_edge(WEB, direction, peer, address, protocol, port, ns_clock_now());

	test_store_add(&test->data, &edge);
}

void propose(struct test_api *test, char digest[static NS_DIGEST_TEXT_MAX])
{
	struct test_reply reply;

	test_post(test, "/v1/policy/propose", "{\"workload\":\"" WEB "\"}", &reply);
	test_expect(&reply, 200, NULL);
	(void)snprintf(digest, NS_DIGEST_TEXT_MAX, "%s", text(reply.json, "digest"));
	test_reply_release(&reply);
}

void decide(struct test_api *test, const char *path, const char *digest, long status, const char *part)
{
	char body[512];

	(void)snprintf(body, sizeof body, "{\"workload\":\"" WEB "\",\"digest\":\"%s\",\"reason\":\"checked\"}",
		       digest);
	test_post_expect(test, path, body, status, part);
}

void set_mode(struct test_api *test, const char *mode, long status, const char *part)
{
	char body[512];

	(void)snprintf(body, sizeof body, "{\"workload\":\"" WEB "\",\"mode\":\"%s\"}", mode);
	test_post_expect(test, "/v1/mode", body, status, part);
}
