/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Modes, policies, decisions, and the chain that records them.
 */
#include "store_test.h"

#include <sys/socket.h>

#include "digest.h"

static uint64_t verify(struct fixture *f)
{
	char head[NS_DIGEST_TEXT_MAX];
	uint64_t n = 0;

	MUST(f, ns_store_audit_verify(f->store, &n, head, &f->err));
	return n;
}

/* The chain must not verify, and the line must name this. */
static void broken(struct fixture *f, const char *part)
{
	char head[NS_DIGEST_TEXT_MAX];
	uint64_t n;

	assert_int_equal(ns_store_audit_verify(f->store, &n, head, &f->err), -EBADMSG);
	if (!strstr(f->err.text, part))
		fail_msg("'%s' does not say '%s'", f->err.text, part);
}

static void test_workloads(void **state)
{
	struct fixture *f = *state;
	struct ns_workload w = meet(f, "netns/a");

	assert_string_equal(w.name, "netns/a");
	assert_int_equal(w.mode, NS_MODE_LEARNING);
	assert_int_equal(w.since, T0);
	assert_int_equal(w.learning_since, T0);
	assert_int_equal(w.active_revision + w.proposed_revision + w.newest_revision, 0);
	MUST(f, ns_store_meet_workload(f->store, "netns/a", NS_MODE_LEARNING, T0 + 5, &w, &f->err));
	assert_int_equal(w.since, T0);
	assert_int_equal(ns_store_get_workload(f->store, "netns/b", &w, &f->err), -ENOENT);
	assert_string_equal(f->err.text, "no workload 'netns/b' is known");
	assert_int_equal(ns_store_meet_workload(f->store, "netns/b", NS_MODE_ENFORCING, T0, &w, &f->err), -ENODATA);
	assert_int_equal(ns_store_meet_workload(f->store, "", NS_MODE_LEARNING, T0, &w, &f->err), -EINVAL);
}

struct names {
	struct fixture *f;
	char text[64];
	int stop_after;
};

static int add_name(void *ctx, const struct ns_workload *w)
{
	struct names *names = ctx;
	size_t used = strlen(names->text);

	(void)snprintf(names->text + used, sizeof names->text - used, "%s ", w->name);
	meet(names->f, "netns/met-in-the-walk"); /* the store may be called */
	return --names->stop_after == 0 ? -ECANCELED : 0;
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct names names = { f, "", 0 }, first = { f, "", 1 };

	meet(f, "b");
	meet(f, "a");
	MUST(f, ns_store_list_workloads(f->store, add_name, &names, &f->err));
	assert_string_equal(names.text, "a b ");
	assert_int_equal(ns_store_list_workloads(f->store, add_name, &first, &f->err), -ECANCELED);
	assert_string_equal(first.text, "a ");
}

static void test_life_cycle(void **state)
{
	struct fixture *f = *state;
	char digest[NS_DIGEST_TEXT_MAX];
	struct ns_workload w;

	meet(f, "a");
	assert_int_equal(ns_store_set_mode(f->store, "a", NS_MODE_ENFORCING, &alice, "", T0, &f->err), -ENODATA);
	assert_string_equal(f->err.text, "a has no approved policy: propose and approve one first");
	assert_int_equal(ns_store_set_mode(f->store, "a", NS_MODE_PROPOSED, &alice, "", T0, &f->err), -EINVAL);
	assert_int_equal(ns_store_set_mode(f->store, "b", NS_MODE_LEARNING, &alice, "", T0, &f->err), -ENOENT);

	propose(f, "a", 80, digest);
	w = get(f, "a");
	assert_int_equal(w.mode, NS_MODE_PROPOSED);
	assert_int_equal(w.proposed_revision, 1);
	assert_int_equal(w.active_revision, 0);
	assert_int_equal(w.learning_since, T0);
	approve(f, "a", digest);
	w = get(f, "a");
	assert_int_equal(w.mode, NS_MODE_APPROVED);
	assert_int_equal(w.since, T0 + 20);
	assert_int_equal(w.proposed_revision, 0);
	assert_int_equal(w.active_revision, 1);
	assert_int_equal(ns_store_decide(f->store, "a", digest, "approve", "", &alice, T0, &f->err), -ENODATA);

	MUST(f, ns_store_set_mode(f->store, "a", NS_MODE_ENFORCING, &alice, "go", T0 + 30, &f->err));
	propose(f, "a", 81, digest);
	w = get(f, "a"); /* in force the old one stays so */
	assert_int_equal(w.mode, NS_MODE_ENFORCING);
	assert_int_equal(w.since, T0 + 30);
	assert_int_equal(w.active_revision, 1);
	assert_int_equal(w.proposed_revision, 2);
	approve(f, "a", digest);
	w = get(f, "a");
	assert_int_equal(w.mode, NS_MODE_ENFORCING);
	assert_int_equal(w.active_revision, 2);

	MUST(f, ns_store_set_mode(f->store, "a", NS_MODE_LEARNING, &alice, "again", T0 + 40, &f->err));
	w = get(f, "a");
	assert_int_equal(w.learning_since, T0 + 40);
	assert_int_equal(w.active_revision, 2);
	MUST(f, ns_store_set_mode(f->store, "a", NS_MODE_LEARNING, &alice, "again", T0 + 50, &f->err));
	w = get(f, "a");
	assert_int_equal(w.since, T0 + 40);
	assert_int_equal(w.learning_since, T0 + 50);
	assert_int_equal(verify(f), 7); /* mode 3, propose 2, approve 2 */
}

static void test_reject(void **state)
{
	struct fixture *f = *state;
	char digest[NS_DIGEST_TEXT_MAX], older[NS_DIGEST_TEXT_MAX];
	NS_JSON json_t *history = NULL;
	NS_JSON json_t *decisions = NULL;

	meet(f, "a");
	propose(f, "a", 1, digest);
	MUST(f, ns_store_decide(f->store, "a", digest, "reject", "too wide", &alice, T0 + 20, &f->err));
	assert_int_equal(get(f, "a").mode, NS_MODE_LEARNING);
	assert_int_equal(get(f, "a").proposed_revision, 0);
	propose(f, "a", 2, older);
	propose(f, "a", 3, digest); /* takes the place of the one that waited */
	assert_int_equal(ns_store_decide(f->store, "a", older, "approve", "", &alice, T0, &f->err), -ESTALE);
	assert_non_null(strstr(f->err.text, digest));
	assert_non_null(strstr(f->err.text, older));
	approve(f, "a", digest);
	propose(f, "a", 4, digest);
	assert_int_equal(ns_store_decide(f->store, "a", digest, "maybe", "", &alice, T0, &f->err), -EINVAL);

	history = ns_store_policy_history(f->store, "a", &f->err);
	assert_int_equal(json_array_size(history), 4);
	assert_string_equal(string_at(history, 0, "state"), "proposed");
	assert_string_equal(string_at(history, 1, "state"), "approved");
	assert_string_equal(string_at(history, 2, "state"), "superseded");
	assert_string_equal(string_at(history, 3, "state"), "rejected");
	assert_string_equal(string_at(history, 3, "created"), "2023-11-14T22:13:20.000010Z");
	approve(f, "a", digest);
	json_decref(history);
	history = ns_store_policy_history(f->store, "a", &f->err);
	assert_string_equal(string_at(history, 0, "state"), "approved");
	assert_string_equal(string_at(history, 1, "state"), "superseded");
	decisions = ns_store_approvals(f->store, NULL, &f->err);
	assert_int_equal(json_array_size(decisions), 3);
	assert_string_equal(string_at(decisions, 0, "decision"), "reject");
	assert_string_equal(string_at(decisions, 0, "reason"), "too wide");
	assert_string_equal(string_at(decisions, 2, "digest"), digest);
}

static void test_policies(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *policy = document("a", 1, 443);
	NS_JSON json_t *other = document("b", 1, 443);
	NS_JSON json_t *found = NULL;
	NS_JSON json_t *info = NULL;
	char digest[NS_DIGEST_SIZE];

	assert_int_equal(ns_store_add_policy(f->store, "a", 1, policy, "manual", &alice, T0, &f->err), -ENOENT);
	meet(f, "a");
	assert_int_equal(ns_store_get_policy(f->store, "a", 0, &found, &info, &f->err), -ENOENT);
	assert_null(found);
	assert_int_equal(ns_store_add_policy(f->store, "a", 2, policy, "manual", &alice, T0, &f->err), -EINVAL);
	assert_int_equal(ns_store_add_policy(f->store, "a", 1, other, "manual", &alice, T0, &f->err), -EINVAL);
	assert_string_equal(f->err.text, "$.workload: must be 'a'");
	MUST(f, ns_store_add_policy(f->store, "a", 1, policy, "manual", &alice, T0, &f->err));
	assert_int_equal(ns_store_add_policy(f->store, "a", 1, policy, "manual", &alice, T0, &f->err), -EEXIST);
	reopen(f);
	MUST(f, ns_store_get_policy(f->store, "a", 0, &found, &info, &f->err));
	assert_true(json_equal(found, policy));
	MUST(f, ns_digest_json(policy, digest, &f->err));
	assert_string_equal(json_string_value(json_object_get(info, "digest")), digest);
	assert_string_equal(json_string_value(json_object_get(info, "origin")), "manual");
	assert_string_equal(json_string_value(json_object_get(json_object_get(info, "proposer"), "user")), "alice");
	assert_int_equal(ns_store_get_policy(f->store, "a", 2, NULL, NULL, &f->err), -ENOENT);
	MUST(f, ns_store_get_policy(f->store, "a", 1, NULL, NULL, &f->err));
}

static void test_bad_input(void **state)
{
	struct fixture *f = *state;
	struct ns_actor bad = { 0, "\xff\xfe", 1 };
	char reason[NS_REASON_MAX + 1];
	NS_JSON json_t *policy = document("a", 1, 443);
	NS_JSON json_t *deep = json_array();
	NS_JSON json_t *big = document("a", 1, 443);
	char *text = malloc(NS_POLICY_BYTES_MAX + 1);

	meet(f, "a");
	memset(reason, 'x', sizeof reason - 1);
	reason[sizeof reason - 1] = '\0';
	assert_int_equal(ns_store_set_mode(f->store, "a", NS_MODE_LEARNING, &alice, reason, T0, &f->err), -EINVAL);
	assert_int_equal(ns_store_set_mode(f->store, "a", NS_MODE_LEARNING, &alice, "\xc3\x28", T0, &f->err), -EINVAL);
	assert_int_equal(ns_store_set_mode(f->store, "a", NS_MODE_LEARNING, &bad, "", T0, &f->err), -EINVAL);
	assert_int_equal(ns_store_audit(f->store, "x", NULL, NULL, &bad, T0, &f->err), -EINVAL);
	json_object_set_new(policy, "share", json_real(0.5));
	assert_int_equal(ns_store_add_policy(f->store, "a", 1, policy, "manual", &alice, T0, &f->err), -EINVAL);
	for (int i = 0; i < NS_JSON_DEPTH_MAX + 1; i++) {
		json_t *outer = json_array();

		json_array_append_new(outer, deep);
		deep = outer;
	}
	assert_true(ns_store_audit(f->store, "x", NULL, deep, &alice, T0, &f->err) < 0);
	assert_non_null(text);
	memset(text, 'x', NS_POLICY_BYTES_MAX);
	text[NS_POLICY_BYTES_MAX] = '\0';
	json_object_set_new(big, "comment", json_string(text));
	free(text);
	assert_int_equal(ns_store_add_policy(f->store, "a", 1, big, "manual", &alice, T0, &f->err), -E2BIG);
	assert_int_equal(verify(f), 0); /* nothing of it was recorded */
	assert_int_equal(get(f, "a").newest_revision, 0);
}

static void test_audit(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *detail = json_pack("{s:s}", "why", "because");
	NS_JSON json_t *entries = NULL;
	NS_JSON json_t *rest = NULL;
	char head[NS_DIGEST_TEXT_MAX];
	uint64_t n;

	assert_int_equal(verify(f), 0);
	MUST(f, ns_store_audit(f->store, "daemon.start", "", NULL, &alice, T0, &f->err));
	MUST(f, ns_store_audit(f->store, "drift.repair", "a", detail, &alice, T0 + 1, &f->err));
	reopen(f);
	MUST(f, ns_store_audit_verify(f->store, &n, head, &f->err));
	assert_int_equal(n, 2);
	entries = ns_store_audit_entries(f->store, 0, 10, &f->err);
	assert_int_equal(json_array_size(entries), 2);
	assert_true(json_is_null(json_object_get(json_array_get(entries, 0), "workload")));
	assert_true(json_is_null(json_object_get(json_array_get(entries, 0), "detail")));
	assert_string_equal(string_at(entries, 1, "event"), "drift.repair");
	assert_string_equal(string_at(entries, 1, "previous"), string_at(entries, 0, "hash"));
	assert_string_equal(string_at(entries, 1, "hash"), head);
	assert_true(json_equal(json_object_get(json_array_get(entries, 1), "detail"), detail));
	rest = ns_store_audit_entries(f->store, 1, 10, &f->err);
	assert_int_equal(json_array_size(rest), 1);
}

/* The hash of the first entry, put together by hand: what is documented is what is done. */
static void test_hash_is_as_documented(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *entries = NULL;
	char genesis[NS_DIGEST_SIZE], hash[NS_DIGEST_SIZE];
	NS_FREE char *text = NULL;

	behind(f, "DROP TRIGGER meta_no_update; UPDATE meta SET value = 'cafe' WHERE key = 'host'; "
		  "UPDATE meta SET value = 5 WHERE key = 'created';");
	MUST(f, ns_digest_bytes("{\"created\":5,\"host\":\"cafe\"}", 27, genesis, &f->err));
	assert_true(asprintf(&text, "UPDATE meta SET value = '%s' WHERE key IN ('genesis', 'audit_head')", genesis) >
		    0);
	behind(f, text);
	MUST(f, ns_store_audit(f->store, "x", "w", NULL, &alice, 7, &f->err));
	free(text);
	text = NULL;
	assert_true(
		asprintf(&text,
			 "{\"actor\":{\"pid\":4242,\"uid\":1000,\"user\":\"alice\"},\"detail\":null,\"event\":\"x\","
			 "\"previous\":\"%s\",\"seq\":1,\"time\":7,\"workload\":\"w\"}",
			 genesis) > 0);
	MUST(f, ns_digest_bytes(text, strlen(text), hash, &f->err));
	entries = ns_store_audit_entries(f->store, 0, 1, &f->err);
	assert_string_equal(string_at(entries, 0, "hash"), hash);
	assert_int_equal(verify(f), 1);
}

#define UNGUARD                                                                                                        \
	"DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; DROP TRIGGER policy_no_update; "                  \
	"DROP TRIGGER decision_no_update; DROP TRIGGER decision_no_delete; DROP TRIGGER policy_no_delete; "            \
	"DROP TRIGGER meta_no_update;"

static void tamper_with(const char *sql, const char *says)
{
	struct fixture *f = NULL;
	char digest[NS_DIGEST_TEXT_MAX];
	void *state;

	(void)setup(&state);
	f = state;
	meet(f, "a");
	meet(f, "b");
	MUST(f, ns_store_audit(f->store, "daemon.start", NULL, NULL, &alice, T0, &f->err));
	propose(f, "a", 80, digest);
	approve(f, "a", digest);
	propose(f, "b", 80, digest);
	MUST(f, ns_store_audit(f->store, "daemon.stop", NULL, NULL, &alice, T0, &f->err));
	assert_int_equal(verify(f), 5);
	behind(f, UNGUARD "PRAGMA foreign_keys = OFF;");
	behind(f, sql);
	broken(f, says);
	(void)teardown(&state);
}

static void test_tampering(void **state)
{
	tamper_with("UPDATE audit SET time = time + 1 WHERE seq = 1", "entry 1: its content was changed");
	tamper_with("UPDATE audit SET actor = replace(actor, 'alice', 'mallory') WHERE seq = 3",
		    "entry 3: its content");
	tamper_with("UPDATE audit SET detail = 'not json' WHERE seq = 2", "entry 2: it does not decode");
	tamper_with("UPDATE audit SET hash = previous WHERE seq = 4", "entry 4: its content was changed");
	tamper_with("DELETE FROM audit WHERE seq = 3", "entry 3: it is missing");
	tamper_with("DELETE FROM audit WHERE seq = 5", "entry 5: entries at the end are missing");
	tamper_with("UPDATE policy SET document = replace(document, '80', '81') WHERE workload = 'a'",
		    "entry 2: the policy that it proposed was changed");
	tamper_with("UPDATE policy SET proposer = replace(proposer, 'alice', 'bob') WHERE workload = 'a'",
		    "entry 2: it is not the proposal");
	tamper_with("UPDATE decision SET decision = 'reject'", "entry 3: it is not the decision");
	tamper_with("UPDATE decision SET reason = 'none'", "entry 3: it is not the decision");
	tamper_with("DELETE FROM decision", "entry 3: the policy or decision that it records is missing");
	tamper_with("DELETE FROM policy WHERE workload = 'b'", "entry 4: the policy or decision");
	tamper_with("UPDATE meta SET value = 'elsewhere' WHERE key = 'host'", "entry 0: the genesis");
}

/* After the last entry was cut off no new one hides that. */
static void test_no_append_to_a_cut_chain(void **state)
{
	struct fixture *f = *state;

	meet(f, "a");
	for (int i = 0; i < 3; i++)
		MUST(f, ns_store_audit(f->store, "x", NULL, NULL, &alice, T0, &f->err));
	behind(f, UNGUARD "DELETE FROM audit WHERE seq = 3");
	assert_int_equal(ns_store_audit(f->store, "x", NULL, NULL, &alice, T0, &f->err), -EBADMSG);
	assert_int_equal(ns_store_set_mode(f->store, "a", NS_MODE_LEARNING, &alice, "", T0 + 9, &f->err), -EBADMSG);
	assert_int_equal(get(f, "a").learning_since, T0);
}

static void refused(struct fixture *f, const char *sql)
{
	char path[PATH_MAX];
	sqlite3 *db = NULL;

	(void)snprintf(path, sizeof path, "%s/nanoseg.db", f->path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_CONSTRAINT)
		fail_msg("%s: was not refused", sql);
	assert_non_null(strstr(sqlite3_errmsg(db), strstr(sql, "meta") ? "origin is fixed" : "append-only"));
	sqlite3_close(db);
}

static void test_append_only(void **state)
{
	struct fixture *f = *state;
	char digest[NS_DIGEST_TEXT_MAX];

	meet(f, "a");
	propose(f, "a", 80, digest);
	approve(f, "a", digest);
	refused(f, "UPDATE audit SET time = 0");
	refused(f, "DELETE FROM audit");
	refused(f, "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 1");
	refused(f, "INSERT INTO audit SELECT seq + 5, time, event, workload, actor, detail, previous, hash FROM audit");
	refused(f, "UPDATE policy SET document = '{}'");
	refused(f, "DELETE FROM policy");
	refused(f, "INSERT OR REPLACE INTO policy SELECT * FROM policy");
	refused(f, "UPDATE decision SET reason = ''");
	refused(f, "DELETE FROM decision");
	refused(f, "INSERT OR REPLACE INTO decision SELECT * FROM decision");
	refused(f, "UPDATE meta SET value = 0 WHERE key = 'genesis'");
	refused(f, "DELETE FROM meta WHERE key = 'host'");
	assert_int_equal(verify(f), 2);
}

static void test_changed_policy_is_not_given_out(void **state)
{
	struct fixture *f = *state;
	NS_JSON json_t *found = NULL;
	char digest[NS_DIGEST_TEXT_MAX];

	meet(f, "a");
	propose(f, "a", 80, digest);
	behind(f, UNGUARD "UPDATE policy SET document = replace(document, '80', '81')");
	assert_int_equal(ns_store_get_policy(f->store, "a", 1, &found, NULL, &f->err), -EBADMSG);
	assert_null(found);
}

static void test_ledger_in_batch(void **state)
{
	struct fixture *f = *state;
	struct ns_edge edge = edge_to("a", AF_INET, 1, 80);
	uint64_t n;

	meet(f, "a");
	MUST(f, ns_store_begin(f->store, &f->err));
	assert_int_equal(ns_store_begin(f->store, &f->err), -EALREADY);
	MUST(f, ns_store_add_edge(f->store, &edge, &f->err));
	MUST(f, ns_store_audit(f->store, "in.between", NULL, NULL, &alice, T0, &f->err));
	edge.tuple.port = 81;
	MUST(f, ns_store_add_edge(f->store, &edge, &f->err));
	ns_store_rollback(f->store);
	MUST(f, ns_store_count_edges(f->store, "a", &n, &f->err));
	assert_int_equal(n, 1); /* what came before the entry is kept, what came after is not */
	assert_int_equal(verify(f), 1);
	assert_int_equal(ns_store_commit(f->store, &f->err), -EINVAL);
	ns_store_rollback(f->store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_workloads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_life_cycle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reject, setup, teardown),
		cmocka_unit_test_setup_teardown(test_policies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_input, setup, teardown),
		cmocka_unit_test_setup_teardown(test_audit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hash_is_as_documented, setup, teardown),
		cmocka_unit_test(test_tampering),
		cmocka_unit_test_setup_teardown(test_no_append_to_a_cut_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_append_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_policy_is_not_given_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ledger_in_batch, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
