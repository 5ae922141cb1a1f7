/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <nanoseg/outer.h>
#include <nanoseg/plan.h>

#include "nft/attr.h"

#include "drift_parse.h"

/* Those of the kernel's have at most NFT_NAME_MAXLEN bytes, whatever they are. */
#define FOREIGN_NAME_MAX 256

void ns_drift_clean(char *text)
{
	for (char *c = text; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}

static bool is_our_table(int family, const char *name)
{
	return (family == NFPROTO_INET || family == NFPROTO_NETDEV) &&
	       (strcmp(name, NS_TABLE_NAME) == 0 ||
		strncmp(name, NS_OUTER_TABLE_PREFIX, strlen(NS_OUTER_TABLE_PREFIX)) == 0);
}

static int take_generation(struct ns_drift_transaction *transaction, const struct nlmsghdr *message)
{
	struct ns_attrs attrs;

	ns_attrs_parse_message(&attrs, message);
	transaction->complete = true;
	transaction->pid = ns_attrs_u32(&attrs, NFTA_GEN_PROC_PID, 0);
	(void)ns_attrs_string(&attrs, NFTA_GEN_PROC_NAME, transaction->name, sizeof(transaction->name));
	ns_drift_clean(transaction->name);
	return attrs.malformed ? -EBADMSG : 1;
}

/* In every kind of message the first attribute is the table's name. */
_Static_assert((int)NFTA_TABLE_NAME == (int)NFTA_CHAIN_TABLE && (int)NFTA_TABLE_NAME == (int)NFTA_RULE_TABLE &&
		       (int)NFTA_TABLE_NAME == (int)NFTA_SET_TABLE &&
		       (int)NFTA_TABLE_NAME == (int)NFTA_SET_ELEM_LIST_TABLE &&
		       (int)NFTA_TABLE_NAME == (int)NFTA_OBJ_TABLE && (int)NFTA_TABLE_NAME == (int)NFTA_FLOWTABLE_TABLE,
	       "the table's name");

static int take_change(struct ns_drift_transaction *transaction, const struct nlmsghdr *message)
{
	const struct nfgenmsg *nfgen = mnl_nlmsg_get_payload(message);
	struct ns_drift_tally *tally;
	char name[FOREIGN_NAME_MAX];
	struct ns_attrs attrs;

	ns_attrs_parse_message(&attrs, message);
	if (attrs.malformed || !ns_attrs_string(&attrs, NFTA_TABLE_NAME, name, sizeof(name)))
		return -EBADMSG;
	tally = is_our_table(nfgen->nfgen_family, name) ? &transaction->ours : &transaction->others;
	tally->changes++;
	if (tally->changes > 1)
		return 0;
	tally->family = nfgen->nfgen_family;
	(void)snprintf(tally->table, sizeof(tally->table), "%.*s", (int)sizeof(tally->table) - 1, name);
	ns_drift_clean(tally->table);
	return 0;
}

int ns_drift_parse(struct ns_drift_transaction *transaction, const struct nlmsghdr *message)
{
	int r;

	if (message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || message->nlmsg_pid == 0)
		return 0;
	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg))
		return -EBADMSG;
	/* The last one was complete, or its end was lost: */
	if (transaction->complete || transaction->port != message->nlmsg_pid)
		*transaction = (struct ns_drift_transaction){ .port = message->nlmsg_pid };
	r = (message->nlmsg_type & 0xff) == NFT_MSG_NEWGEN ? take_generation(transaction, message)
							   : take_change(transaction, message);
	return r;
}
