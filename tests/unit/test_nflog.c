/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages of nfnetlink_log and inet_diag, whole and broken; names of programs; the budget of walks.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/sock_diag.h>

#include "budget.h"
#include "nflog_parse.h"
#include "process.h"
#include "sockdiag.h"

struct message {
	_Alignas(struct nlmsghdr) char bytes[1024];
	struct nlmsghdr *nlh;
};

static void begin_log(struct message *m, uint8_t family)
{
	struct nfgenmsg *nfg;

	m->nlh = mnl_nlmsg_put_header(m->bytes);
	m->nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
	nfg = mnl_nlmsg_put_extra_header(m->nlh, sizeof *nfg);
	nfg->nfgen_family = family;
}

static void make_log(struct message *m, const char *prefix)
{
	const struct nfulnl_msg_packet_timestamp stamp = { .sec = htobe64(1700000000), .usec = htobe64(123456) };

	begin_log(m, AF_INET6);
	mnl_attr_put_u32(m->nlh, NFULA_SEQ, htonl(7));
	mnl_attr_put_u32(m->nlh, NFULA_UID, htonl(1000));
	mnl_attr_put_u32(m->nlh, NFULA_IFINDEX_OUTDEV, htonl(3));
	mnl_attr_put(m->nlh, NFULA_TIMESTAMP, sizeof stamp, &stamp);
	mnl_attr_put_strz(m->nlh, NFULA_PREFIX, prefix);
	mnl_attr_put(m->nlh, NFULA_PAYLOAD, 5, "bytes");
	mnl_attr_put_u32(m->nlh, 99, 0); /* a later kernel's */
}

static void test_log(void **state)
{
	struct ns_nflog_message parsed;
	struct message m;

	make_log(&m, "nanoseg:learn:egress");
	assert_int_equal(ns_nflog_parse(m.nlh, &parsed), 1);
	assert_int_equal(parsed.kind, NS_LOG_LEARN);
	assert_int_equal(parsed.direction, NS_EGRESS);
	assert_int_equal(parsed.family, AF_INET6);
	assert_true(parsed.has_sequence);
	assert_int_equal(parsed.sequence, 7);
	assert_int_equal(parsed.uid, 1000);
	assert_int_equal(parsed.out, 3);
	assert_int_equal(parsed.in, 0);
	assert_true(parsed.time == INT64_C(1700000000123456));
	assert_int_equal(parsed.payload_length, 5);
	assert_memory_equal(parsed.payload, "bytes", 5);

	/* Somebody else's: only the sequence counts. */
	make_log(&m, "nanoseg:learn:sideways");
	assert_int_equal(ns_nflog_parse(m.nlh, &parsed), 0);
	assert_true(parsed.has_sequence);
	assert_int_equal(parsed.sequence, 7);
	assert_null(parsed.payload);
	make_log(&m, "a prefix that is longer than any of ours can ever be");
	assert_int_equal(ns_nflog_parse(m.nlh, &parsed), 0);
}

static void test_broken_log(void **state)
{
	const struct nfulnl_msg_packet_timestamp stamp = { .sec = UINT64_MAX, .usec = UINT64_MAX };
	struct ns_nflog_message parsed = { .uid = 42 };
	struct message m;
	uint32_t whole;

	make_log(&m, "nanoseg:deny:ingress");
	whole = m.nlh->nlmsg_len;
	m.nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	assert_int_equal(ns_nflog_parse(m.nlh, &parsed), -EBADMSG);
	m.nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
	/* Cut anywhere it is parsed without harm: in a buffer of just that size, so that the sanitizer sees a step too
	 * far. */
	for (uint32_t cut = NLMSG_HDRLEN; cut < whole; cut++) {
		struct nlmsghdr *copy = malloc(cut);

		assert_non_null(copy);
		memcpy(copy, m.bytes, cut);
		copy->nlmsg_len = cut;
		(void)ns_nflog_parse(copy, &parsed);
		free(copy);
	}
	m.nlh->nlmsg_len = NLMSG_HDRLEN + 3;
	parsed.uid = 42;
	assert_int_equal(ns_nflog_parse(m.nlh, &parsed), -EBADMSG);
	assert_int_equal(parsed.uid, 42); /* untouched */

	begin_log(&m, AF_INET); /* no payload */
	mnl_attr_put_strz(m.nlh, NFULA_PREFIX, "nanoseg:learn:egress");
	assert_int_equal(ns_nflog_parse(m.nlh, &parsed), -EBADMSG);
	begin_log(&m, AF_BRIDGE); /* a family that the table has not */
	mnl_attr_put_strz(m.nlh, NFULA_PREFIX, "nanoseg:learn:egress");
	mnl_attr_put(m.nlh, NFULA_PAYLOAD, 1, "x");
	assert_int_equal(ns_nflog_parse(m.nlh, &parsed), -EBADMSG);
	begin_log(&m, AF_INET); /* a prefix without its end */
	mnl_attr_put(m.nlh, NFULA_PREFIX, 20, "nanoseg:learn:egress");
	mnl_attr_put(m.nlh, NFULA_PAYLOAD, 1, "x");
	assert_int_equal(ns_nflog_parse(m.nlh, &parsed), 0);
	begin_log(&m, AF_INET); /* numbers of the wrong size, a time that cannot be */
	mnl_attr_put_strz(m.nlh, NFULA_PREFIX, "nanoseg:learn:egress");
	mnl_attr_put(m.nlh, NFULA_PAYLOAD, 1, "x");
	mnl_attr_put_u16(m.nlh, NFULA_UID, 1);
	mnl_attr_put_u64(m.nlh, NFULA_SEQ, 1);
	mnl_attr_put(m.nlh, NFULA_TIMESTAMP, sizeof stamp, &stamp);
	assert_int_equal(ns_nflog_parse(m.nlh, &parsed), 1);
	assert_int_equal(parsed.uid, -1);
	assert_false(parsed.has_sequence);
	assert_int_equal(parsed.time, 0);
}

static void make_socket(struct message *m, uint8_t family, const char *local, const char *remote, uint32_t inode)
{
	struct inet_diag_msg *msg;

	m->nlh = mnl_nlmsg_put_header(m->bytes);
	m->nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	msg = mnl_nlmsg_put_extra_header(m->nlh, sizeof *msg);
	msg->idiag_family = family;
	msg->idiag_state = 1;
	msg->idiag_inode = inode;
	msg->idiag_uid = 33;
	msg->id.idiag_sport = htons(80);
	msg->id.idiag_dport = htons(40000);
	assert_int_equal(inet_pton(family, local, msg->id.idiag_src), 1);
	assert_int_equal(inet_pton(family, remote, msg->id.idiag_dst), 1);
}

static void check_ends(const struct ns_diag_socket *s, const char *local, const char *remote)
{
	char text[NS_ADDR_TEXT_MAX];

	assert_string_equal(ns_addr_format(&s->local, text), local);
	assert_string_equal(ns_addr_format(&s->remote, text), remote);
}

static void test_sockets(void **state)
{
	static const struct {
		uint8_t family;
		const char *local, *remote, *as_local, *as_remote;
	} cases[] = {
		{ AF_INET, "10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2" },
		{ AF_INET6, "fd00::1", "fd00::2", "fd00::1", "fd00::2" },
		{ AF_INET6, "::ffff:10.0.0.1", "::ffff:10.0.0.2", "10.0.0.1", "10.0.0.2" },
		{ AF_INET6, "::ffff:10.0.0.1", "::", "10.0.0.1", "0.0.0.0" },
		{ AF_INET6, "::", "::", "::", "::" },
		{ AF_INET6, "fd00::1", "::ffff:10.0.0.2", "fd00::1", "::ffff:10.0.0.2" }, /* cannot be; kept as it is */
	};
	struct ns_diag_socket s;
	struct message m;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		make_socket(&m, cases[i].family, cases[i].local, cases[i].remote, 5);
		mnl_attr_put_u8(m.nlh, INET_DIAG_SKV6ONLY, i & 1);
		assert_int_equal(ns_diag_parse(m.nlh, &s), 0);
		check_ends(&s, cases[i].as_local, cases[i].as_remote);
		assert_int_equal(s.local_port, 80);
		assert_int_equal(s.remote_port, 40000);
		assert_int_equal(s.inode, 5);
		assert_int_equal(s.uid, 33);
		assert_int_equal(s.v6only, i & 1);
	}
	make_socket(&m, AF_INET, "10.0.0.1", "10.0.0.2", 5);
	mnl_attr_put_u32(m.nlh, INET_DIAG_CGROUP_ID, 7); /* half an id is none */
	assert_int_equal(ns_diag_parse(m.nlh, &s), 0);
	assert_int_equal(s.cgroup, 0);
	mnl_attr_put_u64(m.nlh, INET_DIAG_CGROUP_ID, UINT64_C(0x700000001));
	assert_int_equal(ns_diag_parse(m.nlh, &s), 0);
	assert_true(s.cgroup == UINT64_C(0x700000001));
	make_socket(&m, AF_INET, "10.0.0.1", "10.0.0.2", 0); /* no file: nobody's */
	assert_int_equal(ns_diag_parse(m.nlh, &s), 0);
	assert_int_equal(s.uid, -1);
	m.nlh->nlmsg_len--;
	assert_int_equal(ns_diag_parse(m.nlh, &s), -EBADMSG);
	make_socket(&m, AF_INET, "10.0.0.1", "10.0.0.2", 1);
	m.nlh->nlmsg_type = NLMSG_ERROR;
	assert_int_equal(ns_diag_parse(m.nlh, &s), -EBADMSG);
}

static void check_clean(const char *path, const char *expected)
{
	char buf[NS_PROCESS_MAX];

	ns_process_clean(path, strlen(path), buf);
	assert_string_equal(buf, expected);
}

static void test_programs(void **state)
{
	char path[400], buf[NS_PROCESS_MAX];

	check_clean("/usr/bin/nginx", "/usr/bin/nginx");
	check_clean("/usr/bin/nginx (deleted)", "/usr/bin/nginx");
	check_clean(" (deleted)", " (deleted)");
	check_clean("/tmp/a\nb\x1b[31m\x7f", "/tmp/a?b?[31m?");
	check_clean("/opt/m\xc3\xbcsli", "/opt/m\xc3\xbcsli");
	check_clean("/opt/m\xfcsli", "/opt/m?sli");
	check_clean("", "");
	memset(path, 'x', sizeof path);
	memcpy(path + sizeof path - 4, "/end", 4); /* NOLINT(bugprone-not-null-terminated-result) */
	ns_process_clean(path, sizeof path, buf);
	assert_int_equal(strlen(buf), NS_PROCESS_MAX - 1);
	assert_string_equal(buf + strlen(buf) - 4, "/end");
	for (size_t slashes = 0; slashes < 2; slashes++) { /* a cut through a character leaves no half of it */
		memset(path, '/', sizeof path);
		for (size_t i = slashes; i + 2 <= 300 + slashes; i += 2)
			memcpy(path + i, "\xc3\xbc", 2); /* NOLINT(bugprone-not-null-terminated-result) */
		ns_process_clean(path, 300 + slashes, buf);
		assert_null(strchr(buf, '?'));
		assert_int_equal(strlen(buf), NS_PROCESS_MAX - 2);
		ns_process_clean(path, 301 + slashes, buf); /* ends in a slash */
		assert_null(strchr(buf, '?'));
		assert_int_equal(strlen(buf), NS_PROCESS_MAX - 1);
	}
}

static void test_budget(void **state)
{
	struct ns_budget b = ns_budget_make(20000, 1000, 5000);
	int64_t wait;

	assert_true(ns_budget_allows(&b, 5000)); /* full from the start */
	ns_budget_charge(&b, 3000);
	assert_false(ns_budget_allows(&b, 5000));
	wait = ns_budget_wait(&b, 5000);
	assert_true(wait > 100000 && wait < 100200); /* 2001 us at 20 in a thousand */
	assert_false(ns_budget_allows(&b, 5000 + wait - 200));
	assert_true(ns_budget_allows(&b, 5000 + wait));
	assert_int_equal(ns_budget_wait(&b, 5000 + wait), 0);
	assert_true(ns_budget_allows(&b, INT64_MAX)); /* for ever: not more than the limit */
	ns_budget_charge(&b, 1000);
	assert_false(ns_budget_allows(&b, INT64_MAX));
	b = ns_budget_make(20000, 1000, 0);
	ns_budget_charge(&b, 1001);
	for (int64_t now = 0; now < 100; now++) /* steps too short to count add up all the same */
		(void)ns_budget_allows(&b, now);
	assert_true(ns_budget_allows(&b, 100));
	assert_false(ns_budget_allows(&b, 50) && b.level > 1); /* a clock that goes back gives nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log),      cmocka_unit_test(test_broken_log), cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_programs), cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
