/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reading netlink attributes with every length checked. libnftnl's own parsers end the process when an attribute is
 * not as they expect (abi_breakage in its src/utils.c), so reading is done here and libnftnl is used for writing.
 *
 * Absent attributes read as the fallback; a wrong length or a bad string sets `malformed`, to be looked at once when
 * all is read.
 */
#ifndef NANOSEG_NFT_ATTR_H
#define NANOSEG_NFT_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_ATTRS_MAX 32

/* Messages and attributes begin at multiples of four bytes. */
#define NS_NL_ALIGN(length) (((size_t)(length) + 3) & ~(size_t)3)

struct nlattr;
struct nlmsghdr;

/* The messages of a datagram, those that say more than there is left out (mnl_nlmsg_ok of libmnl 1.0.4 takes a length
 * of 2 GiB or more for a negative one, and lets it pass):
 *	for (m = ns_nl_first(buf, n); m; m = ns_nl_next(m, buf, n)) */
const struct nlmsghdr *ns_nl_first(const void *datagram, size_t length);
const struct nlmsghdr *ns_nl_next(const struct nlmsghdr *message, const void *datagram, size_t length);

struct ns_attrs {
	const struct nlattr *by_type[NS_ATTRS_MAX]; /* of several with one type the last; higher types are not kept */
	bool malformed;
};

void ns_attrs_parse(struct ns_attrs *ret, const void *data, size_t length);
/* The attributes after struct nfgenmsg. */
void ns_attrs_parse_message(struct ns_attrs *ret, const struct nlmsghdr *message);
/* Those inside an attribute; an absent one has none. A malformed inside makes only *ret malformed. */
void ns_attrs_parse_nested(struct ns_attrs *ret, struct ns_attrs *attrs, unsigned type);
void ns_attrs_parse_within(struct ns_attrs *ret, const struct nlattr *attr);

/* The attributes inside one, in their order: those that say more than there is end the walk.
 *	for (a = ns_attr_first(outer); a; a = ns_attr_next(outer, a)) */
const struct nlattr *ns_attr_first(const struct nlattr *outer);
const struct nlattr *ns_attr_next(const struct nlattr *outer, const struct nlattr *attr);

bool ns_attrs_has(const struct ns_attrs *attrs, unsigned type);
uint8_t ns_attrs_u8(struct ns_attrs *attrs, unsigned type, uint8_t fallback);
/* Big-endian on the wire, as all of nf_tables. */
uint16_t ns_attrs_u16(struct ns_attrs *attrs, unsigned type, uint16_t fallback);
uint32_t ns_attrs_u32(struct ns_attrs *attrs, unsigned type, uint32_t fallback);
uint64_t ns_attrs_u64(struct ns_attrs *attrs, unsigned type, uint64_t fallback);
/* Copies a string with its NUL. False, and buf "", when absent or when it does not fit (then malformed too). */
bool ns_attrs_string(struct ns_attrs *attrs, unsigned type, char *buf, size_t size);
/* Whether the string is there and equal. */
bool ns_attrs_string_is(const struct ns_attrs *attrs, unsigned type, const char *text);
/* The bytes, or NULL when absent. */
const void *ns_attrs_bytes(const struct ns_attrs *attrs, unsigned type, size_t *ret_length);

/* The comment in nftables' user data (libnftnl/udata.h: type, length, value in bytes): "" when there is none or it
 * does not fit. */
void ns_attrs_comment(const struct ns_attrs *attrs, unsigned type, unsigned comment_type, char *buf, size_t size);

#endif
