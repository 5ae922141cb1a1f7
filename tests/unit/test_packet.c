/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Packet bytes to tuples: what can be read, what cannot, and which side is the peer.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "packet.h"

static struct ns_addr addr(const char *text)
{
	struct ns_addr ret;

	assert_int_equal(ns_addr_parse(text, &ret, NULL), 0);
	return ret;
}

static struct ns_prefix link_of(const char *text, uint8_t length)
{
	return (struct ns_prefix){ .addr = addr(text), .length = length };
}

/* 10.0.0.1 -> 10.0.0.2 */
static size_t ipv4(uint8_t *buf, uint8_t words, uint8_t protocol, uint16_t fragment, const uint8_t *rest, size_t n)
{
	size_t header = (size_t)words * 4;

	memset(buf, 0, header);
	buf[0] = (uint8_t)(0x40 | words);
	buf[6] = (uint8_t)(fragment >> 8);
	buf[7] = (uint8_t)fragment;
	buf[9] = protocol;
	memcpy(buf + 12, (const uint8_t[]){ 10, 0, 0, 1, 10, 0, 0, 2 }, 8);
	memcpy(buf + header, rest, n);
	return header + n;
}

/* fd00::1 -> fd00::2 */
static size_t ipv6(uint8_t *buf, uint8_t next, const uint8_t *rest, size_t n)
{
	memset(buf, 0, 40);
	buf[0] = 0x60;
	buf[6] = next;
	buf[8] = buf[24] = 0xfd;
	buf[23] = 1;
	buf[39] = 2;
	memcpy(buf + 40, rest, n);
	return 40 + n;
}

static const uint8_t ports[] = { 0x9c, 0x40, 0x01, 0xbb }; /* 40000 -> 443 */

static void test_ports(void **state)
{
	static const uint8_t protocols[] = { 6, 17, 33, 132, 136 };
	struct ns_packet packet;
	uint8_t buf[128];

	for (size_t i = 0; i < sizeof protocols; i++) {
		size_t n = ipv4(buf, 5, protocols[i], 0x4000, ports, sizeof ports);

		assert_int_equal(ns_packet_parse(AF_INET, buf, n, &packet), 0);
		assert_int_equal(packet.protocol, protocols[i]);
		assert_int_equal(packet.source_port, 40000);
		assert_int_equal(packet.port, 443);
		assert_true(ns_addr_equal(&packet.source, &(struct ns_addr){ AF_INET, { 10, 0, 0, 1 } }));
		assert_true(ns_addr_equal(&packet.destination, &(struct ns_addr){ AF_INET, { 10, 0, 0, 2 } }));
		assert_int_equal(ns_packet_parse(AF_INET, buf, n - 1, &packet), -ENODATA);

		n = ipv6(buf, protocols[i], ports, sizeof ports);
		assert_int_equal(ns_packet_parse(AF_INET6, buf, n, &packet), 0);
		assert_int_equal(packet.protocol, protocols[i]);
		assert_int_equal(packet.source_port, 40000);
		assert_int_equal(packet.port, 443);
		struct ns_addr source = addr("fd00::1"), destination = addr("fd00::2");
		assert_true(ns_addr_equal(&packet.source, &source));
		assert_true(ns_addr_equal(&packet.destination, &destination));
		assert_int_equal(ns_packet_parse(AF_INET6, buf, n - 1, &packet), -ENODATA);
	}
}

static void test_without_ports(void **state)
{
	const uint8_t echo[] = { 8, 0, 1, 2 }, echo6[] = { 128, 0, 1, 2 };
	struct ns_packet packet;
	uint8_t buf[128];
	size_t n = ipv4(buf, 5, 1, 0, echo, sizeof echo);

	assert_int_equal(ns_packet_parse(AF_INET, buf, n, &packet), 0);
	assert_int_equal(packet.port, 8);
	assert_int_equal(packet.source_port, 0);
	assert_int_equal(ns_packet_parse(AF_INET, buf, 20, &packet), -ENODATA);
	n = ipv6(buf, 58, echo6, sizeof echo6);
	assert_int_equal(ns_packet_parse(AF_INET6, buf, n, &packet), 0);
	assert_int_equal(packet.port, 128);
	/* GRE: whatever its bytes say */
	n = ipv4(buf, 5, 47, 0, ports, sizeof ports);
	assert_int_equal(ns_packet_parse(AF_INET, buf, n, &packet), 0);
	assert_int_equal(packet.protocol, 47);
	assert_int_equal(packet.port, 0);
	n = ipv6(buf, 50, ports, sizeof ports); /* ESP ends the chain */
	assert_int_equal(ns_packet_parse(AF_INET6, buf, n, &packet), 0);
	assert_int_equal(packet.protocol, 50);
	n = ipv6(buf, 59, ports, 0); /* no next header */
	assert_int_equal(ns_packet_parse(AF_INET6, buf, n, &packet), 0);
	assert_int_equal(packet.protocol, 59);
}

static void test_ipv4_headers(void **state)
{
	struct ns_packet packet = { .protocol = 99 };
	uint8_t buf[128];
	size_t n = ipv4(buf, 15, 6, 0, ports, sizeof ports); /* 40 bytes of options */

	assert_int_equal(ns_packet_parse(AF_INET, buf, n, &packet), 0);
	assert_int_equal(packet.port, 443);
	assert_int_equal(ns_packet_parse(AF_INET, buf, 24, &packet), -ENODATA);
	packet.protocol = 99;
	buf[0] = 0x44; /* header shorter than a header */
	assert_int_equal(ns_packet_parse(AF_INET, buf, n, &packet), -EBADMSG);
	buf[0] = 0x65;
	assert_int_equal(ns_packet_parse(AF_INET, buf, n, &packet), -EBADMSG);
	buf[0] = 0x45;
	assert_int_equal(ns_packet_parse(AF_INET6, buf, n, &packet), -EBADMSG);
	assert_int_equal(ns_packet_parse(AF_INET, buf, 19, &packet), -EBADMSG);
	assert_int_equal(ns_packet_parse(AF_INET, buf, 0, &packet), -EBADMSG);
	assert_int_equal(ns_packet_parse(AF_UNIX, buf, n, &packet), -EBADMSG);
	n = ipv4(buf, 5, 17, 0x2000, ports, sizeof ports); /* the first fragment has the ports */
	assert_int_equal(ns_packet_parse(AF_INET, buf, n, &packet), 0);
	n = ipv4(buf, 5, 17, 0x0001, ports, sizeof ports); /* a later one has not */
	packet.protocol = 99;
	assert_int_equal(ns_packet_parse(AF_INET, buf, n, &packet), -ENODATA);
	assert_int_equal(packet.protocol, 99); /* untouched */
}

static void test_ipv6_headers(void **state)
{
	/* hop-by-hop (16), routing (8), destination (8), AH (24), fragment 0 (8), UDP */
	uint8_t chain[16 + 8 + 8 + 24 + 8 + 4] = { 0 };
	struct ns_packet packet;
	uint8_t buf[192];
	size_t n;

	chain[0] = 43;
	chain[1] = 1;
	chain[16] = 60;
	chain[24] = 51;
	chain[32] = 44;
	chain[33] = 4; /* in words, less two */
	chain[56] = 17;
	memcpy(chain + 64, ports, sizeof ports);
	n = ipv6(buf, 0, chain, sizeof chain);
	assert_int_equal(ns_packet_parse(AF_INET6, buf, n, &packet), 0);
	assert_int_equal(packet.protocol, 17);
	assert_int_equal(packet.port, 443);
	for (size_t cut = 40; cut < n; cut++)
		assert_int_equal(ns_packet_parse(AF_INET6, buf, cut, &packet), -ENODATA);
	for (size_t cut = 0; cut < 40; cut++)
		assert_int_equal(ns_packet_parse(AF_INET6, buf, cut, &packet), -EBADMSG);
	buf[40 + 59] = 8; /* a later fragment: the protocol is known, the port is not */
	assert_int_equal(ns_packet_parse(AF_INET6, buf, n, &packet), -ENODATA);
	buf[40 + 56] = 47;
	assert_int_equal(ns_packet_parse(AF_INET6, buf, n, &packet), 0);
	assert_int_equal(packet.protocol, 47);
	buf[41] = 255; /* a header longer than the packet */
	assert_int_equal(ns_packet_parse(AF_INET6, buf, n, &packet), -ENODATA);
}

static void test_groups(void **state)
{
	const struct ns_prefix links[] = { link_of("10.1.2.3", 24), link_of("fd00::5", 64), link_of("10.9.9.8", 31) };
	static const struct {
		const char *text;
		bool group;
	} cases[] = {
		{ "224.0.0.251", true }, { "255.255.255.255", true }, { "10.1.2.255", true }, { "10.1.2.254", false },
		{ "10.1.3.255", false }, { "10.9.9.9", false },       { "ff02::fb", true },   { "fd00::ffff", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ns_addr a = addr(cases[i].text);

		assert_int_equal(ns_packet_is_group(&a, links, 3), cases[i].group);
	}
}

static void test_tuples(void **state)
{
	const struct ns_prefix link = link_of("10.1.2.3", 24);
	struct ns_packet packet = { .source = addr("10.1.2.9"),
				    .destination = addr("10.1.2.3"),
				    .protocol = 17,
				    .source_port = 5,
				    .port = 53 };
	struct ns_tuple tuple = ns_packet_tuple(&packet, NS_INGRESS, &link, 1);

	assert_int_equal(tuple.direction, NS_INGRESS);
	assert_int_equal(tuple.port, 53);
	assert_int_equal(tuple.source.family, 0);
	assert_true(ns_addr_equal(&tuple.peer, &packet.source));
	tuple = ns_packet_tuple(&packet, NS_EGRESS, &link, 1);
	assert_true(ns_addr_equal(&tuple.peer, &packet.destination));
	tuple = ns_packet_tuple(&packet, NS_TRANSIT, &link, 1);
	assert_true(ns_addr_equal(&tuple.peer, &packet.destination));
	assert_true(ns_addr_equal(&tuple.source, &packet.source));
	packet.destination = addr("10.1.2.255"); /* the link's broadcast: the group is the peer */
	tuple = ns_packet_tuple(&packet, NS_INGRESS, &link, 1);
	assert_true(ns_addr_equal(&tuple.peer, &packet.destination));
	tuple = ns_packet_tuple(&packet, NS_INGRESS, NULL, 0);
	assert_true(ns_addr_equal(&tuple.peer, &packet.source));
	packet.source = addr("fe80::1");
	packet.destination = addr("ff02::1");
	tuple = ns_packet_tuple(&packet, NS_INGRESS, NULL, 0);
	assert_true(ns_addr_equal(&tuple.peer, &packet.destination));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),        cmocka_unit_test(test_without_ports),
		cmocka_unit_test(test_ipv4_headers), cmocka_unit_test(test_ipv6_headers),
		cmocka_unit_test(test_groups),       cmocka_unit_test(test_tuples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
