/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The evidence, with the real store and an engine that says what the test tells it to.
 */
#include "store_test.h"

#include <sys/socket.h>

#include "clock.h"
#include "digest.h"
#include "evidence.h"

/* ---- the engine ---- */

struct ns_engine {
	struct ns_store *store;
	json_t *running, *readback;
	int harvest;
	char harvested[NS_WORKLOAD_MAX];
};

static struct ns_engine engine;

struct ns_store *ns_engine_store(struct ns_engine *e)
{
	return e->store;
}

int ns_engine_harvest(struct ns_engine *e, const char *workload, struct ns_error *err)
{
	(void)snprintf(e->harvested, sizeof e->harvested, "%s", workload ? workload : "all");
	return e->harvest < 0 ? ns_error_set(err, e->harvest, "netns 7 is gone") : 0;
}

json_t *ns_engine_endpoints(struct ns_engine *e, const char *workload)
{
	json_t *found = json_array(), *endpoint;
	size_t i;

	json_array_foreach (e->running, i, endpoint)
		if (!workload || strcmp(json_string_value(json_object_get(endpoint, "workload")), workload) == 0)
			json_array_append_new(found, json_deep_copy(endpoint));
	return found;
}

json_t *ns_engine_readback(struct ns_engine *e, const char *workload)
{
	return json_deep_copy(e->readback);
}

/* ---- the fixture ---- */

static int setup_engine(void **state)
{
	(void)setup(state);
	engine = (struct ns_engine){ .store = ((struct fixture *)*state)->store,
				     .running = json_array(),
				     .readback = json_array() };
	return 0;
}

static int teardown_engine(void **state)
{
	json_decref(engine.running);
	json_decref(engine.readback);
	return teardown(state);
}

static void runs(const char *workload, int cookie)
{
	assert_int_equal(
		json_array_append_new(engine.running, json_pack("{s:s, s:i}", "workload", workload, "cookie", cookie)),
		0);
}

static void holds(const char *workload, int cookie, int revision, const char *mode, bool equal)
{
	assert_int_equal(json_array_append_new(engine.readback, json_pack("{s:s, s:i, s:i, s:s, s:b}", "workload",
									  workload, "cookie", cookie, "revision",
									  revision, "mode", mode, "equal", (int)equal)),
			 0);
}

static json_t *export(struct fixture *f, const char *workload)
{
	NS_CLEANUP(ns_stream_release) struct ns_stream stream = NS_STREAM_INIT;
	NS_CLEANUP(ns_text_release) struct ns_text whole = NS_TEXT_INIT;
	json_t *json;
	int r;

	MUST(f, ns_evidence_export(&engine, workload, &stream, &f->err));
	while ((r = stream.next(stream.ctx, &whole, &f->err)) > 0)
		;
	MUST(f, r);
	json = json_loadb(whole.data, whole.length, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	return json;
}

static json_t *workload_at(const json_t *json, size_t i)
{
	return json_array_get(json_object_get(json, "workloads"), i);
}

static const char *text(const json_t *json, const char *member)
{
	const char *value = json_string_value(json_object_get(json, member));

	return value ? value : "(none)";
}

static void enforce(struct fixture *f, const char *workload)
{
	char digest[NS_DIGEST_TEXT_MAX];

	meet(f, workload);
	propose(f, workload, 443, digest);
	approve(f, workload, digest);
	MUST(f, ns_store_set_mode(f->store, workload, NS_MODE_ENFORCING, &alice, "go", T0 + 30, &f->err));
}

/* ---- the tests ---- */

static void test_empty(void **state)
{
	NS_JSON json_t *json = export(*state, NULL);

	assert_string_equal(text(json, "schema"), "nanoseg/evidence/1");
	assert_true(json_is_true(json_object_get(json, "complete")));
	assert_int_equal(json_array_size(json_object_get(json, "workloads")), 0);
	assert_true(json_array_size(json_object_get(json, "limits")) >= 5);
	assert_true(json_is_true(json_object_get(json_object_get(json, "audit"), "verified")));
	assert_string_equal(text(json_object_get(json, "agent"), "version"), NANOSEG_VERSION);
	assert_int_equal(strlen(text(json_object_get(json, "host"), "boot_id")), 36);
	assert_string_equal(engine.harvested, "all");
}

static void test_unknown(void **state)
{
	struct fixture *f = *state;
	struct ns_stream stream = NS_STREAM_INIT;

	assert_int_equal(ns_evidence_export(&engine, "nobody", &stream, &f->err), -ENOENT);
	assert_null(stream.next);
	assert_int_equal(ns_evidence_export(&engine, "nobody", &stream, NULL), -ENOENT);
}

static void test_workload(void **state)
{
	struct fixture *f = *state;
	struct ns_edge edge = edge_to("web", AF_INET6, 1, 22);
	NS_JSON json_t *json = NULL;
	char digest[NS_DIGEST_SIZE];
	const json_t *w, *deny;

	enforce(f, "web");
	MUST(f, ns_store_add_edge(f->store, &edge, &f->err));
	edge.process = "/bin/\xff";
	edge.uid = 33;
	MUST(f, ns_store_add_deny(f->store, &edge, false, &f->err));
	MUST(f, ns_store_open_gap(f->store, "web", T0, "agent down", &f->err));
	runs("web", 5);
	holds("web", 5, 1, "enforcing", true);
	json = export(f, "web");
	assert_string_equal(engine.harvested, "web");
	w = workload_at(json, 0);
	assert_string_equal(text(w, "mode"), "enforcing");
	assert_true(json_is_true(json_object_get(w, "in_force")));
	/* The reader's own check: the policy that is printed has the digest that was approved. */
	MUST(f, ns_digest_json(json_object_get(w, "policy"), digest, &f->err));
	assert_string_equal(text(w, "digest"), digest);
	assert_string_equal(string_at(json_object_get(w, "approvals"), 0, "digest"), digest);
	assert_string_equal(text(json_object_get(w, "policy_info"), "state"), "approved");
	assert_true(json_is_null(json_object_get(w, "proposal")));
	assert_int_equal(json_integer_value(json_object_get(w, "edges")), 1);
	assert_string_equal(string_at(json_object_get(w, "gaps"), 0, "cause"), "agent down");
	deny = json_array_get(json_object_get(w, "denies"), 0);
	assert_int_equal(json_integer_value(json_object_get(deny, "port")), 22);
	assert_string_equal(text(json_object_get(deny, "peer"), "address"), "fd00::1");
	assert_string_equal(text(deny, "process"), "/bin/?");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "audit"), "entries")), 3);
}

/* What must not pass as in force. */
static void in_force_is(struct fixture *f, json_type expected)
{
	NS_JSON json_t *json = export(f, "web");

	assert_int_equal(json_typeof(json_object_get(workload_at(json, 0), "in_force")), expected);
	json_array_clear(engine.running);
	json_array_clear(engine.readback);
}

static void test_in_force(void **state)
{
	struct fixture *f = *state;

	enforce(f, "web");
	in_force_is(f, JSON_NULL); /* nothing runs */
	runs("web", 5);
	in_force_is(f, JSON_FALSE); /* runs, and could not be read */
	runs("web", 5);
	holds("web", 5, 1, "enforcing", false);
	in_force_is(f, JSON_FALSE); /* differs */
	runs("web", 5);
	holds("web", 5, 0, "learning", true);
	in_force_is(f, JSON_FALSE); /* still holds the plan of another mode */
	runs("web", 5);
	holds("web", 5, 2, "enforcing", true);
	in_force_is(f, JSON_FALSE); /* another revision */
	runs("web", 5);
	runs("web", 6);
	holds("web", 5, 1, "enforcing", true);
	in_force_is(f, JSON_FALSE); /* one of two */
	runs("web", 5);
	runs("web", 6);
	holds("web", 6, 1, "enforcing", true);
	holds("web", 5, 1, "enforcing", true);
	in_force_is(f, JSON_TRUE);
	MUST(f, ns_store_set_mode(f->store, "web", NS_MODE_LEARNING, &alice, "", T0, &f->err));
	runs("web", 5);
	holds("web", 5, 1, "learning", true);
	in_force_is(f, JSON_NULL); /* nothing is in force while learning */
}

static void test_order(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *one = NULL;
	NS_JSON json_t *other = NULL;

	meet(f, "b");
	meet(f, "a");
	runs("b", 9);
	runs("nobody", 3);
	runs("b", 4);
	one = export(f, NULL);
	json_array_clear(engine.running);
	runs("b", 4);
	runs("b", 9);
	runs("nobody", 3);
	other = export(f, NULL);
	assert_string_equal(text(workload_at(one, 0), "name"), "a");
	assert_int_equal(json_array_size(json_object_get(workload_at(one, 1), "running")), 2);
	assert_int_equal(json_array_size(json_object_get(one, "unassigned")), 1);
	assert_string_equal(string_at(json_object_get(one, "unassigned"), 0, "workload"), "nobody");
	(void)json_object_del(one, "created");
	(void)json_object_del(other, "created");
	assert_true(json_equal(one, other));
}

/* What somebody with nothing but the document does: hash each entry, and follow the chain to the head. */
static void check_chain(const json_t *audit)
{
	static const char *const members[] = { "seq", "event", "workload", "actor", "detail", "previous" };
	const char *previous = NULL;
	const json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(audit, "log"), i, entry) {
		NS_JSON json_t *hashed = json_object();
		char digest[NS_DIGEST_SIZE];
		int64_t time = 0;

		for (size_t k = 0; k < sizeof(members) / sizeof(members[0]); k++)
			assert_int_equal(json_object_set(hashed, members[k], json_object_get(entry, members[k])), 0);
		assert_int_equal(ns_time_parse(text(entry, "time"), &time), 0);
		assert_int_equal(json_object_set_new(hashed, "time", json_integer(time)), 0);
		assert_int_equal(ns_digest_json(hashed, digest, NULL), 0);
		assert_string_equal(digest, text(entry, "hash"));
		if (previous)
			assert_string_equal(text(entry, "previous"), previous);
		previous = text(entry, "hash");
	}
	assert_int_equal(i, json_integer_value(json_object_get(audit, "entries")));
	assert_string_equal(previous, text(audit, "head"));
}

static void test_audit_log(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *all = NULL;
	NS_JSON json_t *one = NULL;
	const json_t *changes, *change, *log, *entry;
	size_t i;

	enforce(f, "web");
	enforce(f, "db");
	MUST(f, ns_store_set_mode(f->store, "web", NS_MODE_LEARNING, &alice, "broken release", T0 + 40, &f->err));
	MUST(f, ns_store_audit(f->store, "daemon.start", NULL, NULL, &alice, T0 + 50, &f->err));
	all = export(f, NULL);
	assert_true(json_is_true(json_object_get(json_object_get(all, "audit"), "log_complete")));
	check_chain(json_object_get(all, "audit"));
	changes = json_object_get(workload_at(all, 1), "mode_changes");
	assert_int_equal(json_array_size(changes), 2);
	change = json_array_get(changes, 1);
	assert_string_equal(text(change, "from"), "enforcing");
	assert_string_equal(text(change, "to"), "learning");
	assert_string_equal(text(change, "reason"), "broken release");
	assert_string_equal(text(json_object_get(change, "actor"), "user"), "alice");
	assert_int_equal(json_integer_value(json_object_get(change, "revision")), 1);

	one = export(f, "db");
	log = json_object_get(json_object_get(one, "audit"), "log");
	assert_true(json_is_false(json_object_get(json_object_get(one, "audit"), "log_complete")));
	assert_int_equal(json_array_size(log), 3); /* proposed, approved, enforcing */
	json_array_foreach (log, i, entry)
		assert_string_equal(text(entry, "workload"), "db");
}

/* More than is listed: the newest are, and the document says that it is not all. */
static void test_audit_bound(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *list = NULL;
	uint64_t total = 0;

	for (unsigned i = 0; i < 1100; i++)
		MUST(f, ns_store_audit(f->store, i % 2 ? "odd" : "even", NULL, NULL, &alice, T0 + i, &f->err));
	MUST(f, ns_evidence_trail(f->store, NULL, "odd", 7, &list, &total, &f->err));
	assert_int_equal(total, 550);
	assert_int_equal(json_array_size(list), 7);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 6), "seq")), 1100);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "seq")), 1088);
}

static void test_incomplete(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *json = NULL;
	const json_t *reasons, *audit;

	meet(f, "a");
	MUST(f, ns_store_audit(f->store, "x", NULL, NULL, &alice, T0, &f->err));
	behind(f, "DROP TRIGGER audit_no_update; UPDATE audit SET time = 0");
	engine.harvest = -EREMOTEIO;
	json = export(f, NULL);
	assert_true(json_is_false(json_object_get(json, "complete")));
	reasons = json_object_get(json, "incomplete");
	assert_int_equal(json_array_size(reasons), 2);
	assert_string_equal(json_string_value(json_array_get(reasons, 0)),
			    "not all figures are of now: netns 7 is gone");
	audit = json_object_get(json, "audit");
	assert_true(json_is_false(json_object_get(audit, "verified")));
	assert_non_null(strstr(text(audit, "error"), "broken at entry 1"));
}

static void test_bounds(void **state)
{
	struct fixture *f = *state;
	static struct ns_endpoint endpoint;
	NS_JSON json_t *json = NULL;
	const json_t *w, *denies;

	meet(f, "a");
	MUST(f, ns_store_begin(f->store, &f->err));
	for (unsigned i = 0; i < NS_EVIDENCE_DENIES_MAX + 7; i++) {
		struct ns_edge edge = edge_to("a", AF_INET, i, 22);

		edge.last_seen = T0 + i;
		MUST(f, ns_store_add_deny(f->store, &edge, true, &f->err));
	}
	for (unsigned i = 0; i < NS_EVIDENCE_ENDPOINTS_MAX + 3; i++) {
		endpoint = (struct ns_endpoint){ .cookie = i, .workload = "a", .since = T0 + i };
		MUST(f, ns_store_put_endpoint(f->store, &endpoint, 0, &f->err));
	}
	MUST(f, ns_store_commit(f->store, &f->err));
	json = export(f, NULL);
	assert_true(json_is_false(json_object_get(json, "complete")));
	assert_int_equal(json_array_size(json_object_get(json, "incomplete")), 2);
	w = workload_at(json, 0);
	denies = json_object_get(w, "denies");
	assert_int_equal(json_array_size(denies), NS_EVIDENCE_DENIES_MAX);
	assert_int_equal(json_integer_value(json_object_get(w, "denies_total")), NS_EVIDENCE_DENIES_MAX + 7);
	assert_string_equal(string_at(denies, 0, "last_seen"), "2023-11-14T22:13:20.000007Z"); /* the oldest went */
	assert_int_equal(json_array_size(json_object_get(w, "endpoints")), NS_EVIDENCE_ENDPOINTS_MAX);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(json_object_get(w, "endpoints"), 0), "cookie")),
		NS_EVIDENCE_ENDPOINTS_MAX + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, setup_engine, teardown_engine),
		cmocka_unit_test_setup_teardown(test_unknown, setup_engine, teardown_engine),
		cmocka_unit_test_setup_teardown(test_workload, setup_engine, teardown_engine),
		cmocka_unit_test_setup_teardown(test_in_force, setup_engine, teardown_engine),
		cmocka_unit_test_setup_teardown(test_order, setup_engine, teardown_engine),
		cmocka_unit_test_setup_teardown(test_audit_log, setup_engine, teardown_engine),
		cmocka_unit_test_setup_teardown(test_audit_bound, setup_engine, teardown_engine),
		cmocka_unit_test_setup_teardown(test_incomplete, setup_engine, teardown_engine),
		cmocka_unit_test_setup_teardown(test_bounds, setup_engine, teardown_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
