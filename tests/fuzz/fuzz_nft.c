/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * nf_tables messages from the kernel. Whatever the bytes: no read outside them, an error with one line of text, or a
 * plan item; and an item that a plan can say is written and read again as the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>

#include "nft/decode.h"
#include "nft/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SETS 4 /* remembered */

static const struct ns_nft_scope scopes[] = { { NFPROTO_INET, "nanoseg" }, { NFPROTO_NETDEV, "nanoseg" } };

static void check_error(int r, const struct ns_error *err)
{
	if (r >= 0)
		return;
	assert(err->code == r && err->text[0] && !strpbrk(err->text, "\n\r\t\x1b"));
}

struct again {
	const struct ns_nft_scope *scope;
	const struct ns_plan_chain *chain;
	const struct ns_plan_set *set;
	const struct ns_plan_rule *rule;
	unsigned n;
};

static int same_chain(const struct ns_plan_chain *a, const struct ns_plan_chain *b)
{
	return strcmp(a->name, b->name) == 0 && a->base == b->base && a->hook == b->hook &&
	       a->priority == b->priority && a->policy == b->policy && strcmp(a->device, b->device) == 0;
}

static int read_again(void *ctx, const struct nlmsghdr *nlh, const char *what)
{
	struct again *again = ctx;
	char name[NS_NFT_NAME_MAX];
	struct ns_plan_chain chain;
	struct ns_plan_rule rule;
	struct ns_plan_set set;

	again->n++;
	if (again->chain) {
		assert(ns_nft_decode_chain(nlh, again->scope, &chain, NULL) == 1);
		assert(same_chain(&chain, again->chain));
	} else if (again->set) {
		assert(ns_nft_decode_set(nlh, again->scope, &set, NULL) == 1);
		assert(ns_plan_set_same_definition(&set, again->set));
	} else {
		assert(ns_nft_decode_rule(nlh, again->scope, name, &rule, NULL) == 1);
		assert(ns_plan_rule_equal(&rule, again->rule));
	}
	return 0;
}

static void write_and_read(struct again *again)
{
	struct ns_nft_batch *batch;

	assert(ns_nft_batch_new(&batch, NULL) == 0);
	if (again->chain)
		ns_nft_put_chain(batch, again->scope, again->chain);
	else if (again->set)
		ns_nft_put_set(batch, again->scope, again->set);
	else
		ns_nft_put_rule(batch, again->scope, "chain", 1, again->rule);
	assert(ns_nft_batch_walk(batch, read_again, again) == 0);
	assert(again->n == 1);
	ns_nft_batch_free(batch);
}

static void try_chain(const struct nlmsghdr *nlh, const struct ns_nft_scope *scope)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan_chain chain;
	struct again again = { .scope = scope, .chain = &chain };
	int r = ns_nft_decode_chain(nlh, scope, &chain, &err);

	check_error(r, &err);
	if (r <= 0)
		return;
	assert(strnlen(chain.name, sizeof(chain.name)) < sizeof(chain.name));
	assert(strnlen(chain.device, sizeof(chain.device)) < sizeof(chain.device));
	/* A device called "*" is a prefix of no bytes. */
	if (chain.base && chain.hook != NS_NFT_HOOK_FOREIGN)
		write_and_read(&again);
}

static void try_rule(const struct nlmsghdr *nlh, const struct ns_nft_scope *scope)
{
	struct ns_error err = NS_ERROR_INIT;
	char chain[NS_NFT_NAME_MAX];
	struct ns_plan_rule rule;
	struct again again = { .scope = scope, .rule = &rule };
	int r = ns_nft_decode_rule(nlh, scope, chain, &rule, &err);

	check_error(r, &err);
	if (r <= 0)
		return;
	assert(strnlen(chain, sizeof(chain)) < sizeof(chain));
	assert(rule.n_stmts <= NS_RULE_STMTS_MAX);
	for (unsigned i = 0; i < rule.n_stmts; i++)
		if (rule.stmts[i].kind == NS_STMT_INVALID)
			return;
	write_and_read(&again);
}

struct elements {
	const struct ns_plan_set *set;
	struct ns_nft_bounds bounds;
};

static int each_element(void *ctx, const struct ns_plan_element *element, bool end, struct ns_error *err)
{
	struct elements *elements = ctx;
	size_t length = ns_nft_key_length(elements->set);

	if (!element)
		return 0;
	for (size_t i = length; i < NS_KEY_MAX; i++)
		assert(element->key[i] == 0 && element->key_end[i] == 0);
	assert(strnlen(element->tag, sizeof(element->tag)) < sizeof(element->tag));
	return ns_nft_bounds_add(&elements->bounds, element, end, err);
}

static void try_elements(const struct nlmsghdr *nlh, const struct ns_nft_scope *scope, const struct ns_plan_set *set)
{
	struct ns_error err = NS_ERROR_INIT;
	struct elements elements = { .set = set };
	const struct ns_nft_bounds *bounds = &elements.bounds;
	size_t length = ns_nft_key_length(set);

	check_error(ns_nft_decode_elements(nlh, scope, set, each_element, &elements, &err), &err);
	ns_nft_bounds_pair(&elements.bounds, length);
	for (size_t i = 0; i < bounds->n; i++) {
		const struct ns_plan_element *e = &bounds->bounds[i].element;

		assert(!bounds->bounds[i].end && memcmp(e->key, e->key_end, length) <= 0);
		assert(i == 0 || memcmp(bounds->bounds[i - 1].element.key_end, e->key, length) < 0);
	}
	ns_nft_bounds_release(&elements.bounds);
}

static void try_set(const struct nlmsghdr *nlh, const struct ns_nft_scope *scope, struct ns_plan_set sets[static SETS],
		    unsigned *n)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan_set set;
	struct again again = { .scope = scope, .set = &set };
	int r = ns_nft_decode_set(nlh, scope, &set, &err);

	check_error(r, &err);
	if (r <= 0 || set.n_fields == 0)
		return;
	assert(ns_nft_key_length(&set) > 0 && set.n_fields <= NS_KEY_FIELDS_MAX);
	write_and_read(&again);
	sets[(*n)++ % SETS] = set; /* elements that follow may be its */
}

static void try_others(const struct nlmsghdr *nlh, const struct ns_nft_scope *scope)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan_counter counter;
	struct ns_nft_table table;
	char text[128] = "";

	check_error(ns_nft_decode_table(nlh, scope, &table, &err), &err);
	err = (struct ns_error)NS_ERROR_INIT;
	check_error(ns_nft_decode_counter(nlh, scope, &counter, &err), &err);
	err = (struct ns_error)NS_ERROR_INIT;
	check_error(ns_nft_decode_flowtable(nlh, scope, &err), &err);
	if (nlh->nlmsg_type == NLMSG_ERROR)
		ns_nft_error_explain(nlh, text, sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ns_plan_set sets[SETS] = { { .name = "egress4", .fields = { NS_FIELD_PORT }, .n_fields = 1 } };
	unsigned n_sets = 1;
	void *copy = malloc(size ? size : 1); /* aligned, and with an end the sanitizer knows */
	const struct nlmsghdr *nlh;

	assert(copy != NULL);
	memcpy(copy, data, size);
	for (nlh = ns_nl_first(copy, size); nlh; nlh = ns_nl_next(nlh, copy, size)) {
		for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
			try_chain(nlh, &scopes[i]);
			try_set(nlh, &scopes[i], sets, &n_sets);
			try_rule(nlh, &scopes[i]);
			for (unsigned j = 0; j < SETS; j++)
				if (sets[j].n_fields > 0)
					try_elements(nlh, &scopes[i], &sets[j]);
			try_others(nlh, &scopes[i]);
		}
	}
	free(copy);
	return 0;
}
