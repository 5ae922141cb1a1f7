/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The short road: a part of a table that is known, made another; with packets. And what makes it unknown: who else
 * changes it, or the ruleset, between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/batch.h"
#include "nft/encode.h"
#include "nft/socket.h"

#include "adjust.h"
#include "lock_plan.h"
#include "lock_private.h"
#include "shift.h"

/* Two locks may share a socket, as two handles on one table do here: the one does not know what the other has done. */
struct world {
	struct ns_nft *nft;
	struct ns_lock *lock;
	struct ns_plan plan, moved; /* what is there; r2's port is another */
	struct ns_shift *shift;
};

static bool aside; /* commits are made in another thread */

static void move_ports(struct ns_plan *plan)
{
	struct ns_plan_set *set;

	set = ns_plan_find_set(plan, "egress4");
	set->n_elements--; /* udp 1002 */
	plan_element(set, "r2", "udp", "127.0.0.1", "1003");
	set = ns_plan_find_set(plan, "egress6");
	set->n_elements--;
	plan_element(set, "r2", "udp", "::1", "1003");
	ns_plan_normalise(plan);
}

static void begin(struct world *w)
{
	*w = (struct world){ 0 };
	assert_int_equal(ns_nft_open(-1, &w->nft, NULL), 0);
	assert_int_equal(ns_lock_open_on(w->nft, NFPROTO_INET, "nanoseg", &w->lock, NULL), 0);
	endpoint_plan(&w->plan);
	endpoint_plan(&w->moved);
	move_ports(&w->moved);
	assert_false(ns_shift_can(w->lock));
	lab_apply(w->lock, &w->plan);
	assert_true(ns_shift_can(w->lock));
	assert_int_equal(ns_shift_new(&w->shift, NULL), 0);
}

static void end(struct world *w)
{
	ns_shift_free(w->shift);
	ns_plan_release(&w->plan);
	ns_plan_release(&w->moved);
	ns_lock_close(w->lock);
	ns_nft_close(w->nft);
}

/* The part of a plan that moves: the last element of each exact set. */
static void part(const struct ns_plan *plan, struct ns_plan *ret)
{
	static const char *const names[] = { "egress4", "egress6" };

	*ret = (struct ns_plan)NS_PLAN_INIT;
	for (size_t i = 0; i < 2; i++) {
		const struct ns_plan_set *from = ns_plan_find_set(plan, names[i]);
		struct ns_plan_set *set = ns_plan_add_set(ret, names[i], NULL);

		assert_non_null(set);
		*set = *from;
		set->elements = NULL;
		set->n_elements = set->elements_allocated = 0;
		*ns_plan_add_element(set, NULL) = from->elements[from->n_elements - 1];
	}
	ns_plan_normalise(ret);
}

static int shift(struct world *w, const struct ns_plan *from, const struct ns_plan *to, struct ns_error *err)
{
	struct ns_plan before, after;
	size_t removed, added;
	int r;

	part(from, &before);
	part(to, &after);
	ns_shift_begin(w->shift);
	r = ns_shift_add(w->shift, w->lock, &before, &after, &removed, &added, err);
	if (r == 0) {
		assert_int_equal(removed, 2);
		assert_int_equal(added, 2);
		if (aside)
			ns_shift_commit_begin(w->shift);
		r = aside ? ns_shift_commit_end(w->shift, err) : ns_shift_commit(w->shift, err);
	}
	ns_plan_release(&before);
	ns_plan_release(&after);
	return r;
}

static void assert_passes(uint16_t port, bool passes)
{
	uint64_t before = refused();

	send_both(port);
	assert_int_equal(refused() - before, passes ? 0 : 2);
}

static void test_there_and_back(void **state)
{
	struct ns_lock_result result;
	struct ns_error err = NS_ERROR_INIT;
	struct world w;

	begin(&w);
	assert_passes(1001, true);
	assert_passes(1002, true);
	for (unsigned i = 0; i < 3; i++) {
		if (shift(&w, &w.plan, &w.moved, &err) < 0)
			fail_msg("%s", err.text);
		assert_passes(1001, true);
		assert_passes(1002, false);
		assert_passes(1003, true);
		lab_assert_holds(w.lock, &w.moved);
		assert_int_equal(ns_shift_settle(w.lock, &w.moved, &result, &err), 1);
		assert_int_equal(result.extent, NS_LOCK_EXTENT_CHANGES);
		assert_int_not_equal(result.generation, 0);
		assert_int_equal(shift(&w, &w.moved, &w.plan, &err), 0);
		assert_passes(1002, true);
		assert_passes(1003, false);
	}
	/* What is read back is compared: it does not hold the other plan. */
	assert_int_equal(ns_shift_settle(w.lock, &w.moved, &result, &err), 0);
	assert_false(ns_shift_can(w.lock));
	lab_apply(w.lock, &w.plan);
	assert_true(lab_packets(w.lock, "egress4", "r1") >= 4); /* which was not touched */
	end(&w);
}

/* Through another handle on the same socket, which the kernel takes for ours: the table is not what is believed. */
static void meddle(struct world *w, const struct ns_plan *plan)
{
	struct ns_lock *other;

	assert_int_equal(ns_lock_open_on(w->nft, NFPROTO_INET, "nanoseg", &other, NULL), 0);
	lab_apply(other, plan);
	ns_lock_close(other);
}

/* Nothing of it is done, the table is not known any more, and the long road puts it right. */
static void test_others_have_taken_it(void **state)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan poorer;
	struct world w;

	begin(&w);
	endpoint_plan(&poorer);
	ns_plan_find_set(&poorer, "egress6")->n_elements--;
	meddle(&w, &poorer);
	assert_true(ns_shift_can(w.lock)); /* it cannot know */
	assert_true(shift(&w, &w.plan, &w.moved, &err) < 0);
	lab_assert_holds(w.lock, &poorer);
	assert_passes(1003, false);
	assert_false(ns_shift_can(w.lock));
	assert_int_equal(shift(&w, &w.plan, &w.moved, &err), -EINVAL);
	lab_apply(w.lock, &w.moved);
	assert_passes(1002, false);
	assert_passes(1003, true);
	assert_true(ns_shift_can(w.lock));
	ns_plan_release(&poorer);
	end(&w);
}

/* What was put in besides is found when the set is read back. */
static void test_others_have_added(void **state)
{
	struct ns_lock_result result;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan richer;
	struct world w;

	begin(&w);
	endpoint_plan(&richer);
	plan_element(ns_plan_find_set(&richer, "egress4"), "r9", "udp", "127.0.0.1", "6666");
	ns_plan_normalise(&richer);
	meddle(&w, &richer);
	assert_int_equal(shift(&w, &w.plan, &w.moved, &err), 0);
	assert_int_equal(ns_shift_settle(w.lock, &w.moved, &result, &err), 0);
	assert_false(ns_shift_can(w.lock));
	assert_int_equal(lab_apply(w.lock, &w.moved).elements_removed, 1);
	assert_passes(6666, false);
	ns_plan_release(&richer);
	end(&w);
}

/* All of that once more, and with nothing to do. */
static void test_aside(void **state)
{
	struct world w;

	aside = true;
	test_there_and_back(state);
	test_others_have_taken_it(state);
	test_others_have_added(state);
	begin(&w);
	ns_shift_begin(w.shift);
	ns_shift_commit_begin(w.shift);
	assert_int_equal(ns_shift_commit_end(w.shift, NULL), 0);
	assert_true(ns_shift_can(w.lock));
	end(&w);
	aside = false;
}

/* Root beside us: of an owned table he is refused; of a plain one it is seen, whatever he has changed. */
static void test_root_between(void **state)
{
	struct ns_error err = NS_ERROR_INIT;
	bool owned = lab_protection() == NS_LOCK_OWNED;
	struct world w;

	begin(&w);
	assert_int_equal(lab_run("nft add element inet nanoseg egress4 '{ udp . 127.0.0.1 . 6666 }'", NULL),
			 owned ? 1 : 0);
	assert_int_equal(shift(&w, &w.plan, &w.moved, &err), owned ? 0 : -ERESTART);
	lab_apply(w.lock, &w.moved);
	assert_passes(6666, false);
	assert_passes(1003, true);
	assert_int_equal(lab_run("nft add table inet other", NULL), 0);
	assert_int_equal(shift(&w, &w.moved, &w.plan, &err), owned ? 0 : -ERESTART);
	end(&w);
}

/* Between the commit and the reading, in what is not read: of a plain table the ruleset's generation tells. Where the
 * kernel has owners another handle on our socket is the stranger, and the lock is told that it does not own the table.
 */
static void test_root_after(void **state)
{
	struct ns_lock_result result;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan richer;
	struct world w;

	begin(&w);
	endpoint_plan(&richer);
	move_ports(&richer);
	plan_element(ns_plan_find_set(&richer, "egress4_range"), "r9", "udp", "127.0.0.1", "6666");
	plan_element(ns_plan_find_set(&richer, "egress6"), "r9", "udp", "::1", "6666");
	ns_plan_normalise(&richer);
	for (unsigned pass = 0; pass < 2; pass++) {
		w.lock->protection = NS_LOCK_UNPROTECTED;
		assert_int_equal(shift(&w, &w.plan, &w.moved, &err), 0);
		w.lock->n_shifted = 0; /* as if the sets that are touched were others */
		if (pass == 1)
			meddle(&w, &richer);
		assert_passes(6666, pass == 1);
		assert_int_equal(ns_shift_settle(w.lock, &w.moved, &result, &err), pass == 0);
		assert_int_equal(ns_shift_can(w.lock), pass == 0);
		lab_apply(w.lock, pass ? &w.moved : &w.plan);
	}
	assert_passes(6666, false);
	assert_passes(1003, true);
	ns_plan_release(&richer);
	end(&w);
}

/* Elements alone, of a table whose rules are known; whatever else differs is for the long road. */
static void test_adjusted(void **state)
{
	bool owned = lab_protection() == NS_LOCK_OWNED;
	struct ns_lock_result result = { 0 };
	struct ns_plan richer;
	struct world w;

	begin(&w);
	assert_int_equal(ns_lock_adjust(w.lock, &w.moved, &result), owned);
	if (!owned)
		lab_apply(w.lock, &w.moved);
	else
		assert_int_equal(result.elements_added + result.elements_removed, 4);
	assert_int_equal(result.extent, owned ? NS_LOCK_EXTENT_ELEMENTS : NS_LOCK_EXTENT_NONE);
	lab_assert_holds(w.lock, &w.moved);
	assert_passes(1001, true);
	assert_passes(1002, false);
	assert_passes(1003, true);
	/* What another handle has put in meanwhile goes. */
	endpoint_plan(&richer);
	plan_element(ns_plan_find_set(&richer, "egress4"), "r9", "udp", "127.0.0.1", "6666");
	ns_plan_normalise(&richer);
	meddle(&w, &richer);
	assert_passes(1002, true);
	assert_int_equal(ns_lock_adjust(w.lock, &w.moved, &result), owned);
	if (!owned)
		lab_apply(w.lock, &w.moved);
	assert_passes(1002, false);
	assert_passes(6666, false);
	assert_true(ns_shift_can(w.lock));
	/* Another policy of a chain is another structure. */
	ns_plan_find_chain(&w.moved, "output")->rules[0].comment[0] = 'x';
	assert_int_equal(ns_lock_adjust(w.lock, &w.moved, &result), 0);
	assert_true(ns_shift_can(w.lock));
	lab_apply(w.lock, &w.moved);
	lab_assert_holds(w.lock, &w.moved);
	ns_plan_release(&richer);
	end(&w);
}

/* A table that has gone is not found to be as planned. */
static void test_adjusted_gone(void **state)
{
	struct ns_lock_result result = { 0 };
	struct ns_lock *other;
	struct world w;

	begin(&w);
	assert_int_equal(ns_lock_open_on(w.nft, NFPROTO_INET, "nanoseg", &other, NULL), 0);
	assert_int_equal(ns_lock_remove(other, NULL), 0);
	ns_lock_close(other);
	assert_int_equal(ns_lock_adjust(w.lock, &w.moved, &result), 0);
	assert_false(ns_shift_can(w.lock));
	lab_apply(w.lock, &w.moved);
	assert_passes(1002, false);
	assert_passes(1003, true);
	end(&w);
}

/* A transaction for a generation that has gone by changes nothing; one for the present one tells the next. */
static void test_generation(void **state)
{
	const struct ns_nft_scope scope = { NFPROTO_INET, "nanoseg" };
	struct ns_error err = NS_ERROR_INIT;
	struct ns_nft_elements writer;
	struct ns_nft_batch *batch;
	struct ns_plan_set *set;
	uint32_t generation, next = 0;
	uint64_t before;
	struct world w;

	begin(&w);
	set = ns_plan_find_set(&w.plan, "egress4");
	assert_int_equal(ns_nft_batch_new(&batch, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ns_nft_generation(w.nft, &generation, NULL), 0);
		if (i == 0)
			assert_int_equal(lab_run("nft add table inet other", NULL), 0);
		ns_nft_batch_clear(batch);
		ns_nft_elements_begin(&writer, batch, &scope, set, true);
		ns_nft_elements_add(&writer, &set->elements[0]);
		ns_nft_elements_end(&writer);
		assert_int_equal(ns_nft_batch_send_told(w.nft, batch, generation, 1, &next, &err), i ? 0 : -ERESTART);
		before = refused();
		send_both(1001);
		assert_int_equal(refused() - before, i); /* over IPv4 */
	}
	assert_int_equal(next, generation + 1);
	/* Gone already: that message is named. */
	assert_int_equal(ns_nft_batch_send_told(w.nft, batch, 0, 1, &next, &err), -ENOENT);
	assert_int_equal(ns_nft_batch_refused(batch), 1);
	assert_non_null(strstr(err.text, "egress4"));
	ns_nft_batch_free(batch);
	end(&w);
}

/* Many tables in one transaction: all, or none where one is not as believed. */
static void test_together(void **state)
{
	enum { TABLES = 20 };
	struct ns_plan plans[TABLES], before, after;
	struct ns_lock *locks[TABLES], *other;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_lock_result result;
	size_t removed, added;
	struct world w;

	if (lab_protection() != NS_LOCK_OWNED)
		skip(); /* plain ones go one by one, as above */
	begin(&w);
	part(&w.plan, &before);
	part(&w.moved, &after);
	for (unsigned i = 0; i < TABLES; i++) {
		endpoint_plan(&plans[i]);
		(void)snprintf(plans[i].table, sizeof plans[i].table, "nanoseg-%u", i);
		assert_int_equal(ns_lock_open_on(w.nft, NFPROTO_INET, plans[i].table, &locks[i], NULL), 0);
		lab_apply(locks[i], &plans[i]);
		move_ports(&plans[i]);
	}
	for (unsigned pass = 0; pass < 2; pass++) {
		ns_shift_begin(w.shift);
		for (unsigned i = 0; i < TABLES; i++)
			assert_int_equal(ns_shift_add(w.shift, locks[i], pass ? &after : &before,
						      pass ? &before : &after, &removed, &added, &err),
					 0);
		if (pass == 1) {
			assert_int_equal(ns_lock_open_on(w.nft, NFPROTO_INET, plans[7].table, &other, NULL), 0);
			assert_int_equal(ns_lock_remove(other, NULL), 0);
			ns_lock_close(other);
		}
		assert_int_equal(ns_shift_commit(w.shift, &err), pass ? -ENOENT : 0);
		for (unsigned i = 0; i < TABLES; i++) {
			assert_int_equal(ns_shift_can(locks[i]), pass == 0);
			if (pass == 0)
				assert_int_equal(ns_shift_settle(locks[i], &plans[i], &result, &err), 1);
			if (i != 7)
				lab_assert_holds(locks[i], &plans[i]);
		}
	}
	for (unsigned i = 0; i < TABLES; i++) {
		ns_lock_close(locks[i]);
		ns_plan_release(&plans[i]);
	}
	ns_plan_release(&before);
	ns_plan_release(&after);
	end(&w);
}

/* A set of which so much goes that it is made anew: what stays goes on counting. */
static void test_made_anew(void **state)
{
	struct ns_lock_result result;
	struct ns_plan_set *set;
	struct ns_plan plan;
	struct ns_lock *lock = lab_lock(NFPROTO_INET);
	char port[16];

	for (unsigned pass = 0; pass < 2; pass++) {
		endpoint_plan(&plan);
		for (unsigned i = 0; i < 200; i++) {
			(void)snprintf(port, sizeof port, "%u-%u", 10000 + 10 * i + pass, 10000 + 10 * i + 5);
			set = ns_plan_find_set(&plan, "egress4_range");
			plan_element(set, "many", "udp", "127.0.0.1", port);
			(void)snprintf(port, sizeof port, "%u", 10000 + 2 * i + pass);
			set = ns_plan_find_set(&plan, "egress6");
			plan_element(set, "many", "udp", "::1", port);
		}
		ns_plan_normalise(&plan);
		result = lab_apply(lock, &plan);
		lab_assert_holds(lock, &plan);
		if (pass == 0) {
			send_both(2000);
			send_both(1001);
		} else {
			assert_int_equal(result.sets_changed, 0);
			assert_int_equal(result.elements_removed, 400);
			assert_int_equal(result.elements_added >= 400, 1);
		}
		assert_int_equal(lab_packets(lock, "egress4_range", "r3"), 1);
		assert_int_equal(lab_packets(lock, "egress6", "r1"), 1);
		ns_plan_release(&plan);
	}
	send_both(2000);
	send_both(1001);
	assert_int_equal(lab_packets(lock, "egress4_range", "r3"), 2);
	assert_int_equal(lab_packets(lock, "egress6", "r1"), 2);
	ns_lock_close(lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_there_and_back, lock_setup),
		cmocka_unit_test_setup(test_others_have_taken_it, lock_setup),
		cmocka_unit_test_setup(test_others_have_added, lock_setup),
		cmocka_unit_test_setup(test_aside, lock_setup),
		cmocka_unit_test_setup(test_root_between, lock_setup),
		cmocka_unit_test_setup(test_root_after, lock_setup),
		cmocka_unit_test_setup(test_adjusted, lock_setup),
		cmocka_unit_test_setup(test_adjusted_gone, lock_setup),
		cmocka_unit_test_setup(test_generation, lock_setup),
		cmocka_unit_test_setup(test_together, lock_setup),
		cmocka_unit_test_setup(test_made_anew, lock_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
