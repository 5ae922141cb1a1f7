/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "clock.h"
#include "edge_text.h"

/* All that an edge has besides names and programs: words of ours, two addresses, and numbers. */
#define FRAME_MAX 768

/* What is of ours is written where it will stand: there is room for all of it, from `at` on. */
struct frame {
	struct ns_text *text;
	struct ns_error *err;
	char *at;
};

static int begin(struct frame *frame)
{
	int r = ns_text_reserve(frame->text, FRAME_MAX, frame->err);

	if (r >= 0)
		frame->at = frame->text->data + frame->text->length;
	return r;
}

static void end(struct frame *frame)
{
	frame->text->length = (size_t)(frame->at - frame->text->data);
}

/* A literal: its length is known beforehand. */
#define PUT(frame, literal)                                                                                            \
	do {                                                                                                           \
		memcpy((frame)->at, "" literal, sizeof(literal) - 1);                                                  \
		(frame)->at += sizeof(literal) - 1;                                                                    \
	} while (0)

static void put_word(struct frame *frame, const char *word)
{
	char *to = frame->at;

	while (*word)
		*to++ = *word++;
	frame->at = to;
}

/* JSON integers are signed. */
static void put_count(struct frame *frame, uint64_t count)
{
	char digits[20], *at = digits + sizeof digits;

	if (count > INT64_MAX)
		count = INT64_MAX;
	do {
		*--at = (char)('0' + count % 10);
		count /= 10;
	} while (count > 0);
	memcpy(frame->at, at, (size_t)(digits + sizeof digits - at));
	frame->at += digits + sizeof digits - at;
}

static void put_time(struct frame *frame, int64_t us)
{
	if (!us) {
		PUT(frame, "null");
		return;
	}
	PUT(frame, "\"");
	frame->at += strlen(ns_time_format(us, frame->at));
	PUT(frame, "\"");
}

/* Behind what was written, and then there is room again. */
static int put_foreign(struct frame *frame, const char *string)
{
	int r;

	end(frame);
	r = ns_text_add_string(frame->text, string, frame->err);
	return r < 0 ? r : begin(frame);
}

static int put_peer(struct frame *frame, enum ns_peer_class peer_class, const char *name, const struct ns_addr *addr)
{
	int r;

	PUT(frame, "{\"class\":\"");
	put_word(frame, ns_peer_class_format(peer_class));
	PUT(frame, "\",\"name\":");
	r = put_foreign(frame, name);
	if (r < 0)
		return r;
	PUT(frame, ",\"address\":");
	if (addr->family) {
		PUT(frame, "\"");
		frame->at += strlen(ns_addr_format(addr, frame->at));
		PUT(frame, "\"}");
	} else {
		PUT(frame, "null}");
	}
	return 0;
}

static void put_number(struct frame *frame, bool there, uint64_t number)
{
	if (there)
		put_count(frame, number);
	else
		PUT(frame, "null");
}

/* What stands between its peer and its program. */
static void put_figures(struct frame *frame, const struct ns_edge *edge)
{
	const struct ns_tuple *tuple = &edge->tuple;
	char protocol[4];

	PUT(frame, ",\"protocol\":\"");
	put_word(frame, ns_protocol_format(tuple->protocol, protocol));
	PUT(frame, "\",\"port\":");
	put_number(frame, ns_protocol_has_ports(tuple->protocol), tuple->port);
	PUT(frame, ",\"icmp_type\":");
	put_number(frame, ns_protocol_is_icmp(tuple->protocol), tuple->port);
	PUT(frame, ",\"packets\":");
	put_count(frame, edge->packets);
	PUT(frame, ",\"bytes\":");
	put_count(frame, edge->bytes);
	PUT(frame, ",\"first_seen\":");
	put_time(frame, edge->first_seen);
	PUT(frame, ",\"last_seen\":");
	put_time(frame, edge->last_seen);
	PUT(frame, ",\"process\":");
}

int ns_edge_text_open(struct ns_text *text, const struct ns_edge *edge, struct ns_error *err)
{
	const struct ns_tuple *tuple = &edge->tuple;
	struct frame frame = { .text = text, .err = err };
	int r = begin(&frame);

	if (r < 0)
		return r;
	PUT(&frame, "{\"workload\":");
	r = put_foreign(&frame, edge->workload);
	if (r < 0)
		return r;
	PUT(&frame, ",\"direction\":\"");
	put_word(&frame, ns_direction_format(tuple->direction));
	PUT(&frame, "\",\"peer\":");
	r = put_peer(&frame, edge->peer_class, edge->peer_name, &tuple->peer);
	if (r < 0)
		return r;
	put_figures(&frame, edge);
	r = put_foreign(&frame, edge->process);
	if (r < 0)
		return r;
	PUT(&frame, ",\"uid\":");
	put_number(&frame, edge->uid >= 0, (uint64_t)edge->uid);
	if (tuple->direction == NS_TRANSIT) {
		PUT(&frame, ",\"source\":");
		r = put_peer(&frame, edge->source_class, edge->source_name, &tuple->source);
	}
	if (r >= 0)
		end(&frame);
	return r;
}

int ns_edge_text(struct ns_text *text, const struct ns_edge *edge, struct ns_error *err)
{
	int r = ns_edge_text_open(text, edge, err);

	return r < 0 ? r : ns_text_add_bytes(text, "}", 1, err);
}
