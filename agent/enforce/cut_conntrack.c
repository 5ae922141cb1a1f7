/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <nanoseg/limits.h>

#include "cleanup.h"
#include "nft/attr.h"
#include "nft/socket.h"

#include "cut_conntrack.h"
#include "cut_owner.h"

#define BATCH_MESSAGES    64
#define TUPLE_BYTES_MAX   256 /* an IPv6 tuple with its zone has about 90 */
#define MESSAGE_BYTES_MAX (TUPLE_BYTES_MAX + 64)
#define ANSWER_BYTES_MAX  8192

NS_DEFINE_CLEANUP(struct ns_nft *, ns_nft_close)

struct pass {
	const struct ns_cut_view *view;
	struct ns_cut_known *known;
	struct ns_cut_pass *result;
	unsigned seen;
	/* Requests to delete, by a socket of their own: the other one is in the midst of its dump. */
	struct ns_nft *deleter;
	_Alignas(struct nlmsghdr) char batch[BATCH_MESSAGES * MESSAGE_BYTES_MAX];
	size_t length;
	uint32_t n_messages;
	int refused; /* the first deletion that failed, and why */
	struct ns_error refusal;
};

static struct nlmsghdr *put_request(void *buf, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfgen;

	nlh->nlmsg_type = (uint16_t)((NFNL_SUBSYS_CTNETLINK << 8) | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nfgen = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfgen));
	nfgen->nfgen_family = family;
	nfgen->version = NFNETLINK_V0;
	return nlh;
}

/* ---- deleting ---- */

/* One acknowledgement. 0: it is none of this batch's. */
static int take_answer(struct pass *pass, const struct nlmsghdr *nlh, uint32_t first, uint32_t n)
{
	struct nlmsgerr answer;

	if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq - first >= n ||
	    nlh->nlmsg_len < NLMSG_HDRLEN + sizeof(answer))
		return 0;
	memcpy(&answer, mnl_nlmsg_get_payload(nlh), sizeof(answer));
	if (answer.error == 0)
		pass->result->deleted++;
	else if (answer.error != -ENOENT && pass->refused == 0) /* ENOENT: it has ended, or begun anew */
		pass->refused = ns_error_set(&pass->refusal, answer.error < 0 ? answer.error : -EPROTO,
					     "deleting a connection: %s", strerror(-answer.error));
	return 1;
}

static int flush(struct pass *pass, struct ns_error *err)
{
	_Alignas(struct nlmsghdr) char buf[ANSWER_BYTES_MAX];
	uint32_t n = pass->n_messages, answered = 0, first;
	size_t at = 0;
	int r;

	if (n == 0)
		return 0;
	first = ns_nft_take_sequences(pass->deleter, n);
	for (uint32_t i = 0; i < n; i++) {
		struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)(pass->batch + at);

		nlh->nlmsg_seq = first + i;
		at += NS_NL_ALIGN(nlh->nlmsg_len);
	}
	r = ns_nft_send(pass->deleter, pass->batch, pass->length, err);
	pass->length = 0;
	pass->n_messages = 0;
	if (r < 0)
		return r;
	while (answered < n) {
		const struct nlmsghdr *nlh;

		r = ns_nft_receive(pass->deleter, buf, sizeof(buf), err);
		if (r < 0)
			return r;
		for (nlh = ns_nl_first(buf, (size_t)r); nlh; nlh = ns_nl_next(nlh, buf, (size_t)r))
			answered += (uint32_t)take_answer(pass, nlh, first, n);
	}
	return 0;
}

/* The request names the entry by what the kernel said of it, unread, and by its id, without which a connection that
 * came later would be deleted in its place. (libnetfilter_conntrack writes no id into what it builds.) */
static int delete_entry(struct pass *pass, const struct nlmsghdr *entry, struct ns_error *err)
{
	const struct nfgenmsg *nfgen = mnl_nlmsg_get_payload(entry);
	struct ns_attrs attrs;
	struct nlmsghdr *nlh;
	const void *tuple;
	size_t length;

	ns_attrs_parse_message(&attrs, entry);
	tuple = ns_attrs_bytes(&attrs, CTA_TUPLE_ORIG, &length);
	if (!tuple || length > TUPLE_BYTES_MAX || !ns_attrs_has(&attrs, CTA_ID))
		return ns_error_set(err, -EBADMSG, "a connection without a name");
	nlh = put_request(pass->batch + pass->length, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, nfgen->nfgen_family);
	mnl_attr_put(nlh, NLA_F_NESTED | CTA_TUPLE_ORIG, length, tuple);
	mnl_attr_put_u32(nlh, CTA_ID, htonl(ns_attrs_u32(&attrs, CTA_ID, 0)));
	if (ns_attrs_has(&attrs, CTA_ZONE))
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(ns_attrs_u16(&attrs, CTA_ZONE, 0)));
	if (attrs.malformed)
		return ns_error_set(err, -EBADMSG, "a connection whose name cannot be read");
	pass->length += NS_NL_ALIGN(nlh->nlmsg_len);
	pass->n_messages++;
	return pass->n_messages == BATCH_MESSAGES ? flush(pass, err) : 0;
}

/* ---- looking ---- */

static int on_entry(void *ctx, const struct nlmsghdr *nlh, struct ns_error *err)
{
	struct pass *pass = ctx;
	struct ns_cut_flow flow;
	struct ns_cut_ends ends;
	enum ns_cut_verdict verdict;
	int r;

	if (pass->seen++ == NS_CUT_ENTRIES_MAX)
		return ns_error_set(err, -E2BIG, "more than %d connections", NS_CUT_ENTRIES_MAX);
	r = ns_cut_flow_read(nlh, &flow);
	if (r < 0)
		return ns_error_set(err, r, "a connection that cannot be read: %s", strerror(-r));
	verdict = pass->view->owners ? ns_cut_judge_shared(pass->view, &flow) : ns_cut_judge_flow(pass->view, &flow);
	if (pass->known && verdict != NS_CUT_LEAVE && ns_cut_flow_ends(pass->view, &flow, &ends)) {
		r = ns_cut_known_add(pass->known, &ends, verdict, err);
		if (r < 0)
			return r;
	}
	if (verdict == NS_CUT_KEEP)
		pass->result->kept++;
	return verdict == NS_CUT_FORBID ? delete_entry(pass, nlh, err) : 0;
}

/* All of both families. */
static int dump(struct ns_nft *nft, struct pass *pass, struct ns_error *err)
{
	_Alignas(struct nlmsghdr) char buf[MESSAGE_BYTES_MAX];
	struct nlmsghdr *nlh = put_request(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
	struct ns_error flush_err = NS_ERROR_INIT;
	int r, flushed;

	pass->seen = 0;
	pass->result->kept = 0;
	r = ns_nft_request(nft, nlh, on_entry, pass, err);
	/* Also after a failure: what was found to be forbidden is. */
	flushed = flush(pass, &flush_err);
	if (r >= 0 && flushed < 0)
		r = ns_error_set(err, flushed, "%s", flush_err.text);
	return r;
}

static int each_count(void *ctx, const struct nlmsghdr *nlh, struct ns_error *err)
{
	uint32_t *n = ctx;
	struct ns_attrs attrs;

	ns_attrs_parse_message(&attrs, nlh);
	*n = ns_attrs_u32(&attrs, CTA_STATS_GLOBAL_ENTRIES, UINT32_MAX);
	return 0;
}

/* The kernel counts each namespace's entries, and a dump goes through those of all: through every bucket of one table,
 * which takes ten milliseconds. Where it cannot be told there are some. */
static bool has_none(struct ns_nft *nft)
{
	_Alignas(struct nlmsghdr) char buf[MESSAGE_BYTES_MAX];
	uint32_t n = UINT32_MAX;

	return ns_nft_request(nft, put_request(buf, IPCTNL_MSG_CT_GET_STATS, 0, AF_UNSPEC), each_count, &n, NULL) >=
		       0 &&
	       n == 0;
}

int ns_cut_connections(int netns_fd, const struct ns_cut_view *view, struct ns_cut_known *known,
		       struct ns_cut_pass *ret, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_closep) struct ns_nft *nft = NULL;
	NS_CLEANUP(ns_nft_closep) struct ns_nft *deleter = NULL;
	NS_FREE struct pass *pass = calloc(1, sizeof(*pass));
	int r;

	*ret = (struct ns_cut_pass){ 0 };
	if (!pass)
		return ns_error_set(err, -ENOMEM, "no memory to look at connections");
	r = ns_nft_open(netns_fd, &nft, err);
	if (r >= 0 && has_none(nft))
		return 0;
	if (r >= 0)
		r = ns_nft_open(netns_fd, &deleter, err);
	if (r < 0)
		return r;
	pass->view = view;
	pass->known = known;
	pass->result = ret;
	pass->deleter = deleter;
	for (unsigned tries = 0; tries < NS_NFT_DUMP_TRIES; tries++) {
		r = dump(nft, pass, err);
		if (r != -EINTR && r != -ENOBUFS)
			break;
	}
	if (r >= 0 && pass->refused < 0)
		r = ns_error_set(err, pass->refused, "%s", pass->refusal.text);
	if (r < 0)
		ns_error_context(err, "connections of the namespace");
	return r;
}
