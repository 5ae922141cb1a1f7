/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Batches as bytes: what is latched, how elements are spread over messages, and intervals as bounds.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/decode.h"
#include "nft/tree.h"

static const struct ns_nft_scope scope = { NFPROTO_INET, "nanoseg" };

static struct ns_nft_batch *new_batch(void)
{
	struct ns_nft_batch *batch = NULL;

	assert_int_equal(ns_nft_batch_new(&batch, NULL), 0);
	return batch;
}

static void test_first_error_stays(void **state)
{
	struct ns_nft_batch *batch = new_batch();
	struct ns_error err = NS_ERROR_INIT;

	assert_non_null(ns_nft_batch_add(batch, NFT_MSG_NEWTABLE, NFPROTO_INET, 0, "table"));
	ns_nft_batch_fail(batch, -EINVAL, "first %d", 1);
	ns_nft_batch_fail(batch, -ENOMEM, "second");
	assert_null(ns_nft_batch_add(batch, NFT_MSG_NEWTABLE, NFPROTO_INET, 0, "table"));
	assert_int_equal(ns_nft_batch_messages(batch), 1);
	assert_int_equal(ns_nft_batch_send(NULL, batch, &err), -EINVAL); /* before the socket is looked at */
	assert_string_equal(err.text, "first 1");
	ns_nft_batch_free(batch);
}

static void test_empty_is_nothing(void **state)
{
	struct ns_nft_batch *batch = new_batch();

	assert_int_equal(ns_nft_batch_send(NULL, batch, NULL), 0);
	ns_nft_batch_free(batch);
	ns_nft_batch_free(NULL);
}

struct seen {
	size_t messages, elements;
	const struct ns_plan_set *set;
	uint32_t next;
};

static int each_element(void *ctx, const struct ns_plan_element *element, bool end, struct ns_error *err)
{
	struct seen *seen = ctx;
	uint32_t n;

	assert_non_null(element);
	memcpy(&n, element->key + 4, sizeof(n));
	assert_int_equal(n, seen->next++);
	assert_int_equal(element->timeout_ms, n % 3 ? 0 : 5000);
	seen->elements++;
	return 0;
}

static int each_message(void *ctx, const struct nlmsghdr *nlh, const char *what)
{
	struct seen *seen = ctx;

	assert_string_equal(what, "elements of set many");
	assert_true(nlh->nlmsg_len < 65536);
	assert_int_equal(nlh->nlmsg_flags & (NLM_F_REQUEST | NLM_F_ACK), NLM_F_REQUEST | NLM_F_ACK);
	assert_int_equal(ns_nft_decode_elements(nlh, &scope, seen->set, each_element, seen, NULL), 1);
	seen->messages++;
	return 0;
}

/* All of them, once, in order, in messages whose nested attribute has a length of 16 bits. */
static void test_elements_are_spread(void **state)
{
	struct ns_plan_set set = { .name = "many",
				   .fields = { NS_FIELD_PROTO, NS_FIELD_IPV6, NS_FIELD_IPV6, NS_FIELD_PORT },
				   .n_fields = 4,
				   .interval = true,
				   .timeout = true };
	struct ns_nft_batch *batch = new_batch();
	struct seen seen = { .set = &set };
	struct ns_plan_element element = { .tag = "a-tag-as-long-as-it-may-be-31-c" };
	struct ns_nft_elements writer;

	ns_nft_elements_begin(&writer, batch, &scope, &set, false);
	for (uint32_t i = 0; i < 20000; i++) {
		memcpy(element.key + 4, &i, sizeof(i));
		memcpy(element.key_end, element.key, sizeof(element.key));
		element.timeout_ms = i % 3 ? 0 : 5000;
		ns_nft_elements_add(&writer, &element);
	}
	ns_nft_elements_end(&writer);
	assert_int_equal(ns_nft_batch_walk(batch, each_message, &seen), 0);
	assert_int_equal(seen.elements, 20000);
	assert_in_range(seen.messages, 40, 80);
	ns_nft_batch_free(batch);
}

static void test_no_elements_no_message(void **state)
{
	struct ns_plan_set set = { .name = "none", .fields = { NS_FIELD_PORT }, .n_fields = 1 };
	struct ns_nft_batch *batch = new_batch();
	struct ns_nft_elements writer;

	ns_nft_elements_begin(&writer, batch, &scope, &set, true);
	ns_nft_elements_end(&writer);
	assert_int_equal(ns_nft_batch_messages(batch), 0);
	ns_nft_batch_free(batch);
}

static void test_keys_step(void **state)
{
	uint8_t key[2] = { 0, 0xff };

	assert_true(ns_nft_key_increment(key, 2));
	assert_memory_equal(key, "\x01\x00", 2);
	assert_true(ns_nft_key_decrement(key, 2));
	assert_memory_equal(key, "\x00\xff", 2);
	memset(key, 0xff, 2);
	assert_false(ns_nft_key_increment(key, 2));
	assert_memory_equal(key, "\xff\xff", 2);
	memset(key, 0, 2);
	assert_false(ns_nft_key_decrement(key, 2));
	assert_memory_equal(key, "\x00\x00", 2);
}

static void add_bound(struct ns_nft_bounds *bounds, uint16_t port, bool end, const char *tag)
{
	struct ns_plan_element element = { 0 };

	element.key[0] = (uint8_t)(port >> 8);
	element.key[1] = (uint8_t)port;
	(void)snprintf(element.tag, sizeof(element.tag), "%s", tag);
	assert_int_equal(ns_nft_bounds_add(bounds, &element, end, NULL), 0);
}

static uint16_t port_of(const uint8_t *key)
{
	return (uint16_t)(key[0] << 8 | key[1]);
}

/* In no order, one twice, with an end at 0 as nft writes it, a range without an end before another, and an open one. */
static void test_bounds_become_ranges(void **state)
{
	static const struct {
		uint16_t lo, hi;
		const char *tag;
	} expected[] = { { 5, 9, "b" }, { 10, 19, "c" }, { 80, 80, "a" }, { 100, 199, "d" }, { 200, 65535, "e" } };
	struct ns_nft_bounds bounds = { 0 };

	add_bound(&bounds, 80, false, "a");
	add_bound(&bounds, 10, true, "");
	add_bound(&bounds, 0, true, "");
	add_bound(&bounds, 5, false, "b");
	add_bound(&bounds, 200, false, "e");
	add_bound(&bounds, 81, true, "");
	add_bound(&bounds, 5, false, "b");
	add_bound(&bounds, 10, false, "c");
	add_bound(&bounds, 20, true, "");
	add_bound(&bounds, 100, false, "d");
	ns_nft_bounds_pair(&bounds, 2);
	assert_int_equal(bounds.n, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < bounds.n; i++) {
		assert_int_equal(port_of(bounds.bounds[i].element.key), expected[i].lo);
		assert_int_equal(port_of(bounds.bounds[i].element.key_end), expected[i].hi);
		assert_string_equal(bounds.bounds[i].element.tag, expected[i].tag);
	}
	ns_nft_bounds_release(&bounds);
	ns_nft_bounds_pair(&bounds, 2);
	assert_int_equal(bounds.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_error_stays),   cmocka_unit_test(test_empty_is_nothing),
		cmocka_unit_test(test_elements_are_spread), cmocka_unit_test(test_no_elements_no_message),
		cmocka_unit_test(test_keys_step),           cmocka_unit_test(test_bounds_become_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
