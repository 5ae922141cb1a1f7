/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Workloads and their modes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/ledger.h"

static const char *const modes[] = {
	[NS_MODE_LEARNING] = "learning", [NS_MODE_PROPOSED] = "proposed",   [NS_MODE_APPROVED] = "approved",
	[NS_MODE_AUDITING] = "auditing", [NS_MODE_ENFORCING] = "enforcing", [NS_MODE_SUSPENDED] = "suspended",
};
#define N_MODES (sizeof modes / sizeof modes[0])

const char *ns_mode_format(enum ns_mode mode)
{
	return (size_t)mode < N_MODES && modes[mode] ? modes[mode] : "invalid";
}

enum ns_mode ns_mode_parse(const char *text)
{
	for (size_t i = 1; i < N_MODES; i++)
		if (strcmp(modes[i], text) == 0)
			return (enum ns_mode)i;
	return NS_MODE_INVALID;
}

/* Which revision is active and which one waits follows from the policies and the decisions on them. */
#define SELECT_WORKLOAD                                                                                                \
	"SELECT w.name, w.mode, w.since, w.learning_since, "                                                           \
	"(SELECT max(revision) FROM decision WHERE workload = w.name AND decision = 'approve'), "                      \
	"n.revision, EXISTS (SELECT 1 FROM decision AS d WHERE d.workload = w.name AND d.revision = n.revision) "      \
	"FROM workload AS w LEFT JOIN policy AS n ON n.workload = w.name "                                             \
	"AND n.revision = (SELECT max(revision) FROM policy WHERE workload = w.name) "

static int read_row(struct ns_store *store, sqlite3_stmt *s, struct ns_workload *ret, struct ns_error *err)
{
	struct ns_workload w = {
		.mode = ns_mode_parse(ns_db_text(store, s, 1)),
		.since = sqlite3_column_int64(s, 2),
		.learning_since = sqlite3_column_int64(s, 3),
		.active_revision = (uint64_t)sqlite3_column_int64(s, 4),
		.newest_revision = (uint64_t)sqlite3_column_int64(s, 5),
	};
	int r;

	(void)snprintf(w.name, sizeof w.name, "%s", ns_db_text(store, s, 0));
	w.proposed_revision = sqlite3_column_int(s, 6) ? 0 : w.newest_revision;
	r = ns_db_row_end(store, err);
	if (r < 0)
		return r;
	if (w.mode == NS_MODE_INVALID)
		return ns_db_damaged(store, err, "workload %.64s has no mode that is known", w.name);
	*ret = w;
	return 0;
}

int ns_workload_read(struct ns_store *store, const char *name, struct ns_workload *ret, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int r = ns_db_query(store, &s, SELECT_WORKLOAD "WHERE w.name = ?1", NS_VALUES(ns_text(name)), err);

	if (r == 0)
		r = ns_db_step(store, s, err);
	if (r == 0)
		return ns_error_set(err, -ENOENT, "no workload '%s' is known", name);
	return r < 0 ? r : read_row(store, s, ret, err);
}

int ns_store_get_workload(struct ns_store *store, const char *name, struct ns_workload *ret, struct ns_error *err)
{
	return ns_workload_read(store, name, ret, err);
}

int ns_store_meet_workload(struct ns_store *store, const char *name, enum ns_mode mode, int64_t now,
			   struct ns_workload *ret, struct ns_error *err)
{
	int r = ns_workload_read(store, name, ret, err);

	if (r != -ENOENT)
		return r;
	if (!*name || strlen(name) >= NS_WORKLOAD_MAX)
		return ns_error_set(err, -EINVAL, "a workload's name has 1 to %d bytes", NS_WORKLOAD_MAX - 1);
	if (mode != NS_MODE_LEARNING)
		return ns_error_set(err, -ENODATA, "%s has no approved policy, so it cannot start as %s", name,
				    ns_mode_format(mode));
	r = ns_db_begin(store, NS_DB_FACT, err);
	if (r < 0)
		return r;
	r = ns_db_run(store, "INSERT INTO workload VALUES (?1, 'learning', ?2, ?2)",
		      NS_VALUES(ns_text(name), ns_int(now)), err);
	r = ns_db_end(store, NS_DB_FACT, r, err);
	return r < 0 ? r : ns_workload_read(store, name, ret, err);
}

int ns_store_list_workloads(struct ns_store *store, ns_store_each_workload each, void *ctx, struct ns_error *err)
{
	NS_FREE struct ns_workload *list = NULL;
	NS_STATEMENT sqlite3_stmt *s = NULL;
	size_t n = 0, allocated = 0;
	int r = ns_db_query(store, &s, SELECT_WORKLOAD "ORDER BY w.name", NS_NO_VALUES, err);

	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		if (n == allocated) {
			size_t more = allocated ? 2 * allocated : 64;
			struct ns_workload *bigger = reallocarray(list, more, sizeof *list);

			if (!bigger)
				return ns_error_set(err, -ENOMEM, "out of memory for the workloads");
			list = bigger;
			allocated = more;
		}
		r = read_row(store, s, &list[n++], err);
	}
	ns_db_resetp(&s); /* the callback may list again */
	for (size_t i = 0; r == 0 && i < n; i++)
		r = each(ctx, &list[i]);
	return r;
}

static int check_transition(const struct ns_workload *workload, enum ns_mode mode, struct ns_error *err)
{
	switch (mode) {
	case NS_MODE_LEARNING:
		return 0;
	case NS_MODE_APPROVED:
	case NS_MODE_AUDITING:
	case NS_MODE_ENFORCING:
	case NS_MODE_SUSPENDED:
		if (workload->active_revision)
			return 0;
		return ns_error_set(err, -ENODATA, "%s has no approved policy: propose and approve one first",
				    workload->name);
	case NS_MODE_PROPOSED:
		return ns_error_set(err, -EINVAL, "%s becomes proposed by a proposal, not by hand", workload->name);
	case NS_MODE_INVALID:
		break;
	}
	return ns_error_set(err, -EINVAL, "there is no such mode");
}

static int set_mode(struct ns_store *store, const char *name, enum ns_mode mode, const struct ns_actor *actor,
		    const char *reason, int64_t now, struct ns_error *err)
{
	NS_JSON json_t *detail = NULL;
	struct ns_workload w = { 0 };
	int r = ns_workload_read(store, name, &w, err);

	if (r == 0)
		r = check_transition(&w, mode, err);
	if (r < 0)
		return r;
	detail = json_pack("{s:s, s:s, s:s, s:I}", "from", ns_mode_format(w.mode), "to", ns_mode_format(mode), "reason",
			   reason ? reason : "", "revision", (json_int_t)w.active_revision);
	if (!detail)
		return ns_error_set(err, -ENOMEM, "out of memory for an audit entry");
	/* `since` is that of the mode; learning asked for again is a new window all the same. */
	r = ns_db_run(
		store,
		"UPDATE workload SET since = CASE WHEN mode = ?2 THEN since ELSE ?3 END, "
		"learning_since = CASE WHEN ?2 = 'learning' THEN ?3 ELSE learning_since END, mode = ?2 WHERE name = ?1",
		NS_VALUES(ns_text(name), ns_text(ns_mode_format(mode)), ns_int(now)), err);
	return r < 0 ? r : ns_audit_append(store, "mode.set", name, detail, actor, now, NULL, err);
}

int ns_store_set_mode(struct ns_store *store, const char *workload, enum ns_mode mode, const struct ns_actor *actor,
		      const char *reason, int64_t now, struct ns_error *err)
{
	int r = ns_ledger_text(workload, NS_WORKLOAD_MAX, "the workload's name", err);

	if (r == 0)
		r = ns_ledger_text(reason ? reason : "", NS_REASON_MAX, "the reason", err);
	if (r == 0)
		r = ns_ledger_text(actor->user, sizeof actor->user, "the user's name", err);
	if (r == 0)
		r = ns_db_begin(store, NS_DB_LEDGER, err);
	if (r < 0)
		return r;
	return ns_db_end(store, NS_DB_LEDGER, set_mode(store, workload, mode, actor, reason, now, err), err);
}
