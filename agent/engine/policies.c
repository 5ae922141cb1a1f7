/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "policies.h"

int ns_named_compare(const struct ns_named *a, const struct ns_named *b)
{
	if (a->peer_class != b->peer_class)
		return a->peer_class < b->peer_class ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int compare_named(const void *a, const void *b)
{
	return ns_named_compare(a, b);
}

static struct ns_loaded *loaded_free(struct ns_loaded *loaded)
{
	if (!loaded)
		return NULL;
	free(loaded->policy.rules);
	free(loaded->policy.workload);
	ns_packed_release(&loaded->packed);
	free(loaded->named);
	free(loaded);
	return NULL;
}

NS_DEFINE_CLEANUP(struct ns_loaded *, loaded_free)

/* The other classes stand for the same addresses whatever is in the book. */
static void add_peer(struct ns_loaded *loaded, const struct ns_peer *peer)
{
	switch (peer->peer_class) {
	case NS_PEER_WORKLOAD:
	case NS_PEER_SERVICE:
	case NS_PEER_NAME:
		loaded->named[loaded->n_named++] = (struct ns_named){ peer->peer_class, peer->name };
		break;
	case NS_PEER_HOST:
		loaded->named[loaded->n_named++] = (struct ns_named){ NS_PEER_HOST, "" };
		break;
	default:
		break;
	}
}

/* Their names are those of the packed rules. */
static int list_named(struct ns_loaded *loaded, const struct ns_policy *policy, struct ns_error *err)
{
	struct ns_named *fewer;
	size_t n = 0;

	loaded->named = calloc(2 * policy->n_rules + 1, sizeof *loaded->named);
	if (!loaded->named)
		return ns_error_set(err, -ENOMEM, "out of memory for a policy's peers");
	for (size_t i = 0; i < policy->n_rules; i++) {
		add_peer(loaded, &policy->rules[i].peer);
		if (policy->rules[i].direction == NS_TRANSIT)
			add_peer(loaded, &policy->rules[i].source);
	}
	if (loaded->n_named)
		qsort(loaded->named, loaded->n_named, sizeof *loaded->named, compare_named);
	for (size_t i = 0; i < loaded->n_named; i++)
		if (n == 0 || ns_named_compare(&loaded->named[n - 1], &loaded->named[i]) != 0)
			loaded->named[n++] = loaded->named[i];
	loaded->n_named = n;
	fewer = reallocarray(loaded->named, n + 1, sizeof *fewer);
	if (fewer)
		loaded->named = fewer;
	return 0;
}

static int take_rest(struct ns_loaded *loaded, struct ns_policy *policy, struct ns_error *err)
{
	struct ns_policy packed = { .n_rules = policy->n_rules, .rules = ns_packed_unpack(&loaded->packed) };
	int r;

	if (!packed.rules)
		return ns_error_set(err, -ENOMEM, "out of memory for a policy");
	r = list_named(loaded, &packed, err);
	free(packed.rules);
	loaded->policy.revision = policy->revision;
	loaded->policy.verdict = policy->verdict;
	loaded->policy.n_rules = policy->n_rules;
	loaded->policy.workload = NS_TAKE(policy->workload);
	return r;
}

static int load(struct ns_store *store, const char *workload, uint64_t revision, struct ns_loaded **ret,
		struct ns_error *err)
{
	size_t length = strlen(workload);
	NS_CLEANUP(loaded_freep) struct ns_loaded *loaded = calloc(1, sizeof *loaded + length + 1);
	NS_CLEANUP(ns_policy_release) struct ns_policy policy = NS_POLICY_INIT;
	NS_JSON json_t *document = NULL;
	int r;

	if (!loaded)
		return ns_error_set(err, -ENOMEM, "out of memory for a policy");
	memcpy(loaded->workload, workload, length + 1);
	loaded->revision = revision;
	r = ns_store_get_policy(store, workload, revision, &document, NULL, err);
	if (r == 0)
		r = ns_policy_from_json(document, &policy, err);
	if (r == 0)
		r = ns_packed_make(&policy, &loaded->packed, err);
	if (r == 0)
		r = take_rest(loaded, &policy, err);
	if (r == 0)
		*ret = NS_TAKE(loaded);
	return r;
}

static int compare(const struct ns_loaded *loaded, const char *workload, uint64_t revision)
{
	int order = strcmp(loaded->workload, workload);

	return order ? order : (loaded->revision > revision) - (loaded->revision < revision);
}

static size_t place(const struct ns_policies *policies, const char *workload, uint64_t revision)
{
	size_t low = 0, high = policies->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(policies->loaded[middle], workload, revision) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int ns_policies_get(struct ns_policies *policies, struct ns_store *store, const char *workload, uint64_t revision,
		    struct ns_loaded **ret, struct ns_error *err)
{
	size_t at = place(policies, workload, revision);
	struct ns_loaded *loaded = NULL;
	int r;

	if (at < policies->n && compare(policies->loaded[at], workload, revision) == 0) {
		policies->loaded[at]->references++;
		*ret = policies->loaded[at];
		return 0;
	}
	if (policies->n == policies->allocated) {
		size_t more = policies->allocated ? policies->allocated * 2 : 16;
		struct ns_loaded **bigger = reallocarray(policies->loaded, more, sizeof(struct ns_loaded *));

		if (!bigger)
			return ns_error_set(err, -ENOMEM, "out of memory for a policy");
		policies->loaded = bigger;
		policies->allocated = more;
	}
	r = load(store, workload, revision, &loaded, err);
	if (r < 0 || !loaded)
		return r;
	memmove(policies->loaded + at + 1, policies->loaded + at, (policies->n - at) * sizeof(struct ns_loaded *));
	policies->loaded[at] = loaded;
	policies->n++;
	loaded->references = 1;
	*ret = loaded;
	return 0;
}

static void pack(struct ns_policies *policies, size_t i)
{
	struct ns_loaded *loaded = policies->unpacked[i];

	if (loaded)
		free(NS_TAKE(loaded->policy.rules));
	policies->unpacked[i] = NULL;
}

const struct ns_policy *ns_policies_read(struct ns_policies *policies, struct ns_loaded *loaded)
{
	if (loaded->policy.rules)
		return &loaded->policy;
	loaded->policy.rules = ns_packed_unpack(&loaded->packed);
	if (!loaded->policy.rules)
		return NULL;
	pack(policies, policies->next_unpacked);
	policies->unpacked[policies->next_unpacked] = loaded;
	policies->next_unpacked = (policies->next_unpacked + 1) % NS_POLICIES_UNPACKED_MAX;
	return &loaded->policy;
}

struct ns_loaded *ns_policies_put(struct ns_policies *policies, struct ns_loaded *loaded)
{
	size_t at;

	if (!loaded || --loaded->references)
		return NULL;
	at = place(policies, loaded->workload, loaded->revision);
	memmove(policies->loaded + at, policies->loaded + at + 1, (policies->n - at - 1) * sizeof(struct ns_loaded *));
	policies->n--;
	for (size_t i = 0; i < NS_POLICIES_UNPACKED_MAX; i++)
		if (policies->unpacked[i] == loaded)
			pack(policies, i);
	return loaded_free(loaded);
}

void ns_policies_release(struct ns_policies *policies)
{
	free(policies->loaded);
	*policies = (struct ns_policies){ 0 };
}
