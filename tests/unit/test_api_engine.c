/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine and the evidence as the tests of the control folder need them: they do nothing and remember what was
 * asked.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "evidence.h"
#include "test_api_fixture.h"

struct ns_store *ns_engine_store(struct ns_engine *engine)
{
	return engine->store;
}

const struct ns_engine_config *ns_engine_settings(const struct ns_engine *engine)
{
	return &engine->config;
}

int ns_engine_harvest(struct ns_engine *engine, const char *workload, struct ns_error *err)
{
	engine->harvests++;
	if (engine->found) {
		assert_int_equal(ns_store_add_edge(engine->store, engine->found, NULL), 0);
		engine->found = NULL;
	}
	if (engine->harvest_error < 0)
		return ns_error_set(err, engine->harvest_error, "the dump broke off");
	return 0;
}

int ns_engine_workload_changed(struct ns_engine *engine, const char *workload, struct ns_error *err)
{
	engine->changes++;
	(void)snprintf(engine->changed, sizeof engine->changed, "%s", workload);
	if (engine->change_error < 0)
		return ns_error_set(err, engine->change_error, "endpoint 77: the table is somebody else's");
	return 0;
}

json_t *ns_engine_endpoints(struct ns_engine *engine, const char *workload)
{
	return json_pack("[{s:i, s:s, s:s, s:s, s:[s, s], s:{s:i, s:s}}]", "cookie", 77, "workload", "compose/shop/web",
			 "name", "web-1", "outer", "failed: no link", "findings", "NET_ADMIN: the outer lock holds",
			 "is odd", "drift", "count", 3, "command", "nft flush ruleset");
}

json_t *ns_engine_status(struct ns_engine *engine)
{
	return json_pack("{s:i, s:{}, s:[], s:[]}", "endpoints", 1, "modes", "gaps", "unprotected");
}

/* ready, the last hint, and whom verify was asked about, as the test wants and finds them. */
int ns_engine_ready(struct ns_engine *engine, const struct ns_hint *hint, struct ns_readiness *ret,
		    struct ns_error *err)
{
	engine->hints++;
	(void)snprintf(engine->hinted, sizeof engine->hinted, "%s|%d|%s|%s|%s|%s|%s|%s|%s",
		       hint->netns_path ? hint->netns_path : "", (int)hint->pid, hint->runtime ? hint->runtime : "",
		       hint->container_id ? hint->container_id : "", hint->name ? hint->name : "",
		       hint->workload ? hint->workload : "", hint->image ? hint->image : "",
		       hint->pod_namespace ? hint->pod_namespace : "", hint->pod ? hint->pod : "");
	if (engine->ready_error < 0)
		return ns_error_set(err, engine->ready_error, "the namespace is gone");
	*ret = engine->readiness;
	return 0;
}

json_t *ns_engine_verify(struct ns_engine *engine, const char *workload)
{
	return json_pack("[{s:s, s:i, s:s, s:b, s:s}]", "workload", workload ? workload : "all", "cookie", 77, "lock",
			 "inner", "equal", 1, "difference", "");
}

json_t *ns_engine_take_cuts(struct ns_engine *engine, const char *workload)
{
	json_t *cuts = json_pack("{s:i, s:i, s:i}", "connections", engine->cut, "sockets", 1, "kept", 5);

	engine->cut = 0;
	return cuts;
}

static int next_evidence(void *ctx, struct ns_text *text, struct ns_error *err)
{
	return ns_text_take_json(text, json_incref(ctx), err);
}

static void release_evidence(void *ctx)
{
	json_decref(ctx);
}

int ns_evidence_export(struct ns_engine *engine, const char *workload, struct ns_stream *ret, struct ns_error *err)
{
	json_t *json;

	if (engine->evidence_error < 0)
		return ns_error_set(err, engine->evidence_error, "the store is damaged");
	json = json_pack("{s:s, s:s?}", "schema", "nanoseg/evidence/1", "workload", workload);
	*ret = (struct ns_stream){ next_evidence, release_evidence, json };
	return json ? 0 : -ENOMEM;
}

/* ---- the store ---- */

void test_store_open(struct test_store *test)
{
	struct ns_error error = NS_ERROR_INIT;

	memset(test, 0, sizeof *test);
	(void)strcpy(test->dir, "/tmp/nanoseg-control-XXXXXX");
	assert_non_null(mkdtemp(test->dir));
	if (ns_store_open(test->dir, &test->store, &error) < 0)
		fail_msg("%s", error.text);
	test->engine.store = test->store;
	test->engine.config.verdict = NS_VERDICT_DROP;
	test->engine.config.default_mode = NS_MODE_LEARNING;
	test->actor = (struct ns_actor){ .uid = 1000, .user = "alice", .pid = 42 };
}

static void remove_dir(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	assert_int_equal(rmdir(path), 0);
}

void test_store_close(struct test_store *test)
{
	test->store = ns_store_close(test->store);
	remove_dir(test->dir);
}

void test_store_meet(struct test_store *test, const char *workload, int64_t now)
{
	struct ns_workload row;

	assert_int_equal(ns_store_meet_workload(test->store, workload, NS_MODE_LEARNING, now, &row, NULL), 0);
}

struct ns_edge test_edge(const char *workload, enum ns_direction direction, const char *peer, const char *address,
			 uint8_t protocol, uint16_t port, int64_t now)
{
	struct ns_edge edge = { .workload = workload,
				.tuple = { .direction = direction, .protocol = protocol, .port = port },
				.peer_class = peer[0] ? NS_PEER_WORKLOAD : NS_PEER_INTERNET,
				.peer_name = peer,
				.source_name = "",
				.packets = 3,
				.bytes = 180,
				.first_seen = now,
				.last_seen = now,
				.process = "/usr/bin/api",
				.uid = 33 };

	if (address)
		assert_int_equal(ns_addr_parse(address, &edge.tuple.peer, NULL), 0);
	else
		edge.peer_class = NS_PEER_ANY;
	return edge;
}

void test_store_add(struct test_store *test, const struct ns_edge *edge)
{
	struct ns_error error = NS_ERROR_INIT;

	if (ns_store_add_edge(test->store, edge, &error) < 0)
		fail_msg("%s", error.text);
}
