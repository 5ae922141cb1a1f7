/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The canonical text of a plan. Exact: two plans have the same text if and only if they mean the same.
 */
#include <inttypes.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio_ext.h>
#include <string.h>

#include <linux/netfilter.h>

#include "cleanup.h"
#include "digest.h"

#include <nanoseg/edge.h>

#include "plan_text.h"

_Static_assert(NS_DIGEST_SIZE == 72, "ns_plan_digest's output is as long as a digest");

void ns_plan_text_escaped(FILE *out, const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c >= 0x20 && *c < 0x7f && *c != '\\' && *c != '"')
			(void)putc_unlocked(*c, out);
		else
			fprintf(out, "\\x%02x", *c);
	}
}

void ns_plan_text_hex(FILE *out, const uint8_t *bytes, size_t length)
{
	static const char digits[16] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		(void)putc_unlocked(digits[bytes[i] >> 4], out);
		(void)putc_unlocked(digits[bytes[i] & 15], out);
	}
}

void ns_plan_text_number(FILE *out, uint32_t number)
{
	char digits[10];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while (number /= 10);
	while (n > 0)
		(void)putc_unlocked(digits[--n], out);
}

static const char *field_name(enum ns_field field)
{
	switch (field) {
	case NS_FIELD_PROTO:
		return "proto";
	case NS_FIELD_IPV4:
		return "ipv4";
	case NS_FIELD_IPV6:
		return "ipv6";
	case NS_FIELD_PORT:
		return "port";
	case NS_FIELD_ETHER:
		return "ether";
	case NS_FIELD_IFNAME:
		return "ifname";
	case NS_FIELD_MARK:
		return "mark";
	case NS_FIELD_CGROUP:
		return "cgroup";
	case NS_FIELD_INVALID:
		break;
	}
	return "invalid";
}

void ns_plan_text_table(FILE *out, const struct ns_plan *plan)
{
	fputs("table ", out);
	if (plan->family == NFPROTO_INET)
		fputs("inet ", out);
	else if (plan->family == NFPROTO_NETDEV)
		fputs("netdev ", out);
	else
		fprintf(out, "family-%d ", plan->family);
	ns_plan_text_escaped(out, plan->table);
}

void ns_plan_text_counter(FILE *out, const struct ns_plan_counter *counter)
{
	fputs("counter ", out);
	ns_plan_text_escaped(out, counter->name);
}

void ns_plan_text_set(FILE *out, const struct ns_plan_set *set)
{
	fputs("set ", out);
	ns_plan_text_escaped(out, set->name);
	fputs(" { ", out);
	for (unsigned i = 0; i < set->n_fields && i < NS_KEY_FIELDS_MAX; i++)
		fprintf(out, "%s%s", i ? " . " : "", field_name(set->fields[i]));
	if (set->interval)
		fputs("; interval", out);
	if (set->dynamic)
		fputs("; dynamic", out);
	if (set->timeout)
		fputs("; timeout", out);
	if (set->counter)
		fputs("; counter", out);
	if (set->size)
		fprintf(out, "; size %u", set->size);
	fputs(" }", out);
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Only names without a surprise: an interface name that the text could not tell apart is shown in hexadecimal. */
static bool plain_name(const uint8_t *name)
{
	size_t length = strnlen((const char *)name, NS_IFNAME_MAX);

	for (size_t i = 0; i < length; i++)
		if (name[i] <= 0x20 || name[i] >= 0x7f || name[i] == '"' || name[i] == '\\')
			return false;
	return length > 0 && all_zero(name + length, NS_IFNAME_MAX - length);
}

static void print_field(FILE *out, enum ns_field field, const uint8_t *key)
{
	size_t length = ns_field_length(field), padded = ns_field_padded_length(field);
	char text[NS_ADDR_TEXT_MAX], number[4];
	struct ns_addr addr;
	uint64_t cgroup;
	uint32_t mark;

	if (!all_zero(key + length, padded - length) || (field == NS_FIELD_IFNAME && !plain_name(key))) {
		fputs("0x", out);
		ns_plan_text_hex(out, key, padded);
		return;
	}
	switch (field) {
	case NS_FIELD_PROTO:
		fputs(ns_protocol_format(key[0], number), out);
		break;
	case NS_FIELD_PORT:
		ns_plan_text_number(out, (uint32_t)(key[0] << 8 | key[1]));
		break;
	case NS_FIELD_IPV4:
	case NS_FIELD_IPV6:
		addr = ns_addr_from_bytes(field == NS_FIELD_IPV4 ? AF_INET : AF_INET6, key);
		fputs(ns_addr_format(&addr, text), out);
		break;
	case NS_FIELD_ETHER:
		fprintf(out, "%02x:%02x:%02x:%02x:%02x:%02x", key[0], key[1], key[2], key[3], key[4], key[5]);
		break;
	case NS_FIELD_IFNAME:
		fprintf(out, "\"%.16s\"", (const char *)key);
		break;
	case NS_FIELD_CGROUP:
		memcpy(&cgroup, key, sizeof(cgroup));
		fprintf(out, "%" PRIu64, cgroup);
		break;
	case NS_FIELD_MARK:
		memcpy(&mark, key, sizeof(mark));
		fprintf(out, "%u", mark);
		break;
	case NS_FIELD_INVALID:
		break;
	}
}

void ns_plan_text_element(FILE *out, const struct ns_plan_set *set, const struct ns_plan_element *element)
{
	size_t at = 0;

	fputs("element ", out);
	ns_plan_text_escaped(out, set->name);
	fputs(" { ", out);
	for (unsigned i = 0; i < set->n_fields && i < NS_KEY_FIELDS_MAX; i++) {
		size_t length = ns_field_padded_length(set->fields[i]);

		if (at + length > NS_KEY_MAX)
			break;
		if (i)
			fputs(" . ", out);
		print_field(out, set->fields[i], element->key + at);
		if (set->interval && memcmp(element->key + at, element->key_end + at, length) != 0) {
			fputs("-", out);
			print_field(out, set->fields[i], element->key_end + at);
		}
		at += length;
	}
	fputs(" }", out);
	if (element->tag[0]) {
		fputs(" ", out);
		ns_plan_text_escaped(out, element->tag);
	}
}

static void print_hook(FILE *out, int family, uint32_t hook)
{
	static const char *const inet[] = { "prerouting", "input", "forward", "output", "postrouting", "ingress" };
	static const char *const netdev[] = { "ingress", "egress" };

	if (family == NFPROTO_INET && hook < sizeof(inet) / sizeof(inet[0]))
		fputs(inet[hook], out);
	else if (family == NFPROTO_NETDEV && hook < sizeof(netdev) / sizeof(netdev[0]))
		fputs(netdev[hook], out);
	else
		fprintf(out, "%u", hook);
}

void ns_plan_text_chain(FILE *out, const struct ns_plan *plan, const struct ns_plan_chain *chain)
{
	fputs("chain ", out);
	ns_plan_text_escaped(out, chain->name);
	if (!chain->base)
		return;
	fputs(" hook ", out);
	print_hook(out, plan->family, chain->hook);
	if (chain->device[0]) {
		fputs(" device \"", out);
		ns_plan_text_escaped(out, chain->device);
		fputs("\"", out);
	}
	fprintf(out, " priority %d policy ", chain->priority);
	if (chain->policy == NF_ACCEPT)
		fputs("accept", out);
	else if (chain->policy == NF_DROP)
		fputs("drop", out);
	else
		fprintf(out, "%u", chain->policy);
}

void ns_plan_text_rule(FILE *out, const struct ns_plan_chain *chain, const struct ns_plan_rule *rule)
{
	fputs("rule ", out);
	ns_plan_text_escaped(out, chain->name);
	fputs(": ", out);
	ns_plan_text_stmts(out, rule);
	if (rule->comment[0]) {
		fputs(" # ", out);
		ns_plan_text_escaped(out, rule->comment);
	}
}

static int compare_chains(const void *a, const void *b)
{
	const struct ns_plan_chain *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

void ns_plan_text_sort_chains(const struct ns_plan *plan, const struct ns_plan_chain *ret[static NS_PLAN_CHAINS_MAX])
{
	for (size_t i = 0; i < plan->n_chains; i++)
		ret[i] = &plan->chains[i];
	qsort(ret, plan->n_chains, sizeof(struct ns_plan_chain *), compare_chains);
}

static void print_plan(FILE *out, const struct ns_plan *plan, bool elements)
{
	const struct ns_plan_chain *chains[NS_PLAN_CHAINS_MAX];

	ns_plan_text_table(out, plan);
	fputc('\n', out);
	for (size_t i = 0; i < plan->n_counters; i++) {
		ns_plan_text_counter(out, &plan->counters[i]);
		fputc('\n', out);
	}
	for (size_t i = 0; i < plan->n_sets; i++) {
		const struct ns_plan_set *set = &plan->sets[i];

		ns_plan_text_set(out, set);
		fputc('\n', out);
		for (size_t j = 0; elements && ns_plan_text_has_elements(set) && j < set->n_elements; j++) {
			ns_plan_text_element(out, set, &set->elements[j]);
			fputc('\n', out);
		}
	}
	ns_plan_text_sort_chains(plan, chains);
	for (size_t i = 0; i < plan->n_chains; i++) {
		ns_plan_text_chain(out, plan, chains[i]);
		fputc('\n', out);
		for (size_t j = 0; j < chains[i]->n_rules; j++) {
			ns_plan_text_rule(out, chains[i], &chains[i]->rules[j]);
			fputc('\n', out);
		}
	}
}

static int print(const struct ns_plan *plan, bool elements, char **ret, struct ns_error *err)
{
	NS_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return ns_error_set(err, -ENOMEM, "no memory to print a plan");
	(void)__fsetlocking(out, FSETLOCKING_BYCALLER);
	print_plan(out, plan, elements);
	if (fclose(out) != 0 || !text)
		return ns_error_set(err, -ENOMEM, "no memory to print a plan");
	*ret = NS_TAKE(text);
	return 0;
}

int ns_plan_print(const struct ns_plan *plan, char **ret, struct ns_error *err)
{
	return print(plan, true, ret, err);
}

static int digest(const struct ns_plan *plan, bool elements, char ret[static NS_DIGEST_SIZE], struct ns_error *err)
{
	NS_FREE char *text = NULL;
	int r = print(plan, elements, &text, err);

	return text ? ns_digest_bytes(text, strlen(text), ret, err) : r;
}

int ns_plan_digest(const struct ns_plan *plan, char ret[static 72], struct ns_error *err)
{
	return digest(plan, true, ret, err);
}

int ns_plan_structure_digest(const struct ns_plan *plan, char ret[static 72], struct ns_error *err)
{
	return digest(plan, false, ret, err);
}
