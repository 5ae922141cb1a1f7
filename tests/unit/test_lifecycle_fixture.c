/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See test_lifecycle_fixture.h.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "test_lifecycle_fixture.h"

int lifecycle_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	test_store_open(&f->data);
	f->cycle = (struct ns_lifecycle){ &f->data.engine, &f->data.actor, T0 + 2 * HOUR, NULL };
	test_store_meet(&f->data, WEB, T0);
	*state = f;
	return 0;
}

int lifecycle_teardown(void **state)
{
	struct fixture *f = *state;
	char head[NS_DIGEST_TEXT_MAX];
	uint64_t entries;

	/* Whatever a test did: the chain holds. */
	assert_int_equal(ns_store_audit_verify(f->data.store, &entries, head, NULL), 0);
	test_store_close(&f->data);
	free(f);
	return 0;
}

void see(struct fixture *f, enum ns_direction direction, const char *peer, const char *address, uint16_t port)
{
	struct ns_edge edge = test_edge(WEB, direction, peer, address, IPPROTO_TCP, port, T0 + HOUR);

	test_store_add(&f->data, &edge);
}

struct ns_workload row(struct fixture *f)
{
	struct ns_workload workload;

	assert_int_equal(ns_store_get_workload(f->data.store, WEB, &workload, NULL), 0);
	return workload;
}

const char *text(const json_t *json, const char *member)
{
	const char *value = json_string_value(json_object_get(json, member));

	assert_non_null(value);
	return value;
}

json_int_t number(const json_t *json, const char *member)
{
	assert_true(json_is_integer(json_object_get(json, member)));
	return json_integer_value(json_object_get(json, member));
}

bool warned(const json_t *answer, const char *part)
{
	const json_t *line;
	size_t i;

	assert_true(json_is_array(json_object_get(answer, "warnings")));
	json_array_foreach (json_object_get(answer, "warnings"), i, line)
		if (strstr(json_string_value(line), part))
			return true;
	return false;
}

json_t *propose(struct fixture *f)
{
	json_t *answer = NULL;

	if (ns_lifecycle_propose(&f->cycle, WEB, &answer, &f->error) < 0)
		fail_msg("%s", f->error.text);
	return answer;
}

int approve(struct fixture *f, const char *digest, const char *reason)
{
	NS_JSON json_t *answer = NULL;

	return ns_lifecycle_approve(&f->cycle, WEB, digest, reason, &answer, &f->error);
}

int mode(struct fixture *f, enum ns_mode wanted)
{
	NS_JSON json_t *answer = NULL;

	return ns_lifecycle_mode(&f->cycle, WEB, wanted, "", &answer, &f->error);
}

void put_in_force(struct fixture *f, enum ns_mode wanted)
{
	NS_JSON json_t *proposal = NULL;

	see(f, NS_EGRESS, "compose/shop/db", "10.0.0.3", 5432);
	proposal = propose(f);
	assert_int_equal(approve(f, text(proposal, "digest"), "looks right"), 0);
	assert_int_equal(mode(f, wanted), 0);
}

size_t audited(struct fixture *f, const char *event)
{
	NS_JSON json_t *entries = ns_store_audit_entries(f->data.store, 0, 1000, NULL);
	const json_t *entry;
	size_t i, n = 0;

	json_array_foreach (entries, i, entry) {
		if (strcmp(text(entry, "event"), event) != 0)
			continue;
		n++;
		assert_string_equal(text(json_object_get(entry, "actor"), "user"), "alice");
		assert_int_equal(number(json_object_get(entry, "actor"), "uid"), 1000);
		assert_int_equal(number(json_object_get(entry, "actor"), "pid"), 42);
	}
	return n;
}
