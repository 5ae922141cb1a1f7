/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The graph as it comes: in pieces of any size, and not as it should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph_reader.h"
#include "scan.h"

struct seen {
	char text[2048];
	size_t used;
};

static int note(void *ctx, const struct ns_shown_edge *e, struct ns_error *err)
{
	struct seen *seen = ctx;

	(void)err;
	seen->used += (size_t)snprintf(seen->text + seen->used, sizeof(seen->text) - seen->used,
				       "%s|%s|%s,%s,%s|%s|%d:%lld|%d:%lld|%llu|%llu|%s|%s|%s|%d:%lld|%d%s;",
				       e->workload, e->direction, e->peer.peer_class, e->peer.name, e->peer.address,
				       e->protocol, e->has_port, (long long)(e->has_port ? e->port : 0), e->has_type,
				       (long long)(e->has_type ? e->type : 0), (unsigned long long)e->packets,
				       (unsigned long long)e->bytes, e->first_seen, e->last_seen, e->process,
				       e->has_uid, (long long)(e->has_uid ? e->uid : 0), e->has_source, e->source.name);
	return NS_CLI_OK;
}

/* Reads the document in pieces of `piece` bytes. */
static int read_in(const char *document, size_t piece, struct seen *seen, json_t **ret_rest)
{
	struct ns_graph_reader reader;
	struct ns_error err = NS_ERROR_INIT;
	size_t length = strlen(document);
	int r = ns_graph_reader_start(&reader, note, seen, &err);

	*seen = (struct seen){ .used = 0 };
	for (size_t at = 0; r == NS_CLI_OK && at < length; at += piece) {
		size_t n = length - at < piece ? length - at : piece;
		char *copy = malloc(n); /* so that reading beyond it is seen */

		assert_non_null(copy);
		memcpy(copy, document + at, n);
		r = ns_graph_reader_feed(&reader, copy, n, &err);
		free(copy);
	}
	if (r == NS_CLI_OK)
		r = ns_graph_reader_end(&reader, &err);
	assert_true(r == NS_CLI_OK || err.text[0]);
	if (ret_rest)
		*ret_rest = json_incref(reader.rest);
	ns_graph_reader_release(&reader);
	return r;
}

/* Every byte at every place of a string: those that end it, those that may not be in it, and all others. */
static void strings(void **state)
{
	(void)state;
	for (size_t place = 0; place < 20; place++) {
		for (int byte = 0; byte < 256; byte++) {
			char text[24] = "\"abcdefghijklmnopqrst\"", *at = text;
			struct ns_scan_text found;
			int r;

			text[place + 1] = (char)byte;
			r = ns_scan_string(&at, text + 22, &found);
			assert_int_equal(r, byte < 0x20 ? -1 : byte == '\\' && place == 19 ? 0 : 1);
			if (r <= 0) {
				assert_ptr_equal(at, text);
				continue;
			}
			assert_int_equal(found.length, byte == '"' ? place : 20);
			assert_int_equal(found.escaped, byte == '\\');
			assert_ptr_equal(at, text + found.length + 2);
			for (char *end = text; end < at; end++) {
				char *again = text;

				assert_int_equal(ns_scan_string(&again, end, &found), 0);
			}
		}
	}
}

/* Members elsewhere than the daemon writes them, with blanks, twice, and such as begin alike. */
static void in_any_order(void **state)
{
	static const char document[] = "{\"edges\":[{\"uid\":5,\"process\":\"p\", \"direction\" "
				       ":\"egress\",\"workload\":\"a\",\"workload\":\"b\","
				       "\"work\":1,\"workloads\":2,\"peer\":{\"address\":\"x\",\"class\":\"host\","
				       "\"names\":\"y\",\"name\":\"n\"},"
				       "\"port\":1,\"port\":null,\"icmp_type\":8,\"bytes\":3,\"packets\":2}]}";
	struct seen seen;

	(void)state;
	for (size_t piece = 1; piece <= sizeof(document); piece++) {
		assert_int_equal(read_in(document, piece, &seen, NULL), NS_CLI_OK);
		assert_string_equal(seen.text, "b|egress|host,n,x||0:0|1:8|2|3|||p|1:5|0;");
	}
}

static void in_pieces(void **state)
{
	static const char document[] =
		" {\"workloads\" : [\"a\"] "
		",\"edges\":[\n{\"workload\":\"a\\u00e9\\n\\\"\",\"direction\":\"egress\",\"peer\":{"
		"\"class\":\"workload\",\"name\":\"\\ud83d\\ude00\",\"address\":\"fd00::1\",\"new\":[{\"x\":\"]}\"}]},"
		"\"protocol\":\"tcp\",\"port\":443,\"icmp_type\":null,\"packets\":9223372036854775807,\"bytes\":0,"
		"\"first_seen\":\"f\",\"last_seen\":\"l\",\"process\":null,\"uid\":-7,\"later\":1.5e3} , "
		"{},7,null,[{}],"
		"{\"source\":{\"name\":\"s\"},\"port\":1.5,\"uid\":true,\"workload\":{\"a\":1},\"peer\":3,\"packets\":-"
		"4,"
		"\"bytes\":99999999999999999999}\n],\"gaps\":[{\"cause\":\"}\"}],\"warnings\":[]}\n";
	static const char wanted[] = "a\xc3\xa9\n\"|egress|workload,\xf0\x9f\x98\x80,fd00::1|tcp|1:443|0:0|"
				     "9223372036854775807|0|f|l||1:-7|0;"
				     "||,,||0:0|0:0|0|0||||0:0|0;||,,||0:0|0:0|0|0||||0:0|0;||,,||0:0|0:0|0|0||||0:0|0;"
				     "||,,||0:0|0:0|0|0||||0:0|0;"
				     "||,,||0:0|0:0|0|9223372036854775807||||0:0|1s;";
	struct seen seen;

	(void)state;
	for (size_t piece = 1; piece <= sizeof(document); piece++) {
		json_t *rest = NULL;

		assert_int_equal(read_in(document, piece, &seen, &rest), NS_CLI_OK);
		assert_string_equal(seen.text, wanted);
		assert_int_equal(json_object_size(rest), 3);
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(json_object_get(rest, "gaps"), 0), "cause")),
			"}");
		json_decref(rest);
	}
	assert_int_equal(read_in("{}", 1, &seen, NULL), NS_CLI_OK);
	assert_int_equal(read_in("{\"edges\":[]}", 1, &seen, NULL), NS_CLI_OK);
	assert_int_equal(read_in("{\"edges\":{}}", 1, &seen, NULL), NS_CLI_OK);
	assert_string_equal(seen.text, "");
}

static void broken(void **state)
{
	static const char *const documents[] = {
		"",
		"[",
		"x",
		"{",
		"{]",
		"{\"edges\":[",
		"{\"edges\":[{}",
		"{\"edges\":[{}]",
		"{\"edges\":[{}]}}",
		"{\"edges\":[{}]} x",
		"{\"edges\":[{},]}",
		"{\"edges\":[,{}]}",
		"{\"edges\":[{} {}]}",
		"{\"edges\":[{\"workload\"}]}",
		"{\"edges\":[{\"workload\":\"a\",}]}",
		"{\"edges\":[{workload:1}]}",
		"{\"edges\":[{\"workload\":\"\\q\"}]}",
		"{\"edges\":[{\"workload\":\"\\ud83d\"}]}",
		"{\"edges\":[{\"workload\":\"\\u0000\"}]}",
		"{\"edges\":[{\"workload\":\"a\nb\"}]}",
		"{\"edges\":[{\"workload\":}]}",
		"{\"gaps\":[nonsense]}",
		"{\"gaps\":[],}",
		"{\"gaps\" []}",
		"{\"edges\":[] \"gaps\":[]}",
	};
	struct seen seen;

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
		for (size_t piece = 1; piece <= strlen(documents[i]) + 1; piece++)
			if (read_in(documents[i], piece, &seen, NULL) != NS_CLI_UNREACHABLE)
				fail_msg("read: %s", documents[i]);
}

static void in_passing(void **state)
{
	static const char *const whole[] = { "{}", " [1,\"]\",{\"a\":\"\\\"}\"}]\n" };
	static const char *const not_whole[] = { "", "{", "[\"]", "{}{}", "{}x", "x{}", "7", "}" };

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		struct ns_scan scan = { 0 };

		for (size_t k = 0; k < strlen(whole[i]); k++)
			ns_scan_pass(&scan, whole[i] + k, 1);
		assert_true(ns_scan_is_whole(&scan));
	}
	for (size_t i = 0; i < sizeof(not_whole) / sizeof(not_whole[0]); i++) {
		struct ns_scan scan = { 0 };

		ns_scan_pass(&scan, not_whole[i], strlen(not_whole[i]));
		assert_false(ns_scan_is_whole(&scan));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings), cmocka_unit_test(in_any_order), cmocka_unit_test(in_pieces),
		cmocka_unit_test(broken),  cmocka_unit_test(in_passing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
