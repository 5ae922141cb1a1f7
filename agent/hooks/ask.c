/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ask.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "clock.h"
#include "config_value.h"
#include "http.h"

/* Between two questions: rules are mostly in within milliseconds, and a slow start must not become a busy one. */
#define INTERVAL_MIN_US 5000
#define INTERVAL_MAX_US 20000

#define CHECK_TIMEOUT_MIN_US INT64_C(1000000)

NS_DEFINE_CLEANUP(struct ns_daemon_line *, ns_daemon_line_free)

int ns_ask_timeout_parse(const char *text, int64_t *ret, struct ns_error *err)
{
	return ns_config_duration(text, NS_ASK_TIMEOUT_MIN_US, NS_ASK_TIMEOUT_MAX_US, ret, err);
}

int ns_ask_socket_check(const char *path, struct ns_error *err)
{
	char same[NS_ASK_SOCKET_MAX];

	return ns_config_path(path, same, sizeof same, err);
}

/* Only what is known is told. New reference, or NULL without memory. */
static json_t *question(const struct ns_subject *subject)
{
	const struct {
		const char *name, *value;
	} members[] = {
		{ "netns", subject->netns },
		{ "runtime", subject->runtime },
		{ "container_id", subject->container_id },
		{ "name", subject->name },
		{ "workload", subject->workload },
		{ "pod_namespace", subject->pod_namespace },
		{ "pod", subject->pod },
	};
	json_t *body = json_object();

	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		if (*members[i].value && json_object_set_new(body, members[i].name, json_string(members[i].value)) < 0)
			goto failed;
	}
	if (subject->pid > 0 && json_object_set_new(body, "pid", json_integer(subject->pid)) < 0)
		goto failed;
	return body;
failed:
	json_decref(body);
	return NULL;
}

static void copy(char *ret, size_t size, const json_t *text)
{
	(void)snprintf(ret, size, "%s", json_is_string(text) ? json_string_value(text) : "");
}

/* 0: ready. -EAGAIN: not yet, with what is missing. Who told no workload cannot wait for the engine's word, as that
 * waits for the hook: links that are shut until it comes are as good as rules. */
static int read_answer(const json_t *json, bool named, struct ns_ask_answer *ret, struct ns_error *err)
{
	const json_t *ready = json_object_get(json, "ready"), *cookie = json_object_get(json, "cookie");
	const char *why = json_string_value(json_object_get(json, "why"));

	if (!json_is_boolean(ready) || (cookie && !json_is_integer(cookie) && !json_is_null(cookie)))
		return ns_error_set(err, -EPROTO, "the daemon's answer does not say whether the namespace is ready");
	if (!json_is_true(ready) && (named || !json_is_true(json_object_get(json, "held"))))
		return ns_error_set(err, -EAGAIN, "%s", why && *why ? why : "its rules are not in yet");
	*ret = (struct ns_ask_answer){ .cookie = (uint64_t)json_integer_value(cookie) };
	copy(ret->workload, sizeof ret->workload, json_object_get(json, "workload"));
	copy(ret->mode, sizeof ret->mode, json_object_get(json, "mode"));
	return 0;
}

static void wait_for(int64_t us)
{
	struct timespec time = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	(void)nanosleep(&time, NULL); /* a signal only makes it ask sooner */
}

static void format_duration(int64_t us, char *buffer, size_t size)
{
	if (us % 1000000 == 0)
		(void)snprintf(buffer, size, "%" PRId64 "s", us / 1000000);
	else
		(void)snprintf(buffer, size, "%" PRId64 "ms", us / 1000);
}

int ns_ask_ready(const struct ns_ask *ask, const struct ns_subject *subject, struct ns_ask_answer *ret,
		 struct ns_error *err)
{
	NS_CLEANUP(ns_daemon_line_freep) struct ns_daemon_line *line = NULL;
	NS_JSON json_t *asked = question(subject);
	NS_FREE char *body = asked ? json_dumps(asked, JSON_COMPACT) : NULL;
	int64_t end = ns_clock_elapsed() + ask->timeout_us, interval = INTERVAL_MIN_US;
	char duration[32], last[NS_ERROR_TEXT_MAX - 64] = "";
	int r;

	if (!body)
		return ns_error_set(err, -ENOMEM, "no memory");
	r = ns_daemon_line_new(ask->socket, &line, err);
	if (r < 0)
		return r;
	for (;;) {
		struct ns_error missing = NS_ERROR_INIT;
		NS_JSON json_t *answer = NULL;
		int64_t left = end - ns_clock_elapsed();

		r = ns_daemon_line_ask(line, "/v1/ready", body, left, &answer, &missing);
		if (r >= 0)
			r = read_answer(answer, *subject->workload || *subject->pod, ret, &missing);
		if (r != -EAGAIN)
			return r < 0 ? ns_error_set(err, r, "%s", missing.text) : 0;
		/* What the daemon said last counts, not that the last ask had no time left. */
		if (answer || !last[0])
			(void)snprintf(last, sizeof last, "%.*s", (int)sizeof last - 1, missing.text);
		left = end - ns_clock_elapsed();
		if (left <= interval) {
			format_duration(ask->timeout_us, duration, sizeof duration);
			return ns_error_set(err, -ETIMEDOUT, "not ready after %s: %s", duration, last);
		}
		wait_for(interval);
		interval = interval * 2 < INTERVAL_MAX_US ? interval * 2 : INTERVAL_MAX_US;
	}
}

/* One of the locks of the endpoint; `seen` counts them. */
static int check_lock(const json_t *lock, const struct ns_ask_answer *endpoint, unsigned *seen, struct ns_error *err)
{
	const json_t *cookie = json_object_get(lock, "cookie");
	const char *which = json_string_value(json_object_get(lock, "lock"));
	const char *difference = json_string_value(json_object_get(lock, "difference"));

	if (!json_is_integer(cookie) || (uint64_t)json_integer_value(cookie) != endpoint->cookie)
		return 0;
	(*seen)++;
	if (json_is_true(json_object_get(lock, "equal")))
		return 0;
	if (!difference || !*difference)
		difference = "no difference was told";
	return ns_error_set(err, -EBADE, "the %s lock of %s is not as planned: %.*s", which ? which : "?",
			    endpoint->workload, (int)strcspn(difference, "\n"), difference);
}

int ns_ask_verify(const struct ns_ask *ask, const struct ns_ask_answer *endpoint, struct ns_error *err)
{
	NS_CLEANUP(ns_daemon_line_freep) struct ns_daemon_line *line = NULL;
	NS_FREE char *workload = NULL, *path = NULL;
	NS_JSON json_t *answer = NULL;
	const json_t *locks, *lock;
	unsigned seen = 0;
	size_t i;
	int r = ns_daemon_line_new(ask->socket, &line, err);

	if (r < 0)
		return r;
	workload = ns_daemon_line_escape(line, endpoint->workload);
	if (!workload || asprintf(&path, "/v1/verify?workload=%s", workload) < 0) {
		path = NULL;
		return ns_error_set(err, -ENOMEM, "no memory");
	}
	r = ns_daemon_line_ask(line, path, NULL,
			       ask->timeout_us > CHECK_TIMEOUT_MIN_US ? ask->timeout_us : CHECK_TIMEOUT_MIN_US, &answer,
			       err);
	if (r < 0)
		return r;
	locks = json_object_get(answer, "locks");
	if (!json_is_array(locks))
		return ns_error_set(err, -EPROTO, "the daemon's answer has no list of locks");
	json_array_foreach (locks, i, lock) {
		r = check_lock(lock, endpoint, &seen, err);
		if (r < 0)
			return r;
	}
	return seen ? 0 : ns_error_set(err, -EBADE, "the kernel holds no lock of %s", endpoint->workload);
}
