/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the tests of the store share: a state directory of their own, and a second connection to look behind it.
 */
#ifndef NANOSEG_TEST_STORE_H
#define NANOSEG_TEST_STORE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include <nanoseg/store.h>

#include "cleanup.h"

#define T0 1700000000000000 /* a time to count from */

static const struct ns_actor alice = { 1000, "alice", 4242 };

struct fixture {
	char dir[64];  /* a scratch directory */
	char path[96]; /* the state directory in it, made by the store */
	struct ns_store *store;
	struct ns_error err;
};

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static inline void must(struct fixture *f, int r, const char *what)
{
	if (r < 0)
		fail_msg("%s: %d: %s", what, r, f->err.text);
}
#define MUST(f, call) must(f, call, #call)

static inline struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	(void)snprintf(f->dir, sizeof f->dir, "/tmp/nanoseg-store.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof f->path, "%s/state", f->dir);
	return f;
}

static inline int setup(void **state)
{
	struct fixture *f = fixture_new();

	MUST(f, ns_store_open(f->path, &f->store, &f->err));
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	f->store = ns_store_close(f->store);
	(void)nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline void reopen(struct fixture *f)
{
	f->store = ns_store_close(f->store);
	MUST(f, ns_store_open(f->path, &f->store, &f->err));
}

/* SQL from outside, as a person with the sqlite3 shell would run it. The store may be open. */
static inline void behind(struct fixture *f, const char *sql)
{
	char path[PATH_MAX];
	char *message = NULL;
	sqlite3 *db = NULL;

	(void)snprintf(path, sizeof path, "%s/nanoseg.db", f->path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	sqlite3_close(db);
}

static inline struct ns_workload meet(struct fixture *f, const char *name)
{
	struct ns_workload w;

	MUST(f, ns_store_meet_workload(f->store, name, NS_MODE_LEARNING, T0, &w, &f->err));
	return w;
}

static inline struct ns_workload get(struct fixture *f, const char *name)
{
	struct ns_workload w;

	MUST(f, ns_store_get_workload(f->store, name, &w, &f->err));
	return w;
}

static inline json_t *document(const char *workload, uint64_t revision, int port)
{
	json_t *json =
		json_pack("{s:s, s:s, s:I, s:s, s:[{s:s, s:[i]}]}", "schema", "nanoseg/policy/1", "workload", workload,
			  "revision", (json_int_t)revision, "verdict", "drop", "rules", "id", "r1", "ports", port);

	assert_non_null(json);
	return json;
}

/* Adds the next revision, and gives its digest. */
static inline void propose(struct fixture *f, const char *workload, int port, char ret[static NS_DIGEST_TEXT_MAX])
{
	uint64_t revision = get(f, workload).newest_revision + 1;
	NS_JSON json_t *policy = document(workload, revision, port);
	NS_JSON json_t *info = NULL;

	MUST(f, ns_store_add_policy(f->store, workload, revision, policy, "learned", &alice, T0 + 10, &f->err));
	MUST(f, ns_store_get_policy(f->store, workload, revision, NULL, &info, &f->err));
	(void)snprintf(ret, NS_DIGEST_TEXT_MAX, "%s", json_string_value(json_object_get(info, "digest")));
}

static inline void approve(struct fixture *f, const char *workload, const char *digest)
{
	MUST(f, ns_store_decide(f->store, workload, digest, "approve", "reviewed", &alice, T0 + 20, &f->err));
}

static inline const char *string_at(const json_t *list, size_t i, const char *member)
{
	const char *text = json_string_value(json_object_get(json_array_get(list, i), member));

	assert_non_null(text);
	return text;
}

/* An egress edge over TCP to 10.0.x.y or fd00::x:y. */
static inline struct ns_edge edge_to(const char *workload, int family, unsigned host, uint16_t port)
{
	struct ns_edge edge = {
		.workload = workload,
		.tuple = { .direction = NS_EGRESS, .protocol = 6, .port = port },
		.peer_class = NS_PEER_CIDR,
		.peer_name = "",
		.source_name = "",
		.process = "",
		.uid = -1,
		.packets = 1,
		.bytes = 60,
		.first_seen = T0,
		.last_seen = T0,
	};
	uint8_t bytes[16] = { family == AF_INET ? 10 : 0xfd };
	size_t n = family == AF_INET ? 4 : 16;

	bytes[n - 3] = (uint8_t)(host >> 16);
	bytes[n - 2] = (uint8_t)(host >> 8);
	bytes[n - 1] = (uint8_t)host;
	edge.tuple.peer = ns_addr_from_bytes(family, bytes);
	return edge;
}

#endif
