/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "report_contenders.h"

static const struct {
	const char *name, *title;
	enum bench_kind kind;
	unsigned style;
	bool dashed;
} contenders[] = {
	{ "none", "no rules", BENCH_BASELINE, 9, false },
	{ "conntrack", "conntrack only", BENCH_BASELINE, 9, true },
	{ "nanoseg", "nanoseg", BENCH_OWN, 0, false },
	{ "inner", "nanoseg, inner lock", BENCH_OWN, 0, false },
	{ "outer", "nanoseg, outer lock", BENCH_OWN, 1, false },
	{ "both", "nanoseg, both locks", BENCH_OWN, 2, false },
	{ "auditing", "nanoseg, auditing", BENCH_OWN, 0, true },
	{ "learning", "nanoseg, learning", BENCH_OWN, 1, true },
	{ "nft-f", "nft -f", BENCH_OTHER, 4, false },
	{ "nft-f-delta", "nft -f of the difference", BENCH_OTHER, 5, false },
	{ "nft-linear", "nft, a rule each", BENCH_OTHER, 4, false },
	{ "nft-linear-first", "nft, before established", BENCH_OTHER, 4, true },
	{ "iptables-linear", "iptables, a rule each", BENCH_OTHER, 5, false },
	{ "ipset", "iptables with ipset", BENCH_OTHER, 6, false },
	{ "nfqueue", "NFQUEUE, every packet", BENCH_OTHER, 7, false },
	{ "nfqueue-new", "NFQUEUE, first packets", BENCH_OTHER, 7, true },
	{ "opensnitch", "OpenSnitch", BENCH_OTHER, 8, false },
	{ "conntrack-E", "conntrack -E", BENCH_OTHER, 5, false },
	{ "ulogd2", "ulogd2", BENCH_OTHER, 7, false },
	{ "enforcing", "nanoseg, enforcing", BENCH_OWN, 0, false },
	{ "first", "nanoseg, first start", BENCH_OWN, 0, false },
	{ "restart", "nanoseg, restart", BENCH_OWN, 1, false },
	{ "restarted", "nanoseg, restarted", BENCH_OWN, 2, false },
	{ "one", "nanoseg, one workload", BENCH_OWN, 0, false },
	{ "many", "nanoseg, 1,000 workloads", BENCH_OWN, 1, false },
};

static const struct {
	const char *name, *title;
} groups[] = {
	{ "datapath", "Packets and connections under rules" },
	{ "learning", "Learning" },
	{ "attach", "A container starts" },
	{ "change", "Something changes" },
	{ "cost", "Memory, CPU and a large graph" },
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static size_t place(const char *name)
{
	size_t length = strcspn(name, " "), i = 0;

	while (i < COUNT(contenders) &&
	       (strncmp(contenders[i].name, name, length) != 0 || contenders[i].name[length] != '\0'))
		i++;
	return i;
}

struct bench_contender bench_contender(const char *name)
{
	struct bench_contender ret = { .name = name };
	const char *rest = name + strcspn(name, " ");
	size_t i = place(name);
	uint32_t hash = 2166136261u;

	if (i < COUNT(contenders)) {
		ret.kind = contenders[i].kind;
		ret.style = contenders[i].style;
		ret.dashed = contenders[i].dashed;
		(void)snprintf(ret.title, sizeof ret.title, "%s%s%s", contenders[i].title, *rest ? "," : "", rest);
		return ret;
	}
	for (const char *c = name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	ret.style = 3 + hash % (BENCH_STYLES - 4);
	(void)snprintf(ret.title, sizeof ret.title, "%s", name);
	return ret;
}

int bench_contender_compare(const char *a, const char *b)
{
	size_t left = place(a), right = place(b);

	return left == right ? strcmp(a, b) : left < right ? -1 : 1;
}

static size_t group_place(const char *name)
{
	size_t i = 0;

	while (i < COUNT(groups) && strcmp(groups[i].name, name) != 0)
		i++;
	return i;
}

int bench_group_compare(const char *a, const char *b)
{
	size_t left = group_place(a), right = group_place(b);

	return left == right ? strcmp(a, b) : left < right ? -1 : 1;
}

const char *bench_group_title(const char *group)
{
	size_t i = group_place(group);

	return i < COUNT(groups) ? groups[i].title : NULL;
}
