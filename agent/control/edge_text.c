/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "clock.h"
#include "edge_text.h"

/* All that an edge has besides names and programs: words of ours, two addresses, and numbers. */
#define FRAME_MAX 768

/* A frame is filled up to the next foreign text, and emptied into the answer before it. */
struct frame {
	struct ns_text *text;
	struct ns_error *err;
	size_t used;
	char bytes[FRAME_MAX];
};

static int flush(struct frame *frame)
{
	int r = ns_text_add_bytes(frame->text, frame->bytes, frame->used, frame->err);

	frame->used = 0;
	return r;
}

static void put(struct frame *frame, const char *string)
{
	size_t length = strlen(string);

	memcpy(frame->bytes + frame->used, string, length);
	frame->used += length;
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
	memcpy(frame->bytes + frame->used, at, (size_t)(digits + sizeof digits - at));
	frame->used += (size_t)(digits + sizeof digits - at);
}

static void put_time(struct frame *frame, int64_t us)
{
	char text[NS_TIME_TEXT_MAX];

	if (!us) {
		put(frame, "null");
		return;
	}
	put(frame, "\"");
	put(frame, ns_time_format(us, text));
	put(frame, "\"");
}

static int put_foreign(struct frame *frame, const char *string)
{
	int r = flush(frame);

	return r < 0 ? r : ns_text_add_string(frame->text, string, frame->err);
}

static int put_peer(struct frame *frame, enum ns_peer_class peer_class, const char *name, const struct ns_addr *addr)
{
	char text[NS_ADDR_TEXT_MAX];
	int r;

	put(frame, "{\"class\":\"");
	put(frame, ns_peer_class_format(peer_class));
	put(frame, "\",\"name\":");
	r = put_foreign(frame, name);
	put(frame, ",\"address\":");
	if (addr->family) {
		put(frame, "\"");
		put(frame, ns_addr_format(addr, text));
		put(frame, "\"}");
	} else {
		put(frame, "null}");
	}
	return r;
}

static void put_number(struct frame *frame, const char *name, bool there, uint64_t number)
{
	put(frame, name);
	if (there)
		put_count(frame, number);
	else
		put(frame, "null");
}

int ns_edge_text_open(struct ns_text *text, const struct ns_edge *edge, struct ns_error *err)
{
	const struct ns_tuple *tuple = &edge->tuple;
	struct frame frame;
	char protocol[4];
	int r;

	frame.text = text;
	frame.err = err;
	frame.used = 0;
	put(&frame, "{\"workload\":");
	r = put_foreign(&frame, edge->workload);
	put(&frame, ",\"direction\":\"");
	put(&frame, ns_direction_format(tuple->direction));
	put(&frame, "\",\"peer\":");
	if (r >= 0)
		r = put_peer(&frame, edge->peer_class, edge->peer_name, &tuple->peer);
	put(&frame, ",\"protocol\":\"");
	put(&frame, ns_protocol_format(tuple->protocol, protocol));
	put_number(&frame, "\",\"port\":", ns_protocol_has_ports(tuple->protocol), tuple->port);
	put_number(&frame, ",\"icmp_type\":", ns_protocol_is_icmp(tuple->protocol), tuple->port);
	put_number(&frame, ",\"packets\":", true, edge->packets);
	put_number(&frame, ",\"bytes\":", true, edge->bytes);
	put(&frame, ",\"first_seen\":");
	put_time(&frame, edge->first_seen);
	put(&frame, ",\"last_seen\":");
	put_time(&frame, edge->last_seen);
	put(&frame, ",\"process\":");
	if (r >= 0)
		r = put_foreign(&frame, edge->process);
	put_number(&frame, ",\"uid\":", edge->uid >= 0, (uint64_t)edge->uid);
	if (r >= 0 && tuple->direction == NS_TRANSIT) {
		put(&frame, ",\"source\":");
		r = put_peer(&frame, edge->source_class, edge->source_name, &tuple->source);
	}
	return r < 0 ? r : flush(&frame);
}

int ns_edge_text(struct ns_text *text, const struct ns_edge *edge, struct ns_error *err)
{
	int r = ns_edge_text_open(text, edge, err);

	return r < 0 ? r : ns_text_add_bytes(text, "}", 1, err);
}
