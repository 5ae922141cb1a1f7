/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Clients that send garbage, too much, too slowly, too often, or go away: the daemon answers others all the while, and
 * keeps nothing of them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "clock.h"
#include "test_api_fixture.h"

#define WEB             "compose/shop/web"
#define IDLE_SECONDS    1
#define REQUEST_SECONDS 3

static int setup(void **state)
{
	struct test_api *test = calloc(1, sizeof *test);

	assert_non_null(test);
	test_caller = NULL;
	test_api_start(test, IDLE_SECONDS, REQUEST_SECONDS);
	test_store_meet(&test->data, WEB, ns_clock_now());
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test_api *test = *state;

	test_api_stop(test);
	free(test);
	return 0;
}

static size_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

static void nap(long ms)
{
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&pause, NULL);
}

/* Somebody else is answered, and at once. */
static void others_are_served(const struct test_api *test)
{
	int64_t start = ns_clock_elapsed();

	test_get_expect(test, "/v1/status", 200, NULL);
	assert_true(ns_clock_elapsed() - start < 2000000);
}

static void wait_for_fds(size_t wanted)
{
	for (int i = 0; i < 100 && open_fds() > wanted; i++)
		nap(100);
	assert_int_equal(open_fds(), wanted);
}

/* ---- garbage ---- */

static void send_garbage(const struct test_api *test, const char *bytes, size_t length)
{
	char answer[4096];
	int fd = test_connect(test);

	(void)send(fd, bytes, length, MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
	(void)test_read_all(fd, answer, sizeof answer);
	/* Refused, or closed without a word; never a success. */
	if (answer[0] && strncmp(answer, "HTTP/1.1 4", 10) != 0 && strncmp(answer, "HTTP/1.1 5", 10) != 0 &&
	    strncmp(answer, "HTTP/1.0 4", 10) != 0)
		fail_msg("garbage was answered: %.80s", answer);
	(void)close(fd);
}

static void test_garbage(void **state)
{
	struct test_api *test = *state;
	size_t fds = open_fds();
	char bytes[8192];
	uint32_t seed = 28275;
	static const char *const texts[] = {
		"",
		"\r\n\r\n\r\n",
		"\n",
		"GET\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n",
		"GET /v1/status HTTP/1.1\r\n\r\n", /* no Host */
		"POST /v1/learn HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST /v1/learn HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
		"POST /v1/learn HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\nhello",
		"POST /v1/learn HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"POST /v1/learn HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		send_garbage(test, texts[i], strlen(texts[i]));
	for (int round = 0; round < 100; round++) {
		size_t length;

		for (size_t i = 0; i < sizeof bytes; i++) {
			seed = seed * 1664525 + 1013904223;
			bytes[i] = (char)(seed >> 24);
		}
		length = 1 + seed % (sizeof bytes - 1);
		if (round % 3 == 0)
			memcpy(bytes, "GET /v1/", 8); /* NOLINT(bugprone-not-null-terminated-result) */
		send_garbage(test, bytes, length);
	}
	others_are_served(test);
	wait_for_fds(fds);
}

static void test_endless_header(void **state)
{
	struct test_api *test = *state;
	char line[1024], answer[1024];
	int fd = test_connect(test);

	test_send(fd, "GET /v1/status HTTP/1.1\r\nHost: x\r\n");
	memset(line, 'a', sizeof line);
	memcpy(line, "X-A: ", 5);
	memcpy(line + sizeof line - 2, "\r\n", 2);
	for (int i = 0; i < 1024; i++)
		if (send(fd, line, sizeof line, MSG_NOSIGNAL) < 0)
			break;
	(void)test_read_all(fd, answer, sizeof answer);
	assert_true(answer[0] == '\0' || strncmp(answer, "HTTP/1.1 4", 10) == 0);
	(void)close(fd);
	others_are_served(test);
}

static void test_long_url(void **state)
{
	struct test_api *test = *state;
	char *path = malloc(200000), answer[64];
	int fd = test_connect(test);

	assert_non_null(path);
	memset(path, 'a', 199999);
	path[199999] = '\0';
	(void)send(fd, "GET /", 5, MSG_NOSIGNAL);
	(void)send(fd, path, 199999, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
	(void)test_read_all(fd, answer, sizeof answer);
	assert_true(answer[0] == '\0' || strncmp(answer, "HTTP/1.1 4", 10) == 0 ||
		    strncmp(answer, "HTTP/1.0 4", 10) == 0);
	(void)close(fd);
	free(path);
	others_are_served(test);
}

/* ---- too much ---- */

static char *spaces(size_t length)
{
	char *body = malloc(length);

	assert_non_null(body);
	memset(body, ' ', length);
	return body;
}

static void test_body_limit(void **state)
{
	static const char object[] = "{\"workload\":\"" WEB "\"}";
	struct test_api *test = *state;
	char *body = spaces((size_t)3 * NS_HTTP_BODY_MAX);
	struct test_reply reply;

	memcpy(body, object, sizeof object - 1);
	/* The largest that is allowed, both ways. */
	for (int chunked = 0; chunked < 2; chunked++) {
		test_request(test, "POST", "/v1/policy/propose", body, NS_HTTP_BODY_MAX, chunked, &reply);
		test_expect(&reply, 200, NULL);
		test_reply_release(&reply);
		assert_int_equal(test->data.engine.harvests, 1 + chunked);
	}
	/* One byte more, its length known or not. */
	test_request(test, "POST", "/v1/policy/propose", body, NS_HTTP_BODY_MAX + 1, false, &reply);
	test_expect(&reply, 413, "8 MiB");
	test_reply_release(&reply);
	test_request(test, "POST", "/v1/policy/propose", body, NS_HTTP_BODY_MAX + 1, true, &reply);
	test_expect(&reply, 413, "8 MiB");
	test_reply_release(&reply);
	/* Without an end in sight it is cut off. */
	test_request(test, "POST", "/v1/policy/propose", body, (size_t)3 * NS_HTTP_BODY_MAX, true, &reply);
	assert_true(reply.status == 0 || reply.status == 413);
	test_reply_release(&reply);
	assert_int_equal(test->data.engine.harvests, 2);
	free(body);
	others_are_served(test);
}

/* A body that will not be used is not kept: the answer is that of the path or the role. */
static void test_unwanted_bodies(void **state)
{
	static const struct ns_caller nobody = { .uid = 1000, .gid = 1000, .pid = 7, .user = "bob" };
	struct test_api *test = *state;
	char *body = spaces(NS_HTTP_BODY_MAX);
	struct test_reply reply;

	test_request(test, "POST", "/v1/none", body, NS_HTTP_BODY_MAX, false, &reply);
	test_expect(&reply, 404, NULL);
	test_reply_release(&reply);
	test_request(test, "POST", "/v1/status", body, NS_HTTP_BODY_MAX, true, &reply);
	test_expect(&reply, 405, NULL);
	test_reply_release(&reply);
	test_caller = &nobody;
	test_request(test, "POST", "/v1/policy/edit", body, NS_HTTP_BODY_MAX, false, &reply);
	test_expect(&reply, 403, NULL);
	test_reply_release(&reply);
	test_caller = NULL;
	free(body);
}

/* All bodies together have a limit: the fifth of 8 MB is told to come again, and there is room again afterwards. */
static void test_all_bodies_limit(void **state)
{
	enum { N = NS_HTTP_BODIES_MAX / NS_HTTP_BODY_MAX };
	struct test_api *test = *state;
	char *body = spaces(NS_HTTP_BODY_MAX), head[256];
	struct test_reply reply;
	int fds[N];

	(void)snprintf(head, sizeof head, "POST /v1/policy/edit HTTP/1.1\r\nHost: x\r\nContent-Length: %u\r\n\r\n",
		       NS_HTTP_BODY_MAX);
	for (int i = 0; i < N; i++) {
		size_t sent = 0;

		fds[i] = test_connect(test);
		test_send(fds[i], head);
		while (sent < NS_HTTP_BODY_MAX - 1) {
			ssize_t n = send(fds[i], body + sent, NS_HTTP_BODY_MAX - 1 - sent, MSG_NOSIGNAL);

			assert_true(n > 0);
			sent += (size_t)n;
		}
	}
	test_request(test, "POST", "/v1/policy/edit", body, NS_HTTP_BODY_MAX, false, &reply);
	test_expect(&reply, 503, "try again");
	test_reply_release(&reply);
	/* Gone in the middle of their bodies. */
	for (int i = 0; i < N; i++)
		(void)close(fds[i]);
	nap(200);
	test_request(test, "POST", "/v1/policy/edit", body, NS_HTTP_BODY_MAX, false, &reply);
	test_expect(&reply, 400, NULL);
	test_reply_release(&reply);
	free(body);
}

/* ---- gone ---- */

static void test_disconnects(void **state)
{
	static const char *const texts[] = {
		"P",
		"POST /v1/learn HTTP/1.1\r\n",
		"POST /v1/learn HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
		"POST /v1/learn HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"workload\":",
		"POST /v1/learn HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n",
		"GET /v1/graph HTTP/1.1\r\nHost: x\r\n\r\n", /* whole, but nobody waits for the answer */
	};
	struct test_api *test = *state;
	size_t fds = open_fds();

	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
			int fd = test_connect(test);

			test_send(fd, texts[i]);
			(void)close(fd);
		}
	}
	others_are_served(test);
	wait_for_fds(fds);
	assert_int_equal(test->data.engine.changes, 0);
}

/* Half a body and then the end: not a request, so nothing happened. */
static void test_half_closed(void **state)
{
	struct test_api *test = *state;
	char answer[1024];
	int fd = test_connect(test);

	test_send(fd, "POST /v1/policy/propose HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{\"workload\":\"" WEB
		      "\"}");
	(void)shutdown(fd, SHUT_WR);
	(void)test_read_all(fd, answer, sizeof answer);
	assert_int_not_equal(strncmp(answer, "HTTP/1.1 2", 10), 0);
	(void)close(fd);
	assert_int_equal(test->data.engine.harvests, 0);
}

/* ---- slow ---- */

static void test_idle(void **state)
{
	struct test_api *test = *state;
	int64_t start = ns_clock_elapsed();
	char answer[64];
	int fd = test_connect(test);

	assert_int_equal(test_read_all(fd, answer, sizeof answer), 0);
	assert_true(ns_clock_elapsed() - start < (IDLE_SECONDS + 3) * INT64_C(1000000));
	(void)close(fd);
}

/* A byte now and then keeps off the idle timeout for ever; the deadline of the request it does not. */
static void test_slow(void **state)
{
	static const char head[] = "POST /v1/policy/propose HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n";
	struct test_api *test = *state;
	int64_t start = ns_clock_elapsed();
	int fd = test_connect(test);
	int rounds = 0;

	test_send(fd, head);
	for (; rounds < 100; rounds++) {
		struct pollfd gone = { .fd = fd, .events = POLLIN };

		if (send(fd, "x", 1, MSG_NOSIGNAL) < 0 || poll(&gone, 1, 200) != 0)
			break;
		if (rounds % 5 == 0)
			others_are_served(test);
	}
	assert_true(rounds < 100);
	assert_true(ns_clock_elapsed() - start >= (REQUEST_SECONDS - 1) * INT64_C(1000000));
	assert_true(ns_clock_elapsed() - start < (REQUEST_SECONDS + 3) * INT64_C(1000000));
	(void)close(fd);
}

/* The deadline is of one request: a connection that is used goes on. */
static void test_keep_alive(void **state)
{
	struct test_api *test = *state;
	char answer[4096];
	int fd = test_connect(test);

	for (int i = 0; i < 2 * REQUEST_SECONDS; i++) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		ssize_t n;

		test_send(fd, "GET /v1/endpoints HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_int_equal(poll(&ready, 1, 5000), 1);
		n = recv(fd, answer, sizeof answer - 1, 0);
		assert_true(n > 0);
		assert_int_equal(strncmp(answer, "HTTP/1.1 200", 12), 0);
		nap(700);
	}
	(void)close(fd);
}

static void test_pipelined(void **state)
{
	struct test_api *test = *state;
	char answer[8192];
	int fd = test_connect(test), found = 0;

	for (int i = 0; i < 5; i++)
		test_send(fd, "GET /v1/endpoints HTTP/1.1\r\nHost: x\r\n\r\n");
	test_send(fd, "GET /v1/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	(void)test_read_all(fd, answer, sizeof answer);
	for (const char *at = answer; (at = strstr(at, "HTTP/1.1 200")); at++)
		found++;
	assert_int_equal(found, 5);
	assert_non_null(strstr(answer, "HTTP/1.1 404"));
	(void)close(fd);
}

/* ---- too many ---- */

static size_t swallow(char *data, size_t size, size_t n, void *ctx)
{
	return size * n;
}

static void test_seventy_at_once(void **state)
{
	enum { N = NS_HTTP_CONNECTIONS_MAX + 6 };
	struct test_api *test = *state;
	CURLM *multi = curl_multi_init();
	CURL *clients[N];
	int running = N;

	for (int i = 0; i < N; i++) {
		clients[i] = curl_easy_init();
		curl_easy_setopt(clients[i], CURLOPT_UNIX_SOCKET_PATH, test->socket);
		curl_easy_setopt(clients[i], CURLOPT_URL, "http://nanoseg/v1/status");
		curl_easy_setopt(clients[i], CURLOPT_TIMEOUT, 20L);
		curl_easy_setopt(clients[i], CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(clients[i], CURLOPT_WRITEFUNCTION, swallow);
		curl_multi_add_handle(multi, clients[i]);
	}
	while (running > 0) {
		assert_int_equal(curl_multi_perform(multi, &running), CURLM_OK);
		if (running > 0)
			(void)curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	for (int i = 0; i < N; i++) {
		long status = 0;

		curl_easy_getinfo(clients[i], CURLINFO_RESPONSE_CODE, &status);
		assert_int_equal(status, 200);
		curl_multi_remove_handle(multi, clients[i]);
		curl_easy_cleanup(clients[i]);
	}
	curl_multi_cleanup(multi);
}

/* Seventy that say nothing: the rest waits in line until the first ones are timed out, and is then served. */
static void test_seventy_silent(void **state)
{
	enum { N = NS_HTTP_CONNECTIONS_MAX + 6 };
	struct test_api *test = *state;
	size_t before = open_fds();
	int fds[N];

	for (int i = 0; i < N; i++)
		fds[i] = test_connect(test);
	test_get_expect(test, "/v1/status", 200, NULL);
	for (int i = 0; i < N; i++)
		(void)close(fds[i]);
	wait_for_fds(before);
}

/* In a child without rights: takes every place it can get. Returns how many it kept, -1 on error. */
static int crowd(const struct test_api *test, int fds[static NS_HTTP_CONNECTIONS_MAX])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int kept = 0;

	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", test->socket);
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return -1;
	for (int i = 0; i < NS_HTTP_CONNECTIONS_MAX; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(fds[i], (const struct sockaddr *)&addr, sizeof addr) < 0)
			return -1;
	}
	nap(300);
	for (int i = 0; i < NS_HTTP_CONNECTIONS_MAX; i++) {
		char byte;

		kept += recv(fds[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
	}
	return kept;
}

/* The last places are root's. */
static void test_root_gets_in(void **state)
{
	struct test_api *test = *state;
	int ready[2], status;
	char byte;
	pid_t child;

	assert_int_equal(getuid(), 0);
	assert_int_equal(chmod(test->data.dir, 0711), 0);
	assert_int_equal(chmod(test->socket, 0666), 0);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		int fds[NS_HTTP_CONNECTIONS_MAX];
		int kept = crowd(test, fds);

		(void)!write(ready[1], "x", 1);
		nap(300);
		_exit(kept < 0 ? 255 : kept);
	}
	assert_true(child > 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	others_are_served(test);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), NS_HTTP_CONNECTIONS_MAX - NS_HTTP_CONNECTIONS_ROOT);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

/* The server goes while clients are in every stage of a request. */
static void test_stop_under_load(void **state)
{
	struct test_api *test = *state;
	int fds[3];

	for (int i = 0; i < 3; i++)
		fds[i] = test_connect(test);
	test_send(fds[1], "POST /v1/policy/edit HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"a\":");
	test_send(fds[2], "GET /v1/status HTT");
	nap(100);
	test_api_stop(test);
	for (int i = 0; i < 3; i++)
		(void)close(fds[i]);
	free(test);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_garbage),
		TEST(test_endless_header),
		TEST(test_long_url),
		TEST(test_body_limit),
		TEST(test_unwanted_bodies),
		TEST(test_all_bodies_limit),
		TEST(test_disconnects),
		TEST(test_half_closed),
		TEST(test_idle),
		TEST(test_slow),
		TEST(test_keep_alive),
		TEST(test_pipelined),
		TEST(test_seventy_at_once),
		TEST(test_seventy_silent),
		TEST(test_root_gets_in),
		cmocka_unit_test_setup(test_stop_under_load, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
