/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tightening cuts, with real packets: connections opened while learning, under traffic both ways, when an enforcing
 * plan comes. What the plan in force does not do by itself is shown before each cut: they go on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>

#include "cut_conntrack.h"
#include "cut_world.h"

#define COPIES 4

#define CIDR(prefix) "{\"class\":\"cidr\",\"prefix\":\"" prefix "\"}"
#define BOTH(direction, protocol, ports)                                                                               \
	"{\"id\":\"" direction protocol "4\",\"direction\":\"" direction                                               \
	"\",\"peer\":" CIDR("10.77.0.2") ","                                                                           \
					 "\"protocol\":\"" protocol "\",\"ports\":[" ports "]},"                       \
					 "{\"id\":\"" direction protocol "6\",\"direction\":\"" direction              \
					 "\",\"peer\":" CIDR("fd77::2") ","                                            \
									"\"protocol\":\"" protocol                     \
									"\",\"ports\":[" ports "]}"

#define FORWARD(id, source, peer)                                                                                      \
	"{\"id\":\"" id "\",\"direction\":\"transit\",\"source\":" CIDR(source) ",\"peer\":" CIDR(                     \
		peer) ","                                                                                              \
		      "\"protocol\":\"tcp\",\"ports\":[7201]}"

static void open_both(struct world *w, struct pair_spec spec, const char *to4, const char *to6)
{
	spec.to = to4;
	flows_open(&w->flows, &spec);
	spec.to = to6;
	flows_open(&w->flows, &spec);
}

static void test_tcp_and_udp(void **state)
{
	struct world *w = *state;
	struct pair_spec out = { .client = LAB_CONTAINER, .server = LAB_PEER };
	struct pair_spec in = { .client = LAB_PEER, .server = LAB_CONTAINER };

	for (unsigned i = 0; i < COPIES; i++) {
		for (unsigned udp = 0; udp < 2; udp++) {
			out.udp = in.udp = udp;
			out.port = (uint16_t)(7001 + i);
			out.what = udp ? "UDP out, allowed" : "TCP out, allowed";
			open_both(w, out, "10.77.0.2", "fd77::2");
			in.port = (uint16_t)(7101 + i);
			in.what = udp ? "UDP in, allowed" : "TCP in, allowed";
			open_both(w, in, "10.77.0.1", "fd77::1");
			out.port = (uint16_t)(7501 + i);
			out.what = udp ? "UDP out, forbidden" : "TCP out, forbidden";
			open_both(w, out, "10.77.0.2", "fd77::2");
			in.port = (uint16_t)(7601 + i);
			in.what = udp ? "UDP in, forbidden" : "TCP in, forbidden";
			open_both(w, in, "10.77.0.1", "fd77::1");
		}
	}
	in.server_unconnected = true;
	in.port = 7110;
	in.what = "UDP in to one socket for all, allowed";
	open_both(w, in, "10.77.0.1", "fd77::1");
	in.port = 7610;
	in.what = "UDP in to one socket for all, forbidden";
	open_both(w, in, "10.77.0.1", "fd77::1");
	flows_start(&w->flows);
	apply(w, BOTH("egress", "tcp", "\"7001-7099\"") "," BOTH("egress", "udp", "\"7001-7099\"") "," BOTH(
			 "ingress", "tcp", "\"7101-7199\"") "," BOTH("ingress", "udp", "\"7101-7199\""));
	assert_traffic(w);
	cut_and_look(w);
}

static void test_addresses_of_all_kinds(void **state)
{
	struct world *w = *state;
	struct pair_spec spec = { .client = LAB_CONTAINER, .server = LAB_PEER };
	char rules[1024];

	for (uint16_t port = 7001; port <= 7501; port = (uint16_t)(port + 500)) {
		spec = (struct pair_spec){ .client = LAB_CONTAINER, .server = LAB_PEER, .port = port };
		spec.what = "an IPv6 socket that speaks IPv4";
		spec.to = "10.77.0.2";
		spec.mapped = true;
		flows_open(&w->flows, &spec);
		spec.udp = true;
		flows_open(&w->flows, &spec);
		spec.what = "link-local";
		spec.to = w->near_link_local;
		spec.mapped = false;
		flows_open(&w->flows, &spec);
		spec.udp = false;
		flows_open(&w->flows, &spec);
		spec.server = LAB_CONTAINER;
		spec.what = "loopback";
		open_both(w, spec, "127.0.0.1", "::1");
		w->flows.pairs[w->flows.n - 1].forbidden = w->flows.pairs[w->flows.n - 2].forbidden = false;
		spec.what = "an own address";
		open_both(w, spec, "10.78.0.1", "fd78::1");
		w->flows.pairs[w->flows.n - 1].forbidden = w->flows.pairs[w->flows.n - 2].forbidden = false;
	}
	/* What is over loopback has ports that are forbidden to others: nothing of it is on a wire. */
	flows_start(&w->flows);
	assert_in_range(snprintf(rules, sizeof(rules),
				 BOTH("egress", "tcp", "7001") "," BOTH(
					 "egress", "udp", "7001") ","
								  "{\"id\":\"l\",\"direction\":\"egress\",\"peer\":{"
								  "\"class\":\"cidr\",\"prefix\":\"%s\"},"
								  "\"protocol\":\"tcp\",\"ports\":[7001]},"
								  "{\"id\":\"m\",\"direction\":\"egress\",\"peer\":{"
								  "\"class\":\"cidr\",\"prefix\":\"%s\"},"
								  "\"protocol\":\"udp\",\"ports\":[7001]}",
				 w->near_link_local, w->near_link_local),
			1, sizeof(rules) - 1);
	apply(w, rules);
	assert_traffic(w);
	cut_and_look(w);
}

/* By where a connection really goes: an allowed address in front of a forbidden server, and the other way round. */
static void test_destination_nat(void **state)
{
	struct world *w = *state;
	struct pair_spec spec = { .client = LAB_CONTAINER, .server = LAB_PEER };

	shell(w, LAB_CONTAINER,
	      "nft 'table inet nat { chain out { type nat hook output priority -100;"
	      "ip daddr 10.77.0.9 tcp dport 7005 dnat ip to 10.77.0.2:7001; ip daddr 10.77.0.9 tcp dport 7501 dnat ip "
	      "to "
	      "10.77.0.2:7502; ip6 daddr fd77::9 tcp dport 7005 dnat ip6 to [fd77::2]:7001; "
	      "ip6 daddr fd77::9 tcp dport 7501 dnat ip6 to [fd77::2]:7502; }; }'");
	spec.what = "NAT, to an allowed server";
	spec.port = 7005;
	spec.at_port = 7001;
	spec.to = "10.77.0.9";
	spec.at = "10.77.0.2";
	flows_open(&w->flows, &spec);
	spec.to = "fd77::9";
	spec.at = "fd77::2";
	flows_open(&w->flows, &spec);
	spec.what = "NAT, to a forbidden server";
	spec.port = 7501;
	spec.at_port = 7502;
	flows_open(&w->flows, &spec);
	spec.to = "10.77.0.9";
	spec.at = "10.77.0.2";
	flows_open(&w->flows, &spec);
	flows_start(&w->flows);
	apply(w, BOTH("egress", "tcp",
		      "7001") ","
			      "{\"id\":\"v4\",\"direction\":\"egress\",\"peer\":" CIDR(
				      "10.77.0.9") ",\"protocol\":\"tcp\",\"ports\":[7501]},"
						   "{\"id\":\"v6\",\"direction\":\"egress\",\"peer\":" CIDR(
							   "fd77::9") ",\"protocol\":\"tcp\",\"ports\":[7501]}");
	assert_traffic(w);
	cut_and_look(w);
}

static void test_pings(void **state)
{
	struct world *w = *state;

	flows_ping(&w->flows, "10.77.0.2");
	flows_ping(&w->flows, "fd77::2");
	flows_ping(&w->flows, "10.78.0.2")->forbidden = true;
	flows_ping(&w->flows, "fd78::2")->forbidden = true;
	flows_start(&w->flows);
	assert_traffic(w); /* a ping is under way when it has been answered: before the lock goes in */
	apply(w, "{\"id\":\"p4\",\"direction\":\"egress\",\"peer\":" CIDR(
			 "10.77.0.2") ",\"protocol\":\"icmp\",\"icmp\":[8]},"
				      "{\"id\":\"p6\",\"direction\":\"egress\",\"peer\":" CIDR(
					      "fd77::2") ",\"protocol\":\"icmpv6\",\"icmp\":[128]}");
	assert_traffic(w);
	cut_and_look(w);
}

static void test_forwarded(void **state)
{
	struct world *w = *state;
	struct pair_spec spec = {
		.client = LAB_PEER, .server = LAB_BEYOND, .port = 7201, .what = "forwarded, allowed"
	};

	open_both(w, spec, "10.78.0.2", "fd78::2");
	spec.port = 7501;
	spec.what = "forwarded, forbidden";
	open_both(w, spec, "10.78.0.2", "fd78::2");
	flows_start(&w->flows);
	apply(w, FORWARD("t4", "10.77.0.2", "10.78.0.2") "," FORWARD(
			 "t6", "fd77::2", "fd78::2") ","
						     "{\"id\":\"e\",\"direction\":\"egress\",\"peer\":{\"class\":"
						     "\"any\"},\"protocol\":\"tcp\",\"ports\":[7501]}");
	assert_traffic(w);
	cut_and_look(w);
}

/* Only the entries, while the sockets live and both ends send: neither direction opens it again, though the peer may
 * open other ports here. */
static void test_entries_alone(void **state)
{
	struct world *w = *state;
	struct pair_spec spec = {
		.client = LAB_CONTAINER, .server = LAB_PEER, .port = 7501, .what = "TCP, its entry deleted"
	};
	struct amounts before[PAIRS_MAX];
	struct ns_permits *permits = NULL;
	struct ns_cut_view view = { .own = w->own, .n_own = w->n_own };
	struct ns_cut_pass pass;

	open_both(w, spec, "10.77.0.2", "fd77::2");
	spec.udp = true;
	spec.what = "UDP, its entry deleted";
	open_both(w, spec, "10.77.0.2", "fd77::2");
	flows_start(&w->flows);
	apply(w, BOTH("ingress", "tcp", "\"1-20000\"") "," BOTH("ingress", "udp", "\"1-20000\""));
	assert_traffic(w);
	assert_int_equal(ns_permits_new(&w->plan, &permits, NULL), 0);
	view.permits = permits;
	assert_int_equal(ns_cut_connections(w->flows.lab.netns[LAB_CONTAINER], &view, NULL, &pass, NULL), 0);
	assert_int_equal(pass.deleted, 4);
	assert_int_equal(pass.kept, 0);
	flows_watch(&w->flows);
	flows_sleep(20);
	snapshot(w, before);
	flows_sleep(2L * AFTER_MS);
	for (size_t i = 0; i < w->flows.n; i++) {
		struct amounts now = amounts_of(&w->flows.pairs[i]);

		if (memcmp(&now, &before[i], sizeof(now)) != 0)
			fail_msg("%s: goes on", w->flows.pairs[i].what);
		assert_int_equal(atomic_load(&w->flows.pairs[i].outer_error), 0);
	}
	assert_int_equal(ns_cut_connections(w->flows.lab.netns[LAB_CONTAINER], &view, NULL, &pass, NULL), 0);
	assert_int_equal(pass.deleted, 0); /* nothing was made anew */
	flows_stop(&w->flows);
	assert_int_equal(atomic_load(&w->flows.leaks), 0);
	ns_permits_free(permits);
}

/* The container's end has a port that the peer may open: without its entry the connection looks like one of those. The
 * entry told who opened it, so its socket ends all the same. */
static void test_ends_that_fit_an_ingress_rule(void **state)
{
	struct world *w = *state;
	struct pair_spec spec = { .client = LAB_CONTAINER,
				  .server = LAB_PEER,
				  .port = 7501,
				  .from_port = 7150,
				  .what = "TCP from an open port" };
	struct ns_cut_result result;
	int64_t began;

	open_both(w, spec, "10.77.0.2", "fd77::2");
	flows_start(&w->flows);
	apply(w, BOTH("ingress", "tcp", "7150"));
	assert_traffic(w);
	began = flows_now();
	result = cut(w);
	assert_int_equal(result.sockets, 2);
	assert_true(result.connections >= 2);
	flows_sleep(AFTER_MS);
	assert_dead(w, began);
	for (size_t i = 0; i < w->flows.n; i++)
		assert_int_equal(atomic_load(&w->flows.pairs[i].outer_error), ECONNRESET);
	flows_stop(&w->flows);
}

/* A connection older than conntrack's knowledge of it, whose next packet came from the server: it looks as if the
 * server had opened it. */
static void test_picked_up_the_wrong_way_round(void **state)
{
	struct world *w = *state;
	struct pair_spec spec = {
		.client = LAB_CONTAINER, .server = LAB_PEER, .port = 7001, .what = "picked up, allowed"
	};
	struct ns_plan nothing = { .family = NFPROTO_INET, .table = NS_TABLE_NAME };
	struct ns_lock_result result;

	assert_int_equal(ns_lock_apply(w->lock, &nothing, &result, NULL), 0); /* nobody asks conntrack */
	open_both(w, spec, "10.77.0.2", "fd77::2");
	spec.port = 7501;
	spec.what = "picked up, forbidden";
	open_both(w, spec, "10.77.0.2", "fd77::2");
	apply(w, NULL);
	for (size_t i = 0; i < w->flows.n; i++) {
		assert_int_equal(send(w->flows.pairs[i].outer, "first", 5, 0), 5);
		atomic_fetch_add(&w->flows.pairs[i].sent_out, 5);
	}
	flows_start(&w->flows);
	assert_traffic(w);
	apply(w, BOTH("egress", "tcp", "7001"));
	assert_traffic(w);
	cut_and_look(w);
}

/* One that is still being opened. */
static void test_connecting(void **state)
{
	struct world *w = *state;
	struct pair_spec spec = { .client = LAB_CONTAINER, .server = LAB_PEER, .port = 7501, .what = "connecting" };
	struct ns_cut_result result;

	shell(w, LAB_PEER,
	      "nft 'table inet deaf { chain in { type filter hook input priority 0; tcp dport 7501 drop; }; }'");
	for (unsigned v6 = 0; v6 < 2; v6++)
		flows_connecting(&w->flows, &spec, v6 ? "fd77::2" : "10.77.0.2");
	flows_start(&w->flows);
	apply(w, "");
	result = cut(w);
	assert_int_equal(result.sockets, 2);
	assert_int_equal(result.connections, 2);
	flows_watch(&w->flows);
	flows_sleep(LIMIT_US / 1000);
	for (size_t i = 0; i < w->flows.n; i++)
		assert_int_equal(atomic_load(&w->flows.pairs[i].error), ECONNABORTED);
	flows_sleep(AFTER_MS);
	flows_stop(&w->flows);
	assert_int_equal(atomic_load(&w->flows.leaks), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tcp_and_udp, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_addresses_of_all_kinds, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_destination_nat, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_pings, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_forwarded, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_entries_alone, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_ends_that_fit_an_ingress_rule, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_picked_up_the_wrong_way_round, world_begin, world_end),
		cmocka_unit_test_setup_teardown(test_connecting, world_begin, world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
