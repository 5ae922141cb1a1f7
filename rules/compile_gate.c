/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The gate. It says nothing of packets, only of ports: the standing one closes every port whose name fits a pattern
 * unless it is listed, also when no agent is there to list it; the other closes the ports it is told of.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <nanoseg/outer.h>

#include "compile.h"

struct hook {
	uint32_t hook;
	const char *word; /* from the container, or to it */
	uint32_t index, name;
};

static const struct hook hooks[] = {
	{ NF_NETDEV_INGRESS, "from", NFT_META_IIF, NFT_META_IIFNAME },
	{ NF_NETDEV_EGRESS, "to", NFT_META_OIF, NFT_META_OIFNAME },
};

static size_t n_hooks(const struct ns_gate_options *options)
{
	return options->egress_hook ? 2 : 1;
}

static void device_chain(struct ns_builder *b, const struct hook *hook, const char *suffix, const char *device)
{
	char name[NS_NFT_NAME_MAX];

	(void)snprintf(name, sizeof(name), "%s_%s", hook->word, suffix);
	ns_builder_base_chain(b, name, hook->hook, NS_GATE_PRIORITY, NF_DROP);
	ns_builder_device(b, device);
}

/* "veth*"; one without the star would be a device that need not be there, and "*" would be the host's own too. */
static bool is_pattern(const char *text)
{
	size_t length = strlen(text);

	return length > 1 && length < NS_IFNAME_MAX && strcspn(text, "*") == length - 1 && !strpbrk(text, "/ \t\n");
}

static void open_ports(struct ns_builder *b, const struct ns_gate_options *options)
{
	ns_builder_set(b, &(struct ns_plan_set){ .name = NS_SET_OPEN_PORTS,
						 .fields = { NS_FIELD_MARK, NS_FIELD_IFNAME },
						 .n_fields = 2 });
	for (size_t i = 0; i < options->n_open; i++) {
		uint8_t key[sizeof(uint32_t) + NS_IFNAME_MAX] = { 0 };
		uint32_t index = (uint32_t)options->open[i].index;

		memcpy(key, &index, sizeof(index));
		(void)snprintf((char *)key + sizeof(index), NS_IFNAME_MAX, "%s", options->open[i].name);
		ns_compile_element(b, NS_SET_OPEN_PORTS, key, NULL, sizeof(key));
	}
}

static void standing(struct ns_builder *b, const struct ns_gate_options *options)
{
	if (options->n_patterns > NS_GATE_PATTERNS_MAX)
		ns_builder_fail(b,
				ns_error_set(b->err, -E2BIG, "more than %d patterns of ports", NS_GATE_PATTERNS_MAX));
	open_ports(b, options);
	for (size_t i = 0; b->code == 0 && i < options->n_patterns; i++) {
		const char *pattern = options->patterns[i];
		char stem[NS_IFNAME_MAX];

		if (!is_pattern(pattern)) {
			ns_builder_fail(b, ns_error_set(b->err, -EINVAL,
							"'%.32s' is no pattern of ports; it must be 1 to %d "
							"characters and a star",
							pattern, NS_IFNAME_MAX - 2));
			return;
		}
		(void)snprintf(stem, sizeof(stem), "%.*s", (int)strlen(pattern) - 1, pattern);
		for (size_t j = 0; j < n_hooks(options); j++) {
			device_chain(b, &hooks[j], stem, pattern);
			ns_builder_rule(b, "open ports");
			ns_builder_meta(b, hooks[j].index, 0);
			ns_builder_meta(b, hooks[j].name, 1);
			ns_builder_lookup(b, NS_SET_OPEN_PORTS, 0, false);
			ns_builder_accept(b);
		}
	}
}

static void one_by_one(struct ns_builder *b, const struct ns_gate_options *options)
{
	if (options->n_closed > NS_GATE_CLOSED_MAX)
		ns_builder_fail(b, ns_error_set(b->err, -E2BIG, "more than %d ports are closed one by one",
						NS_GATE_CLOSED_MAX));
	for (size_t i = 0; b->code == 0 && i < options->n_closed; i++) {
		char index[16];

		(void)snprintf(index, sizeof(index), "%d", options->closed[i].index);
		for (size_t j = 0; j < n_hooks(options); j++)
			device_chain(b, &hooks[j], index, options->closed[i].name);
	}
}

int ns_compile_gate(const struct ns_gate_options *options, struct ns_plan *ret, struct ns_error *err)
{
	struct ns_plan plan = { .family = NFPROTO_NETDEV, .table = NS_GATE_TABLE };
	struct ns_builder b = { .plan = &plan, .err = err };

	if (options->standing)
		standing(&b, options);
	else
		one_by_one(&b, options);
	return ns_compile_finish(&b, &plan, ret);
}
