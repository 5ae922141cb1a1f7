/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"

static void expect(const char *text, const char *message)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_json_object object;
	const char *name = NULL;
	const json_t *list = NULL;
	json_t *json = NULL;
	uint64_t port = 0;
	bool flag = false;
	int r = ns_json_decode(text, strlen(text), 1000, 4, &json, &err);

	if (r == 0)
		r = ns_json_object_begin(&object, json, "$.rules[3]", &err);
	if (r == 0)
		r = ns_json_string(&object, "name", &name, &err);
	if (r == 0)
		r = ns_json_opt_uint(&object, "port", 65535, &port, &err);
	if (r >= 0)
		r = ns_json_opt_bool(&object, "flag", &flag, &err);
	if (r >= 0)
		r = ns_json_opt_array(&object, "list", &list, &err);
	if (r >= 0)
		r = ns_json_object_end(&object, &err);
	if (!message)
		assert_int_equal(r, 0);
	else if (r >= 0 || !strstr(err.text, message))
		fail_msg("%s: '%s' where '%s' was expected", text, err.text, message);
	json_decref(json);
}

static void test_members(void **state)
{
	expect("{\"name\":\"x\"}", NULL);
	expect("{\"name\":\"x\",\"port\":65535,\"flag\":true,\"list\":[]}", NULL);
	expect("{}", "$.rules[3].name: missing");
	expect("[]", "$.rules[3]: must be an object");
	expect("{\"name\":7}", "$.rules[3].name: must be a string");
	expect("{\"name\":\"x\",\"port\":70000}", "$.rules[3].port: 70000 is too large; use 0 to 65535");
	expect("{\"name\":\"x\",\"port\":-1}", "$.rules[3].port: must be a whole number");
	expect("{\"name\":\"x\",\"port\":1.5}", "$.rules[3].port: must be a whole number");
	expect("{\"name\":\"x\",\"flag\":1}", "$.rules[3].flag: must be true or false");
	expect("{\"name\":\"x\",\"colour\":1}", "$.rules[3].colour: unknown member");
}

static void test_documents(void **state)
{
	char big[1002];

	expect("{\"name\":\"x\",\"name\":\"y\"}", "line 1");
	expect("{\"name\":\"x\"", "not valid JSON");
	expect("", "not valid JSON");
	expect("[[[[[1]]]]]", "nested deeper than 4 levels");
	expect("{\"name\":\"[[[[[[[[\"}", NULL);    /* brackets in strings are no depth */
	expect("{\"name\":\"\\\"[[[[[[[\"}", NULL); /* nor behind an escaped quote */
	expect("{\"name\":\"a\\u0000b\"}", "line 1");
	memset(big, ' ', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	expect(big, "are more than the 1000 allowed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
