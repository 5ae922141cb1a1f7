/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The real server in a thread, and clients for it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "test_api_fixture.h"

const struct ns_caller *test_caller;

/* The linker puts this in front of the real one (--wrap). */
int __real_ns_caller_identify(int fd, struct ns_caller *ret, struct ns_error *err);
int __wrap_ns_caller_identify(int fd, struct ns_caller *ret, struct ns_error *err);
int __wrap_ns_caller_identify(int fd, struct ns_caller *ret, struct ns_error *err)
{
	if (!test_caller)
		return __real_ns_caller_identify(fd, ret, err);
	*ret = *test_caller;
	return 0;
}

static int on_stop(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static void *serve(void *ctx)
{
	struct test_api *test = ctx;
	sd_event *event = NULL;
	struct ns_api *api = NULL;

	test->start_result = sd_event_new(&event);
	if (test->start_result >= 0)
		test->start_result = sd_event_add_io(event, NULL, test->stop_fd, EPOLLIN, on_stop, NULL);
	if (test->start_result >= 0)
		test->start_result = ns_api_new_timed(event, &test->data.engine, test->socket, test->listen_fd,
						      &test->times, &api, &test->start_error);
	(void)sem_post(&test->started);
	if (test->start_result >= 0)
		(void)sd_event_loop(event);
	ns_api_free(api);
	sd_event_unref(event);
	return NULL;
}

void test_api_start(struct test_api *test, unsigned idle_seconds, unsigned request_seconds)
{
	test_store_open(&test->data);
	(void)snprintf(test->socket, sizeof test->socket, "%s/nanosegd.sock", test->data.dir);
	test->times = (struct ns_api_times){ idle_seconds, request_seconds };
	test->start_error = (struct ns_error)NS_ERROR_INIT;
	test->listen_fd = -1;
	test->stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(test->stop_fd >= 0);
	assert_int_equal(sem_init(&test->started, 0, 0), 0);
	assert_int_equal(pthread_create(&test->thread, NULL, serve, test), 0);
	assert_int_equal(sem_wait(&test->started), 0);
	if (test->start_result < 0)
		fail_msg("%s", test->start_error.text);
}

void test_api_stop(struct test_api *test)
{
	uint64_t one = 1;

	assert_int_equal(write(test->stop_fd, &one, sizeof one), sizeof one);
	assert_int_equal(pthread_join(test->thread, NULL), 0);
	/* The socket's file goes with the server. */
	assert_int_not_equal(access(test->socket, F_OK), 0);
	(void)close(test->stop_fd);
	(void)sem_destroy(&test->started);
	test_store_close(&test->data);
}

/* ---- libcurl ---- */

static size_t collect(char *data, size_t size, size_t n, void *ctx)
{
	struct test_reply *reply = ctx;
	char *larger = realloc(reply->text, reply->length + size * n + 1);

	assert_non_null(larger);
	memcpy(larger + reply->length, data, size * n);
	reply->text = larger;
	reply->length += size * n;
	reply->text[reply->length] = '\0';
	return size * n;
}

static size_t collect_header(char *data, size_t size, size_t n, void *ctx)
{
	struct test_reply *reply = ctx;
	char line[128];

	(void)snprintf(line, sizeof line, "%.*s", (int)(size * n), data);
	line[strcspn(line, "\r\n")] = '\0';
	if (strncasecmp(line, "content-type: ", 14) == 0)
		(void)snprintf(reply->type, sizeof reply->type, "%.60s", line + 14);
	if (strncasecmp(line, "allow: ", 7) == 0)
		(void)snprintf(reply->allow, sizeof reply->allow, "%.60s", line + 7);
	return size * n;
}

struct upload {
	const char *data;
	size_t left;
};

static size_t feed(char *data, size_t size, size_t n, void *ctx)
{
	struct upload *upload = ctx;
	size_t length = size * n < upload->left ? size * n : upload->left;

	memcpy(data, upload->data, length);
	upload->data += length;
	upload->left -= length;
	return length;
}

void test_request(const struct test_api *test, const char *method, const char *path, const char *body, size_t length,
		  bool chunked, struct test_reply *ret)
{
	struct upload upload = { body, length };
	struct curl_slist *headers = NULL;
	CURL *curl = curl_easy_init();
	char url[2048];

	assert_non_null(curl);
	memset(ret, 0, sizeof *ret);
	(void)snprintf(url, sizeof url, "http://nanoseg%s", path);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, test->socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, collect_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, ret);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, feed);
		curl_easy_setopt(curl, CURLOPT_READDATA, &upload);
		if (chunked)
			headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
		else
			curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
		headers = curl_slist_append(headers, "Expect:");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	(void)curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (ret->text)
		ret->json = json_loadb(ret->text, ret->length, JSON_REJECT_DUPLICATES, NULL);
}

void test_get(const struct test_api *test, const char *path, struct test_reply *ret)
{
	test_request(test, "GET", path, NULL, 0, false, ret);
}

void test_post(const struct test_api *test, const char *path, const char *body, struct test_reply *ret)
{
	test_request(test, "POST", path, body, strlen(body), false, ret);
}

void test_reply_release(struct test_reply *reply)
{
	free(reply->text);
	json_decref(reply->json);
	memset(reply, 0, sizeof *reply);
}

void test_expect(struct test_reply *reply, long status, const char *part)
{
	const char *line = json_string_value(json_object_get(reply->json, "error"));

	if (reply->status != status)
		fail_msg("status %ld, not %ld: %s", reply->status, status, reply->text ? reply->text : "(nothing)");
	assert_non_null(reply->json);
	assert_string_equal(reply->type, "application/json");
	if (status >= 400) {
		assert_non_null(line);
		assert_int_equal(json_object_size(reply->json), 1);
		assert_null(strchr(line, '\n'));
		if (part && !strstr(line, part))
			fail_msg("\"%s\" does not say \"%s\"", line, part);
	}
}

void test_get_expect(const struct test_api *test, const char *path, long status, const char *part)
{
	struct test_reply reply;

	test_get(test, path, &reply);
	test_expect(&reply, status, part);
	test_reply_release(&reply);
}

void test_post_expect(const struct test_api *test, const char *path, const char *body, long status, const char *part)
{
	struct test_reply reply;

	test_post(test, path, body, &reply);
	test_expect(&reply, status, part);
	test_reply_release(&reply);
}

/* ---- bare sockets ---- */

int test_connect(const struct test_api *test)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", test->socket);
	assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
	return fd;
}

void test_send(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

size_t test_read_all(int fd, char *buffer, size_t max)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t used = 0;

	while (used < max - 1 && poll(&ready, 1, 10000) == 1) {
		ssize_t n = recv(fd, buffer + used, max - 1 - used, 0);

		if (n <= 0)
			break;
		used += (size_t)n;
	}
	buffer[used] = '\0';
	return used;
}
