/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A transaction whose outcome is what the kernel tells of it (NLM_F_ECHO), not an acknowledgement for each message.
 * What it tells comes from the commit itself (nf_tables_commit in net/netfilter/nf_tables_api.c): every element that
 * came or went, and last the new generation; when nothing is committed, the errors alone come.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/attr.h"
#include "nft/batch_private.h"

/* Datagrams of notifications have about a page, those of many elements a few. */
#define RECEIVE_BYTES ((size_t)64 * 1024)

struct told {
	const struct ns_nft_batch *batch;
	uint32_t first, port;
	size_t elements;
	uint32_t generation;
	bool committed, refused;
};

static size_t count_elements(const struct nlmsghdr *message)
{
	const struct nlattr *list, *attr;
	struct ns_attrs attrs;
	size_t n = 0;

	ns_attrs_parse_message(&attrs, message);
	list = attrs.by_type[NFTA_SET_ELEM_LIST_ELEMENTS];
	for (attr = list ? ns_attr_first(list) : NULL; attr; attr = ns_attr_next(list, attr))
		n++;
	return attrs.malformed ? 0 : n;
}

static int take_error(struct told *told, const struct nlmsghdr *message, uint32_t place, struct ns_nft_batch *batch,
		      struct ns_error *err)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(message);
	char text[256];

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*e) || e->error == 0 || told->refused)
		return 0;
	told->refused = true;
	batch->refused = place <= batch->n ? place : 0;
	(void)snprintf(text, sizeof(text), "%s", strerror(-e->error));
	ns_nft_error_explain(message, text, sizeof(text));
	return ns_error_set(err, e->error < 0 ? e->error : -EPROTO, "%s: %s",
			    batch->refused ? batch->labels[batch->refused - 1].text : "commit", text);
}

static int take(struct told *told, const struct nlmsghdr *message, struct ns_nft_batch *batch, struct ns_error *err)
{
	uint32_t place = message->nlmsg_seq - told->first; /* 0: the batch itself; its messages from 1 */
	bool ours = message->nlmsg_pid == told->port && place <= told->batch->n + 1;
	struct ns_attrs attrs;

	/* The tail of an answer given up earlier is passed over. Of elements newer kernels do not tell the sequence. */
	if (!ours && (message->nlmsg_pid != told->port || message->nlmsg_seq != 0))
		return 0;
	switch (message->nlmsg_type) {
	case NLMSG_ERROR:
		return ours ? take_error(told, message, place, batch, err) : 0;
	case (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWSETELEM:
	case (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_DELSETELEM:
		told->elements += count_elements(message);
		break;
	case (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN:
		ns_attrs_parse_message(&attrs, message);
		told->generation = ns_attrs_u32(&attrs, NFTA_GEN_ID, 0);
		told->committed = told->committed || ours;
		break;
	default:
		break;
	}
	return 0;
}

static int take_all(struct ns_nft *nft, struct told *told, struct ns_nft_batch *batch, struct ns_error *err)
{
	NS_FREE void *buf = malloc(RECEIVE_BYTES);
	int first = 0;

	if (!buf)
		return ns_error_set(err, -ENOBUFS, "no memory for what an nf_tables batch did");
	while (!told->committed && !told->refused) {
		const struct nlmsghdr *message;
		int n = ns_nft_receive(nft, buf, RECEIVE_BYTES, err);

		if (n < 0) {
			ns_error_context(err, "what an nf_tables batch did");
			return n;
		}
		for (message = ns_nl_first(buf, (size_t)n); message; message = ns_nl_next(message, buf, (size_t)n)) {
			int r = take(told, message, batch, err);

			if (r < 0 && first == 0)
				first = r;
		}
	}
	return first;
}

int ns_nft_batch_send_told(struct ns_nft *nft, struct ns_nft_batch *batch, uint32_t generation, size_t elements,
			   uint32_t *ret_generation, struct ns_error *err)
{
	struct told told = { .batch = batch, .port = ns_nft_port(nft) };
	int r = ns_nft_batch_close(batch, err);

	if (r <= 0)
		return r;
	r = ns_nft_batch_dispatch(nft, batch, NLM_F_ECHO, generation, &told.first, err);
	if (r == 0)
		r = take_all(nft, &told, batch, err);
	if (r < 0)
		return r;
	if (told.elements != elements)
		return ns_error_set(err, -EBADE, "the kernel has told of %zu elements of %zu", told.elements, elements);
	*ret_generation = told.generation;
	return 0;
}
