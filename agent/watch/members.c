/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which containers are members of a namespace that another made, and what is said of them. See members.h.
 */
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "clock.h"
#include "netns.h"
#include "watch_object.h"

/* A process younger than this came because something happened. */
#define FRESH_US 1000000
/* Processes that are made into a container give up their rights on the way; others come later (exec). */
#define CAPS_FRESH_US 5000000
#define CAPS_AGAIN_US 10000000
/* As for a namespace's endpoint. */
#define NAME_AWAITED_US 2000000

static const char no_hierarchy[] = "there is no cgroup v2 hierarchy";
static const char no_cgroup[] = "not each has a cgroup (v2) of its own";
static const char too_many[] = "more than can be told apart in one namespace (NS_MEMBERS_MAX)";

static bool on_host(const struct ns_inhabitant *inhabitant)
{
	return inhabitant->inode == inhabitant->watch->own_inode;
}

static enum ns_maker_rank rank_of(const struct ns_inhabitant *inhabitant, bool *ret_sandbox)
{
	const struct ns_container *container = ns_watch_container(inhabitant->watch, &inhabitant->identity);
	struct stat st;

	*ret_sandbox = container && container->sandbox;
	if (!container)
		return NS_MAKER_GUESS;
	if (container->sandbox)
		return NS_MAKER_SANDBOX;
	if (*container->pod || (*container->sandbox_id && strcmp(container->sandbox_id, container->id) != 0))
		return NS_MAKER_NEVER;
	if (*container->sandbox_key && !container->host_network && stat(container->sandbox_key, &st) == 0 &&
	    st.st_ino == inhabitant->inode && st.st_dev == inhabitant->watch->nsfs)
		return NS_MAKER_KEY;
	return NS_MAKER_GUESS;
}

static void be_maker(struct ns_watched *watched, const struct ns_inhabitant *inhabitant)
{
	bool sandbox;

	watched->maker.cgroup = inhabitant->place.cgroup;
	watched->maker.identity = inhabitant->identity;
	watched->maker.rank = rank_of(inhabitant, &sandbox);
	watched->maker.sandbox = sandbox;
	watched->cgroup = inhabitant->identity;
	if (strcmp(watched->conmon.id, inhabitant->identity.id) != 0)
		watched->conmon = (struct ns_conmon_words){ 0 };
	ns_watch_mark(watched->watch, NS_LOOK_IDENTITY);
}

/* The list is in the order in which the cgroups were made. */
static void consider(struct ns_maker *maker, struct ns_inhabitant *inhabitant)
{
	maker->n_inhabitants++;
	if (inhabitant->rank != NS_MAKER_NEVER && (!maker->best || inhabitant->rank < maker->best->rank))
		maker->best = inhabitant;
}

static bool is_maker(const struct ns_watched *watched, const struct ns_inhabitant *inhabitant)
{
	return watched->maker.cgroup == inhabitant->place.cgroup;
}

/* Who was taken for the maker stays it: but for one who is surer to be, or who is the same one, started again. */
static void choose_maker(struct ns_watched *watched)
{
	struct ns_maker *maker = &watched->maker;
	const struct ns_inhabitant *best = maker->best;

	if (maker->n_inhabitants == 0)
		maker->cgroup = 0; /* whoever comes next may be */
	if (!best || is_maker(watched, best)) {
		if (best)
			maker->rank = best->rank;
		return;
	}
	if (!maker->cgroup || best->rank < maker->rank || ns_cgroup_same(&best->identity, &maker->identity))
		be_maker(watched, best);
}

static void rank(struct ns_inhabitant *inhabitant)
{
	bool sandbox;

	inhabitant->rank = rank_of(inhabitant, &sandbox);
	inhabitant->ranked = true;
}

static void begin_choice(struct ns_maker *maker)
{
	maker->best = NULL;
	maker->n_inhabitants = 0;
}

void ns_members_find_maker(struct ns_watched *watched)
{
	struct ns_watch *watch = watched->watch;

	begin_choice(&watched->maker);
	for (size_t i = 0; i < watch->members.n; i++)
		if (watch->members.list[i]->inode == watched->inode) {
			rank(watch->members.list[i]);
			consider(&watched->maker, watch->members.list[i]);
		}
	choose_maker(watched);
}

static void choose_makers(struct ns_watch *watch)
{
	for (size_t i = 0; i < watch->n_watched; i++)
		begin_choice(&watch->watched[i]->maker);
	for (size_t i = 0; i < watch->members.n; i++) {
		struct ns_inhabitant *inhabitant = watch->members.list[i];
		struct ns_watched *watched = inhabitant->inode ? ns_watched_find(watch, inhabitant->inode) : NULL;

		if (!watched)
			continue;
		if (!inhabitant->ranked || watch->members.ranks_due)
			rank(inhabitant);
		consider(&watched->maker, inhabitant);
	}
	watch->members.ranks_due = false;
	for (size_t i = 0; i < watch->n_watched; i++)
		choose_maker(watch->watched[i]);
}

bool ns_members_joins(const struct ns_watch *watch, const struct ns_inhabitant *inhabitant)
{
	const struct ns_watched *watched;
	bool sandbox;

	if (on_host(inhabitant))
		return true;
	watched = ns_watched_find(watch, inhabitant->inode);
	if (rank_of(inhabitant, &sandbox) == NS_MAKER_NEVER)
		return true;
	return watched && watched->maker.cgroup && !is_maker(watched, inhabitant) &&
	       !ns_cgroup_same(&watched->maker.identity, &inhabitant->identity);
}

/* The agent's own: 127.0.0.1 and ::1 are everybody's. */
static void take_host_addresses(struct ns_endpoint *endpoint, const struct ns_watch *watch)
{
	endpoint->n_addresses = 0;
	for (size_t i = 0; i < watch->n_host_addresses && endpoint->n_addresses < NS_ENDPOINT_ADDRESSES_MAX; i++) {
		if (ns_addr_scope(&watch->host_addresses[i].addr) == NS_ADDR_LOOPBACK)
			continue;
		endpoint->addresses[endpoint->n_addresses] = watch->host_addresses[i];
		endpoint->address_index[endpoint->n_addresses++] = watch->host_index[i];
	}
}

static void take_addresses(struct ns_endpoint *endpoint, const struct ns_endpoint *from)
{
	memcpy(endpoint->addresses, from->addresses, from->n_addresses * sizeof *from->addresses);
	memcpy(endpoint->address_index, from->address_index, from->n_addresses * sizeof *from->address_index);
	memcpy(endpoint->interfaces, from->interfaces, from->n_interfaces * sizeof *from->interfaces);
	endpoint->n_addresses = from->n_addresses;
	endpoint->n_interfaces = from->n_interfaces;
}

void ns_members_take_addresses(struct ns_watch *watch, const struct ns_watched *watched)
{
	ino_t inode = watched ? watched->inode : watch->own_inode;

	for (size_t i = 0; i < watch->members.n && watch->members.n_members > 0; i++) {
		struct ns_inhabitant *inhabitant = watch->members.list[i];

		if (!inhabitant->member || inhabitant->inode != inode)
			continue;
		if (watched)
			take_addresses(&inhabitant->endpoint, &watched->endpoint);
		else
			take_host_addresses(&inhabitant->endpoint, watch);
		watch->events.addresses(watch->ctx, &inhabitant->endpoint);
	}
}

static void read_caps(struct ns_inhabitant *inhabitant, const struct ns_watched *watched)
{
	const struct ns_watch *watch = inhabitant->watch;
	const struct ns_caps_owners *owners = watched ? &watched->owners : &watch->members.owners;
	struct ns_proc_entry entries[NS_CAPS_ASKED_MAX];
	pid_t pids[NS_CAPS_ASKED_MAX];
	int64_t now = ns_clock_elapsed();
	size_t n;

	if (inhabitant->caps_at > inhabitant->came + CAPS_FRESH_US && now < inhabitant->caps_at + CAPS_AGAIN_US)
		return;
	inhabitant->caps_at = now;
	n = ns_cgroup_tree_processes(watch->tree, inhabitant->place.path, pids, NS_CAPS_ASKED_MAX);
	for (size_t i = 0; i < n; i++)
		entries[i] = (struct ns_proc_entry){ inhabitant->inode, pids[i] };
	inhabitant->caps = ns_caps_of(entries, n, owners, watch->own_userns);
}

/* True when the identity is another one now. */
static bool identify(struct ns_inhabitant *inhabitant)
{
	struct ns_watch *watch = inhabitant->watch;
	const struct ns_watched *watched = on_host(inhabitant) ? NULL : ns_watched_find(watch, inhabitant->inode);
	const struct ns_container *container = ns_watch_named(watch, &inhabitant->identity);
	struct ns_identity_facts facts = {
		.naming = &watch->naming,
		.member = true,
		.netns_path = "",
		.pid = inhabitant->pid,
		.cgroup = inhabitant->identity,
		.pod = ns_watch_pod(watch, &inhabitant->identity),
		.containers = &container,
		.n_containers = container ? 1 : 0,
		.hint = inhabitant->hinted ? &inhabitant->hint : NULL,
	};

	if (strcmp(inhabitant->identity.runtime, "podman") == 0 && !*inhabitant->conmon.name && !on_host(inhabitant) &&
	    (!*inhabitant->endpoint.workload || inhabitant->endpoint.provisional))
		(void)ns_conmon_find(inhabitant->pid, &inhabitant->identity, &watch->own_cgroup, inhabitant->inode,
				     watch->own_userns, &inhabitant->conmon);
	read_caps(inhabitant, watched);
	facts.conmon = inhabitant->conmon;
	facts.conmon_awaited = container && strcmp(container->runtime, "podman") == 0 && !*inhabitant->conmon.name &&
			       !on_host(inhabitant) && ns_clock_elapsed() < inhabitant->came + NAME_AWAITED_US;
	if (facts.conmon_awaited)
		ns_watch_again(watch, inhabitant->came + NAME_AWAITED_US);
	facts.caps = inhabitant->caps;
	inhabitant->endpoint.pid = inhabitant->pid;
	return ns_identity_decide(&facts, &inhabitant->endpoint);
}

void ns_members_identify(struct ns_watch *watch, struct ns_inhabitant *only)
{
	for (size_t i = 0; i < watch->members.n; i++) {
		struct ns_inhabitant *inhabitant = watch->members.list[i];
		char old[NS_WORKLOAD_MAX];

		if (!inhabitant->member || (only && inhabitant != only))
			continue;
		memcpy(old, inhabitant->endpoint.workload, sizeof old);
		if (identify(inhabitant))
			watch->events.identify(watch->ctx, &inhabitant->endpoint, old);
	}
}

static size_t count_in(const struct ns_watch *watch, ino_t inode)
{
	size_t n = 0;

	for (size_t i = 0; i < watch->members.n; i++)
		n += watch->members.list[i]->member && watch->members.list[i]->inode == inode;
	return n;
}

static int open_netns(const struct ns_watched *watched, struct ns_error *err)
{
	return watched ? ns_addresses_open_netns(watched->addresses, err)
		       : ns_netns_open_path("/proc/self/ns/net", err);
}

int ns_members_open_netns(const struct ns_watch *watch, const struct ns_endpoint *endpoint, struct ns_error *err)
{
	const struct ns_inhabitant *inhabitant = (const struct ns_inhabitant *)(const void *)endpoint;

	return open_netns(endpoint->host_netns ? NULL : ns_watched_find(watch, inhabitant->inode), err);
}

static void start(struct ns_inhabitant *inhabitant, struct ns_watched *watched)
{
	struct ns_watch *watch = inhabitant->watch;
	struct ns_endpoint *endpoint = &inhabitant->endpoint;
	struct ns_error err = NS_ERROR_INIT;
	NS_CLOSE int fd = -1;

	inhabitant->refusal = NULL;
	if (inhabitant->place.cgroup >= NS_ENDPOINT_MEMBER_BIT)
		inhabitant->refusal = "the ids of its cgroups are too large";
	else if (count_in(watch, inhabitant->inode) >= NS_MEMBERS_MAX ||
		 watch->n_watched + watch->members.n_members >= NS_ENDPOINTS_MAX)
		inhabitant->refusal = too_many;
	if (inhabitant->refusal)
		return;
	fd = open_netns(watched, &err);
	if (fd < 0) {
		inhabitant->refusal = "the namespace cannot be opened";
		return;
	}
	ns_identity_release(endpoint);
	*endpoint = (struct ns_endpoint){ .cookie = NS_ENDPOINT_MEMBER_BIT | inhabitant->place.cgroup };
	endpoint->netns_cookie = watched ? watched->endpoint.cookie : watch->own_cookie;
	endpoint->member = inhabitant->place;
	endpoint->host_netns = !watched;
	endpoint->since = ns_clock_now();
	endpoint->joined_late = watch->first || ns_proc_age(inhabitant->pid) >= FRESH_US;
	if (watched)
		take_addresses(endpoint, &watched->endpoint);
	else
		take_host_addresses(endpoint, watch);
	(void)identify(inhabitant);
	if (!*endpoint->workload)
		return; /* its engine has forgotten it */
	inhabitant->member = true;
	watch->members.n_members++;
	if (watched)
		watched->maker.n_members++;
	ns_watch_mark(watch, NS_LOOK_IDENTITY);
	watch->events.attach(watch->ctx, endpoint, fd);
}

void ns_members_end(struct ns_inhabitant *inhabitant)
{
	struct ns_watch *watch = inhabitant->watch;
	struct ns_watched *watched = ns_watched_find(watch, inhabitant->inode);

	if (!inhabitant->member)
		return;
	inhabitant->member = false;
	watch->members.n_members--;
	if (watched)
		watched->maker.n_members--;
	ns_watch_mark(watch, NS_LOOK_IDENTITY);
	watch->events.detach(watch->ctx, &inhabitant->endpoint);
}

void ns_members_end_in(struct ns_watch *watch, ino_t inode)
{
	for (size_t i = 0; i < watch->members.n; i++)
		if (watch->members.list[i]->inode == inode) {
			ns_members_end(watch->members.list[i]);
			watch->members.list[i]->inode = 0;
		}
}

/* A container whose namespace nobody else has told of. */
static void attach_namespaces(struct ns_watch *watch)
{
	for (size_t i = 0; i < watch->members.n; i++) {
		struct ns_inhabitant *inhabitant = watch->members.list[i];
		struct ns_proc_entry process = { inhabitant->inode, inhabitant->pid };

		if (inhabitant->inode && !on_host(inhabitant) && !ns_watched_find(watch, inhabitant->inode))
			ns_watch_attach_found(watch, &process, 1);
		if (inhabitant->inode && !on_host(inhabitant) && !ns_watched_find(watch, inhabitant->inode))
			inhabitant->inode = 0; /* it is somewhere else by now */
	}
}

void ns_members_update(struct ns_watch *watch)
{
	ns_inhabitants_update(watch);
	attach_namespaces(watch);
	choose_makers(watch);
	for (size_t i = 0; i < watch->members.n; i++) {
		struct ns_inhabitant *inhabitant = watch->members.list[i];
		struct ns_watched *watched =
			inhabitant->inode && !on_host(inhabitant) ? ns_watched_find(watch, inhabitant->inode) : NULL;
		bool joins = inhabitant->inode && (on_host(inhabitant) || (watched && !is_maker(watched, inhabitant)));

		if (inhabitant->member && !joins)
			ns_members_end(inhabitant);
		else if (!inhabitant->member && joins && !inhabitant->empty_since)
			start(inhabitant, watched);
	}
}

struct ns_endpoint *ns_members_next(const struct ns_watch *watch, const struct ns_endpoint *after)
{
	size_t i = after ? ns_inhabitants_place(&watch->members, after->member.cgroup + 1) : 0;

	while (i < watch->members.n && !watch->members.list[i]->member)
		i++;
	return i < watch->members.n ? &watch->members.list[i]->endpoint : NULL;
}

const char *ns_members_undivided(const struct ns_watch *watch, const struct ns_watched *watched,
				 const struct ns_container *const *containers, size_t n, size_t *ret_n)
{
	size_t apart = 0;

	*ret_n = n > watched->maker.n_inhabitants ? n : watched->maker.n_inhabitants;
	for (size_t i = 0; i < watch->members.n; i++)
		if (watch->members.list[i]->inode == watched->inode && watch->members.list[i]->refusal)
			return watch->members.list[i]->refusal;
	for (size_t i = 0; i < n && n > 1; i++)
		apart += ns_inhabitants_find(watch, watched->inode, containers[i]->id) != NULL;
	if (n < 2 || apart == n)
		return NULL;
	return ns_cgroup_tree_is_there(watch->tree) ? no_cgroup : no_hierarchy;
}

const char *ns_members_outside(const struct ns_watch *watch, const struct ns_container *container)
{
	const struct ns_inhabitant *inhabitant = ns_inhabitants_find(watch, watch->own_inode, container->id);

	if (inhabitant && inhabitant->member)
		return NULL;
	if (inhabitant && inhabitant->refusal)
		return inhabitant->refusal;
	return ns_cgroup_tree_is_there(watch->tree) ? "it has no cgroup (v2) of its own" : no_hierarchy;
}
