/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A store in a directory of its own, an engine that does nothing but say what it was asked, and, for the tests of the
 * API, the real server in a thread of its own with libcurl as the client.
 */
#ifndef NANOSEG_TEST_API_FIXTURE_H
#define NANOSEG_TEST_API_FIXTURE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

#include "api_internal.h"
#include "lifecycle.h"

/* Stands in for the engine: this is what the product's opaque struct is here. */
struct ns_engine {
	struct ns_store *store;
	struct ns_engine_config config;
	unsigned harvests, changes;
	char changed[NS_WORKLOAD_MAX];   /* the last workload that the kernel was to follow */
	int harvest_error, change_error; /* returned from now on */
	int evidence_error;
	int ready_error;
	struct ns_readiness readiness; /* told to hooks */
	unsigned hints;
	char hinted[1024];     /* the last hint, its parts separated by '|' */
	int cut;               /* connections, told once */
	struct ns_edge *found; /* what the next harvest finds; NULL: nothing new */
};

struct test_store {
	char dir[64];
	struct ns_store *store;
	struct ns_engine engine;
	struct ns_actor actor;
};

void test_store_open(struct test_store *test);
void test_store_close(struct test_store *test);
/* A learning workload whose window began at the time. */
void test_store_meet(struct test_store *test, const char *workload, int64_t now);
struct ns_edge test_edge(const char *workload, enum ns_direction direction, const char *peer, const char *address,
			 uint8_t protocol, uint16_t port, int64_t now);
void test_store_add(struct test_store *test, const struct ns_edge *edge);

struct test_api {
	struct test_store data;
	char socket[96];
	struct ns_api_times times;
	int listen_fd;    /* -1, or handed over */
	int stop_fd;      /* eventfd: ends the loop */
	int start_result; /* of ns_api_new */
	struct ns_error start_error;
	sem_t started;
	pthread_t thread;
};

void test_api_start(struct test_api *test, unsigned idle_seconds, unsigned request_seconds);
void test_api_stop(struct test_api *test);

struct test_reply {
	long status; /* 0: no answer */
	char *text;
	size_t length;
	json_t *json; /* NULL: not JSON */
	char type[64], allow[64];
};

void test_get(const struct test_api *test, const char *path, struct test_reply *ret);
void test_post(const struct test_api *test, const char *path, const char *body, struct test_reply *ret);
void test_request(const struct test_api *test, const char *method, const char *path, const char *body, size_t length,
		  bool chunked, struct test_reply *ret);
void test_reply_release(struct test_reply *reply);
/* Checks the status, that the answer is JSON, and for errors that it is {"error": line} with `part` in the line. */
void test_expect(struct test_reply *reply, long status, const char *part);
/* One request and its check. */
void test_get_expect(const struct test_api *test, const char *path, long status, const char *part);
void test_post_expect(const struct test_api *test, const char *path, const char *body, long status, const char *part);

/* A connected socket; asserts. */
int test_connect(const struct test_api *test);
void test_send(int fd, const char *text);
/* Reads until the end or `max` bytes; terminates. Waits at most 10 s. */
size_t test_read_all(int fd, char *buffer, size_t max);

/* While set, every client is this one. */
extern const struct ns_caller *test_caller;

#endif
