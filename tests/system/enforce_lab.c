/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <nanoseg/addr.h>
#include <nanoseg/edge.h>

#include "enforce_lab.h"

void lab_enter(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd;

	if (unshare(CLONE_NEWNET) < 0) {
		perror("a new network namespace (root is needed)");
		exit(1);
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0) {
		perror("lo");
		exit(1);
	}
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0) {
		perror("lo up");
		exit(1);
	}
	close(fd);
}

bool lab_kernel_at_least(unsigned major, unsigned minor)
{
	unsigned long have_major, have_minor;
	struct utsname name;
	char *end;

	assert_int_equal(uname(&name), 0);
	have_major = strtoul(name.release, &end, 10);
	assert_int_equal(*end, '.');
	have_minor = strtoul(end + 1, NULL, 10);
	return have_major > major || (have_major == major && have_minor >= minor);
}

enum ns_lock_protection lab_protection(void)
{
	return lab_kernel_at_least(6, 9) ? NS_LOCK_OWNED : NS_LOCK_UNPROTECTED;
}

int lab_run(const char *command, char **ret_output)
{
	enum { OUTPUT_MAX = 8 * 1024 * 1024 };
	char whole[1024], buf[4096], *output = NULL;
	size_t size = 0, n;
	FILE *memory = open_memstream(&output, &size), *pipe;
	int status;

	assert_non_null(memory);
	assert_in_range(snprintf(whole, sizeof(whole), "( %s ) 2>&1", command), 1, sizeof(whole) - 1);
	pipe = popen(whole, "re"); /* NOLINT(cert-env33-c): nft and ip are the oracles of these tests */
	assert_non_null(pipe);
	while ((n = fread(buf, 1, sizeof(buf), pipe)) > 0)
		if (ftell(memory) < OUTPUT_MAX)
			fwrite(buf, 1, n, memory);
	status = pclose(pipe);
	assert_int_equal(fclose(memory), 0);
	if (ret_output)
		*ret_output = output;
	else
		free(output);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

void lab_send_udp(const char *address, uint16_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool v6 = strchr(address, ':');
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		inet_pton(v6 ? AF_INET6 : AF_INET, address, v6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr), 1);
	/* A refusal may come back at once: the packet went out all the same. */
	(void)!sendto(fd, "x", 1, 0, v6 ? (const struct sockaddr *)&six : (const struct sockaddr *)&four,
		      v6 ? sizeof(six) : sizeof(four));
	close(fd);
}

void plan_begin(struct ns_plan *plan, int family)
{
	*plan = (struct ns_plan)NS_PLAN_INIT;
	plan->family = family;
	LAB_COPY(plan->table, NS_TABLE_NAME);
}

struct ns_plan_set *plan_set(struct ns_plan *plan, const char *name, unsigned n_fields, ...)
{
	struct ns_plan_set *set = ns_plan_add_set(plan, name, NULL);
	va_list args;

	assert_non_null(set);
	va_start(args, n_fields);
	for (unsigned i = 0; i < n_fields; i++)
		set->fields[i] = va_arg(args, enum ns_field);
	va_end(args);
	set->n_fields = (uint8_t)n_fields;
	return set;
}

static void put_value(enum ns_field field, const char *text, uint8_t *to)
{
	struct ether_addr ether;
	uint16_t port;
	uint64_t cgroup;
	uint32_t mark;

	switch (field) {
	case NS_FIELD_PROTO:
		assert_int_equal(ns_protocol_parse(text, to), 0);
		break;
	case NS_FIELD_IPV4:
		assert_int_equal(inet_pton(AF_INET, text, to), 1);
		break;
	case NS_FIELD_IPV6:
		assert_int_equal(inet_pton(AF_INET6, text, to), 1);
		break;
	case NS_FIELD_PORT:
		port = htons((uint16_t)strtoul(text, NULL, 10));
		memcpy(to, &port, sizeof(port));
		break;
	case NS_FIELD_ETHER:
		assert_non_null(ether_aton_r(text, &ether));
		memcpy(to, &ether, sizeof(ether));
		break;
	case NS_FIELD_IFNAME:
		assert_true(strlen(text) < NS_IFNAME_MAX);
		memcpy(to, text, strlen(text) + 1);
		break;
	case NS_FIELD_CGROUP:
		cgroup = strtoull(text, NULL, 0);
		memcpy(to, &cgroup, sizeof(cgroup));
		break;
	case NS_FIELD_MARK:
		mark = (uint32_t)strtoul(text, NULL, 0);
		memcpy(to, &mark, sizeof(mark));
		break;
	case NS_FIELD_INVALID:
		fail();
	}
}

struct ns_plan_element *plan_element(struct ns_plan_set *set, const char *tag, ...)
{
	struct ns_plan_element *element = ns_plan_add_element(set, NULL);
	size_t at = 0;
	va_list args;

	assert_non_null(element);
	LAB_COPY(element->tag, tag);
	va_start(args, tag);
	for (unsigned i = 0; i < set->n_fields; i++) {
		char lo[64], *dash;

		assert_in_range(snprintf(lo, sizeof(lo), "%s", va_arg(args, const char *)), 1, sizeof(lo) - 1);
		dash = set->interval ? strchr(lo, '-') : NULL;
		if (dash)
			*dash = '\0';
		put_value(set->fields[i], lo, element->key + at);
		put_value(set->fields[i], dash ? dash + 1 : lo, element->key_end + at);
		at += ns_field_padded_length(set->fields[i]);
	}
	va_end(args);
	return element;
}

struct ns_plan_chain *plan_chain(struct ns_plan *plan, const char *name)
{
	struct ns_plan_chain *chain = ns_plan_add_chain(plan, name, NULL);

	assert_non_null(chain);
	return chain;
}

struct ns_plan_chain *plan_base(struct ns_plan *plan, const char *name, uint32_t hook, int32_t priority,
				uint32_t policy)
{
	struct ns_plan_chain *chain = plan_chain(plan, name);

	chain->base = true;
	chain->hook = hook;
	chain->priority = priority;
	chain->policy = policy;
	return chain;
}

struct ns_plan_rule *plan_rule(struct ns_plan_chain *chain, const char *comment)
{
	struct ns_plan_rule *rule = ns_plan_add_rule(chain, NULL);

	assert_non_null(rule);
	LAB_COPY(rule->comment, comment);
	return rule;
}

struct ns_stmt *plan_stmt(struct ns_plan_rule *rule, enum ns_stmt_kind kind)
{
	struct ns_stmt *stmt;

	assert_true(rule->n_stmts < NS_RULE_STMTS_MAX);
	stmt = &rule->stmts[rule->n_stmts++];
	stmt->kind = kind;
	return stmt;
}

static void plan_payload(struct ns_plan_rule *rule, uint32_t base, uint32_t offset, uint32_t length, uint8_t reg)
{
	struct ns_stmt *stmt = plan_stmt(rule, NS_STMT_PAYLOAD);

	stmt->payload.base = base;
	stmt->payload.offset = offset;
	stmt->payload.length = length;
	stmt->payload.reg = reg;
}

void plan_tuple(struct ns_plan_rule *rule, int family, bool source)
{
	struct ns_stmt *stmt = plan_stmt(rule, NS_STMT_META);
	bool v6 = family == AF_INET6;

	stmt->meta.key = NFT_META_NFPROTO;
	stmt = plan_stmt(rule, NS_STMT_CMP);
	stmt->cmp.op = NFT_CMP_EQ;
	stmt->cmp.length = 1;
	stmt->cmp.data[0] = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	stmt = plan_stmt(rule, NS_STMT_META);
	stmt->meta.key = NFT_META_L4PROTO;
	if (v6)
		plan_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, source ? 8 : 24, 16, 1);
	else
		plan_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, source ? 12 : 16, 4, 1);
	plan_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, v6 ? 5 : 2);
}

void plan_lookup(struct ns_plan_rule *rule, const char *set)
{
	struct ns_stmt *stmt = plan_stmt(rule, NS_STMT_LOOKUP);

	LAB_COPY(stmt->lookup.set, set);
}

void plan_verdict(struct ns_plan_rule *rule, int32_t code, const char *chain)
{
	struct ns_stmt *stmt = plan_stmt(rule, NS_STMT_VERDICT);

	stmt->verdict.code = code;
	if (chain)
		LAB_COPY(stmt->verdict.chain, chain);
}

struct ns_lock *lab_lock(int family)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_lock *lock = NULL;

	if (ns_lock_open(-1, family, NS_TABLE_NAME, &lock, &err) < 0)
		fail_msg("%s", err.text);
	return lock;
}

struct ns_lock_result lab_apply(struct ns_lock *lock, const struct ns_plan *plan)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_lock_result result;
	int r = ns_lock_apply(lock, plan, &result, &err);

	if (r < 0)
		fail_msg("%s (%s)", err.text, strerror(-r));
	return result;
}

void lab_assert_holds(struct ns_lock *lock, const struct ns_plan *plan)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_plan found = NS_PLAN_INIT;
	char *wanted_text = NULL, *found_text = NULL;

	if (ns_lock_read(lock, &found, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(ns_plan_print(plan, &wanted_text, NULL), 0);
	assert_int_equal(ns_plan_print(&found, &found_text, NULL), 0);
	assert_string_equal(wanted_text, found_text);
	free(wanted_text);
	free(found_text);
	ns_plan_release(&found);
}

uint64_t lab_packets(struct ns_lock *lock, const char *set_name, const char *tag)
{
	struct ns_plan found = NS_PLAN_INIT;
	const struct ns_plan_set *set;
	uint64_t packets = 0;

	assert_int_equal(ns_lock_read(lock, &found, NULL), 0);
	set = ns_plan_find_set(&found, set_name);
	assert_non_null(set);
	for (size_t i = 0; i < set->n_elements; i++)
		if (strcmp(set->elements[i].tag, tag) == 0)
			packets += set->elements[i].packets;
	ns_plan_release(&found);
	return packets;
}

void lab_round_trip(struct ns_plan *plan, const char *words)
{
	struct ns_lock *lock = lab_lock(plan->family);
	struct ns_lock_result result;
	char *listing = NULL;

	ns_plan_normalise(plan);
	lab_apply(lock, plan);
	lab_assert_holds(lock, plan);
	result = lab_apply(lock, plan);
	assert_int_equal(result.sets_changed + result.chains_changed + result.elements_added + result.elements_removed,
			 0);
	assert_int_equal(
		lab_run(plan->family == NFPROTO_INET ? "nft list table inet nanoseg" : "nft list table netdev nanoseg",
			&listing),
		0);
	if (words && !strstr(listing, words))
		fail_msg("nft does not say '%s' but:\n%s", words, listing);
	free(listing);
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	assert_int_equal(ns_lock_read(lock, plan, NULL), -ENOENT);
	ns_lock_close(lock);
	ns_plan_release(plan);
}
