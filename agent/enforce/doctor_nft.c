/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "cgroup2.h"
#include "nft/dump.h"

#include "doctor_probes.h"

static struct ns_plan_chain *add_base(struct ns_plan *plan, uint32_t hook, const char *device, struct ns_error *err)
{
	struct ns_plan_chain *chain = ns_plan_add_chain(plan, "base", err);

	if (chain) {
		chain->base = true;
		chain->hook = hook;
		chain->policy = NF_ACCEPT;
		memcpy(chain->device, device, strlen(device) + 1);
	}
	return chain;
}

static struct ns_plan_set *add_set(struct ns_plan *plan, struct ns_error *err)
{
	struct ns_plan_set *set = ns_plan_add_set(plan, "tuples", err);

	if (set) {
		set->fields[0] = NS_FIELD_PROTO;
		set->fields[1] = NS_FIELD_IPV6;
		set->fields[2] = NS_FIELD_PORT;
		set->n_fields = 3;
		set->counter = true;
	}
	return set;
}

static struct ns_stmt *add_stmt(struct ns_plan_rule *rule, enum ns_stmt_kind kind)
{
	struct ns_stmt *stmt = &rule->stmts[rule->n_stmts++];

	stmt->kind = kind;
	return stmt;
}

/* A table with one base chain on the output hook and one rule in it; NULL: no memory. */
static struct ns_plan_rule *one_rule(struct ns_plan *plan, struct ns_error *err)
{
	struct ns_plan_chain *chain;

	ns_scratch_plan(plan, NFPROTO_INET);
	chain = add_base(plan, NF_INET_LOCAL_OUT, "", err);
	return chain ? ns_plan_add_rule(chain, err) : NULL;
}

static int give_up(struct ns_plan *plan)
{
	ns_plan_release(plan);
	return -ENOMEM;
}

int ns_probe_inet_table(struct ns_scratch *scratch, struct ns_error *err)
{
	struct ns_plan plan;
	struct ns_plan_rule *rule = one_rule(&plan, err);

	if (!rule)
		return give_up(&plan);
	add_stmt(rule, NS_STMT_COUNTER);
	return ns_scratch_try(scratch, &plan, err);
}

static int try_set(struct ns_scratch *scratch, bool interval, struct ns_error *err)
{
	struct ns_plan_element *element;
	struct ns_plan_set *set;
	struct ns_plan plan;

	ns_scratch_plan(&plan, NFPROTO_INET);
	set = add_set(&plan, err);
	element = set ? ns_plan_add_element(set, err) : NULL;
	if (!element)
		return give_up(&plan);
	set->interval = interval;
	element->key[0] = element->key_end[0] = IPPROTO_TCP;
	element->key[4] = element->key_end[4] = 0xfd;
	element->key_end[19] = interval ? 0xff : 0;
	return ns_scratch_try(scratch, &plan, err);
}

int ns_probe_concatenated_sets(struct ns_scratch *scratch, struct ns_error *err)
{
	return try_set(scratch, false, err);
}

int ns_probe_interval_sets(struct ns_scratch *scratch, struct ns_error *err)
{
	return try_set(scratch, true, err);
}

static int note_element(void *ctx, const struct ns_plan_element *element, size_t key_length)
{
	bool *counted = ctx;

	*counted = *counted || element->packets > 0;
	return 0;
}

/* Lets the packet path add an element and count it. */
int ns_probe_dynamic_sets(struct ns_scratch *scratch, struct ns_error *err)
{
	struct ns_plan plan;
	struct ns_plan_rule *rule = one_rule(&plan, err);
	struct ns_plan_set *set = rule ? add_set(&plan, err) : NULL;
	struct ns_stmt *stmt;
	bool counted = false;
	int r;

	if (!set)
		return give_up(&plan);
	set->dynamic = true;
	set->size = 16;
	stmt = add_stmt(rule, NS_STMT_META);
	stmt->meta.key = NFT_META_L4PROTO;
	stmt = add_stmt(rule, NS_STMT_PAYLOAD);
	stmt->payload.base = NFT_PAYLOAD_NETWORK_HEADER;
	stmt->payload.offset = 24;
	stmt->payload.length = 16;
	stmt->payload.reg = 1;
	stmt = add_stmt(rule, NS_STMT_PAYLOAD);
	stmt->payload.base = NFT_PAYLOAD_TRANSPORT_HEADER;
	stmt->payload.offset = 2;
	stmt->payload.length = 2;
	stmt->payload.reg = 5;
	stmt = add_stmt(rule, NS_STMT_DYNSET);
	memcpy(stmt->dynset.set, set->name, sizeof(set->name));
	r = ns_scratch_put(scratch, scratch->nft, &plan, 0, err);
	if (r == 0)
		r = ns_scratch_send_udp(scratch, AF_INET6, err);
	if (r == 0)
		r = ns_nft_dump_elements(scratch->nft, NFPROTO_INET, plan.table, set->name, note_element, &counted,
					 err);
	ns_plan_release(&plan);
	if (r == 0 && !counted)
		r = ns_error_set(err, -ENODATA, "a packet was sent, and the set has not counted it");
	(void)ns_scratch_delete(scratch, scratch->nft, NFPROTO_INET, NULL);
	return r;
}

int ns_probe_conntrack(struct ns_scratch *scratch, struct ns_error *err)
{
	struct ns_plan plan;
	struct ns_plan_rule *rule = one_rule(&plan, err);
	struct ns_stmt *stmt;

	if (!rule)
		return give_up(&plan);
	stmt = add_stmt(rule, NS_STMT_CT);
	stmt->ct.key = NFT_CT_STATE;
	stmt->ct.dir = NS_CT_DIR_NONE;
	return ns_scratch_try(scratch, &plan, err);
}

int ns_probe_fib(struct ns_scratch *scratch, struct ns_error *err)
{
	struct ns_plan plan;
	struct ns_plan_rule *rule = one_rule(&plan, err);
	struct ns_stmt *stmt;

	if (!rule)
		return give_up(&plan);
	stmt = add_stmt(rule, NS_STMT_FIB);
	stmt->fib.flags = NFTA_FIB_F_SADDR;
	return ns_scratch_try(scratch, &plan, err);
}

int ns_probe_limit(struct ns_scratch *scratch, struct ns_error *err)
{
	struct ns_plan plan;
	struct ns_plan_rule *rule = one_rule(&plan, err);
	struct ns_stmt *stmt;

	if (!rule)
		return give_up(&plan);
	stmt = add_stmt(rule, NS_STMT_LIMIT);
	stmt->limit.rate = 1;
	stmt->limit.unit_s = 1;
	stmt->limit.burst = 5;
	return ns_scratch_try(scratch, &plan, err);
}

int ns_probe_reject(struct ns_scratch *scratch, struct ns_error *err)
{
	struct ns_plan plan;
	struct ns_plan_rule *rule = one_rule(&plan, err);
	struct ns_stmt *stmt;

	if (!rule)
		return give_up(&plan);
	stmt = add_stmt(rule, NS_STMT_REJECT);
	stmt->reject.type = NFT_REJECT_ICMPX_UNREACH;
	stmt->reject.code = NFT_REJECT_ICMPX_ADMIN_PROHIBITED;
	return ns_scratch_try(scratch, &plan, err);
}

static int try_netdev(struct ns_scratch *scratch, uint32_t hook, const char *device, struct ns_error *err)
{
	struct ns_plan plan;

	ns_scratch_plan(&plan, NFPROTO_NETDEV);
	if (!add_base(&plan, hook, device, err))
		return give_up(&plan);
	return ns_scratch_try(scratch, &plan, err);
}

int ns_probe_netdev_ingress(struct ns_scratch *scratch, struct ns_error *err)
{
	return try_netdev(scratch, NF_NETDEV_INGRESS, "lo", err);
}

int ns_probe_netdev_egress(struct ns_scratch *scratch, struct ns_error *err)
{
	return try_netdev(scratch, NF_NETDEV_EGRESS, "lo", err);
}

int ns_probe_wildcard_device(struct ns_scratch *scratch, struct ns_error *err)
{
	return try_netdev(scratch, NF_NETDEV_INGRESS, "veth*", err);
}

int ns_probe_socket_cgroup(struct ns_scratch *scratch, struct ns_error *err)
{
	struct ns_plan plan;
	struct ns_plan_rule *rule = one_rule(&plan, err);
	char mount[PATH_MAX];
	struct ns_stmt *stmt;
	int r;

	if (!rule)
		return give_up(&plan);
	stmt = add_stmt(rule, NS_STMT_SOCKET);
	stmt->socket.key = NFT_SOCKET_CGROUPV2;
	stmt->socket.level = 1;
	r = ns_scratch_try(scratch, &plan, err);
	/* Without the hierarchy every socket is of its root. */
	return r < 0 ? r : ns_cgroup2_mount(mount, err);
}
