/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A lock: the handle on one table of ours, `inet nanoseg` in an endpoint's namespace (the inner lock) or one of family
 * netdev in the agent's (the outer lock, the gate). It knows nothing of
 * policies: a plan goes in, a plan comes back.
 *
 * Where the kernel has owner and persist (6.9), the handle's socket owns the table: nobody else can change it,
 * and when the socket closes the table stays as it is until a later handle adopts it. Elsewhere the table is a
 * plain one, and `protection` says so. The handle pins the namespace: close it when the endpoint is detached.
 * Closing never removes rules.
 */
#ifndef NANOSEG_LOCK_H
#define NANOSEG_LOCK_H

#include <nanoseg/plan.h>

struct ns_lock;
struct ns_nft;

enum ns_lock_protection {
	NS_LOCK_UNPROTECTED = 0, /* plain table: root in the namespace can change it */
	NS_LOCK_OWNED,           /* owner|persist */
};

/* netns_fd < 0: the caller's own namespace (for tests and doctor only). family is NFPROTO_INET. */
int ns_lock_open(int netns_fd, int family, const char *table, struct ns_lock **ret, struct ns_error *err);
/* The same over a socket of the caller's (nft/socket.h), borrowed until the lock is closed; several locks may share
 * one, which then owns all their tables. */
int ns_lock_open_on(struct ns_nft *nft, int family, const char *table, struct ns_lock **ret, struct ns_error *err);
struct ns_lock *ns_lock_close(struct ns_lock *lock); /* accepts NULL; returns NULL */
enum ns_lock_protection ns_lock_protection(const struct ns_lock *lock);

/* What of the kernel's table was read, and compared with the plan, after the last change of it. */
enum ns_lock_extent {
	NS_LOCK_EXTENT_NONE = 0,
	NS_LOCK_EXTENT_CHANGES,  /* the sets in which something was changed; the rest was read before (shift.h) */
	NS_LOCK_EXTENT_ELEMENTS, /* the elements of all sets; the rules were read before (adjust.h) */
	NS_LOCK_EXTENT_TABLE,    /* everything */
};

struct ns_lock_result {
	enum ns_lock_extent extent;
	bool adopted; /* the table was already there and is now ours */
	size_t sets_changed, chains_changed, elements_added, elements_removed; /* of this apply */
	unsigned generation;                                                   /* of the ruleset after the commit */
	/* The first line in which the kernel differed from the plan before this apply; "" when it did not, or there was
	 * no table. */
	char before[NS_ERROR_TEXT_MAX];
};

/* Makes the kernel hold `plan`: reads what is there (or adopts it), computes the smallest difference (elements
 * only when the structure is the same; dynamic sets of the same definition keep their elements), sends it as one
 * atomic batch, reads back and compares. The plan must be normalised. The elements that it lists for a dynamic set, or
 * for one with a timeout, are put in when the set is made, and never compared. A table that cannot be made equal by
 * parts (a plain one where it could be owned, a dormant one, one with things that no plan can say) is replaced as a
 * whole, in the same one transaction. -EPERM when another process owns the table; -EBADE when the read-back
 * differs from the plan, with the first differing line. On any other error the kernel holds what it held before.
 * However large, it is one transaction; NS_LOCK_TRIES times again when another one comes between. */
int ns_lock_apply(struct ns_lock *lock, const struct ns_plan *plan, struct ns_lock_result *ret, struct ns_error *err);

/* Of a table that may be there already: 1 when the kernel holds `plan`, which it owns from here on where that is
 * possible and which nothing else was done to; 0 when it does not, and ret_found is the digest of what it holds, ""
 * when no plan says that or there is no table. The first half of ns_lock_apply(), for who has to know before it goes
 * on. */
int ns_lock_confirm(struct ns_lock *lock, const struct ns_plan *plan, struct ns_lock_result *ret,
		    char ret_found[static NS_DIGEST_TEXT_MAX], struct ns_error *err);

/* Owns all tables of the family whose names begin with `prefix`, and that have outlived their owner, in one
 * transaction: one table's costs the kernel a walk over the chains of all. All or none. */
int ns_lock_adopt_all(struct ns_nft *nft, int family, const char *prefix, struct ns_error *err);

/* -ENOENT: no table. */
int ns_lock_look(struct ns_lock *lock, struct ns_error *err);
/* The sets whose names begin with `prefix`, with their elements, and nothing else; as ns_lock_read(). Other sets' names
 * and definitions may be there too. */
int ns_lock_read_sets(struct ns_lock *lock, const char *prefix, struct ns_plan *ret, struct ns_error *err);

/* What the kernel holds now, normalised, with figures. Elements of dynamic sets, and of sets with a timeout, are left
 * out. -ENOENT: no table. -EBADE: it holds what no plan can say, named in err. */
int ns_lock_read(struct ns_lock *lock, struct ns_plan *ret, struct ns_error *err);

/* Calls `each` with the name of every table of the family that begins with `prefix`, once all are known (so it may
 * itself use the socket); non-zero ends it and is returned. */
int ns_lock_list(struct ns_nft *nft, int family, const char *prefix, int (*each)(void *ctx, const char *table),
		 void *ctx, struct ns_error *err);

/* Deletes our table. Not used when the daemon stops; for uninstall and for tests. */
int ns_lock_remove(struct ns_lock *lock, struct ns_error *err);

#endif
