/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A plan: the exact nftables state one endpoint should have, as data. The compiler (rules/) makes it,
 * the codec (common/nft/) turns it into netlink messages and back, enforce compares the two. What is
 * read from the kernel is a plan too, so "is it as planned?" is one comparison of equal things.
 *
 * Registers are 32-bit slots 0..15 (NFT_REG32_00 + n); the codec folds the kernel's two notations into
 * this one. Set keys hold each field in network order, padded with zeros to a multiple of four bytes,
 * as nf_tables lays concatenations out. Constants with NFT_ and NF_ names are those of
 * linux/netfilter/nf_tables.h and are used as they stand there.
 */
#ifndef NANOSEG_PLAN_H
#define NANOSEG_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nanoseg/error.h>
#include <nanoseg/limits.h>

#define NS_TABLE_NAME "nanoseg"

enum ns_field { /* one part of a set's key, and its length in bytes before padding */
		NS_FIELD_INVALID = 0,
		NS_FIELD_PROTO,  /* 1 */
		NS_FIELD_IPV4,   /* 4 */
		NS_FIELD_IPV6,   /* 16 */
		NS_FIELD_PORT,   /* 2 */
		NS_FIELD_ETHER,  /* 6 */
		NS_FIELD_IFNAME, /* 16 */
		NS_FIELD_MARK,   /* 4, host order: indexes */
		NS_FIELD_CGROUP, /* 8, host order: the id of a cgroup */
};

#define NS_KEY_FIELDS_MAX 5
#define NS_KEY_MAX        64 /* NFT_DATA_VALUE_MAXLEN */

size_t ns_field_length(enum ns_field field);        /* before padding */
size_t ns_field_padded_length(enum ns_field field); /* multiple of four */

struct ns_plan_element {
	uint8_t key[NS_KEY_MAX];
	uint8_t key_end[NS_KEY_MAX]; /* interval sets: inclusive end of every field; else equal to key */
	char tag[NS_RULE_ID_MAX];    /* the policy rule it stands for; kept as the element's comment */
	uint64_t timeout_ms;         /* 0: none */
	/* Read-back only; not part of the plan: */
	uint64_t packets, bytes;
};

struct ns_plan_set {
	char name[NS_NFT_NAME_MAX];
	enum ns_field fields[NS_KEY_FIELDS_MAX];
	uint8_t n_fields;
	bool interval; /* ranges in every field; pipapo when concatenated */
	bool dynamic;  /* the packet path adds to it: its elements are not the plan's business */
	bool timeout;
	bool counter;                     /* every element counts packets and bytes */
	uint32_t size;                    /* 0: unbounded */
	struct ns_plan_element *elements; /* sorted by key, then key_end; distinct */
	size_t n_elements, elements_allocated;
};

struct ns_plan_counter { /* a named counter object */
	char name[NS_NFT_NAME_MAX];
	uint64_t packets, bytes; /* read-back only */
};

enum ns_stmt_kind {
	NS_STMT_INVALID = 0,
	NS_STMT_META,
	NS_STMT_CT,
	NS_STMT_SOCKET, /* of the packet's own socket; a packet without one is not matched by the rule */
	NS_STMT_FIB,    /* the type of an address in this namespace: RTN_* of linux/rtnetlink.h, host order */
	NS_STMT_PAYLOAD,
	NS_STMT_IMMEDIATE,
	NS_STMT_BITWISE,
	NS_STMT_CMP,
	NS_STMT_LOOKUP,
	NS_STMT_DYNSET,
	NS_STMT_COUNTER, /* anonymous */
	NS_STMT_OBJREF,  /* named counter */
	NS_STMT_LIMIT,
	NS_STMT_LOG,
	NS_STMT_REJECT,
	NS_STMT_VERDICT,
};

#define NS_STMT_DATA_MAX  16
#define NS_LOG_PREFIX_MAX 32
#define NS_CT_DIR_NONE    0xff

struct ns_stmt {
	enum ns_stmt_kind kind;
	union {
		struct {
			uint32_t key;
			uint8_t reg;
		} meta; /* NFT_META_* */
		struct {
			uint32_t flags; /* NFTA_FIB_F_* */
			uint8_t reg;
		} fib;
		struct {
			uint32_t key;
			uint32_t level; /* NFT_SOCKET_CGROUPV2: how deep below the root the cgroup asked for lies */
			uint8_t reg;
		} socket; /* NFT_SOCKET_* */
		struct {
			uint32_t key;
			uint8_t reg;
			uint8_t dir;
		} ct; /* NFT_CT_*, IP_CT_DIR_* or NONE */
		struct {
			uint32_t base, offset, length;
			uint8_t reg;
		} payload; /* NFT_PAYLOAD_* */
		struct {
			uint8_t reg, length, data[NS_STMT_DATA_MAX];
		} immediate;
		struct {
			uint8_t sreg, dreg, length, mask[NS_STMT_DATA_MAX], xor[NS_STMT_DATA_MAX];
		} bitwise;
		struct {
			uint32_t op;
			uint8_t reg, length, data[NS_STMT_DATA_MAX];
		} cmp; /* NFT_CMP_* */
		struct {
			char set[NS_NFT_NAME_MAX];
			uint8_t reg;
			bool invert;
		} lookup;
		struct {
			char set[NS_NFT_NAME_MAX];
			uint32_t op;
			uint8_t reg;
			bool counter;
			uint64_t timeout_ms;
		} dynset;
		struct {
			uint64_t packets, bytes;
		} counter; /* read-back only */
		struct {
			char name[NS_NFT_NAME_MAX];
		} objref;
		struct {
			uint64_t rate, unit_s;
			uint32_t burst;
			bool invert;
		} limit; /* packets */
		struct {
			uint16_t group;
			uint32_t snaplen;
			char prefix[NS_LOG_PREFIX_MAX];
		} log;
		struct {
			uint32_t type;
			uint8_t code;
		} reject; /* NFT_REJECT_* */
		struct {
			int32_t code;
			char chain[NS_NFT_NAME_MAX];
		} verdict; /* NF_ACCEPT, NF_DROP, NFT_* */
	};
};

struct ns_plan_rule {
	struct ns_stmt stmts[NS_RULE_STMTS_MAX];
	uint8_t n_stmts;
	char comment[64]; /* shown by `nft list`; part of the plan */
	uint64_t handle;  /* read-back only */
};

struct ns_plan_chain {
	char name[NS_NFT_NAME_MAX];
	bool base;
	/* base chains only: */
	uint32_t hook; /* NF_INET_* or NF_NETDEV_* */
	int32_t priority;
	uint32_t policy;            /* NF_ACCEPT or NF_DROP */
	char device[NS_IFNAME_MAX]; /* netdev family; may end in '*' */
	struct ns_plan_rule *rules;
	size_t n_rules, rules_allocated;
};

struct ns_plan {
	int family; /* NFPROTO_INET or NFPROTO_NETDEV */
	char table[NS_NFT_NAME_MAX];
	struct ns_plan_counter *counters;
	size_t n_counters, counters_allocated;
	struct ns_plan_set *sets;
	size_t n_sets, sets_allocated;
	struct ns_plan_chain *chains;
	size_t n_chains, chains_allocated;
};

#define NS_PLAN_INIT                                                                                                   \
	{                                                                                                              \
		0                                                                                                      \
	}

void ns_plan_release(struct ns_plan *plan);

/* Builders. Each returns a pointer into the plan, valid until the next call that adds to the same array,
 * or NULL without memory or at a limit of limits.h (then err says which). */
struct ns_plan_set *ns_plan_add_set(struct ns_plan *plan, const char *name, struct ns_error *err);
struct ns_plan_element *ns_plan_add_element(struct ns_plan_set *set, struct ns_error *err);
struct ns_plan_counter *ns_plan_add_counter(struct ns_plan *plan, const char *name, struct ns_error *err);
struct ns_plan_chain *ns_plan_add_chain(struct ns_plan *plan, const char *name, struct ns_error *err);
struct ns_plan_rule *ns_plan_add_rule(struct ns_plan_chain *chain, struct ns_error *err);
struct ns_plan_set *ns_plan_find_set(const struct ns_plan *plan, const char *name);
struct ns_plan_chain *ns_plan_find_chain(const struct ns_plan *plan, const char *name);
size_t ns_plan_set_key_length(const struct ns_plan_set *set);

/* Sorts counters, sets, elements by name or key; rules and chains keep their order (chains are compared
 * by name). Called by the compiler last and by the reader last. Duplicate elements are merged. */
void ns_plan_normalise(struct ns_plan *plan);

/* Two elements or rules that mean the same, read-back figures and handles set aside. */
int ns_plan_element_compare(const struct ns_plan_set *set, const struct ns_plan_element *a,
			    const struct ns_plan_element *b); /* by key and key_end: <0, 0, >0 */
bool ns_plan_rule_equal(const struct ns_plan_rule *a, const struct ns_plan_rule *b);
bool ns_plan_set_same_definition(const struct ns_plan_set *a, const struct ns_plan_set *b);

/* The canonical text: one line a thing, in the manner of `nft list`, but exact. Golden tests hold it, the
 * digest is its SHA-256, and a difference between two plans is shown as the difference between their lines.
 * Elements of dynamic sets and of sets with a timeout (they come and go by themselves), figures and handles are
 * left out; chains come by name. *ret is malloced. */
int ns_plan_print(const struct ns_plan *plan, char **ret, struct ns_error *err);
int ns_plan_digest(const struct ns_plan *plan, char ret[static 72], struct ns_error *err);
/* Of everything but the elements. */
int ns_plan_structure_digest(const struct ns_plan *plan, char ret[static 72], struct ns_error *err);
/* Lines "-…" wanted and missing, "+…" present and not wanted, at most max_lines and then one line that says how
 * many more; "" when equal. Both plans must be normalised. *ret is malloced. */
int ns_plan_difference(const struct ns_plan *wanted, const struct ns_plan *found, size_t max_lines, char **ret,
		       struct ns_error *err);

#endif
