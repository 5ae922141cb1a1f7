/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "simplify.h"

struct simplifier {
	struct ns_plan *plan;
	struct ns_plan_chain *by_name[NS_PLAN_CHAINS_MAX];
	unsigned references[NS_PLAN_CHAINS_MAX]; /* by place in the plan, from chains that packets come to */
	bool reached[NS_PLAN_CHAINS_MAX];
	bool changed;
};

static int compare_names(const void *a, const void *b)
{
	const struct ns_plan_chain *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static struct ns_plan_chain *find(const struct simplifier *s, const char *name)
{
	size_t low = 0, high = s->plan->n_chains;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, s->by_name[middle]->name);

		if (order == 0)
			return s->by_name[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static size_t place(const struct simplifier *s, const struct ns_plan_chain *chain)
{
	return (size_t)(chain - s->plan->chains);
}

/* ---- rules ---- */

/* Does something that is seen although the rule may not match to its end. */
static bool acts(const struct ns_stmt *stmt)
{
	switch (stmt->kind) {
	case NS_STMT_DYNSET:
	case NS_STMT_COUNTER:
	case NS_STMT_OBJREF:
	case NS_STMT_LIMIT:
	case NS_STMT_LOG:
	case NS_STMT_REJECT:
	case NS_STMT_VERDICT:
		return true;
	case NS_STMT_INVALID:
	case NS_STMT_META:
	case NS_STMT_CT:
	case NS_STMT_SOCKET:
	case NS_STMT_FIB:
	case NS_STMT_PAYLOAD:
	case NS_STMT_IMMEDIATE:
	case NS_STMT_BITWISE:
	case NS_STMT_CMP:
	case NS_STMT_LOOKUP:
		break;
	}
	return false;
}

/* The verdict, which is a rule's last statement; NULL: it has none. */
static struct ns_stmt *verdict_of(struct ns_plan_rule *rule)
{
	struct ns_stmt *last = rule->n_stmts ? &rule->stmts[rule->n_stmts - 1] : NULL;

	return last && last->kind == NS_STMT_VERDICT ? last : NULL;
}

static unsigned first_act(const struct ns_plan_rule *rule)
{
	unsigned i = 0;

	while (i < rule->n_stmts && !acts(&rule->stmts[i]))
		i++;
	return i;
}

/* Every packet that comes to the rule gets its verdict, and no rule behind it is come to. */
static bool ends_all(struct ns_plan_rule *rule)
{
	struct ns_stmt *verdict = verdict_of(rule);

	for (unsigned i = 0; i < rule->n_stmts; i++)
		if (rule->stmts[i].kind != NS_STMT_OBJREF && rule->stmts[i].kind != NS_STMT_COUNTER &&
		    &rule->stmts[i] != verdict)
			return false;
	return verdict && verdict->verdict.code != NFT_JUMP && verdict->verdict.code != NFT_CONTINUE;
}

static bool is_only_verdict(const struct ns_plan_rule *rule, int32_t code)
{
	return rule->n_stmts == 1 && rule->stmts[0].kind == NS_STMT_VERDICT && rule->stmts[0].verdict.code == code;
}

/* `rule` from its statement `from` on is what `other` is. */
static bool is_tail(const struct ns_plan_rule *rule, unsigned from, const struct ns_plan_rule *other)
{
	struct ns_plan_rule tail = { .n_stmts = (uint8_t)(rule->n_stmts - from) };
	struct ns_plan_rule bare = *other;

	memcpy(tail.stmts, &rule->stmts[from], tail.n_stmts * sizeof(tail.stmts[0]));
	bare.comment[0] = '\0';
	return ns_plan_rule_equal(&tail, &bare);
}

static void remove_rule(struct simplifier *s, struct ns_plan_chain *chain, size_t i)
{
	memmove(&chain->rules[i], &chain->rules[i + 1], (chain->n_rules - i - 1) * sizeof(chain->rules[0]));
	chain->n_rules--;
	s->changed = true;
}

/* Where a rule leads to is empty: a jump there does nothing, and whoever goes there returns. False: the rule is gone.
 */
static bool skip_empty(struct simplifier *s, struct ns_plan_chain *chain, size_t i)
{
	struct ns_plan_rule *rule = &chain->rules[i];
	struct ns_stmt *verdict = verdict_of(rule);

	if (verdict->verdict.code == NFT_GOTO) {
		*verdict = (struct ns_stmt){ .kind = NS_STMT_VERDICT, .verdict.code = NFT_RETURN };
		s->changed = true;
		return true;
	}
	if (first_act(rule) + 1u < rule->n_stmts)
		return true; /* it counts */
	remove_rule(s, chain, i);
	return false;
}

/* Where a rule leads to there is one rule, for all that comes: it is said here. */
static void take_over(struct simplifier *s, struct ns_plan_rule *rule, const struct ns_plan_rule *only)
{
	const struct ns_stmt *last = &only->stmts[only->n_stmts - 1];
	struct ns_stmt *verdict = verdict_of(rule);
	bool jumps = verdict->verdict.code == NFT_JUMP;
	unsigned at = rule->n_stmts - 1u;

	if (at + only->n_stmts > NS_RULE_STMTS_MAX)
		return;
	if (jumps && last->verdict.code == NFT_RETURN)
		return;
	memcpy(&rule->stmts[at], only->stmts, only->n_stmts * sizeof(only->stmts[0]));
	rule->n_stmts = (uint8_t)(at + only->n_stmts);
	if (jumps && last->verdict.code == NFT_GOTO)
		verdict_of(rule)->verdict.code = NFT_JUMP;
	if (!rule->comment[0])
		memcpy(rule->comment, only->comment, sizeof(rule->comment));
	s->changed = true;
}

static void follow(struct simplifier *s, struct ns_plan_chain *chain)
{
	for (size_t i = 0; i < chain->n_rules; i++) {
		struct ns_stmt *verdict = verdict_of(&chain->rules[i]);
		struct ns_plan_chain *to =
			verdict && verdict->verdict.chain[0] ? find(s, verdict->verdict.chain) : NULL;

		if (!to || to == chain || strcmp(to->name, NS_CHAIN_REFUSE) == 0)
			continue;
		if (to->n_rules == 0)
			i -= !skip_empty(s, chain, i);
		else if (to->n_rules == 1 && ends_all(&to->rules[0]))
			take_over(s, &chain->rules[i], &to->rules[0]);
	}
}

/* ---- chains ---- */

/* What is behind a rule that all end in is come to by nobody. */
static void cut_short(struct simplifier *s, struct ns_plan_chain *chain)
{
	for (size_t i = 0; i + 1 < chain->n_rules; i++) {
		if (!ends_all(&chain->rules[i]))
			continue;
		chain->n_rules = i + 1;
		s->changed = true;
	}
}

/* A rule after which the same comes of a packet, whether it matches or not. */
static bool decides_nothing(struct ns_plan_chain *chain, size_t i)
{
	struct ns_plan_rule *rule = &chain->rules[i];
	unsigned from = first_act(rule);

	if (from == rule->n_stmts)
		return true;
	if (i + 1 < chain->n_rules)
		return ends_all(&chain->rules[i + 1]) && is_tail(rule, from, &chain->rules[i + 1]);
	return from + 1u == rule->n_stmts && rule->stmts[from].kind == NS_STMT_VERDICT &&
	       rule->stmts[from].verdict.code == NFT_RETURN;
}

static void drop_idle(struct simplifier *s, struct ns_plan_chain *chain)
{
	for (size_t i = chain->n_rules; i-- > 0;)
		if (decides_nothing(chain, i))
			remove_rule(s, chain, i);
}

static void count_references(struct simplifier *s)
{
	struct ns_plan *plan = s->plan;
	size_t waiting[NS_PLAN_CHAINS_MAX], n = 0;

	memset(s->references, 0, sizeof(s->references));
	for (size_t i = 0; i < plan->n_chains; i++) {
		s->reached[i] = plan->chains[i].base;
		if (s->reached[i])
			waiting[n++] = i;
	}
	while (n > 0) {
		struct ns_plan_chain *chain = &plan->chains[waiting[--n]];

		for (size_t i = 0; i < chain->n_rules; i++) {
			struct ns_stmt *verdict = verdict_of(&chain->rules[i]);
			struct ns_plan_chain *to =
				verdict && verdict->verdict.chain[0] ? find(s, verdict->verdict.chain) : NULL;

			if (!to)
				continue;
			s->references[place(s, to)]++;
			if (!s->reached[place(s, to)])
				waiting[n++] = place(s, to);
			s->reached[place(s, to)] = true;
		}
	}
}

/* A chain that ends by leading all to another, where nobody else is led to, goes on with that one's rules. */
static void join(struct simplifier *s, struct ns_plan_chain *chain)
{
	struct ns_plan_rule *last = chain->n_rules ? &chain->rules[chain->n_rules - 1] : NULL, *rules;
	struct ns_plan_chain *to;
	size_t n;

	if (!last || (!is_only_verdict(last, NFT_GOTO) && !is_only_verdict(last, NFT_JUMP)))
		return;
	to = find(s, last->stmts[0].verdict.chain);
	if (!to || to == chain || to->base || s->references[place(s, to)] != 1 ||
	    strcmp(to->name, NS_CHAIN_REFUSE) == 0)
		return;
	n = chain->n_rules - 1 + to->n_rules;
	if (n > NS_CHAIN_RULES_MAX)
		return;
	if (n > chain->rules_allocated) {
		rules = reallocarray(chain->rules, n, sizeof(*rules));
		if (!rules)
			return; /* it is right as it is */
		chain->rules = rules;
		chain->rules_allocated = n;
	}
	memcpy(&chain->rules[chain->n_rules - 1], to->rules, to->n_rules * sizeof(*rules));
	chain->n_rules = n;
	to->n_rules = 0;
	s->reached[place(s, to)] = false;
	s->changed = true;
}

static void sweep_chains(struct simplifier *s)
{
	struct ns_plan *plan = s->plan;
	size_t n = 0;

	for (size_t i = 0; i < plan->n_chains; i++) {
		if (s->reached[i])
			plan->chains[n++] = plan->chains[i];
		else
			free(plan->chains[i].rules);
	}
	plan->n_chains = n;
}

/* ---- sets ---- */

static void mark_sets(const struct ns_plan *plan, const struct ns_plan_chain *chain, bool *used)
{
	for (size_t i = 0; i < chain->n_rules; i++) {
		for (unsigned j = 0; j < chain->rules[i].n_stmts; j++) {
			const struct ns_stmt *stmt = &chain->rules[i].stmts[j];
			const struct ns_plan_set *set = NULL;

			if (stmt->kind == NS_STMT_LOOKUP)
				set = ns_plan_find_set(plan, stmt->lookup.set);
			else if (stmt->kind == NS_STMT_DYNSET)
				set = ns_plan_find_set(plan, stmt->dynset.set);
			if (set)
				used[set - plan->sets] = true;
		}
	}
}

static void sweep_sets(struct ns_plan *plan)
{
	bool used[NS_PLAN_SETS_MAX] = { false };
	size_t n = 0;

	for (size_t i = 0; i < plan->n_chains; i++)
		mark_sets(plan, &plan->chains[i], used);
	for (size_t i = 0; i < plan->n_sets; i++) {
		if (used[i] || plan->sets[i].dynamic)
			plan->sets[n++] = plan->sets[i];
		else
			free(plan->sets[i].elements);
	}
	plan->n_sets = n;
}

void ns_simplify(struct ns_plan *plan)
{
	struct simplifier s = { .plan = plan };

	for (size_t i = 0; i < plan->n_chains; i++)
		s.by_name[i] = &plan->chains[i];
	if (plan->n_chains > 1)
		qsort(s.by_name, plan->n_chains, sizeof(struct ns_chain *), compare_names);
	do { /* every change takes a rule, a chain or a way away, so that it ends */
		s.changed = false;
		count_references(&s);
		for (size_t i = 0; i < plan->n_chains; i++) {
			if (!s.reached[i])
				continue;
			follow(&s, &plan->chains[i]);
			cut_short(&s, &plan->chains[i]);
			drop_idle(&s, &plan->chains[i]);
		}
		if (s.changed)
			continue; /* what was counted does not hold any more */
		for (size_t i = 0; i < plan->n_chains; i++)
			if (s.reached[i])
				join(&s, &plan->chains[i]);
	} while (s.changed);
	count_references(&s);
	sweep_chains(&s);
	sweep_sets(plan);
}
