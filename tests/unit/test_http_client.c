/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_client.h"
#include "http_peer.h"

#define LONG_BODY 100000

struct seen {
	struct ns_http_client *client;
	struct ns_http_request *request;
	int done, chunks, again;
	long status;
	size_t length, bytes;
	char body[256];
	struct ns_error error;
	bool refuse, cancel;
};

static struct http_peer peer;
static sd_event *event;
static struct ns_http_client *client;

static void answer(int fd, const char *target)
{
	if (strcmp(target, "/ok") == 0) {
		http_peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	} else if (strcmp(target, "/no") == 0) {
		http_peer_say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
	} else if (strcmp(target, "/chunked") == 0) {
		http_peer_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
		usleep(20000);
		http_peer_say(fd, "4\r\ndefg\r\n0\r\n\r\n");
	} else if (strcmp(target, "/stream") == 0) {
		http_peer_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		for (int i = 0; i < 1000; i++) {
			http_peer_say(fd, "3\r\nabc\r\n");
			usleep(2000);
		}
	} else if (strcmp(target, "/hang") == 0) {
		pause();
	} else if (strcmp(target, "/drip") == 0) {
		http_peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
		for (int i = 0; i < 1000; i++) {
			http_peer_say(fd, "x");
			usleep(20000);
		}
	} else if (strcmp(target, "/garbage") == 0) {
		http_peer_say(fd, "\x01\x02\xff garbage\n\n\nmore");
	} else if (strcmp(target, "/close") == 0) {
		;
	} else if (strcmp(target, "/cut") == 0) {
		http_peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
	} else if (strcmp(target, "/badchunk") == 0) {
		http_peer_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n");
	} else if (strcmp(target, "/redirect") == 0) {
		http_peer_say(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
	} else if (strcmp(target, "/headers") == 0) {
		http_peer_say(fd, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < 100000; i++)
			http_peer_say(fd, "X-Another: one of far too many headers\r\n");
	} else if (strcmp(target, "/long") == 0) {
		http_peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
		for (int i = 0; i < LONG_BODY / 10; i++)
			http_peer_say(fd, "0123456789");
	}
}

static int setup(void **state)
{
	http_peer_place(&peer);
	http_peer_listen(&peer, answer);
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(ns_http_client_new(event, peer.path, &client, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	client = ns_http_client_free(client);
	event = sd_event_unref(event);
	http_peer_remove(&peer);
	return 0;
}

static int on_chunk(void *ctx, const char *data, size_t length)
{
	struct seen *seen = ctx;

	if (seen->bytes + length < sizeof seen->body)
		memcpy(seen->body + seen->bytes, data, length);
	seen->bytes += length;
	seen->chunks++;
	if (seen->cancel) {
		ns_http_cancel(seen->request);
		(void)sd_event_exit(event, 0);
	}
	return seen->refuse ? -EBADMSG : 0;
}

static void on_done(void *ctx, long status, const char *body, size_t length, const struct ns_error *error)
{
	struct seen *seen = ctx;

	seen->done++;
	seen->status = status;
	seen->length = length;
	seen->error = *error;
	if (length < sizeof seen->body && length > 0)
		memcpy(seen->body, body, length + 1);
	(void)sd_event_exit(event, 0);
}

static const struct ns_http_handlers whole = { NULL, on_done }, parts = { on_chunk, on_done };

static int on_limit(sd_event_source *source, uint64_t usec, void *ctx)
{
	fail_msg("no callback in time");
	return 0;
}

static void run(void)
{
	sd_event_source *limit = NULL;

	assert_int_equal(sd_event_add_time_relative(event, &limit, CLOCK_MONOTONIC, 5000000, 0, on_limit, NULL) < 0, 0);
	assert_int_equal(sd_event_loop(event), 0);
	sd_event_source_disable_unref(limit);
	/* A loop that was left cannot run again: the next request gets a new one. */
	client = ns_http_client_free(client);
	event = sd_event_unref(event);
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(ns_http_client_new(event, peer.path, &client, NULL), 0);
}

static struct seen get(const char *path, uint64_t timeout_us, size_t max, const struct ns_http_handlers *handlers)
{
	struct seen seen = { .client = client };

	assert_int_equal(ns_http_get(client, path, timeout_us, max, handlers, &seen, &seen.request, NULL), 0);
	assert_int_equal(seen.done, 0);
	run();
	assert_int_equal(seen.done, 1);
	return seen;
}

static void test_answers(void **state)
{
	struct seen seen = get("/ok", 2000000, 1000, &whole);

	assert_int_equal(seen.error.code, 0);
	assert_int_equal(seen.status, 200);
	assert_int_equal(seen.length, 5);
	assert_string_equal(seen.body, "hello");
	seen = get("/no", 2000000, 1000, &whole);
	assert_int_equal(seen.error.code, 0);
	assert_int_equal(seen.status, 404);
	assert_string_equal(seen.body, "none");
	seen = get("/chunked", 2000000, 1000, &whole);
	assert_string_equal(seen.body, "abcdefg");
	seen = get("/redirect", 2000000, 1000, &whole);
	assert_int_equal(seen.status, 302);
}

static void test_streams(void **state)
{
	struct seen seen = get("/chunked", 0, 1000, &parts);

	assert_int_equal(seen.error.code, 0);
	assert_int_equal(seen.bytes, 7);
	assert_true(seen.chunks >= 2);
	assert_memory_equal(seen.body, "abcdefg", 7);
	/* The reason for an error is no part of the stream. */
	seen = get("/no", 0, 1000, &parts);
	assert_int_equal(seen.chunks, 0);
	assert_int_equal(seen.status, 404);
	assert_string_equal(seen.body, "none");
}

static void test_failures(void **state)
{
	static const struct {
		const char *path;
		int code;
	} cases[] = { { "/hang", -ETIMEDOUT },   { "/drip", -ETIMEDOUT },  { "/garbage", -EPROTO },
		      { "/close", -ECONNRESET }, { "/cut", -ECONNRESET },  { "/badchunk", -ECONNRESET },
		      { "/long", -EMSGSIZE },    { "/headers", -EMSGSIZE } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct seen seen = get(cases[i].path, 200000, 5000, &whole);

		if (seen.error.code != cases[i].code)
			fail_msg("%s: %d %s", cases[i].path, seen.error.code, seen.error.text);
		assert_int_equal(seen.status, 0);
		assert_true(*seen.error.text != '\0');
	}
}

static void test_nobody_there(void **state)
{
	struct seen seen;

	http_peer_stop(&peer);
	seen = get("/ok", 2000000, 1000, &whole);
	assert_int_equal(seen.error.code, -ENOENT);
	http_peer_listen(&peer, answer);
	(void)kill(peer.pid, SIGKILL);
	(void)waitpid(peer.pid, NULL, 0);
	seen = get("/ok", 2000000, 1000, &whole);
	assert_int_equal(seen.error.code, -ECONNREFUSED);
	http_peer_listen(&peer, answer);
	seen = get("/ok", 2000000, 1000, &whole);
	assert_int_equal(seen.status, 200);
}

static void test_reader_ends(void **state)
{
	struct seen seen = { .refuse = true };

	assert_int_equal(ns_http_get(client, "/stream", 0, 1000, &parts, &seen, &seen.request, NULL), 0);
	run();
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.chunks, 1);
	assert_int_equal(seen.error.code, -EBADMSG);
	/* Cancelled from within its own chunk: nothing follows. */
	seen = (struct seen){ .cancel = true };
	assert_int_equal(ns_http_get(client, "/stream", 0, 1000, &parts, &seen, &seen.request, NULL), 0);
	run();
	assert_int_equal(seen.done, 0);
	assert_int_equal(seen.chunks, 1);
	/* Before it began, and never a NULL. */
	assert_int_equal(ns_http_get(client, "/ok", 0, 1000, &parts, &seen, &seen.request, NULL), 0);
	ns_http_cancel(seen.request);
	ns_http_cancel(NULL);
}

/* A callback starts the next request; and many at once stay within the limit of connections. */
static void next_one(void *ctx, long status, const char *body, size_t length, const struct ns_error *error)
{
	struct seen *seen = ctx;
	static const struct ns_http_handlers again = { NULL, next_one };

	assert_int_equal(error->code, 0);
	assert_int_equal(status, 200);
	if (++seen->done == 200)
		(void)sd_event_exit(event, 0);
	else if (seen->again-- > 0)
		assert_int_equal(ns_http_get(client, "/ok", 4000000, 100, &again, seen, NULL, NULL), 0);
}

static void test_many(void **state)
{
	struct seen seen = { .again = 100 };
	static const struct ns_http_handlers first = { NULL, next_one };

	for (int i = 0; i < 100; i++)
		assert_int_equal(ns_http_get(client, "/ok", 4000000, 100, &first, &seen, NULL, NULL), 0);
	run();
	assert_int_equal(seen.done, 200);
}

static void test_bounds(void **state)
{
	struct seen seen = { 0 };
	struct ns_error err = NS_ERROR_INIT;
	int r = 0, n;

	assert_int_equal(ns_http_get(client, "ok", 1, 1, &whole, &seen, NULL, &err), -EINVAL);
	for (n = 0; n < 100000 && r == 0; n++)
		r = ns_http_get(client, "/hang", 1000000, 1, &whole, &seen, NULL, &err);
	assert_int_equal(r, -EBUSY);
	assert_true(n > 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
