/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

#include "docker.h"
#include "http_peer.h"

/* What the engine does, set by the test, read by the peer's processes. */
struct engine {
	_Atomic int version_mode, list_mode, inspect_mode, events_mode, containers;
	_Atomic int inspecting, most_inspecting, inspected, listed;
	_Atomic int streams;
	_Atomic int event_number; /* rises: send `event` */
	char event[512];
};

enum { NORMAL, HANG, GARBAGE, CLOSE, OLD, ERROR };

static struct engine *engine;
static struct http_peer peer;
static sd_event *loop;
static struct ns_docker *docker;
static int changes;

static void make_id(char id[static 65], int n)
{
	(void)snprintf(id, 65, "%064x", n + 0xabc);
}

static void say_json(int fd, const char *body)
{
	char head[128];

	(void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));
	http_peer_say(fd, head);
	http_peer_say(fd, body);
}

static bool misbehaves(int fd, int mode)
{
	switch (mode) {
	case HANG:
		for (;;)
			pause();
	case GARBAGE:
		say_json(fd, "{\"this is\": \"not what was asked for\"]");
		return true;
	case CLOSE:
		return true;
	case ERROR:
		http_peer_say(fd, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
		return true;
	default:
		return false;
	}
}

static void answer_list(int fd)
{
	static char body[1 << 20];
	size_t used = 1;

	body[0] = '[';
	for (int i = 0; i < engine->containers; i++) {
		char id[65];

		make_id(id, i);
		used += (size_t)snprintf(body + used, sizeof body - used, "%s{\"Id\":\"%s\",\"Names\":[\"/c%d\"]}",
					 i ? "," : "", id, i);
	}
	(void)snprintf(body + used, sizeof body - used, "]");
	say_json(fd, body);
	engine->listed++;
}

static void answer_inspect(int fd, const char *id)
{
	int now = ++engine->inspecting, most = engine->most_inspecting;
	char body[1024];

	while (now > most && !atomic_compare_exchange_weak(&engine->most_inspecting, &most, now))
		;
	usleep(10000);
	(void)snprintf(body, sizeof body,
		       "{\"Id\":\"%.64s\",\"Name\":\"/inspected-%.4s\",\"Config\":{},\"HostConfig\":{},"
		       "\"State\":{\"Pid\":77,\"Running\":true}}",
		       id, id + 60);
	engine->inspecting--;
	engine->inspected++;
	say_json(fd, body);
}

static void answer_events(int fd)
{
	int seen = engine->event_number;

	engine->streams++;
	http_peer_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (;;) {
		char chunk[600];

		if (engine->event_number != seen) {
			seen = engine->event_number;
			(void)snprintf(chunk, sizeof chunk, "%zx\r\n%s\r\n", strlen(engine->event), engine->event);
			http_peer_say(fd, chunk);
		}
		if (engine->events_mode == CLOSE)
			return;
		usleep(1000);
	}
}

static void answer(int fd, const char *target)
{
	const char *at;

	if (strcmp(target, "/version") == 0) {
		if (!misbehaves(fd, engine->version_mode))
			say_json(fd, engine->version_mode == OLD
					     ? "{\"ApiVersion\":\"1.20\",\"MinAPIVersion\":\"1.10\"}"
					     : "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}");
	} else if (strncmp(target, "/v1.41/events?", 14) == 0) {
		if (!misbehaves(fd, engine->events_mode))
			answer_events(fd);
	} else if (strncmp(target, "/v1.41/containers/json?", 23) == 0) {
		if (!misbehaves(fd, engine->list_mode))
			answer_list(fd);
	} else if ((at = strstr(target, "/v1.41/containers/")) && strlen(at) == 18 + 64 + 5) {
		if (!misbehaves(fd, engine->inspect_mode))
			answer_inspect(fd, at + 18);
	} else {
		http_peer_say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	}
}

static void on_change(void *ctx)
{
	changes++;
}

static int setup(void **state)
{
	engine = mmap(NULL, sizeof *engine, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(engine != MAP_FAILED);
	http_peer_place(&peer);
	assert_int_equal(sd_event_new(&loop), 0);
	return 0;
}

static int teardown(void **state)
{
	docker = ns_docker_free(docker);
	loop = sd_event_unref(loop);
	http_peer_remove(&peer);
	(void)munmap(engine, sizeof *engine);
	return 0;
}

static void begin(void)
{
	http_peer_listen(&peer, answer);
	assert_int_equal(ns_docker_new(loop, peer.path, "docker", on_change, NULL, &docker, NULL), 0);
}

static enum ns_docker_state state_now(void)
{
	const char *detail;
	int64_t since;

	return ns_docker_get_state(docker, &detail, &since);
}

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Runs the loop until the condition holds; fails after the seconds given. */
#define UNTIL(condition, limit)                                                                                        \
	do {                                                                                                           \
		double end = seconds() + (limit);                                                                      \
		while (!(condition)) {                                                                                 \
			const char *detail;                                                                            \
			int64_t since;                                                                                 \
			enum ns_docker_state now = ns_docker_get_state(docker, &detail, &since);                       \
			if (seconds() > end)                                                                           \
				fail_msg("not in time: %s; state %d %s", #condition, now, detail);                     \
			assert_true(sd_event_run(loop, 10000) >= 0);                                                   \
		}                                                                                                      \
	} while (0)

static const struct ns_container *container(int n)
{
	char id[65];

	make_id(id, n);
	return ns_docker_find(docker, id);
}

static bool all_inspected(int n)
{
	for (int i = 0; i < n; i++)
		if (!container(i) || container(i)->pid != 77)
			return false;
	return true;
}

static void test_appears_and_goes(void **state)
{
	engine->containers = 2;
	assert_int_equal(ns_docker_new(loop, peer.path, "docker", on_change, NULL, &docker, NULL), 0);
	UNTIL(changes > 0, 1);
	assert_int_equal(state_now(), NS_DOCKER_ABSENT);
	http_peer_listen(&peer, answer);
	UNTIL(state_now() == NS_DOCKER_OK && all_inspected(2), 3);
	assert_string_equal(container(0)->name, "inspected-0abc");
	assert_string_equal(container(0)->runtime, "docker");
	assert_ptr_equal(ns_docker_at(docker, 0), container(0));
	assert_null(ns_docker_at(docker, 2));
	/* The engine goes: what it said stays. */
	http_peer_stop(&peer);
	UNTIL(state_now() == NS_DOCKER_ABSENT, 3);
	assert_non_null(container(1));
	/* It is back with one container less. */
	engine->containers = 1;
	http_peer_listen(&peer, answer);
	UNTIL(state_now() == NS_DOCKER_OK, 8);
	assert_non_null(container(0));
	assert_null(container(1));
}

static void test_inspects_are_bounded(void **state)
{
	engine->containers = 60;
	begin();
	UNTIL(all_inspected(60), 5);
	assert_true(engine->most_inspecting <= NS_DOCKER_INSPECTS_MAX);
	assert_true(engine->most_inspecting > 1);
}

static void send_event(const char *action, int n, const char *attributes)
{
	char id[65];

	make_id(id, n);
	(void)snprintf(engine->event, sizeof engine->event,
		       "{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"%s\",\"Attributes\":{%s}}}\n",
		       action, id, attributes);
	engine->event_number++;
}

static void test_events(void **state)
{
	begin();
	UNTIL(state_now() == NS_DOCKER_OK && engine->streams == 1, 3);
	/* An inspection of a container that is being started waits; its name is known all the same. */
	engine->inspect_mode = HANG;
	send_event("create", 5, "\"name\":\"early\",\"com.docker.compose.project\":\"p\"");
	UNTIL(container(5), 2);
	assert_string_equal(container(5)->name, "early");
	assert_string_equal(container(5)->project, "p");
	assert_int_equal(container(5)->pid, 0);
	engine->inspect_mode = NORMAL;
	send_event("start", 6, "\"name\":\"next\"");
	UNTIL(container(6) && container(6)->pid == 77, 2);
	engine->inspect_mode = ERROR;
	send_event("die", 6, "");
	UNTIL(container(6)->pid == 0, 2);
	send_event("destroy", 6, "");
	UNTIL(!container(6), 2);
}

static void test_wanted(void **state)
{
	char id[65];

	begin();
	make_id(id, 9);
	ns_docker_want(docker, id); /* not connected: nothing to ask */
	assert_null(container(9));
	UNTIL(state_now() == NS_DOCKER_OK, 3);
	ns_docker_want(docker, "no id");
	ns_docker_want(docker, id);
	UNTIL(container(9)->pid == 77, 2);
}

static void test_bad_events_end_the_connection(void **state)
{
	static const char *const bad[] = {
		"{\"garbage\n", "[]\n", "{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"../x\"}}\n"
	};

	engine->containers = 1;
	begin();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		UNTIL(state_now() == NS_DOCKER_OK && all_inspected(1) && engine->streams == (int)i + 1, 8);
		(void)snprintf(engine->event, sizeof engine->event, "%s", bad[i]);
		engine->event_number++;
		UNTIL(state_now() == NS_DOCKER_FAILING, 2);
		assert_non_null(container(0));
	}
	UNTIL(state_now() == NS_DOCKER_OK, 8);
	engine->events_mode = CLOSE;
	UNTIL(state_now() == NS_DOCKER_FAILING, 2);
	engine->events_mode = NORMAL;
	UNTIL(state_now() == NS_DOCKER_OK, 8);
}

static void test_bad_answers(void **state)
{
	static const int modes[] = { GARBAGE, CLOSE, ERROR };

	engine->version_mode = OLD;
	begin();
	UNTIL(state_now() == NS_DOCKER_FAILING, 2);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		engine->version_mode = modes[i];
		usleep(10000);
		UNTIL(state_now() == NS_DOCKER_FAILING, 6);
		engine->version_mode = NORMAL;
		engine->list_mode = modes[i];
		UNTIL(engine->listed == 0 && state_now() == NS_DOCKER_FAILING, 6);
		engine->list_mode = NORMAL;
	}
	UNTIL(state_now() == NS_DOCKER_OK, 8);
	/* A container that cannot be inspected is no reason to give up the engine. */
	engine->inspect_mode = GARBAGE;
	for (int i = 0; i < 100 && !container(3); i++) { /* its stream may not have been opened yet */
		send_event("create", 3, "\"name\":\"three\"");
		assert_true(sd_event_run(loop, 20000) >= 0);
	}
	assert_non_null(container(3));
	for (int i = 0; i < 20; i++)
		assert_true(sd_event_run(loop, 10000) >= 0);
	assert_int_equal(state_now(), NS_DOCKER_OK);
	assert_string_equal(container(3)->name, "three");
}

static void test_hangs(void **state)
{
	engine->version_mode = HANG;
	begin();
	UNTIL(state_now() == NS_DOCKER_FAILING, 8);
	engine->version_mode = NORMAL;
	UNTIL(state_now() == NS_DOCKER_OK, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_appears_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inspects_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_events_end_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hangs, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
