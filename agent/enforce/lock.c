/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "cleanup.h"
#include "nft/batch.h"
#include "nft/dump_set.h"
#include "nft/encode.h"
#include "nft/read.h"
#include "nft/socket.h"
#include "nft/tables.h"

#include "lock_private.h"
#include "reconcile.h"

#define OWNED (NS_NFT_TABLE_F_OWNER | NS_NFT_TABLE_F_PERSIST)

NS_DEFINE_CLEANUP(struct ns_lock *, ns_lock_close)

/* Whether this kernel has owner and persist is one fact for all namespaces: the first table tells. */
static enum { SUPPORT_UNKNOWN = 0, SUPPORT_YES, SUPPORT_NO } owner_support;

static int new_lock(int family, const char *table, struct ns_lock **ret, struct ns_error *err)
{
	struct ns_lock *lock;

	if (strlen(table) == 0 || strlen(table) >= NS_NFT_NAME_MAX) {
		(void)ns_error_set(err, -EINVAL, "table name %.64s: must have 1 to %d bytes", table,
				   NS_NFT_NAME_MAX - 1);
		return -EINVAL;
	}
	lock = calloc(1, sizeof(*lock));
	if (!lock) {
		(void)ns_error_set(err, -ENOMEM, "no memory for a lock");
		return -ENOMEM;
	}
	memcpy(lock->table, table, strlen(table) + 1);
	lock->scope = (struct ns_nft_scope){ .family = family, .table = lock->table };
	*ret = lock;
	return 0;
}

int ns_lock_open(int netns_fd, int family, const char *table, struct ns_lock **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_lock_closep) struct ns_lock *lock = NULL;
	int r = new_lock(family, table, &lock, err);

	if (r == 0)
		r = ns_nft_open(netns_fd, &lock->nft, err);
	if (r < 0)
		return r;
	*ret = NS_TAKE(lock);
	return 0;
}

int ns_lock_open_on(struct ns_nft *nft, int family, const char *table, struct ns_lock **ret, struct ns_error *err)
{
	struct ns_lock *lock;
	int r = new_lock(family, table, &lock, err);

	if (r < 0)
		return r;
	lock->nft = nft;
	lock->borrowed = true;
	*ret = lock;
	return 0;
}

struct ns_lock *ns_lock_close(struct ns_lock *lock)
{
	if (lock) {
		if (!lock->borrowed)
			ns_nft_close(lock->nft);
		free(lock->shifted);
		free(lock);
	}
	return NULL;
}

enum ns_lock_protection ns_lock_protection(const struct ns_lock *lock)
{
	return lock->protection;
}

/* How the table itself comes to be ours. */
enum table_step {
	TABLE_MAKE,    /* there is none */
	TABLE_OURS,    /* this socket owns it already, or it is plain and nothing better can be had */
	TABLE_ADOPT,   /* persisted, and its owner is gone: the kernel has taken the owner flag away with it */
	TABLE_REPLACE, /* plain where it could be owned, or it holds what no plan can say */
};

static enum table_step plan_table(const struct ns_nft_reading *reading)
{
	uint32_t flags = reading->table.flags & OWNED;

	if (!reading->exists)
		return TABLE_MAKE;
	if (reading->beyond[0])
		return TABLE_REPLACE;
	if (flags == OWNED)
		return TABLE_OURS; /* another's was refused before */
	if (flags == NS_NFT_TABLE_F_PERSIST)
		return TABLE_ADOPT;
	/* A plain table cannot be given an owner, nor one without persist made to persist (nf_tables_updtable in
	 * net/netfilter/nf_tables_api.c: EOPNOTSUPP). */
	return flags == 0 && owner_support == SUPPORT_NO ? TABLE_OURS : TABLE_REPLACE;
}

/* -EPERM: another socket's, that is open. */
static int check_owner(const struct ns_lock *lock, const struct ns_nft_reading *reading, struct ns_error *err)
{
	if (!reading->exists || !(reading->table.flags & NS_NFT_TABLE_F_OWNER) || reading->table.owner == 0 ||
	    reading->table.owner == ns_nft_port(lock->nft))
		return 0;
	return ns_error_set(
		err, -EPERM,
		"table %s is owned by another process that is alive (netlink port %u); it must end or delete "
		"the table first",
		lock->table, reading->table.owner);
}

static void write_table(const struct ns_lock *lock, struct ns_nft_batch *batch, enum table_step step)
{
	uint32_t flags = owner_support == SUPPORT_NO ? 0 : OWNED;

	switch (step) {
	case TABLE_OURS:
		return;
	case TABLE_REPLACE:
		ns_nft_delete_table(batch, &lock->scope);
		break;
	case TABLE_ADOPT:
		flags = OWNED;
		break;
	case TABLE_MAKE:
		break;
	}
	ns_nft_put_table(batch, &lock->scope, flags);
}

/* A chain cannot be made on a device that went in between (ENOENT; since 6.16 it can). */
static int name_device(const struct ns_lock *lock, const struct ns_nft_batch *batch, int code, struct ns_error *err)
{
	const char *what;

	if (code != -ENOENT || lock->scope.family != NFPROTO_NETDEV ||
	    ns_nft_batch_refused_type(batch, &what) != NFT_MSG_NEWCHAIN || !strstr(what, " on device "))
		return code;
	return ns_error_set(err, -ENODEV, "%s: there is no such device", what);
}

static int send_difference(struct ns_lock *lock, const struct ns_plan *plan, const struct ns_nft_reading *reading,
			   enum table_step step, struct ns_lock_result *result, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = NULL;
	static const struct ns_plan nothing = NS_PLAN_INIT;
	bool afresh = step == TABLE_MAKE || step == TABLE_REPLACE;
	struct ns_lock_result counts = *result;
	size_t table_message;
	int r = ns_nft_batch_new(&batch, err);

	if (r < 0)
		return r;
	write_table(lock, batch, step);
	table_message = ns_nft_batch_messages(batch);
	ns_reconcile(batch, &lock->scope, plan, afresh ? &nothing : &reading->plan, &counts);
	r = ns_nft_batch_send(lock->nft, batch, err);
	if (r == 0)
		*result = counts;
	if (r == -EOPNOTSUPP && owner_support == SUPPORT_UNKNOWN && step != TABLE_OURS &&
	    ns_nft_batch_refused(batch) == table_message) {
		/* Persist is not known before 6.9. Owner alone would take the table away with the daemon: never. */
		owner_support = SUPPORT_NO;
		return -EAGAIN;
	}
	return name_device(lock, batch, r, err);
}

/* Owns a table that outlived its owner before anything else is done: from then on nobody changes it under the reader.
 */
static int adopt(struct ns_lock *lock, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = NULL;
	int r = ns_nft_batch_new(&batch, err);

	if (r < 0)
		return r;
	write_table(lock, batch, TABLE_ADOPT);
	return ns_nft_batch_send(lock->nft, batch, err);
}

/* 0 and *ret_difference NULL: as planned. */
static int compare(const struct ns_plan *plan, const struct ns_nft_reading *reading, char **ret_difference,
		   struct ns_error *err)
{
	NS_FREE char *difference = NULL;
	int r;

	if (!reading->exists || reading->beyond[0]) {
		difference = strdup(reading->exists ? reading->beyond : "the table is gone");
		if (!difference)
			return ns_error_set(err, -ENOMEM, "no memory to compare with the plan");
	} else {
		r = ns_plan_difference(plan, &reading->plan, 1, &difference, err);
		if (r < 0)
			return r;
		difference[strcspn(difference, "\n")] = '\0';
	}
	if (difference[0])
		*ret_difference = NS_TAKE(difference);
	return 0;
}

/* What may be different the next time: another transaction came between reading and writing, or the answer was lost
 * and only reading can tell. */
static bool worth_another_try(int code)
{
	return code == -EAGAIN || code == -ENODEV || code == -EINTR || code == -ERESTART || code == -ENOENT ||
	       code == -EEXIST || code == -EBUSY || code == -ENOBUFS || code == -ENOTEMPTY;
}

static void note_protection(struct ns_lock *lock, const struct ns_nft_reading *reading)
{
	bool owned = (reading->table.flags & OWNED) == OWNED && reading->table.owner == ns_nft_port(lock->nft);

	lock->protection = reading->exists && owned ? NS_LOCK_OWNED : NS_LOCK_UNPROTECTED;
	if (lock->protection == NS_LOCK_OWNED)
		owner_support = SUPPORT_YES;
}

struct application {
	const struct ns_plan *plan;
	struct ns_lock_result result;
	bool written;
	uint32_t generation; /* of the ruleset before it was read; 0: not asked for */
	char *difference;    /* the first line; NULL: none */
};

static void application_release(struct application *a)
{
	free(a->difference);
}

/* What is there, which is ours from here on where it can be. A table that is replaced whatever it holds is not read:
 * whoever made it could keep changing it. */
static int take_in(struct ns_lock *lock, struct application *a, struct ns_nft_reading *reading, struct ns_error *err)
{
	int r = ns_nft_read_table(lock->nft, &lock->scope, &reading->exists, &reading->table, err);

	if (r == 0)
		r = check_owner(lock, reading, err);
	if (r < 0)
		return r;
	switch (plan_table(reading)) {
	case TABLE_MAKE:
		return 0;
	case TABLE_REPLACE:
		(void)snprintf(reading->beyond, sizeof(reading->beyond), "the table had no owner");
		return 0;
	case TABLE_ADOPT:
		r = adopt(lock, err);
		if (r < 0)
			return r;
		a->result.adopted = true;
		break;
	case TABLE_OURS:
		break;
	}
	r = ns_nft_read(lock->nft, &lock->scope, false, reading, err);
	return r < 0 ? r : check_owner(lock, reading, err);
}

/* One turn: 1 when the kernel holds the plan, 0 when it was told to. */
static int turn(struct ns_lock *lock, struct application *a, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_reading_release) struct ns_nft_reading reading = NS_NFT_READING_INIT;
	enum table_step step;
	int r = lock->protection == NS_LOCK_OWNED ? 0 : ns_nft_generation(lock->nft, &a->generation, err);

	if (r == 0)
		r = take_in(lock, a, &reading, err);
	if (r < 0)
		return r;
	free(NS_TAKE(a->difference));
	r = compare(a->plan, &reading, &a->difference, err);
	if (r < 0)
		return r;
	if (!a->written)
		(void)snprintf(a->result.before, sizeof(a->result.before), "%s",
			       reading.exists && a->difference ? a->difference : "");
	note_protection(lock, &reading);
	step = plan_table(&reading);
	if (step == TABLE_ADOPT) /* gone and made again meanwhile */
		return ns_error_set(err, -EAGAIN, "table %s changes hands all the time", lock->table);
	if (!lock->held && !a->written && step == TABLE_OURS)
		a->result.adopted = true;
	if (!a->difference && step == TABLE_OURS) {
		lock->held = true;
		return 1;
	}
	r = send_difference(lock, a->plan, &reading, step, &a->result, err);
	a->written = a->written || r == 0;
	return r;
}

/* The kernel has been seen to hold the plan. A plain table may have been changed since it was read, unless the ruleset
 * is still of the generation that it was of before. */
static int be_sure(struct ns_lock *lock, const struct ns_plan *plan, uint32_t before, unsigned *ret_generation,
		   struct ns_error *err)
{
	uint32_t generation = 0;
	int r = ns_nft_generation(lock->nft, &generation, err);

	if (r < 0)
		return r;
	lock->sure = lock->protection == NS_LOCK_OWNED || (before && generation == before);
	lock->generation = generation;
	ns_lock_forget_shifted(lock);
	ns_lock_note_structure(lock, plan);
	*ret_generation = generation;
	return 0;
}

int ns_lock_apply(struct ns_lock *lock, const struct ns_plan *plan, struct ns_lock_result *ret, struct ns_error *err)
{
	NS_CLEANUP(application_release) struct application a = { .plan = plan };
	struct ns_error why = NS_ERROR_INIT;
	int r = ns_reconcile_check(plan, err);

	lock->sure = false;

	if (r < 0)
		return r;
	if (plan->family != lock->scope.family || strcmp(plan->table, lock->table) != 0)
		return ns_error_set(err, -EINVAL, "the plan is for table %s, the lock for %s", plan->table,
				    lock->table);
	/* Reading after writing is the first half of the next turn: the last turn only compares. */
	for (unsigned try = 0; try <= NS_LOCK_TRIES; try++) {
		r = turn(lock, &a, &why);
		if (r > 0)
			break;
		if (r < 0 && !worth_another_try(r))
			return ns_error_set(err, r, "%s", why.text);
		if (r < 0)
			ns_nft_dump_pause(try);
	}
	if (r < 0)
		return ns_error_set(err, r, "%s", why.text);
	if (r == 0)
		return ns_error_set(err, -EBADE, "the kernel does not hold what it was told: %s",
				    a.difference ? a.difference : "the table's owner");
	r = be_sure(lock, plan, a.generation, &a.result.generation, err);
	if (r < 0)
		return r;
	*ret = a.result;
	ret->extent = NS_LOCK_EXTENT_TABLE;
	return 0;
}

int ns_lock_confirm(struct ns_lock *lock, const struct ns_plan *plan, struct ns_lock_result *ret,
		    char ret_found[static NS_DIGEST_TEXT_MAX], struct ns_error *err)
{
	NS_CLEANUP(application_release) struct application a = { .plan = plan };
	NS_CLEANUP(ns_nft_reading_release) struct ns_nft_reading reading = NS_NFT_READING_INIT;
	int r = take_in(lock, &a, &reading, err);

	if (r == 0)
		r = compare(plan, &reading, &a.difference, err);
	if (r < 0)
		return r;
	note_protection(lock, &reading);
	if (a.difference || plan_table(&reading) != TABLE_OURS) {
		if (!reading.exists || reading.beyond[0] || ns_plan_digest(&reading.plan, ret_found, NULL) < 0)
			ret_found[0] = '\0';
		return 0;
	}
	r = be_sure(lock, plan, 0, &a.result.generation, err);
	if (r < 0)
		return r;
	lock->held = a.result.adopted = true;
	*ret = a.result;
	ret->extent = NS_LOCK_EXTENT_TABLE;
	return 1;
}

int ns_lock_adopt_all(struct ns_nft *nft, int family, const char *prefix, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = NULL;
	int r = ns_nft_batch_new(&batch, err);

	if (r == 0)
		r = ns_nft_put_orphans(nft, batch, family, prefix, err);
	return r > 0 ? ns_nft_batch_send(nft, batch, err) : r;
}

int ns_lock_look(struct ns_lock *lock, struct ns_error *err)
{
	struct ns_nft_table table;
	bool exists = false;
	int r = ns_nft_read_table(lock->nft, &lock->scope, &exists, &table, err);

	return r < 0 || exists ? r : ns_error_set(err, -ENOENT, "there is no table %s", lock->table);
}

static int give_plan(const struct ns_lock *lock, struct ns_nft_reading *reading, struct ns_plan *ret,
		     struct ns_error *err)
{
	if (!reading->exists)
		return ns_error_set(err, -ENOENT, "there is no table %s", lock->table);
	if (reading->beyond[0])
		return ns_error_set(err, -EBADE, "table %s holds what no plan says: %s", lock->table, reading->beyond);
	*ret = reading->plan;
	reading->plan = (struct ns_plan)NS_PLAN_INIT;
	return 0;
}

int ns_lock_read_sets(struct ns_lock *lock, const char *prefix, struct ns_plan *ret, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_reading_release) struct ns_nft_reading reading = NS_NFT_READING_INIT;
	int r = ns_nft_read_sets(lock->nft, &lock->scope, prefix, &reading, err);

	return r < 0 ? r : give_plan(lock, &reading, ret, err);
}

int ns_lock_read(struct ns_lock *lock, struct ns_plan *ret, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_reading_release) struct ns_nft_reading reading = NS_NFT_READING_INIT;
	int r = ns_nft_read(lock->nft, &lock->scope, true, &reading, err);

	return r < 0 ? r : give_plan(lock, &reading, ret, err);
}

int ns_lock_remove(struct ns_lock *lock, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = NULL;
	struct ns_nft_reading reading = NS_NFT_READING_INIT;
	int r = ns_nft_read_table(lock->nft, &lock->scope, &reading.exists, &reading.table, err);

	if (r == 0)
		r = check_owner(lock, &reading, err);
	if (r < 0 || !reading.exists)
		return r;
	r = ns_nft_batch_new(&batch, err);
	if (r < 0)
		return r;
	ns_nft_delete_table(batch, &lock->scope);
	r = ns_nft_batch_send(lock->nft, batch, err);
	if (r == 0)
		lock->protection = NS_LOCK_UNPROTECTED;
	lock->sure = lock->sure && r < 0;
	return r;
}

int ns_lock_list(struct ns_nft *nft, int family, const char *prefix, int (*each)(void *ctx, const char *table),
		 void *ctx, struct ns_error *err)
{
	return ns_nft_list_tables(nft, family, prefix, each, ctx, err);
}
