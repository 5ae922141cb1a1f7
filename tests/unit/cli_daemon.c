/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli_daemon.h"
#include "clock.h"

/* ---- the daemon ---- */

struct fake fake = { .mutex = PTHREAD_MUTEX_INITIALIZER };

void answer(const char *path, int status, const char *body)
{
	(void)pthread_mutex_lock(&fake.mutex);
	(void)snprintf(fake.script[fake.n_script].path, sizeof(fake.script[0].path), "%s ", path);
	fake.script[fake.n_script].status = status;
	fake.script[fake.n_script++].body = body;
	(void)pthread_mutex_unlock(&fake.mutex);
}

static void reply(int fd, const char *request)
{
	static const char nothing[] = "{\"error\":\"the test said nothing of this path\"}";
	const char *body = nothing;
	char head[256];
	int status = 404, n;

	for (size_t i = 0; i < fake.n_script; i++) {
		if (strncmp(request, fake.script[i].path, strlen(fake.script[i].path)) == 0) {
			status = fake.script[i].status;
			body = fake.script[i].body;
		}
	}
	if (status < 0)
		return;
	if (status > 0) {
		n = snprintf(head, sizeof(head),
			     "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n"
			     "Content-Length: %zu\r\nConnection: close\r\n\r\n",
			     status, strlen(body));
		(void)!write(fd, head, (size_t)n);
	}
	(void)!write(fd, body, strlen(body));
}

/* Reads one request whole: the head, and as many bytes as it says. */
static void serve(int fd)
{
	char buffer[16384];
	size_t length = 0;
	char *body;

	for (;;) {
		ssize_t n = read(fd, buffer + length, sizeof(buffer) - 1 - length);
		const char *says;
		size_t expected = 0;

		if (n <= 0)
			return;
		length += (size_t)n;
		buffer[length] = '\0';
		body = strstr(buffer, "\r\n\r\n");
		if (!body)
			continue;
		body += 4;
		says = strcasestr(buffer, "\r\nContent-Length:");
		if (says)
			expected = strtoul(says + strlen("\r\nContent-Length:"), NULL, 10);
		if (length - (size_t)(body - buffer) >= expected)
			break;
	}
	(void)pthread_mutex_lock(&fake.mutex);
	(void)snprintf(fake.request_body, sizeof(fake.request_body), "%.8000s", body);
	(void)snprintf(fake.request_line, sizeof(fake.request_line), "%.*s", (int)strcspn(buffer, "\r"), buffer);
	fake.requests++;
	reply(fd, buffer);
	(void)pthread_mutex_unlock(&fake.mutex);
}

static void *listen_for_ever(void *ctx)
{
	(void)ctx;
	for (;;) {
		int fd = accept(fake.listener, NULL, NULL);

		if (fd < 0)
			return NULL;
		serve(fd);
		(void)close(fd);
	}
}

int fake_start(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(fake.directory, sizeof(fake.directory), "/tmp/nanoseg-test-cli-XXXXXX");
	if (!mkdtemp(fake.directory))
		return -1;
	(void)snprintf(fake.socket, sizeof(fake.socket), "%s/s", fake.directory);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake.socket);
	fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fake.listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fake.listener, 16) < 0)
		return -1;
	return pthread_create(&fake.thread, NULL, listen_for_ever, NULL);
}

int fake_stop(void **state)
{
	(void)state;
	(void)shutdown(fake.listener, SHUT_RDWR);
	(void)pthread_join(fake.thread, NULL);
	(void)close(fake.listener);
	(void)unlink(fake.socket);
	free(got.out);
	return rmdir(fake.directory);
}

int fake_forget(void **state)
{
	(void)state;
	(void)pthread_mutex_lock(&fake.mutex);
	fake.n_script = 0;
	fake.request_line[0] = fake.request_body[0] = '\0';
	(void)pthread_mutex_unlock(&fake.mutex);
	return 0;
}

/* ---- the command ---- */

struct got got;

/* 2026-11-23T12:00:00Z, so that ages are known. */
static int64_t the_time(void)
{
	int64_t time = 0;

	assert_int_equal(ns_time_parse("2026-11-23T12:00:00Z", &time), 0);
	return time;
}

int run_as(bool terminal, unsigned width, const char *line)
{
	struct ns_cli_request request;
	struct ns_cli cli = {
		.request = &request, .terminal = terminal, .interactive = terminal, .width = width, .now = the_time()
	};
	char text[1024], *argv[32], *rest = text;
	size_t argc = 0, size;
	int r;

	free(got.out);
	got.out = NULL;
	got.err = (struct ns_error)NS_ERROR_INIT;
	(void)snprintf(text, sizeof(text), "%s", line);
	for (char *word; (word = strtok_r(rest, " ", &rest));) {
		argv[argc++] = word;
		while ((word = strchr(word, '_')))
			*word = ' ';
	}
	cli.out = open_memstream(&got.out, &size);
	assert_non_null(cli.out);
	r = ns_cli_parse(argc, argv, fake.socket, &request, &got.err) < 0 ? NS_CLI_USAGE
									  : request.verb->run(&cli, &got.err);
	assert_int_equal(fclose(cli.out), 0);
	if (r == NS_CLI_OK)
		assert_string_equal(got.err.text, "");
	return r;
}

int run(const char *line)
{
	return run_as(false, 0, line);
}
