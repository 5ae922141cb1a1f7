/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <nanoseg/outer.h>

#include "change_locks.h"

#define OUTER_SLOTS 16384 /* a power of two, more than twice as many as there are endpoints */

struct change_lock {
	uint64_t cookie; /* outer ones */
	bool has_new, lost_old;
};

int change_address_parse(const char *text, struct change_address *ret)
{
	char address[64];
	const char *slash = strchr(text, '/');

	if (!slash || (size_t)(slash - text) >= sizeof address)
		return -1;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	ret->prefix = (uint8_t)strtoul(slash + 1, NULL, 10);
	ret->length = strchr(address, ':') ? 16 : 4;
	return inet_pton(ret->length == 4 ? AF_INET : AF_INET6, address, ret->bytes) == 1 ? 0 : -1;
}

bool change_locks_init(struct change_locks *locks)
{
	locks->inner = calloc(locks->n + 1, sizeof *locks->inner);
	locks->outer = calloc(OUTER_SLOTS, sizeof *locks->outer);
	return locks->inner && locks->outer;
}

/* The place of that outer lock, which is made when it is first heard of. */
static struct change_lock *outer_of(struct change_locks *locks, uint64_t cookie)
{
	uint64_t at = cookie * UINT64_C(0x9e3779b97f4a7c15) >> 32;

	while (locks->outer[at % OUTER_SLOTS].cookie && locks->outer[at % OUTER_SLOTS].cookie != cookie)
		at++;
	locks->outer[at % OUTER_SLOTS].cookie = cookie;
	return &locks->outer[at % OUTER_SLOTS];
}

/* NULL: no lock. */
static struct change_lock *lock_of(struct change_locks *locks, unsigned number, uint8_t family, const char *table)
{
	uint64_t cookie;

	if (number != 0)
		return family == NFPROTO_INET && strcmp(table, NS_TABLE_NAME) == 0 ? &locks->inner[number] : NULL;
	if (family != NFPROTO_NETDEV || ns_outer_table_cookie(table, &cookie) < 0 || cookie == 0)
		return NULL;
	return outer_of(locks, cookie);
}

static bool names(const struct nlmsghdr *message, const struct change_address *address)
{
	return memmem(mnl_nlmsg_get_payload(message), mnl_nlmsg_get_payload_len(message), address->bytes,
		      address->length) != NULL;
}

void change_locks_take(struct change_locks *locks, unsigned number, const struct nlmsghdr *message, uint64_t now)
{
	const struct nfgenmsg *nfgen = mnl_nlmsg_get_payload(message);
	const struct nlattr *table;
	struct change_lock *lock;
	bool had;

	if (message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || (message->nlmsg_type & 0xff) == NFT_MSG_NEWGEN ||
	    mnl_nlmsg_get_payload_len(message) < sizeof *nfgen + sizeof *table)
		return;
	table = mnl_nlmsg_get_payload_offset(message, sizeof *nfgen); /* the first attribute, whatever it tells of */
	if (mnl_attr_validate(table, MNL_TYPE_NUL_STRING) < 0)
		return;
	lock = lock_of(locks, number, nfgen->nfgen_family, mnl_attr_get_str(table));
	if (!lock)
		return;
	had = lock->has_new && lock->lost_old;
	switch (message->nlmsg_type & 0xff) {
	case NFT_MSG_NEWSETELEM:
		lock->has_new = lock->has_new || names(message, &locks->new);
		break;
	case NFT_MSG_DELSETELEM:
		lock->lost_old = lock->lost_old || names(message, &locks->old);
		break;
	case NFT_MSG_DELTABLE: /* made anew: with the address that is the right one now, or it is never told of */
	case NFT_MSG_DELSET:
		lock->lost_old = true;
		break;
	default:
		break;
	}
	if (had || !lock->has_new || !lock->lost_old)
		return;
	if (number) {
		locks->n_inner++;
		locks->last_inner = now;
	} else {
		locks->n_outer++;
		locks->last_outer = now;
	}
}

bool change_locks_done(const struct change_locks *locks)
{
	return locks->n_inner >= locks->n && locks->n_outer >= locks->n;
}
