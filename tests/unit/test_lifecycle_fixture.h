/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life cycle of WEB on a real store, with an engine that only remembers what it was asked.
 */
#ifndef NANOSEG_TEST_LIFECYCLE_FIXTURE_H
#define NANOSEG_TEST_LIFECYCLE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include "test_api_fixture.h"

#define WEB  "compose/shop/web"
#define T0   INT64_C(1764000000000000)
#define HOUR INT64_C(3600000000)

struct fixture {
	struct test_store data;
	struct ns_lifecycle cycle;
	struct ns_error error;
};

/* For each test: WEB learns since T0, and it is two hours later. */
int lifecycle_setup(void **state);
/* Also checks that the audit chain holds. */
int lifecycle_teardown(void **state);

/* A TCP edge of WEB at T0 + HOUR. */
void see(struct fixture *f, enum ns_direction direction, const char *peer, const char *address, uint16_t port);
/* What the store has of WEB. */
struct ns_workload row(struct fixture *f);

/* Members of an answer; they fail the test when there is none. */
const char *text(const json_t *json, const char *member);
json_int_t number(const json_t *json, const char *member);
/* A warning of the answer has `part` in it. */
bool warned(const json_t *answer, const char *part);

/* Steps of the cycle. propose fails the test when it cannot; the caller releases its answer. */
json_t *propose(struct fixture *f);
int approve(struct fixture *f, const char *digest, const char *reason);
int mode(struct fixture *f, enum ns_mode wanted);
/* From learning to enforcing in one go. */
void put_in_force(struct fixture *f, enum ns_mode wanted);

/* How often the audit log has the event; alice must have done each. */
size_t audited(struct fixture *f, const char *event);

#endif
