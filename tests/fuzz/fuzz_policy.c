/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Policy JSON: what is read can be written, what is written reads as the same policy with the same digest, differs from
 * itself in nothing, and compiles or is refused with a reason.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <nanoseg/layout.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static struct ns_book *make_book(void)
{
	static const struct ns_addr addrs[] = { { AF_INET, { 10, 0, 0, 2 } }, { AF_INET6, { 0xfd, [15] = 2 } } };
	struct ns_book *book = NULL;

	must(ns_book_new(&book, NULL) == 0);
	for (size_t i = 0; i < 2; i++) {
		must(ns_book_add_workload(book, "a", &addrs[i], NULL) == 0);
		must(ns_book_add_host(book, &addrs[i], NULL) == 0);
	}
	return book;
}

/* Its elements are sorted and distinct; intervals run upwards. */
static void check_plan(const struct ns_plan *plan)
{
	for (size_t i = 0; i < plan->n_sets; i++) {
		const struct ns_plan_set *set = &plan->sets[i];

		for (size_t j = 0; j < set->n_elements; j++) {
			must(memcmp(set->elements[j].key, set->elements[j].key_end, ns_plan_set_key_length(set)) <= 0);
			must(j == 0 || ns_plan_element_compare(set, &set->elements[j - 1], &set->elements[j]) < 0);
		}
	}
}

static void compile(const struct ns_policy *policy)
{
	static struct ns_book *book;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan plan = NS_PLAN_INIT;
	int r;

	if (!book)
		book = make_book();
	r = ns_compile_enforce(policy, book, false, NULL, &plan, &err);
	must(r == 0 || (r == -E2BIG && err.text[0]));
	check_plan(&plan);
	ns_plan_release(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ns_policy policy = NS_POLICY_INIT, again = NS_POLICY_INIT;
	char digest[NS_DIGEST_TEXT_MAX], digest_again[NS_DIGEST_TEXT_MAX];
	struct ns_error err = NS_ERROR_INIT;
	json_t *diff;
	char *text;

	if (ns_policy_parse((const char *)data, size, &policy, &err) < 0) {
		must(err.code < 0 && err.text[0] == '$' && !strchr(err.text, '\n'));
		return 0;
	}
	json_t *json = ns_policy_to_json(&policy);

	must(json);
	text = json_dumps(json, JSON_COMPACT);
	must(text && ns_policy_parse(text, strlen(text), &again, &err) == 0);
	must(ns_policy_digest(&policy, digest, NULL) == 0 && ns_policy_digest(&again, digest_again, NULL) == 0);
	must(strcmp(digest, digest_again) == 0);
	diff = ns_policy_diff(&policy, &again);
	must(diff && json_array_size(json_object_get(diff, "added")) == 0 &&
	     json_array_size(json_object_get(diff, "removed")) == 0 &&
	     json_array_size(json_object_get(diff, "changed")) == 0);
	compile(&again);
	json_decref(diff);
	json_decref(json);
	free(text);
	ns_policy_release(&policy);
	ns_policy_release(&again);
	return 0;
}
