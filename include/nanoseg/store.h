/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What survives: graph, policies, approvals, audit chain, read-backs. SQLite in WAL mode in
 * STATE_DIR/nanoseg.db. Ledger writes (policies, approvals, modes, audit) are synchronous=FULL: when such a
 * call has returned 0, kill -9 and power loss do not undo it. Fact writes (edges, denies, endpoints) are
 * synchronous=NORMAL. One thread. All times in microseconds since the epoch. Strings in results live until
 * the callback returns; callbacks may call the store; a callback's non-zero value ends the walk and is returned.
 *
 * The store knows nothing of what a policy says: it keeps JSON documents and their digests.
 *
 * Errors of any call besides its own: -ENOENT (no such workload), -EBUSY (another process holds the database longer
 * than NS_STORE_BUSY_MS), -ENOSPC, -EIO, -ENOMEM, -EBADMSG (the file is damaged). After an error nothing of the call is
 * in the database; only -EIO of a ledger call may, after the next start, turn out to have been written as a whole.
 */
#ifndef NANOSEG_STORE_H
#define NANOSEG_STORE_H

#include <jansson.h>

#include <nanoseg/edge.h>
#include <nanoseg/endpoint.h>

struct ns_store;

/* Opens or creates (the directory too: mode 0700, its parent must exist). Refuses a corrupt or foreign database
 * (-EBADMSG), a newer schema (-ENOTSUP), a directory or file that others can write (-EPERM), a state directory that
 * another process has open (-EBUSY); the error says what to do. Older schemas are migrated in one transaction. */
int ns_store_open(const char *state_dir, struct ns_store **ret, struct ns_error *err);
struct ns_store *ns_store_close(struct ns_store *store); /* accepts NULL; returns NULL */

/* ---- modes ---- */

enum ns_mode {
	NS_MODE_INVALID = 0,
	NS_MODE_LEARNING,
	NS_MODE_PROPOSED, /* learning goes on; a proposal waits */
	NS_MODE_APPROVED, /* learning goes on; an approved policy waits to be put in force */
	NS_MODE_AUDITING,
	NS_MODE_ENFORCING,
	NS_MODE_SUSPENDED,
};
const char *ns_mode_format(enum ns_mode mode);
enum ns_mode ns_mode_parse(const char *text);

struct ns_workload {
	char name[NS_WORKLOAD_MAX];
	enum ns_mode mode;
	int64_t since;              /* of the mode */
	int64_t learning_since;     /* start of the window; 0: never */
	uint64_t active_revision;   /* the approved one in force or waiting; 0: none */
	uint64_t proposed_revision; /* the one waiting for approval; 0: none */
	uint64_t newest_revision;   /* 0: none */
};

/* -ENOENT when unknown. */
int ns_store_get_workload(struct ns_store *store, const char *name, struct ns_workload *ret, struct ns_error *err);
/* Makes the row if it is new (mode as given: NS_MODE_LEARNING, since the others need an approved policy: -ENODATA);
 * otherwise changes nothing. *ret as after. A fact write: allowed in a batch. */
int ns_store_meet_workload(struct ns_store *store, const char *name, enum ns_mode mode, int64_t now,
			   struct ns_workload *ret, struct ns_error *err);
typedef int (*ns_store_each_workload)(void *ctx, const struct ns_workload *workload);
int ns_store_list_workloads(struct ns_store *store, ns_store_each_workload each, void *ctx, struct ns_error *err);

/* ---- the ledger: each call writes its audit entry in the same transaction ----
 *
 * A ledger call inside a batch (below) commits the batch so far, and a new batch goes on after it. */

struct ns_actor { /* who did it: the peer credential of the socket, or the daemon itself (pid of nanosegd) */
	int64_t uid;
	char user[64];
	int64_t pid;
};

/* learning: starts a new window (learning_since = now), keeps the active revision. approved, auditing, enforcing,
 * suspended: -ENODATA without an active revision. proposed: -EINVAL, since only a proposal leads there. */
int ns_store_set_mode(struct ns_store *store, const char *workload, enum ns_mode mode, const struct ns_actor *actor,
		      const char *reason, int64_t now, struct ns_error *err);
/* `document` (borrowed) is the policy as JSON; its members "workload" and "revision" must be these (-EINVAL), its text
 * at most NS_POLICY_BYTES_MAX bytes (-E2BIG). revision must be newest_revision + 1 (-EEXIST otherwise, and the text
 * says which is next); it becomes the proposed one, in place of one that waited. A learning workload becomes proposed.
 * The digest is ns_digest_json() of the document, which is what ns_policy_digest() gives. origin: "learned", "manual",
 * … */
int ns_store_add_policy(struct ns_store *store, const char *workload, uint64_t revision, const json_t *document,
			const char *origin, const struct ns_actor *actor, int64_t now, struct ns_error *err);
/* decision "approve" or "reject". digest must be that of the proposed revision (-ESTALE otherwise, and the text
 * names both; -ENODATA when none waits). Approving makes it the active one: learning and proposed become approved,
 * other modes stay. Rejecting: proposed becomes learning, other modes stay. */
int ns_store_decide(struct ns_store *store, const char *workload, const char *digest, const char *decision,
		    const char *reason, const struct ns_actor *actor, int64_t now, struct ns_error *err);
/* Any other event worth an entry: "daemon.start", "drift.repair", "evidence.export", …; workload "" or NULL: of none;
 * detail (borrowed, NULL: none) is an object or an array. */
int ns_store_audit(struct ns_store *store, const char *event, const char *workload, const json_t *detail,
		   const struct ns_actor *actor, int64_t now, struct ns_error *err);
/* Walks the hash chain from the first entry, and checks that policies and decisions are what their entries say;
 * -EBADMSG with the sequence number where it breaks. An entry's hash is the SHA-256 of the canonical JSON of
 * {"seq","time","event","workload","actor","detail","previous"}; `previous` of the first is the genesis, the SHA-256 of
 * {"host","created"} as they stand in the table `meta`. */
int ns_store_audit_verify(struct ns_store *store, uint64_t *ret_entries, char ret_head[static NS_DIGEST_TEXT_MAX],
			  struct ns_error *err);
/* The same in slices, between which anything may be done with the store. */
struct ns_audit_walk { /* zeroed in the beginning */
	uint64_t entries;
	char head[NS_DIGEST_TEXT_MAX];
};
/* Walks the next `max` entries. 1: go on; 0: it was the end, all is well, and *walk has the result. */
int ns_store_audit_verify_some(struct ns_store *store, struct ns_audit_walk *walk, size_t max, struct ns_error *err);

/* revision 0: the newest. -ENOENT when there is none such. Both results may be NULL and are new references. The
 * document has been checked against its digest. Info:
 * {"workload","revision","digest","state":"proposed|approved|rejected|
 * superseded","origin","proposer":{"uid","user","pid"},"created"}; approved is the active one alone. */
int ns_store_get_policy(struct ns_store *store, const char *workload, uint64_t revision, json_t **ret_document,
			json_t **ret_info, struct ns_error *err);
/* New references, NULL on error: arrays of such objects, newest first; of decisions {"seq","time","workload",
 * "revision","digest","decision","reason","actor":{…}}, oldest first; of audit entries
 * {"seq","time","event","workload","actor", "detail","previous","hash"} with seq > after_seq, oldest first. Times are
 * RFC 3339; the hash covers microseconds. */
json_t *ns_store_policy_history(struct ns_store *store, const char *workload, struct ns_error *err);
json_t *ns_store_approvals(struct ns_store *store, const char *workload /* NULL: all */, struct ns_error *err);
json_t *ns_store_audit_entries(struct ns_store *store, uint64_t after_seq, size_t max, struct ns_error *err);
/* The same of one workload and one event; NULL: all. */
json_t *ns_store_audit_entries_of(struct ns_store *store, const char *workload, const char *event, uint64_t after_seq,
				  size_t max, struct ns_error *err);
/* How many of those there are up to `last` (0: the end), and the after_seq that leaves the newest `max` of them. */
int ns_store_audit_bound(struct ns_store *store, const char *workload, const char *event, uint64_t last, size_t max,
			 uint64_t *ret_total, uint64_t *ret_after, struct ns_error *err);

/* ---- facts ---- */

/* Several observations in one transaction: begin, any number of _add_ and _put_, commit. Without begin each commits
 * alone. When a write in the batch failed (other than by -EINVAL), commit rolls back and returns that error.
 * begin in a batch is -EALREADY; commit without one -EINVAL; rollback without one does nothing. */
int ns_store_begin(struct ns_store *store, struct ns_error *err);
int ns_store_commit(struct ns_store *store, struct ns_error *err);
void ns_store_rollback(struct ns_store *store);

/* Adds edge->packets and ->bytes to what is there; first_seen only moves back, last_seen only forward; process
 * and uid are kept when the new ones are unknown. Identity: workload, tuple, peer class and name; the other names
 * follow the latest. A new edge beyond NS_STORE_EDGES_MAX of its workload is not kept: a gap says so, and 0 is
 * returned. */
int ns_store_add_edge(struct ns_store *store, const struct ns_edge *edge, struct ns_error *err);
/* workload NULL: all. */
int ns_store_load_graph(struct ns_store *store, const char *workload, struct ns_graph *ret, struct ns_error *err);
/* Starts a new window: forgets nothing, but only edges seen since then are proposed; ns_store_load_window gives
 * those. */
int ns_store_load_window(struct ns_store *store, const char *workload, int64_t since, struct ns_graph *ret,
			 struct ns_error *err);
int ns_store_count_edges(struct ns_store *store, const char *workload /* NULL: all */, uint64_t *ret,
			 struct ns_error *err);

/* The same edges, without ever having more than one of them in memory: a walk in slices, between which anything else
 * may be done with the store. In order of workload (of their numbers, not their names), direction, protocol, port,
 * peer, source; addresses are in the order of their bytes, so that one without comes first and the families mix. An
 * edge that is added meanwhile may come or not; those that were there come once, with their latest figures. */
struct ns_edge_walk;
int ns_store_walk_edges(struct ns_store *store, const char *workload /* NULL: all */, int64_t since,
			struct ns_edge_walk **ret, struct ns_error *err);
struct ns_edge_walk *ns_edge_walk_free(struct ns_edge_walk *walk); /* accepts NULL; returns NULL */
/* Looks at the next `max` edges and calls `each` for those of the window; it must leave the store alone. 1: there may
 * be more; 0: those were the last ones. */
typedef int (*ns_store_each_edge)(void *ctx, const struct ns_edge *edge);
int ns_edge_walk_some(struct ns_edge_walk *walk, size_t max, ns_store_each_edge each, void *ctx, struct ns_error *err);

/* The kernel's last raw figures of one element, so that after a restart only the difference is added. They belong
 * to (boot_id, cookie): ns_store_open drops those of earlier boots, ns_store_forget_counters those of an endpoint that
 * ended. */
struct ns_counter_base {
	struct ns_tuple tuple;
	bool deny;
	uint64_t packets, bytes;
};
int ns_store_put_counter(struct ns_store *store, uint64_t cookie, const struct ns_counter_base *base,
			 struct ns_error *err);
typedef int (*ns_store_each_counter)(void *ctx, const struct ns_counter_base *base);
int ns_store_list_counters(struct ns_store *store, uint64_t cookie, ns_store_each_counter each, void *ctx,
			   struct ns_error *err);
int ns_store_forget_counters(struct ns_store *store, uint64_t cookie, struct ns_error *err);

/* Denied (or, while auditing, would-be denied) tuples; identity as for edges plus `audited`; bounded as edges are by
 * NS_STORE_DENIES_MAX. Listed oldest last_seen first, those with last_seen > seen_after; workload NULL: all. */
int ns_store_add_deny(struct ns_store *store, const struct ns_edge *edge, bool audited, struct ns_error *err);
typedef int (*ns_store_each_deny)(void *ctx, const struct ns_edge *edge, bool audited);
int ns_store_list_denies(struct ns_store *store, const char *workload, int64_t seen_after, ns_store_each_deny each,
			 void *ctx, struct ns_error *err);
/* The newest `max` of one workload, in the same order. */
int ns_store_list_newest_denies(struct ns_store *store, const char *workload, size_t max, ns_store_each_deny each,
				void *ctx, struct ns_error *err);
int ns_store_count_denies(struct ns_store *store, const char *workload, uint64_t *ret, struct ns_error *err);

/* A gap is opened (to = 0) and closed later; one already open with the same workload and cause is kept. Closing what is
 * not open does nothing. Beyond NS_STORE_GAPS_MAX closed ones of a workload the oldest two become one that covers
 * both. */
int ns_store_open_gap(struct ns_store *store, const char *workload, int64_t from, const char *cause,
		      struct ns_error *err);
int ns_store_close_gap(struct ns_store *store, const char *workload, const char *cause, int64_t to,
		       struct ns_error *err);
int ns_store_close_all_gaps(struct ns_store *store, const char *cause, int64_t to, struct ns_error *err);

/* Gaps alone, into ret->gaps, oldest first; workload NULL: all. */
int ns_store_load_gaps(struct ns_store *store, const char *workload, struct ns_graph *ret, struct ns_error *err);
/* Those that are not over before `since`. */
int ns_store_load_window_gaps(struct ns_store *store, const char *workload, int64_t since, struct ns_graph *ret,
			      struct ns_error *err);

/* The heartbeat that tells, after a crash, since when the agent was down. */
/* Gives back what memory the store has for a while when it was busy. */
void ns_store_rest(struct ns_store *store);
int ns_store_heartbeat(struct ns_store *store, int64_t now, struct ns_error *err);
int ns_store_last_heartbeat(struct ns_store *store, int64_t *ret, struct ns_error *err); /* 0: never */

/* Endpoints seen, for evidence: upsert by (boot_id, cookie); ended 0: still there. Those of an earlier boot end at
 * ns_store_open. The oldest ended ones beyond NS_STORE_ENDPOINTS_MAX go. Listed newest first:
 * [{"boot_id","cookie","workload","runtime","container_id","name","image","image_digest","pid","netns_path","since",
 * "ended","joined_late","provisional","addresses":[…],"interfaces":[…],"findings":[…]}]. */
int ns_store_put_endpoint(struct ns_store *store, const struct ns_endpoint *endpoint, int64_t ended,
			  struct ns_error *err);
/* The workload that the endpoint with this cookie was last stored under in this boot, so that a restarted daemon knows
 * whose rules it finds before the runtime has answered. -ENOENT: never met. */
int ns_store_endpoint_workload(struct ns_store *store, uint64_t cookie, char ret[static NS_WORKLOAD_MAX],
			       struct ns_error *err);
/* Every address of the endpoints of this boot of which no end is known, members aside: the newest endpoint first. */
typedef int (*ns_store_each_owner)(void *ctx, const struct ns_addr *addr, const char *workload);
int ns_store_list_owners(struct ns_store *store, ns_store_each_owner each, void *ctx, struct ns_error *err);
json_t *ns_store_endpoints(struct ns_store *store, size_t max, struct ns_error *err);
/* Those of one workload; *ret_total: how many there are. */
json_t *ns_store_workload_endpoints(struct ns_store *store, const char *workload, size_t max, uint64_t *ret_total,
				    struct ns_error *err);

/* What the kernel was found to hold: plan digest, read-back digest, difference ("" when equal). A change of few
 * elements is read back alone: `extent` says what was read ("table", "elements", "changes"), and the digest is then of
 * that and of what was read before, at `table_read` the last time all of it. Kept: the last NS_STORE_READBACKS_MAX of a
 * workload, and the first after each change (the last NS_STORE_CHANGES_MAX of those). Listed newest first, workload
 * NULL: all: [{"time","boot_id","cookie","workload","revision","mode","plan_digest",
 * "kernel_digest","equal","difference","changed","extent","table_read"}]; the last two are null in what was stored
 * before they were told. */
struct ns_readback {
	uint64_t cookie;
	const char *workload;
	uint64_t revision;
	const char *mode, *plan_digest, *kernel_digest, *difference, *extent;
	int64_t table_read;
};
int ns_store_add_readback(struct ns_store *store, const struct ns_readback *readback, int64_t now,
			  struct ns_error *err);
/* The digest of the plan that was last put into this namespace in this boot. -ENOENT: none was. */
int ns_store_last_plan_digest(struct ns_store *store, uint64_t cookie, char ret[static NS_DIGEST_TEXT_MAX],
			      struct ns_error *err);
json_t *ns_store_readbacks(struct ns_store *store, const char *workload, size_t max, struct ns_error *err);

#endif
