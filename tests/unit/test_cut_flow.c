/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Connections of conntrack: read from messages that libnetfilter_conntrack has written, and judged by a plan.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>

#include <nanoseg/layout.h>

#include "cut_known.h"

/* ---- reading ---- */

static struct nlmsghdr *begin_message(char *buf, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfgen;

	nlh->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW;
	nfgen = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfgen));
	nfgen->nfgen_family = family;
	return nlh;
}

static void put_ends(struct nf_conntrack *ct, bool v6)
{
	static const enum nf_conntrack_attr attrs4[] = { ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV4_DST, ATTR_REPL_IPV4_SRC,
							 ATTR_REPL_IPV4_DST };
	static const enum nf_conntrack_attr attrs6[] = { ATTR_ORIG_IPV6_SRC, ATTR_ORIG_IPV6_DST, ATTR_REPL_IPV6_SRC,
							 ATTR_REPL_IPV6_DST };

	for (uint8_t i = 0; i < 4; i++) {
		uint8_t bytes[16] = { v6 ? 0xfd : 10, [3] = (uint8_t)(i + 1), [15] = i };

		nfct_set_attr(ct, v6 ? attrs6[i] : attrs4[i], bytes);
	}
	nfct_set_attr_u8(ct, ATTR_ORIG_L3PROTO, v6 ? AF_INET6 : AF_INET);
	nfct_set_attr_u8(ct, ATTR_REPL_L3PROTO, v6 ? AF_INET6 : AF_INET);
}

static void put_ports(struct nf_conntrack *ct, uint8_t protocol)
{
	nfct_set_attr_u8(ct, ATTR_ORIG_L4PROTO, protocol);
	nfct_set_attr_u8(ct, ATTR_REPL_L4PROTO, protocol);
	nfct_set_attr_u16(ct, ATTR_ORIG_PORT_SRC, htons(1001));
	nfct_set_attr_u16(ct, ATTR_ORIG_PORT_DST, htons(1002));
	nfct_set_attr_u16(ct, ATTR_REPL_PORT_SRC, htons(1003));
	nfct_set_attr_u16(ct, ATTR_REPL_PORT_DST, htons(1004));
}

static void test_ends_are_read(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		_Alignas(struct nlmsghdr) char buf[1024];
		struct nlmsghdr *nlh = begin_message(buf, v6 ? AF_INET6 : AF_INET);
		struct nf_conntrack *ct = nfct_new();
		struct ns_cut_flow flow;

		put_ends(ct, v6);
		put_ports(ct, IPPROTO_TCP);
		assert_int_equal(nfct_nlmsg_build(nlh, ct), 0);
		assert_int_equal(ns_cut_flow_read(nlh, &flow), 0);
		assert_int_equal(flow.protocol, IPPROTO_TCP);
		assert_int_equal(flow.source.addr.family, v6 ? AF_INET6 : AF_INET);
		assert_int_equal(flow.source.addr.bytes[3], 1);
		assert_int_equal(flow.destination.addr.bytes[3], 2);
		assert_int_equal(flow.reply_source.addr.bytes[3], 3);
		assert_int_equal(flow.reply_destination.addr.bytes[3], 4);
		assert_int_equal(flow.source.port, 1001);
		assert_int_equal(flow.destination.port, 1002);
		assert_int_equal(flow.reply_source.port, 1003);
		assert_int_equal(flow.reply_destination.port, 1004);
		assert_false(flow.either_opened);
		nfct_destroy(ct);
	}
}

static void test_who_opened_it(void **state)
{
	static const struct {
		uint8_t protocol, tcp_flags;
		uint32_t status;
		bool either;
	} cases[] = {
		{ IPPROTO_TCP, 0x03, IPS_SEEN_REPLY, false },
		{ IPPROTO_TCP, 0x0b, IPS_SEEN_REPLY, true },
		{ IPPROTO_UDP, 0, 0, false },
		{ IPPROTO_UDP, 0, IPS_SEEN_REPLY, true },
		{ IPPROTO_SCTP, 0, IPS_SEEN_REPLY, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_Alignas(struct nlmsghdr) char buf[1024];
		struct nlmsghdr *nlh = begin_message(buf, AF_INET);
		struct nf_conntrack *ct = nfct_new();
		struct ns_cut_flow flow;

		put_ends(ct, false);
		put_ports(ct, cases[i].protocol);
		nfct_set_attr_u32(ct, ATTR_STATUS, cases[i].status);
		if (cases[i].protocol == IPPROTO_TCP) {
			nfct_set_attr_u8(ct, ATTR_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
			nfct_set_attr_u8(ct, ATTR_TCP_FLAGS_ORIG, cases[i].tcp_flags);
			nfct_set_attr_u8(ct, ATTR_TCP_MASK_ORIG, 0xff);
		}
		assert_int_equal(nfct_nlmsg_build(nlh, ct), 0);
		assert_int_equal(ns_cut_flow_read(nlh, &flow), 0);
		assert_int_equal(flow.either_opened, cases[i].either);
		nfct_destroy(ct);
	}
}

static void test_messages_that_are_none(void **state)
{
	_Alignas(struct nlmsghdr) char buf[1024];
	struct nlmsghdr *nlh = begin_message(buf, AF_INET);
	struct nf_conntrack *ct = nfct_new();
	struct ns_cut_flow flow, untouched;

	memset(&flow, 0x55, sizeof(flow));
	memset(&untouched, 0x55, sizeof(untouched));
	assert_int_equal(ns_cut_flow_read(nlh, &flow), -EBADMSG); /* nothing inside */
	put_ends(ct, false);
	put_ports(ct, IPPROTO_TCP);
	assert_int_equal(nfct_nlmsg_build(nlh, ct), 0);
	nlh->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE;
	assert_int_equal(ns_cut_flow_read(nlh, &flow), -EBADMSG);
	nlh->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW;
	/* Cut at each byte: the answers' side is never without its addresses. */
	for (uint32_t whole = nlh->nlmsg_len, n = NLMSG_HDRLEN; n < whole - 40; n++) {
		nlh->nlmsg_len = n;
		assert_int_equal(ns_cut_flow_read(nlh, &flow), -EBADMSG);
	}
	assert_memory_equal(&flow, &untouched, sizeof(flow));
	nfct_destroy(ct);
}

/* ---- judging ---- */

struct judge {
	struct ns_plan plan;
	struct ns_permits *permits;
	struct ns_prefix own[5];
	struct ns_cut_view view;
};

static struct ns_addr address(const char *text)
{
	struct ns_addr addr;

	assert_int_equal(ns_addr_parse(text, &addr, NULL), 0);
	return addr;
}

static int judge_begin(void **state)
{
	static const char policy_text[] =
		"{\"schema\":\"nanoseg/policy/1\",\"workload\":\"w\",\"revision\":1,\"verdict\":\"drop\",\"rules\":["
		"{\"id\":\"a\",\"direction\":\"egress\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"10.0.0.0/24\"},"
		"\"protocol\":\"tcp\",\"ports\":[80]},"
		"{\"id\":\"b\",\"direction\":\"ingress\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"10.0.0.9\"},"
		"\"protocol\":\"tcp\",\"ports\":[443]},"
		"{\"id\":\"c\",\"direction\":\"egress\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"fd00::/64\"},"
		"\"protocol\":\"tcp\",\"ports\":[80]},"
		"{\"id\":\"d\",\"direction\":\"ingress\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"fd00::9\"},"
		"\"protocol\":\"tcp\",\"ports\":[443]},"
		"{\"id\":\"e\",\"direction\":\"transit\",\"source\":{\"class\":\"cidr\",\"prefix\":\"10.3.0.0/16\"},"
		"\"peer\":{\"class\":\"cidr\",\"prefix\":\"10.4.0.0/16\"},\"protocol\":\"tcp\",\"ports\":[80]},"
		"{\"id\":\"f\",\"direction\":\"ingress\",\"peer\":{\"class\":\"multicast\",\"prefix\":\"224.0.0.251\"},"
		"\"protocol\":\"udp\",\"ports\":[5353]},"
		"{\"id\":\"g\",\"direction\":\"egress\",\"peer\":{\"class\":\"broadcast\"},\"protocol\":\"udp\","
		"\"ports\":[67]},"
		"{\"id\":\"h\",\"direction\":\"egress\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"10.0.0.0/24\"},"
		"\"protocol\":\"icmp\",\"icmp\":[8]},"
		"{\"id\":\"i\",\"direction\":\"egress\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"10.0.0.7\"},"
		"\"protocol\":\"gre\"}]}";
	static const char *const own[] = { "10.0.0.1", "10.5.0.1", "fd00::1", "fe80::1" };
	struct judge *j = calloc(1, sizeof(*j));
	struct ns_prefix link = { { AF_INET, { 10, 0, 0, 0 } }, 24 };
	struct ns_compile_options options = { .links = &link, .n_links = 1 };
	struct ns_policy policy = NS_POLICY_INIT;
	struct ns_book *book = NULL;
	struct ns_error err = NS_ERROR_INIT;

	assert_non_null(j);
	if (ns_policy_parse(policy_text, strlen(policy_text), &policy, &err) < 0 || ns_book_new(&book, &err) < 0 ||
	    ns_compile_enforce(&policy, book, false, &options, &j->plan, &err) < 0 ||
	    ns_permits_new(&j->plan, &j->permits, &err) < 0)
		fail_msg("%s", err.text);
	ns_policy_release(&policy);
	ns_book_free(book);
	for (size_t i = 0; i < 4; i++)
		j->own[i] = (struct ns_prefix){ address(own[i]), i < 2 ? 24 : 64 };
	j->view = (struct ns_cut_view){ .permits = j->permits, .own = j->own, .n_own = 4 };
	*state = j;
	return 0;
}

static int judge_end(void **state)
{
	struct judge *j = *state;

	ns_permits_free(j->permits);
	ns_plan_release(&j->plan);
	free(j);
	return 0;
}

static struct ns_cut_flow flow_of(uint8_t protocol, const char *from, uint16_t from_port, const char *to, uint16_t port)
{
	struct ns_cut_end opener = { address(from), from_port }, other = { address(to), port };

	return (struct ns_cut_flow){ .protocol = protocol,
				     .source = opener,
				     .destination = other,
				     .reply_source = other,
				     .reply_destination = opener };
}

static void test_directions(void **state)
{
	static const struct {
		const char *from, *to;
		uint8_t protocol;
		uint16_t from_port, port;
		enum ns_cut_verdict verdict;
	} cases[] = {
		{ "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 40000, 80, NS_CUT_KEEP },
		{ "10.5.0.1", "10.0.0.2", IPPROTO_TCP, 40000, 80, NS_CUT_KEEP },
		{ "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 40000, 81, NS_CUT_FORBID },
		{ "10.0.0.1", "10.0.1.2", IPPROTO_TCP, 40000, 80, NS_CUT_FORBID },
		{ "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 40000, 80, NS_CUT_FORBID },
		{ "10.0.0.9", "10.0.0.1", IPPROTO_TCP, 40000, 443, NS_CUT_KEEP },
		{ "10.0.0.8", "10.0.0.1", IPPROTO_TCP, 40000, 443, NS_CUT_FORBID },
		/* An answer's ends, opened the other way round. */
		{ "10.0.0.2", "10.0.0.1", IPPROTO_TCP, 80, 40000, NS_CUT_FORBID },
		{ "10.0.0.1", "10.0.0.9", IPPROTO_TCP, 443, 40000, NS_CUT_FORBID },
		{ "fd00::1", "fd00::2", IPPROTO_TCP, 40000, 80, NS_CUT_KEEP },
		{ "fd00::1", "fd00:1::2", IPPROTO_TCP, 40000, 80, NS_CUT_FORBID },
		{ "fd00::9", "fd00::1", IPPROTO_TCP, 40000, 443, NS_CUT_KEEP },
		{ "fd00::8", "fd00::1", IPPROTO_TCP, 40000, 443, NS_CUT_FORBID },
		{ "fe80::1", "fe80::2", IPPROTO_TCP, 40000, 80, NS_CUT_FORBID },
		/* Forwarded; and an address that is not its own any more. */
		{ "10.3.0.1", "10.4.0.1", IPPROTO_TCP, 40000, 80, NS_CUT_KEEP },
		{ "10.4.0.1", "10.3.0.1", IPPROTO_TCP, 40000, 80, NS_CUT_FORBID },
		{ "10.0.0.99", "10.0.0.2", IPPROTO_TCP, 40000, 80, NS_CUT_FORBID },
		/* Its own talk. */
		{ "127.0.0.1", "127.0.0.11", IPPROTO_TCP, 40000, 81, NS_CUT_OWN },
		{ "::1", "::1", IPPROTO_TCP, 40000, 81, NS_CUT_OWN },
		{ "10.0.0.1", "10.5.0.1", IPPROTO_TCP, 40000, 81, NS_CUT_OWN },
		{ "fe80::1", "fd00::1", IPPROTO_TCP, 40000, 81, NS_CUT_OWN },
		{ "127.0.0.1", "10.0.1.2", IPPROTO_TCP, 40000, 80, NS_CUT_FORBID },
		/* Groups. */
		{ "10.0.0.9", "224.0.0.251", IPPROTO_UDP, 5353, 5353, NS_CUT_KEEP },
		{ "10.0.0.9", "224.0.0.252", IPPROTO_UDP, 5353, 5353, NS_CUT_FORBID },
		{ "10.0.0.1", "224.0.0.251", IPPROTO_UDP, 5353, 5353, NS_CUT_FORBID },
		{ "0.0.0.0", "255.255.255.255", IPPROTO_UDP, 68, 67, NS_CUT_KEEP },
		{ "10.0.0.1", "10.0.0.255", IPPROTO_UDP, 68, 67, NS_CUT_KEEP },
		{ "10.0.0.9", "10.0.0.255", IPPROTO_UDP, 68, 67, NS_CUT_FORBID },
		/* No ports. */
		{ "10.0.0.1", "10.0.0.7", IPPROTO_GRE, 0, 0, NS_CUT_KEEP },
		{ "10.0.0.1", "10.0.0.8", IPPROTO_GRE, 0, 0, NS_CUT_FORBID },
	};
	struct judge *j = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ns_cut_flow flow =
			flow_of(cases[i].protocol, cases[i].from, cases[i].from_port, cases[i].to, cases[i].port);
		enum ns_cut_verdict verdict = ns_cut_judge_flow(&j->view, &flow);

		if (verdict != cases[i].verdict)
			fail_msg("%s:%d to %s:%d: %d", cases[i].from, cases[i].from_port, cases[i].to, cases[i].port,
				 verdict);
	}
}

static void test_icmp_types(void **state)
{
	struct judge *j = *state;
	struct ns_cut_flow flow = flow_of(IPPROTO_ICMP, "10.0.0.1", 0, "10.0.0.2", 0);

	flow.icmp_type = 8;
	assert_int_equal(ns_cut_judge_flow(&j->view, &flow), NS_CUT_KEEP);
	flow.icmp_type = 13;
	assert_int_equal(ns_cut_judge_flow(&j->view, &flow), NS_CUT_FORBID);
	flow = flow_of(IPPROTO_ICMP, "10.0.0.2", 0, "10.0.0.1", 0);
	flow.icmp_type = 8;
	assert_int_equal(ns_cut_judge_flow(&j->view, &flow), NS_CUT_FORBID);
}

/* What was rewritten: the real server is judged, the socket is found by what it sees. */
static void test_nat(void **state)
{
	struct judge *j = *state;
	struct ns_cut_flow flow = flow_of(IPPROTO_TCP, "10.0.0.1", 40000, "10.9.0.9", 8080);
	struct ns_cut_ends ends;

	assert_int_equal(ns_cut_judge_flow(&j->view, &flow), NS_CUT_FORBID);
	flow.reply_source = (struct ns_cut_end){ address("10.0.0.2"), 80 };
	assert_int_equal(ns_cut_judge_flow(&j->view, &flow), NS_CUT_KEEP);
	assert_true(ns_cut_flow_ends(&j->view, &flow, &ends));
	assert_true(ns_addr_equal(&ends.remote.addr, &flow.destination.addr));
	assert_int_equal(ends.remote.port, 8080);
	assert_int_equal(ends.local.port, 40000);
	/* In to another port, with another source than it was sent with. */
	flow = flow_of(IPPROTO_TCP, "10.0.0.9", 40000, "10.9.0.9", 8443);
	flow.reply_source = (struct ns_cut_end){ address("10.0.0.1"), 443 };
	flow.reply_destination = (struct ns_cut_end){ address("10.7.0.7"), 50000 };
	assert_int_equal(ns_cut_judge_flow(&j->view, &flow), NS_CUT_KEEP);
	assert_true(ns_cut_flow_ends(&j->view, &flow, &ends));
	assert_int_equal(ends.local.port, 443);
	assert_true(ns_addr_equal(&ends.remote.addr, &flow.reply_destination.addr));
	assert_int_equal(ends.remote.port, 50000);
	/* To itself by way of an address elsewhere: a socket that is to be known, a connection to be left alone. */
	flow = flow_of(IPPROTO_TCP, "10.0.0.1", 40000, "10.9.0.9", 81);
	flow.reply_source = (struct ns_cut_end){ address("127.0.0.1"), 15001 };
	assert_int_equal(ns_cut_judge_flow(&j->view, &flow), NS_CUT_OWN);
	assert_true(ns_cut_flow_ends(&j->view, &flow, &ends));
	assert_int_equal(ends.remote.port, 81);
	flow = flow_of(IPPROTO_TCP, "10.3.0.1", 40000, "10.4.0.1", 80);
	assert_false(ns_cut_flow_ends(&j->view, &flow, &ends));
	flow = flow_of(IPPROTO_TCP, "127.0.0.1", 40000, "127.0.0.1", 80);
	assert_false(ns_cut_flow_ends(&j->view, &flow, &ends));
}

static void test_unknown_openers(void **state)
{
	struct judge *j = *state;
	struct ns_cut_flow flow = flow_of(IPPROTO_TCP, "10.0.0.2", 80, "10.0.0.1", 40000);

	assert_int_equal(ns_cut_judge_flow(&j->view, &flow), NS_CUT_FORBID);
	flow.either_opened = true;
	assert_int_equal(ns_cut_judge_flow(&j->view, &flow), NS_CUT_KEEP);
	flow = flow_of(IPPROTO_TCP, "10.0.0.2", 81, "10.0.0.1", 40000);
	flow.either_opened = true;
	assert_int_equal(ns_cut_judge_flow(&j->view, &flow), NS_CUT_FORBID);
}

static void test_sockets_without_an_entry(void **state)
{
	struct judge *j = *state;
	struct ns_cut_ends ends = { IPPROTO_TCP, { address("10.0.0.1"), 40000 }, { address("10.0.0.2"), 80 } };

	assert_int_equal(ns_cut_judge_ends(&j->view, &ends), NS_CUT_KEEP);
	ends.remote.port = 81;
	assert_int_equal(ns_cut_judge_ends(&j->view, &ends), NS_CUT_FORBID);
	ends = (struct ns_cut_ends){ IPPROTO_TCP, { address("fd00::1"), 443 }, { address("fd00::9"), 40000 } };
	assert_int_equal(ns_cut_judge_ends(&j->view, &ends), NS_CUT_KEEP);
	ends.remote.addr = address("fd00::8");
	assert_int_equal(ns_cut_judge_ends(&j->view, &ends), NS_CUT_FORBID);
	ends.remote.addr = address("::1");
	assert_int_equal(ns_cut_judge_ends(&j->view, &ends), NS_CUT_OWN);
	ends.remote.addr = address("fe80::1");
	assert_int_equal(ns_cut_judge_ends(&j->view, &ends), NS_CUT_OWN);
}

/* ---- remembering ---- */

static void test_known(void **state)
{
	struct ns_cut_known known = NS_CUT_KNOWN_INIT;
	struct ns_cut_ends ends = { IPPROTO_TCP, { address("10.0.0.1"), 0 }, { address("10.0.0.2"), 80 } };

	assert_int_equal(ns_cut_known_find(&known, &ends), NS_CUT_INVALID);
	for (unsigned i = 0; i < 5000; i++) {
		ends.local.port = (uint16_t)(i * 7919);
		assert_int_equal(ns_cut_known_add(&known, &ends, i % 2 ? NS_CUT_KEEP : NS_CUT_FORBID, NULL), 0);
	}
	for (unsigned i = 0; i < 5000; i++) {
		ends.local.port = (uint16_t)(i * 7919);
		assert_int_equal(ns_cut_known_find(&known, &ends), i % 2 ? NS_CUT_KEEP : NS_CUT_FORBID);
	}
	ends.local.port = 7919; /* kept in one zone, forbidden in another */
	assert_int_equal(ns_cut_known_add(&known, &ends, NS_CUT_FORBID, NULL), 0);
	assert_int_equal(ns_cut_known_find(&known, &ends), NS_CUT_FORBID);
	ends.protocol = IPPROTO_UDP;
	assert_int_equal(ns_cut_known_find(&known, &ends), NS_CUT_INVALID);
	ns_cut_known_release(&known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends_are_read),
		cmocka_unit_test(test_who_opened_it),
		cmocka_unit_test(test_messages_that_are_none),
		cmocka_unit_test_setup_teardown(test_directions, judge_begin, judge_end),
		cmocka_unit_test_setup_teardown(test_icmp_types, judge_begin, judge_end),
		cmocka_unit_test_setup_teardown(test_nat, judge_begin, judge_end),
		cmocka_unit_test_setup_teardown(test_unknown_openers, judge_begin, judge_end),
		cmocka_unit_test_setup_teardown(test_sockets_without_an_entry, judge_begin, judge_end),
		cmocka_unit_test(test_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
