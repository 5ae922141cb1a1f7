/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/netfilter.h>

#include "cut_world.h"
#include "netns.h"

/* ---- the container ---- */

static int run_shell(const void *script)
{
	(void)execl("/bin/sh", "sh", "-e", "-c", script, NULL);
	return 127;
}

void shell(struct world *w, enum lab_place place, const char *script)
{
	lab_run(&w->flows.lab, place, 0, run_shell, script);
}

/* The link-local address of an interface: nothing but the kernel knows it. */
static int read_link_local(void *ctx, struct ns_error *err)
{
	struct ifaddrs *list = NULL;
	int r = -ENOENT;

	if (getifaddrs(&list) < 0)
		return ns_error_set(err, -errno, "getifaddrs");
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct sockaddr_in6 six;
		struct ns_addr addr;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET6 || strcmp(i->ifa_name, "wan0") == 0)
			continue;
		memcpy(&six, i->ifa_addr, sizeof(six));
		addr = ns_addr_from_bytes(AF_INET6, &six.sin6_addr);
		if (ns_addr_scope(&addr) != NS_ADDR_LINK_LOCAL)
			continue;
		(void)ns_addr_format(&addr, ctx);
		r = 0;
	}
	freeifaddrs(list);
	return r;
}

static void find_link_local(struct world *w, enum lab_place place, char text[static NS_ADDR_TEXT_MAX])
{
	int r = -ENOENT;

	for (unsigned tries = 0; tries < 1000 && r == -ENOENT; tries++) { /* it comes with the carrier */
		if (tries > 0)
			flows_sleep(10);
		r = ns_netns_call(w->flows.lab.netns[place], read_link_local, text, NULL);
	}
	assert_int_equal(r, 0);
}

static void compile(struct world *w, const char *rules, struct ns_plan *ret)
{
	struct ns_prefix links[NS_ENDPOINT_ADDRESSES_MAX];
	struct ns_compile_options options = { .links = links, .n_links = w->n_own };
	struct ns_error err = NS_ERROR_INIT;
	struct ns_policy policy = NS_POLICY_INIT;
	struct ns_book *book = NULL;
	char text[8192];
	int r;

	for (size_t i = 0; i < w->n_own; i++)
		links[i] = ns_prefix_of(&w->own[i].addr, w->own[i].length);
	*ret = (struct ns_plan)NS_PLAN_INIT;
	if (!rules) {
		r = ns_compile_learn(&options, ret, &err);
	} else {
		assert_in_range(snprintf(text, sizeof(text),
					 "{\"schema\":\"nanoseg/policy/1\",\"workload\":\"netns/test\",\"revision\":1,"
					 "\"verdict\":\"drop\",\"rules\":[%s]}",
					 rules),
				1, sizeof(text) - 1);
		r = ns_policy_parse(text, strlen(text), &policy, &err);
		if (r >= 0)
			r = ns_book_new(&book, &err);
		if (r >= 0)
			r = ns_compile_enforce(&policy, book, false, &options, ret, &err);
		ns_policy_release(&policy);
		ns_book_free(book);
	}
	if (r < 0)
		fail_msg("%s", err.text);
}

void apply(struct world *w, const char *rules)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_lock_result result;

	ns_plan_release(&w->plan);
	compile(w, rules, &w->plan);
	if (ns_lock_apply(w->lock, &w->plan, &result, &err) < 0)
		fail_msg("%s", err.text);
}

int world_begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct ns_error err = NS_ERROR_INIT;
	char text[NS_ADDR_TEXT_MAX];

	assert_non_null(w);
	*state = w;
	flows_begin(&w->flows);
	w->plan = (struct ns_plan)NS_PLAN_INIT;
	for (size_t i = 0; i < w->flows.lab.endpoint.n_addresses; i++)
		w->own[w->n_own++] = w->flows.lab.endpoint.addresses[i];
	find_link_local(w, LAB_CONTAINER, text);
	assert_int_equal(ns_addr_parse(text, &w->own[w->n_own].addr, NULL), 0);
	w->own[w->n_own++].length = 64;
	find_link_local(w, LAB_PEER, w->near_link_local);
	if (ns_lock_open(w->flows.lab.netns[LAB_CONTAINER], NFPROTO_INET, NS_TABLE_NAME, &w->lock, &err) < 0)
		fail_msg("%s", err.text);
	apply(w, NULL);
	return 0;
}

int world_end(void **state)
{
	struct world *w = *state;

	flows_end(&w->flows);
	ns_lock_close(w->lock);
	ns_plan_release(&w->plan);
	free(w);
	return 0;
}

/* ---- what must hold ---- */

struct amounts amounts_of(struct pair *pair)
{
	return (struct amounts){ atomic_load(&pair->got_in), atomic_load(&pair->got_out) };
}

void snapshot(struct world *w, struct amounts amounts[static PAIRS_MAX])
{
	for (size_t i = 0; i < w->flows.n; i++)
		amounts[i] = amounts_of(&w->flows.pairs[i]);
}

/* All of them, the forbidden ones too. */
void assert_traffic(struct world *w)
{
	struct amounts before[PAIRS_MAX];

	snapshot(w, before);
	flows_sleep(100);
	for (size_t i = 0; i < w->flows.n; i++) {
		struct pair *pair = &w->flows.pairs[i];
		struct amounts now = amounts_of(pair);

		if (now.got_in == before[i].got_in || (pair->outer >= 0 && now.got_out == before[i].got_out))
			fail_msg("%s: no traffic, error %s", pair->what, strerror(atomic_load(&pair->error)));
	}
}

static void assert_allowed_whole(struct world *w)
{
	for (size_t i = 0; i < w->flows.n; i++) {
		struct pair *pair = &w->flows.pairs[i];
		unsigned long answers =
			pair->type == SOCK_RAW ? atomic_load(&pair->sent_in) : atomic_load(&pair->sent_out);

		if (pair->forbidden)
			continue;
		if (atomic_load(&pair->error) != 0 || atomic_load(&pair->outer_error) != 0 ||
		    atomic_load(&pair->refused) != 0)
			fail_msg("%s: %s", pair->what, strerror(atomic_load(&pair->error)));
		if (atomic_load(&pair->got_in) != answers ||
		    (pair->outer >= 0 && atomic_load(&pair->got_out) != atomic_load(&pair->sent_in)))
			fail_msg("%s: in %lu of %lu bytes, out %lu of %lu", pair->what, atomic_load(&pair->got_in),
				 answers, atomic_load(&pair->got_out), atomic_load(&pair->sent_in));
	}
}

struct ns_cut_result cut(struct world *w)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_cut_result result;

	if (ns_cut(w->flows.lab.netns[LAB_CONTAINER], &w->plan, w->own, w->n_own, NULL, &result, &err) < 0)
		fail_msg("%s", err.text);
	return result;
}

void assert_dead(struct world *w, int64_t began)
{
	for (size_t i = 0; i < w->flows.n; i++) {
		struct pair *pair = &w->flows.pairs[i];
		int error = atomic_load(&pair->error);

		if (!pair->forbidden || !pair->has_socket)
			continue;
		if (error != ECONNABORTED)
			fail_msg("%s: the socket's error is %s", pair->what, strerror(error));
		if (atomic_load(&pair->error_at) > began + LIMIT_US)
			fail_msg("%s: heard of it after %lld us", pair->what,
				 (long long)(atomic_load(&pair->error_at) - began));
	}
}

void cut_and_look(struct world *w)
{
	struct amounts before[PAIRS_MAX];
	struct ns_cut_result result;
	unsigned connections = 0, sockets = 0, kept = 0;
	int64_t began = flows_now();

	for (size_t i = 0; i < w->flows.n; i++) {
		const struct pair *pair = &w->flows.pairs[i];

		connections += pair->forbidden && !pair->no_entry;
		sockets += pair->forbidden && pair->has_socket;
		kept += !pair->forbidden && !pair->no_entry;
	}
	result = cut(w);
	flows_watch(&w->flows);
	flows_sleep(50);
	snapshot(w, before);
	flows_sleep(AFTER_MS);
	assert_dead(w, began);
	for (size_t i = 0; i < w->flows.n; i++) {
		struct amounts now = amounts_of(&w->flows.pairs[i]);

		if (w->flows.pairs[i].forbidden && memcmp(&now, &before[i], sizeof(now)) != 0)
			fail_msg("%s: goes on", w->flows.pairs[i].what);
	}
	flows_stop(&w->flows);
	if (atomic_load(&w->flows.leaks) != 0)
		fail_msg("%lu packets of forbidden connections, the first: %s", atomic_load(&w->flows.leaks),
			 w->flows.leak);
	assert_allowed_whole(w);
	assert_int_equal(result.connections, connections);
	assert_int_equal(result.sockets, sockets);
	assert_int_equal(result.kept, kept);
}
