/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the tests of the API's routes do over and over, on the workload WEB.
 */
#ifndef NANOSEG_TEST_API_STEPS_H
#define NANOSEG_TEST_API_STEPS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include "test_api_fixture.h"

#define WEB "compose/shop/web"

/* A server that has met WEB, for each test. */
int api_setup(void **state);
int api_teardown(void **state);

/* Members of an answer; they fail the test when there is none. */
const char *text(const json_t *json, const char *member);
json_int_t number(const json_t *json, const char *member);
bool is_null(const json_t *json, const char *member);

/* An edge of WEB, now. */
void see(struct test_api *test, enum ns_direction direction, const char *peer, const char *address, uint8_t protocol,
	 uint16_t port);
/* Proposes; the digest into `digest`. */
void propose(struct test_api *test, char digest[static NS_DIGEST_TEXT_MAX]);
/* One request each, and the check of its answer. */
void decide(struct test_api *test, const char *path, const char *digest, long status, const char *part);
void set_mode(struct test_api *test, const char *mode, long status, const char *part);

#endif
