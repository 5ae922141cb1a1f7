/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Writing rules: a cursor into a plan that remembers its first error, so that a chain reads as a list of statements and
 * is checked once at the end. After an error every call does nothing.
 *
 *	ns_builder_chain(&b, "refuse");
 *	ns_builder_rule(&b, "a comment");
 *	ns_builder_accept(&b);
 *	return b.code;
 */
#ifndef NANOSEG_BUILDER_H
#define NANOSEG_BUILDER_H

#include <nanoseg/plan.h>

struct ns_shape;

struct ns_builder {
	struct ns_plan *plan;
	const struct ns_shape *shape; /* which look-ups may find something (shape.h); NULL: all */
	size_t chain;                 /* index of the chain that is being written */
	int code;                     /* 0, or the first error */
	struct ns_error *err;
};

/* Latches an error of the caller's own finding. */
void ns_builder_fail(struct ns_builder *b, int code);

/* Sets. */
void ns_builder_set(struct ns_builder *b, const struct ns_plan_set *definition); /* without elements */
void ns_builder_counter_object(struct ns_builder *b, const char *name);

/* Chains and rules: what follows goes into the last one begun. comment may be NULL. */
void ns_builder_chain(struct ns_builder *b, const char *name);
void ns_builder_base_chain(struct ns_builder *b, const char *name, uint32_t hook, int32_t priority, uint32_t policy);
/* The device of the base chain begun last; family netdev. A name that ends in '*' stands for all that begin so. */
void ns_builder_device(struct ns_builder *b, const char *device);
void ns_builder_rule(struct ns_builder *b, const char *comment);

/* Statements. */
void ns_builder_meta(struct ns_builder *b, uint32_t key, uint8_t reg);
/* The type (RTN_*) of the packet's source or destination in this namespace. */
void ns_builder_fib_type(struct ns_builder *b, uint32_t flags, uint8_t reg);
/* The cgroup at that level, eight bytes, which its socket lies in or below. */
void ns_builder_socket_cgroup(struct ns_builder *b, uint32_t level, uint8_t reg);
/* A number that only packets with a full-grown socket have; what it is says nothing here. */
void ns_builder_socket_wildcard(struct ns_builder *b, uint8_t reg);
void ns_builder_ct(struct ns_builder *b, uint32_t key, uint8_t reg);
void ns_builder_payload(struct ns_builder *b, uint32_t base, uint32_t offset, uint32_t length, uint8_t reg);
void ns_builder_immediate(struct ns_builder *b, uint8_t reg, const void *data, uint8_t length);
void ns_builder_immediate_zero(struct ns_builder *b, uint8_t reg, uint8_t length);
void ns_builder_mask(struct ns_builder *b, uint8_t reg, const void *mask, uint8_t length); /* in place */
void ns_builder_cmp(struct ns_builder *b, uint32_t op, uint8_t reg, const void *data, uint8_t length);
void ns_builder_cmp8(struct ns_builder *b, uint32_t op, uint8_t reg, uint8_t value);
void ns_builder_cmp32(struct ns_builder *b, uint32_t op, uint8_t reg, uint32_t host_order);
void ns_builder_lookup(struct ns_builder *b, const char *set, uint8_t reg, bool invert);
void ns_builder_add(struct ns_builder *b, const char *set, uint8_t reg); /* dynset */
void ns_builder_counter(struct ns_builder *b, const char *name);
void ns_builder_limit_second(struct ns_builder *b); /* one packet a second */
void ns_builder_log(struct ns_builder *b, uint16_t group, const char *prefix);
void ns_builder_reject(struct ns_builder *b, uint32_t type, uint8_t code);
void ns_builder_verdict(struct ns_builder *b, int32_t code, const char *chain); /* chain: NULL for none */
void ns_builder_accept(struct ns_builder *b);

#endif
