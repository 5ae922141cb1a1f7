/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of the host's ends of links, message by message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "caps.h"
#include "ports.h"

static uint64_t endpoints[8]; /* by namespace id; 0: none */
static int changes, ends;
static struct ns_port last;

static uint64_t cookie_of(void *ctx, int nsid)
{
	return nsid < 8 ? endpoints[nsid] : 0;
}

static void on_change(void *ctx, const struct ns_port *port, bool gone)
{
	changes++;
	ends += gone;
	last = *port;
}

static struct ns_ports ports;

static int setup(void **state)
{
	memset(endpoints, 0, sizeof endpoints);
	changes = ends = 0;
	ports = (struct ns_ports){ .cookie_of = cookie_of, .changed = on_change };
	return 0;
}

static int teardown(void **state)
{
	ns_ports_release(&ports);
	return 0;
}

static void take(int index, const char *name, int peer, int nsid)
{
	struct ns_link_news news = { .index = index, .has_peer = true, .peer_index = peer, .peer_nsid = nsid };

	(void)snprintf(news.name, sizeof news.name, "%s", name);
	ns_ports_take(&ports, &news);
}

static void take_gone(int index, int moved_index, int moved_nsid)
{
	struct ns_link_news news = {
		.index = index, .gone = true, .has_peer = true, .moved_index = moved_index, .moved_nsid = moved_nsid
	};

	ns_ports_take(&ports, &news);
}

static void check(int index, enum ns_port_far far, uint64_t cookie, int peer)
{
	const struct ns_port *port = ns_ports_find(&ports, index);

	assert_non_null(port);
	assert_int_equal(port->far, far);
	assert_int_equal(port->cookie, cookie);
	assert_int_equal(port->peer_index, peer);
}

static void test_pair(void **state)
{
	/* The first half does not know of the second. */
	take(3, "a", 0, NS_NSID_SAME);
	check(3, NS_PORT_ELSEWHERE, 0, 0);
	assert_int_equal(ns_ports_next_to_ask(&ports), 3);
	assert_int_equal(ns_ports_next_to_ask(&ports), 0);
	take(4, "b", 3, NS_NSID_SAME);
	check(3, NS_PORT_HERE, 0, 4);
	check(4, NS_PORT_HERE, 0, 3);
	assert_int_equal(changes, 3);
	take(4, "b", 3, NS_NSID_SAME);
	assert_int_equal(changes, 3); /* nothing new */
	/* One goes to a namespace that is an endpoint, under another index. */
	endpoints[1] = 77;
	take_gone(4, 9, 1);
	assert_null(ns_ports_find(&ports, 4));
	check(3, NS_PORT_ENDPOINT, 77, 9);
	assert_int_equal(ends, 1);
	/* It comes back. */
	take(4, "b", 3, NS_NSID_SAME);
	check(3, NS_PORT_HERE, 0, 4);
	take(3, "renamed", 4, NS_NSID_SAME);
	assert_string_equal(last.name, "renamed");
	take_gone(3, 0, NS_NSID_UNKNOWN);
	take_gone(4, 0, NS_NSID_UNKNOWN);
	assert_int_equal(ports.n, 0);
	take_gone(4, 0, NS_NSID_UNKNOWN);
	assert_int_equal(ends, 3);
}

static void test_ids(void **state)
{
	take(5, "a", 2, 1);
	take(6, "b", 2, 3);
	take(7, "c", 2, NS_NSID_UNKNOWN);
	check(5, NS_PORT_ELSEWHERE, 0, 2);
	endpoints[1] = 77;
	ns_ports_bind(&ports, 1, 77);
	check(5, NS_PORT_ENDPOINT, 77, 2);
	check(6, NS_PORT_ELSEWHERE, 0, 2);
	assert_int_equal(changes, 4);
	endpoints[1] = 0;
	ns_ports_unbind(&ports, 77);
	check(5, NS_PORT_ELSEWHERE, 0, 2);
	/* The id ends and is another's: the old port is not its. */
	ns_ports_forget(&ports, 1);
	endpoints[1] = 88;
	ns_ports_bind(&ports, 1, 88);
	check(5, NS_PORT_ELSEWHERE, 0, 2);
	take(8, "d", 2, 1);
	check(8, NS_PORT_ENDPOINT, 88, 2);
	take(7, "c", 2, 1);
	check(7, NS_PORT_ENDPOINT, 88, 2);
}

static void test_listing(void **state)
{
	struct ns_link_news other = { .index = 2, .name = "br0" };

	take(1, "a", 9, 0);
	take(2, "b", 9, 0);
	take(3, "c", 9, 0);
	changes = 0;
	ns_ports_begin(&ports);
	take(3, "c", 9, 0);
	ns_ports_take(&ports, &other); /* index 2 is no veth any more */
	take(4, "d", 9, 0);
	ns_ports_end(&ports);
	assert_int_equal(ports.n, 2);
	assert_int_equal(changes, 3);
	assert_int_equal(ends, 2);
	ns_ports_doubt(&ports, 4);
	ns_ports_doubt(&ports, 5);
	assert_int_equal(ns_ports_next_to_ask(&ports), 4);
	assert_int_equal(ns_ports_next_to_ask(&ports), 0);
}

/* What does not fit is told of, as leading nowhere, and fits once there is room. */
static void test_full(void **state)
{
	endpoints[1] = 77;
	for (int i = 1; i <= NS_PORTS_MAX; i++)
		take(i, "v", 9, 1);
	assert_false(ports.full);
	assert_int_equal(last.far, NS_PORT_ENDPOINT);
	take(NS_PORTS_MAX + 1, "more", 9, 1);
	assert_true(ports.full);
	assert_int_equal(last.index, NS_PORTS_MAX + 1);
	assert_int_equal(last.far, NS_PORT_ELSEWHERE);
	assert_int_equal(last.cookie, 0);
	assert_int_equal(ports.n, NS_PORTS_MAX);
	take_gone(1, 0, NS_NSID_UNKNOWN);
	take(NS_PORTS_MAX + 1, "more", 9, 1);
	check(NS_PORTS_MAX + 1, NS_PORT_ENDPOINT, 77, 9);
}

static bool parse(const char *text, uint64_t *ret)
{
	return ns_caps_parse(text, strlen(text), ret);
}

static void test_caps_text(void **state)
{
	uint64_t set = 1;

	assert_true(parse("Name:\tCapBnd:\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nX:\t1\n", &set));
	assert_int_equal(set, 0xa80425fb);
	assert_true(parse("CapBnd:\t000001ffffffffff", &set));
	assert_int_equal(set, 0x1ffffffffff);
	assert_false(parse("CapBnd:\t000001fffffffff", &set));
	assert_false(parse("CapBnd:\t000001fffffffffg", &set));
	assert_false(parse("Name:\tCapBnd:\t000001ffffffffff", &set));
	assert_false(parse("", &set));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_pair), CASE(test_ids), CASE(test_listing), CASE(test_full), CASE(test_caps_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
