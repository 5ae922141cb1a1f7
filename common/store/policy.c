/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Policies and the decisions on them. Both tables only grow.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "store/ledger.h"

static int check_actor(const char *workload, const struct ns_actor *actor, struct ns_error *err)
{
	int r = ns_ledger_text(workload, NS_WORKLOAD_MAX, "the workload's name", err);

	return r < 0 ? r : ns_ledger_text(actor->user, sizeof actor->user, "the user's name", err);
}

/* The document speaks of this workload and this revision: an approval of one is never that of another. */
static int check_document(const char *workload, uint64_t revision, const json_t *document, struct ns_error *err)
{
	const json_t *name = json_object_get(document, "workload");
	const json_t *number = json_object_get(document, "revision");

	if (!json_is_string(name) || strcmp(json_string_value(name), workload) != 0)
		return ns_error_set(err, -EINVAL, "$.workload: must be '%s'", workload);
	if (!json_is_integer(number) || json_integer_value(number) <= 0 ||
	    (uint64_t)json_integer_value(number) != revision)
		return ns_error_set(err, -EINVAL, "$.revision: must be %llu", (unsigned long long)revision);
	return 0;
}

static int set_mode(struct ns_store *store, const char *workload, enum ns_mode mode, int64_t now, struct ns_error *err)
{
	int r = ns_db_run(store, "UPDATE workload SET since = ?3, mode = ?2 WHERE name = ?1 AND mode <> ?2",
			  NS_VALUES(ns_text(workload), ns_text(ns_mode_format(mode)), ns_int(now)), err);

	return r < 0 ? r : 0;
}

struct proposal {
	const char *workload;
	uint64_t revision;
	const char *text, *digest, *origin;
	const struct ns_actor *actor;
	int64_t now;
};

static int insert_policy(struct ns_store *store, const struct proposal *p, uint64_t seq, struct ns_error *err)
{
	NS_JSON json_t *actor = ns_actor_json(p->actor);
	NS_FREE char *actor_text = actor ? ns_json_canonical(actor) : NULL;
	int r;

	if (!actor_text)
		return ns_error_set(err, -ENOMEM, "out of memory for a policy");
	r = ns_db_run(store, "INSERT INTO policy VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		      NS_VALUES(ns_text(p->workload), ns_figure(p->revision), ns_text(p->digest), ns_text(p->text),
				ns_text(p->origin), ns_text(actor_text), ns_int(p->now), ns_figure(seq)),
		      err);
	return r < 0 ? r : 0;
}

static int add_policy(struct ns_store *store, const struct proposal *p, struct ns_error *err)
{
	NS_JSON json_t *detail = NULL;
	struct ns_workload w = { 0 };
	enum ns_mode mode;
	uint64_t seq;
	int r = ns_workload_read(store, p->workload, &w, err);

	if (r < 0)
		return r;
	if (p->revision != w.newest_revision + 1)
		return ns_error_set(err, -EEXIST, "revision %llu of %s is not the next one, which is %llu",
				    (unsigned long long)p->revision, p->workload,
				    (unsigned long long)w.newest_revision + 1);
	mode = w.mode == NS_MODE_LEARNING ? NS_MODE_PROPOSED : w.mode;
	detail = json_pack("{s:I, s:s, s:s, s:s, s:I}", "revision", (json_int_t)p->revision, "digest", p->digest,
			   "origin", p->origin, "mode", ns_mode_format(mode), "replaces",
			   (json_int_t)w.proposed_revision);
	if (!detail)
		return ns_error_set(err, -ENOMEM, "out of memory for an audit entry");
	r = ns_audit_append(store, "policy.propose", p->workload, detail, p->actor, p->now, &seq, err);
	if (r == 0)
		r = insert_policy(store, p, seq, err);
	if (r == 0)
		r = set_mode(store, p->workload, mode, p->now, err);
	return r;
}

int ns_store_add_policy(struct ns_store *store, const char *workload, uint64_t revision, const json_t *document,
			const char *origin, const struct ns_actor *actor, int64_t now, struct ns_error *err)
{
	struct proposal p = {
		.workload = workload, .revision = revision, .origin = origin, .actor = actor, .now = now
	};
	char digest[NS_DIGEST_SIZE];
	NS_FREE char *text = NULL;
	int r = check_actor(workload, actor, err);

	if (r == 0)
		r = ns_ledger_text(origin, NS_NAME_MAX, "the origin", err);
	if (r == 0)
		r = check_document(workload, revision, document, err);
	if (r == 0)
		r = ns_ledger_encode(document, (size_t)NS_POLICY_BYTES_MAX, "the policy", &text, err);
	if (r == 0)
		r = ns_digest_json(document, digest, err);
	if (r == 0)
		r = ns_db_begin(store, NS_DB_LEDGER, err);
	if (r < 0)
		return r;
	p.text = text;
	p.digest = digest;
	return ns_db_end(store, NS_DB_LEDGER, add_policy(store, &p, err), err);
}

/* The digest under which the waiting revision was proposed. */
static int proposed_digest(struct ns_store *store, const struct ns_workload *w, char ret[static NS_DIGEST_SIZE],
			   struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s, "SELECT digest FROM policy WHERE workload = ?1 AND revision = ?2",
			    NS_VALUES(ns_text(w->name), ns_figure(w->proposed_revision)), err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r <= 0)
		return r < 0 ? r : ns_db_damaged(store, err, "a proposal is missing");
	(void)snprintf(ret, NS_DIGEST_SIZE, "%s", ns_db_text(store, s, 0));
	return ns_db_row_end(store, err);
}

struct verdict {
	const char *workload, *digest, *decision, *reason;
	const struct ns_actor *actor;
	int64_t now;
};

static int insert_decision(struct ns_store *store, const struct verdict *v, uint64_t revision, uint64_t seq,
			   struct ns_error *err)
{
	NS_JSON json_t *actor = ns_actor_json(v->actor);
	NS_FREE char *actor_text = actor ? ns_json_canonical(actor) : NULL;
	int r;

	if (!actor_text)
		return ns_error_set(err, -ENOMEM, "out of memory for a decision");
	r = ns_db_run(store, "INSERT INTO decision VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		      NS_VALUES(ns_figure(seq), ns_int(v->now), ns_text(v->workload), ns_figure(revision),
				ns_text(v->digest), ns_text(v->decision), ns_text(v->reason), ns_text(actor_text)),
		      err);
	return r < 0 ? r : 0;
}

static enum ns_mode mode_after(enum ns_mode mode, bool approve)
{
	if (approve)
		return mode == NS_MODE_LEARNING || mode == NS_MODE_PROPOSED ? NS_MODE_APPROVED : mode;
	return mode == NS_MODE_PROPOSED ? NS_MODE_LEARNING : mode;
}

static int decide(struct ns_store *store, const struct verdict *v, struct ns_error *err)
{
	char digest[NS_DIGEST_SIZE], event[32];
	NS_JSON json_t *detail = NULL;
	struct ns_workload w = { 0 };
	enum ns_mode mode;
	uint64_t seq;
	int r = ns_workload_read(store, v->workload, &w, err);

	if (r < 0)
		return r;
	if (!w.proposed_revision)
		return ns_error_set(err, -ENODATA, "%s has no proposal that waits for a decision", v->workload);
	r = proposed_digest(store, &w, digest, err);
	if (r < 0)
		return r;
	if (strcmp(digest, v->digest) != 0)
		return ns_error_set(err, -ESTALE, "%s: the proposal is now revision %llu, %s, not %.71s", v->workload,
				    (unsigned long long)w.proposed_revision, digest, v->digest);
	mode = mode_after(w.mode, strcmp(v->decision, "approve") == 0);
	detail =
		json_pack("{s:I, s:s, s:s, s:s, s:I}", "revision", (json_int_t)w.proposed_revision, "digest", digest,
			  "reason", v->reason, "mode", ns_mode_format(mode), "replaces", (json_int_t)w.active_revision);
	if (!detail)
		return ns_error_set(err, -ENOMEM, "out of memory for an audit entry");
	(void)snprintf(event, sizeof event, "policy.%s", v->decision);
	r = ns_audit_append(store, event, v->workload, detail, v->actor, v->now, &seq, err);
	if (r == 0)
		r = insert_decision(store, v, w.proposed_revision, seq, err);
	if (r == 0)
		r = set_mode(store, v->workload, mode, v->now, err);
	return r;
}

int ns_store_decide(struct ns_store *store, const char *workload, const char *digest, const char *decision,
		    const char *reason, const struct ns_actor *actor, int64_t now, struct ns_error *err)
{
	struct verdict v = { workload, digest, decision, reason ? reason : "", actor, now };
	int r = check_actor(workload, actor, err);

	if (r == 0 && strcmp(decision, "approve") != 0 && strcmp(decision, "reject") != 0)
		r = ns_error_set(err, -EINVAL, "a decision is 'approve' or 'reject', not '%.32s'", decision);
	if (r == 0)
		r = ns_ledger_text(v.reason, NS_REASON_MAX, "the reason", err);
	if (r == 0)
		r = ns_db_begin(store, NS_DB_LEDGER, err);
	if (r < 0)
		return r;
	return ns_db_end(store, NS_DB_LEDGER, decide(store, &v, err), err);
}
