/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <nanoseg/limits.h>

#include "nft/attr.h"
#include "nft/batch_private.h"

/* Answers to a batch are acknowledgements, capped to the header of what they answer, with a line of text. */
#define RECEIVE_BYTES ((size_t)16 * 1024)

static void fail_memory(struct ns_nft_batch *batch)
{
	ns_nft_batch_fail(batch, -ENOMEM, "no memory for an nf_tables batch of %zu bytes", batch->length);
}

static void close_message(struct ns_nft_batch *batch)
{
	if (batch->open) {
		const struct nlmsghdr *nlh = (const void *)(batch->data + batch->open);

		batch->length = batch->open + NS_NL_ALIGN(nlh->nlmsg_len);
		batch->open = 0;
	}
}

static bool reserve(struct ns_nft_batch *batch)
{
	size_t wanted = batch->length + NS_NFT_MESSAGE_BYTES;
	char *data;

	if (wanted <= batch->allocated)
		return true;
	if (wanted > NS_NFT_BATCH_BYTES_MAX) {
		ns_nft_batch_fail(batch, -E2BIG, "nf_tables batch of more than %u bytes", NS_NFT_BATCH_BYTES_MAX);
		return false;
	}
	wanted += wanted / 2;
	data = realloc(batch->data, wanted);
	if (!data) {
		fail_memory(batch);
		return false;
	}
	batch->data = data;
	batch->allocated = wanted;
	return true;
}

static struct nlmsghdr *put_header(struct ns_nft_batch *batch, uint16_t type, int family, uint16_t flags,
				   uint16_t resource)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(batch->data + batch->length);
	struct nfgenmsg *nfgen;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nfgen = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfgen));
	nfgen->nfgen_family = (uint8_t)family;
	nfgen->version = NFNETLINK_V0;
	nfgen->res_id = htons(resource);
	return nlh;
}

/* With room for the generation that it is to be of: 0 is any. */
static void put_begin(struct ns_nft_batch *batch)
{
	struct nlmsghdr *nlh = put_header(batch, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC, NLM_F_REQUEST, NFNL_SUBSYS_NFTABLES);

	mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, 0);
	batch->start = batch->length = nlh->nlmsg_len;
}

int ns_nft_batch_new(struct ns_nft_batch **ret, struct ns_error *err)
{
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = calloc(1, sizeof(*batch));

	if (!batch || !reserve(batch))
		return ns_error_set(err, -ENOMEM, "no memory for an nf_tables batch");
	put_begin(batch);
	*ret = NS_TAKE(batch);
	return 0;
}

void ns_nft_batch_clear(struct ns_nft_batch *batch)
{
	batch->n = batch->open = batch->refused = 0;
	batch->length = 0;
	batch->error = (struct ns_error)NS_ERROR_INIT;
	put_begin(batch);
}

struct ns_nft_batch *ns_nft_batch_free(struct ns_nft_batch *batch)
{
	if (batch) {
		free(batch->data);
		free(batch->labels);
		free(batch);
	}
	return NULL;
}

struct nlmsghdr *ns_nft_batch_add(struct ns_nft_batch *batch, uint16_t type, int family, uint16_t flags,
				  const char *format, ...)
{
	struct nlmsghdr *nlh;
	va_list args;

	if (batch->error.code < 0)
		return NULL;
	close_message(batch);
	if (!reserve(batch))
		return NULL;
	if (batch->n == batch->labels_allocated) {
		size_t allocated = batch->labels_allocated ? 2 * batch->labels_allocated : 64;
		struct ns_nft_label *labels = reallocarray(batch->labels, allocated, sizeof(*labels));

		if (!labels) {
			fail_memory(batch);
			return NULL;
		}
		batch->labels = labels;
		batch->labels_allocated = allocated;
	}
	va_start(args, format);
	(void)vsnprintf(batch->labels[batch->n].text, sizeof(batch->labels[batch->n].text), format, args);
	va_end(args);
	batch->n++;
	nlh = put_header(batch, (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | type), family,
			 (uint16_t)(flags | NLM_F_REQUEST | NLM_F_ACK), 0);
	batch->open = batch->length;
	return nlh;
}

void ns_nft_batch_fail(struct ns_nft_batch *batch, int code, const char *format, ...)
{
	char text[NS_ERROR_TEXT_MAX];
	va_list args;

	if (batch->error.code < 0)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ns_error_set(&batch->error, code, "%s", text);
}

size_t ns_nft_batch_messages(const struct ns_nft_batch *batch)
{
	return batch->n;
}

size_t ns_nft_batch_refused(const struct ns_nft_batch *batch)
{
	return batch->refused;
}

int ns_nft_batch_refused_type(const struct ns_nft_batch *batch, const char **ret_what)
{
	size_t offset = batch->start;
	const struct nlmsghdr *nlh;

	if (batch->refused == 0)
		return -1;
	for (size_t i = 1;; i++) {
		nlh = (const void *)(batch->data + offset);
		if (i == batch->refused)
			break;
		offset += NS_NL_ALIGN(nlh->nlmsg_len);
	}
	*ret_what = batch->labels[batch->refused - 1].text;
	return nlh->nlmsg_type & 0xff;
}

int ns_nft_batch_walk(struct ns_nft_batch *batch, int (*each)(void *ctx, const struct nlmsghdr *nlh, const char *what),
		      void *ctx)
{
	size_t offset = batch->start;
	int r = 0;

	close_message(batch);
	for (size_t i = 0; r == 0 && i < batch->n; i++) {
		const struct nlmsghdr *nlh = (const void *)(batch->data + offset);

		offset += NS_NL_ALIGN(nlh->nlmsg_len);
		r = each(ctx, nlh, batch->labels[i].text);
	}
	return r;
}

uint32_t ns_nft_batch_id(struct ns_nft_batch *batch)
{
	return ++batch->ids;
}

/* The kernel's answers: one for each message that it refuses, and one for the last in any case; or one for the whole
 * batch. An acknowledgement for each would be as many datagrams to read. */
struct outcome {
	uint32_t first; /* sequence of the message that opens the batch; its messages follow */
	size_t n;
	size_t refused;       /* how many */
	size_t first_refused; /* index of the first in the order of the batch */
	int code;
	char text[256];
	bool all; /* nothing more comes */
};

static void take_verdict(struct outcome *outcome, const struct nlmsghdr *message)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(message);
	uint32_t place = message->nlmsg_seq - outcome->first; /* 0: the batch itself; its messages from 1 */

	if (message->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(message) < sizeof(*e))
		return;
	if (place > outcome->n)
		return;
	if (place == 0 || place == outcome->n)
		outcome->all = true;
	if (e->error == 0)
		return;
	outcome->refused++;
	if (outcome->refused > 1 && place >= outcome->first_refused)
		return;
	outcome->first_refused = place;
	outcome->code = e->error < 0 ? e->error : -EPROTO;
	(void)snprintf(outcome->text, sizeof(outcome->text), "%s", strerror(-outcome->code));
	ns_nft_error_explain(message, outcome->text, sizeof(outcome->text));
}

static int take_answers(struct ns_nft *nft, struct outcome *outcome, struct ns_error *err)
{
	NS_FREE void *buf = malloc(RECEIVE_BYTES);

	if (!buf)
		return ns_error_set(err, -ENOBUFS, "no memory for the acknowledgements of an nf_tables batch");
	while (!outcome->all) {
		const struct nlmsghdr *message;
		int n = ns_nft_receive(nft, buf, RECEIVE_BYTES, err);

		if (n < 0) {
			ns_error_context(err, "acknowledgements of an nf_tables batch");
			return n;
		}
		for (message = ns_nl_first(buf, (size_t)n); message; message = ns_nl_next(message, buf, (size_t)n))
			if (message->nlmsg_pid == ns_nft_port(nft))
				take_verdict(outcome, message);
	}
	return 0;
}

static int report(const struct ns_nft_batch *batch, const struct outcome *outcome, struct ns_error *err)
{
	const char *what = outcome->first_refused ? batch->labels[outcome->first_refused - 1].text : "commit";

	if (outcome->refused == 0)
		return 0;
	if (outcome->refused == 1)
		return ns_error_set(err, outcome->code, "%s: %s", what, outcome->text);
	return ns_error_set(err, outcome->code, "%s: %s; and %zu more", what, outcome->text, outcome->refused - 1);
}

/* Numbers the messages from `first` and returns the length with the closing message. What is refused is told without an
 * acknowledgement being asked for, and in the order of the batch (nfnetlink_rcv_batch): the last one's is enough. */
static size_t finish(struct ns_nft_batch *batch, uint16_t flags, uint32_t first, uint32_t port)
{
	size_t end = batch->length, offset = 0;

	end += put_header(batch, NFNL_MSG_BATCH_END, AF_UNSPEC, NLM_F_REQUEST, NFNL_SUBSYS_NFTABLES)->nlmsg_len;
	while (offset < end) {
		struct nlmsghdr *nlh = (void *)(batch->data + offset);
		size_t next = offset + NS_NL_ALIGN(nlh->nlmsg_len);
		int asked = flags & (next == batch->length ? NLM_F_ACK | NLM_F_ECHO : NLM_F_ECHO);

		if (offset && offset < batch->length)
			nlh->nlmsg_flags = (uint16_t)((nlh->nlmsg_flags & ~(NLM_F_ACK | NLM_F_ECHO)) | asked);
		nlh->nlmsg_seq = first++;
		nlh->nlmsg_pid = port;
		offset = next;
	}
	return end;
}

int ns_nft_batch_dispatch(struct ns_nft *nft, struct ns_nft_batch *batch, uint16_t flags, uint32_t generation,
			  uint32_t *ret_first, struct ns_error *err)
{
	uint32_t number = htonl(generation);

	/* The last attribute of the message that opens the batch. */
	memcpy(batch->data + batch->start - sizeof(number), &number, sizeof(number));
	batch->refused = 0;
	*ret_first = ns_nft_take_sequences(nft, (uint32_t)batch->n + 2);
	return ns_nft_send(nft, batch->data, finish(batch, flags, *ret_first, ns_nft_port(nft)), err);
}

int ns_nft_batch_close(struct ns_nft_batch *batch, struct ns_error *err)
{
	close_message(batch);
	if (!reserve(batch) || batch->error.code < 0)
		return ns_error_set(err, batch->error.code, "%s", batch->error.text);
	batch->refused = 0;
	return batch->n > 0;
}

int ns_nft_batch_send(struct ns_nft *nft, struct ns_nft_batch *batch, struct ns_error *err)
{
	struct outcome outcome = { .n = batch->n };
	int r = ns_nft_batch_close(batch, err);

	if (r <= 0)
		return r;
	r = ns_nft_batch_dispatch(nft, batch, NLM_F_ACK, 0, &outcome.first, err);
	if (r < 0)
		return r;
	r = take_answers(nft, &outcome, err);
	if (r < 0)
		return r;
	batch->refused = outcome.first_refused;
	return report(batch, &outcome, err);
}
