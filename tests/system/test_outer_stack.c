/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The outer lock and the gate as the kernel holds them, and ordinary sockets through the lock: what the policy allows
 * works as without it, what it does not gets no answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter.h>

#include "outer_lab.h"

/* ---- plan, kernel, plan ---- */

static void round_trip(struct ns_plan *plan)
{
	struct ns_lock_result result;
	struct ns_lock *lock;

	assert_int_equal(ns_lock_open(-1, NFPROTO_NETDEV, plan->table, &lock, NULL), 0);
	(void)lab_apply(lock, plan);
	lab_assert_holds(lock, plan);
	result = lab_apply(lock, plan);
	assert_int_equal(result.sets_changed + result.chains_changed + result.elements_added + result.elements_removed,
			 0);
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	ns_lock_close(lock);
	ns_plan_release(plan);
}

static void test_outer_round_trip(void **state)
{
	for (int auditing = 0; auditing < 2; auditing++) {
		struct ns_plan plan = NS_PLAN_INIT;

		outer_lab_plan(auditing, &plan);
		round_trip(&plan);
	}
}

/* ---- ordinary sockets ---- */

#define LARGE   4000 /* bytes of a datagram that leaves in fragments */
#define WAIT_MS 1000 /* for what must not come */

static socklen_t endpoint(enum outer_who who, int family, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		four->sin_port = htons(port);
		outer_address(who, family, (uint8_t *)&four->sin_addr);
		return sizeof(*four);
	}
	six->sin6_port = htons(port);
	outer_address(who, family, (uint8_t *)&six->sin6_addr);
	return sizeof(*six);
}

static enum outer_who at(enum outer_place place)
{
	return place == AT_CONTAINER ? WHO_OWN : WHO_PEER;
}

/* Bound to the place's address, and to the port unless that is 0. */
static int socket_at(enum outer_place place, int family, int type, int protocol, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t length = endpoint(at(place), family, port, &address);
	const int one = 1;
	int fd;

	outer_lab_go(place);
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	outer_lab_go(AT_HOST);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	return fd;
}

static bool readable(int fd)
{
	struct pollfd waiting = { .fd = fd, .events = POLLIN };

	return poll(&waiting, 1, WAIT_MS) == 1 && (waiting.revents & POLLIN);
}

static enum outer_place other(enum outer_place place)
{
	return place == AT_CONTAINER ? AT_NEIGHBOUR : AT_CONTAINER;
}

/* A datagram there and back. */
static bool udp_answers(enum outer_place client, int family, uint16_t port, size_t size)
{
	int from = socket_at(client, family, SOCK_DGRAM, 0, 0);
	int to = socket_at(other(client), family, SOCK_DGRAM, 0, port);
	struct sockaddr_storage address, sender;
	socklen_t length = endpoint(at(other(client)), family, port, &address), sender_length = sizeof(sender);
	static char data[LARGE];
	bool answered = false;

	assert_int_equal(sendto(from, data, size, 0, (struct sockaddr *)&address, length), (ssize_t)size);
	if (readable(to)) {
		assert_int_equal(recvfrom(to, data, sizeof(data), 0, (struct sockaddr *)&sender, &sender_length),
				 (ssize_t)size);
		assert_int_equal(sendto(to, data, size, 0, (struct sockaddr *)&sender, sender_length), (ssize_t)size);
		answered = readable(from) && recv(from, data, sizeof(data), 0) == (ssize_t)size;
	}
	close(from);
	close(to);
	return answered;
}

/* A connection, and a megabyte over it. */
static bool tcp_carries(enum outer_place client, int family, uint16_t port)
{
	int from = socket_at(client, family, SOCK_STREAM | SOCK_NONBLOCK, 0, 0);
	int to = socket_at(other(client), family, SOCK_STREAM, 0, port), accepted;
	struct sockaddr_storage address;
	socklen_t length = endpoint(at(other(client)), family, port, &address);
	size_t sent = 0, received = 0;
	static char data[65536];

	assert_int_equal(listen(to, 1), 0);
	assert_true(connect(from, (struct sockaddr *)&address, length) < 0 && errno == EINPROGRESS);
	accepted = readable(to) ? accept4(to, NULL, NULL, SOCK_CLOEXEC) : -1;
	while (accepted >= 0 && received < 1048576) {
		ssize_t n = sent < 1048576 ? send(from, data, sizeof(data), MSG_NOSIGNAL) : 0;

		sent += n > 0 ? (size_t)n : 0;
		if (!readable(accepted))
			break;
		n = recv(accepted, data, sizeof(data), 0);
		received += n > 0 ? (size_t)n : 0;
	}
	if (accepted >= 0)
		close(accepted);
	close(from);
	close(to);
	return received >= 1048576;
}

static bool ping_answers(enum outer_place client, enum outer_who whom, int family, size_t size)
{
	int fd = socket_at(client, family, SOCK_DGRAM, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6, 0);
	struct sockaddr_storage address;
	socklen_t length = endpoint(whom, family, 0, &address);
	uint8_t data[LARGE] = { family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST };
	bool answered;

	assert_int_equal(sendto(fd, data, size, 0, (struct sockaddr *)&address, length), (ssize_t)size);
	answered = readable(fd) && recv(fd, data, sizeof(data), 0) == (ssize_t)size;
	close(fd);
	return answered;
}

/* `open`: no lock that would refuse. */
static void exchange(bool open)
{
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < 2; i++) {
		int family = families[i];

		assert_true(udp_answers(AT_CONTAINER, family, 53, 10));
		assert_true(udp_answers(AT_CONTAINER, family, 53, LARGE));
		assert_true(udp_answers(AT_NEIGHBOUR, family, 5000, 10));
		assert_true(udp_answers(AT_NEIGHBOUR, family, 5000, LARGE));
		assert_true(tcp_carries(AT_CONTAINER, family, 80));
		assert_true(tcp_carries(AT_NEIGHBOUR, family, 8080));
		assert_true(ping_answers(AT_CONTAINER, WHO_PEER, family, 64));
		assert_true(ping_answers(AT_CONTAINER, WHO_PEER, family, LARGE));
		assert_true(ping_answers(AT_NEIGHBOUR, WHO_OWN, family, LARGE));

		assert_int_equal(udp_answers(AT_CONTAINER, family, 54, 10), open);
		assert_int_equal(udp_answers(AT_CONTAINER, family, 54, LARGE), open);
		assert_int_equal(udp_answers(AT_NEIGHBOUR, family, 5001, 10), open);
		assert_int_equal(tcp_carries(AT_CONTAINER, family, 81), open);
		assert_int_equal(tcp_carries(AT_NEIGHBOUR, family, 8081), open);
		assert_int_equal(ping_answers(AT_CONTAINER, WHO_OTHER, family, 64), open);
	}
}

static void test_sockets_without_a_lock(void **state)
{
	exchange(true);
}

static void test_sockets_while_auditing(void **state)
{
	struct ns_plan plan = NS_PLAN_INIT;

	outer_lab_plan(true, &plan);
	outer_lab_lock(&plan);
	exchange(true);
	assert_int_equal(outer_lab_counts(NULL).others, 0); /* all of it had a tuple, and was the container's own */
	outer_lab_unlock();
	ns_plan_release(&plan);
}

static void test_sockets_through_the_lock(void **state)
{
	struct ns_plan plan = NS_PLAN_INIT;

	outer_lab_plan(false, &plan);
	outer_lab_lock(&plan);
	exchange(false);
	outer_lab_unlock();
	ns_plan_release(&plan);
}

/* The lock must let neighbours be found, so the caches must not know them already. */
static void test_neighbours_are_found(void **state)
{
	struct ns_plan plan = NS_PLAN_INIT;

	outer_lab_plan(false, &plan);
	outer_lab_lock(&plan);
	outer_lab_run(AT_CONTAINER, "ip neigh flush all");
	outer_lab_run(AT_NEIGHBOUR, "ip neigh flush all");
	assert_true(ping_answers(AT_CONTAINER, WHO_PEER, AF_INET, 64));
	assert_true(ping_answers(AT_CONTAINER, WHO_PEER, AF_INET6, 64));
	outer_lab_run(AT_CONTAINER, "ip neigh flush all");
	outer_lab_run(AT_NEIGHBOUR, "ip neigh flush all");
	assert_true(ping_answers(AT_NEIGHBOUR, WHO_OWN, AF_INET, 64));
	assert_true(ping_answers(AT_NEIGHBOUR, WHO_OWN, AF_INET6, 64));
	outer_lab_unlock();
	ns_plan_release(&plan);
}

/* ---- the gate ---- */

static void gate(const struct ns_gate_options *options, bool open)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan plan = NS_PLAN_INIT;
	struct ns_lock *lock;

	if (ns_compile_gate(options, &plan, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(ns_lock_open(-1, NFPROTO_NETDEV, NS_GATE_TABLE, &lock, NULL), 0);
	(void)lab_apply(lock, &plan);
	lab_assert_holds(lock, &plan);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ping_answers(AT_CONTAINER, WHO_PEER, i ? AF_INET6 : AF_INET, 64), open);
		assert_int_equal(ping_answers(AT_NEIGHBOUR, WHO_OWN, i ? AF_INET6 : AF_INET, 64), open);
	}
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	ns_lock_close(lock);
	ns_plan_release(&plan);
}

static void test_gate_of_ports(void **state)
{
	struct ns_port_name port = { .index = outer_lab_index(AT_HOST), .name = "port" };

	gate(&(struct ns_gate_options){ .egress_hook = true }, true);
	gate(&(struct ns_gate_options){ .closed = &port, .n_closed = 1, .egress_hook = true }, false);
	gate(&(struct ns_gate_options){ .closed = &port, .n_closed = 1 }, false);
}

static void test_standing_gate(void **state)
{
	static const char *const patterns[] = { "po*", "ve-*" };
	struct ns_port_name port = { .index = outer_lab_index(AT_HOST), .name = "port" }, renamed = port,
			    another = port;
	struct ns_gate_options options = {
		.standing = true, .patterns = patterns, .n_patterns = 2, .egress_hook = true
	};

	if (!lab_kernel_at_least(6, 16)) {
		print_message("no wildcard device hooks before Linux 6.16\n");
		return;
	}
	gate(&options, false);
	options.n_open = 1;
	options.open = &port;
	gate(&options, true);
	LAB_COPY(renamed.name, "port2");
	options.open = &renamed;
	gate(&options, false);
	another.index++;
	options.open = &another;
	gate(&options, false);
	options.patterns = &patterns[1];
	options.n_patterns = 1;
	gate(&options, true); /* of other ports it knows nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outer_round_trip),       cmocka_unit_test(test_sockets_without_a_lock),
		cmocka_unit_test(test_sockets_while_auditing), cmocka_unit_test(test_sockets_through_the_lock),
		cmocka_unit_test(test_neighbours_are_found),   cmocka_unit_test(test_gate_of_ports),
		cmocka_unit_test(test_standing_gate),
	};
	static const char everybody_pings[] = "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range";

	outer_lab_enter();
	outer_lab_run(AT_CONTAINER, everybody_pings);
	outer_lab_run(AT_NEIGHBOUR, everybody_pings);
	outer_lab_run(AT_CONTAINER,
		      "ip address add 10.9.0.2/24 dev eth0 && ip address add fd09::2/64 dev eth0 nodad && "
		      "ip address add fe80::2/64 dev eth0 nodad");
	outer_lab_run(AT_NEIGHBOUR,
		      "for a in 10.9.0.3/24 10.9.0.66/24; do ip address add $a dev eth0; done && "
		      "for a in fd09::3/64 fd09::66/64 fe80::3/64; do ip address add $a dev eth0 nodad; done");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
