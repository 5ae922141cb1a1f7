/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/attr.h"

static const struct nlmsghdr *message_at(const char *datagram, size_t offset, size_t length)
{
	const struct nlmsghdr *message = (const void *)(datagram + offset);

	if (offset >= length || length - offset < sizeof(*message) || message->nlmsg_len < sizeof(*message) ||
	    message->nlmsg_len > length - offset)
		return NULL;
	return message;
}

const struct nlmsghdr *ns_nl_first(const void *datagram, size_t length)
{
	return message_at(datagram, 0, length);
}

const struct nlmsghdr *ns_nl_next(const struct nlmsghdr *message, const void *datagram, size_t length)
{
	size_t offset = (size_t)((const char *)message - (const char *)datagram);

	return message_at(datagram, offset + NS_NL_ALIGN(message->nlmsg_len), length);
}

/* The attribute at `at`, if all of it is before `end`. */
static const struct nlattr *attr_at(const char *at, const char *end)
{
	const struct nlattr *attr = (const void *)at;

	if (end - at < (ptrdiff_t)sizeof(*attr) || attr->nla_len < sizeof(*attr) || attr->nla_len > end - at)
		return NULL;
	return attr;
}

static const char *attr_end(const struct nlattr *attr)
{
	return (const char *)attr + attr->nla_len;
}

const struct nlattr *ns_attr_first(const struct nlattr *outer)
{
	return attr_at(mnl_attr_get_payload(outer), attr_end(outer));
}

const struct nlattr *ns_attr_next(const struct nlattr *outer, const struct nlattr *attr)
{
	return attr_at((const char *)attr + NS_NL_ALIGN(attr->nla_len), attr_end(outer));
}

void ns_attrs_parse(struct ns_attrs *ret, const void *data, size_t length)
{
	const char *at = data, *end = at + length;

	memset(ret, 0, sizeof(*ret));
	while (at < end) {
		const struct nlattr *attr = attr_at(at, end);

		if (!attr) {
			ret->malformed = true;
			return;
		}
		if (mnl_attr_get_type(attr) < NS_ATTRS_MAX)
			ret->by_type[mnl_attr_get_type(attr)] = attr;
		at += NS_NL_ALIGN(attr->nla_len);
	}
}

void ns_attrs_parse_message(struct ns_attrs *ret, const struct nlmsghdr *message)
{
	const size_t head = sizeof(*message) + NS_NL_ALIGN(sizeof(struct nfgenmsg));

	if (message->nlmsg_len < head) {
		memset(ret, 0, sizeof(*ret));
		ret->malformed = true;
		return;
	}
	ns_attrs_parse(ret, (const char *)message + head, message->nlmsg_len - head);
}

void ns_attrs_parse_within(struct ns_attrs *ret, const struct nlattr *attr)
{
	if (attr)
		ns_attrs_parse(ret, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	else
		memset(ret, 0, sizeof(*ret));
}

void ns_attrs_parse_nested(struct ns_attrs *ret, struct ns_attrs *attrs, unsigned type)
{
	ns_attrs_parse_within(ret, attrs->by_type[type]);
}

bool ns_attrs_has(const struct ns_attrs *attrs, unsigned type)
{
	return attrs->by_type[type];
}

/* The value's bytes when it has exactly that length. */
static const void *sized(struct ns_attrs *attrs, unsigned type, size_t length)
{
	const struct nlattr *attr = attrs->by_type[type];

	if (!attr)
		return NULL;
	if (mnl_attr_get_payload_len(attr) != length) {
		attrs->malformed = true;
		return NULL;
	}
	return mnl_attr_get_payload(attr);
}

uint8_t ns_attrs_u8(struct ns_attrs *attrs, unsigned type, uint8_t fallback)
{
	const uint8_t *p = sized(attrs, type, 1);

	return p ? *p : fallback;
}

uint16_t ns_attrs_u16(struct ns_attrs *attrs, unsigned type, uint16_t fallback)
{
	const void *p = sized(attrs, type, 2);
	uint16_t v;

	if (!p)
		return fallback;
	memcpy(&v, p, sizeof(v));
	return ntohs(v);
}

uint32_t ns_attrs_u32(struct ns_attrs *attrs, unsigned type, uint32_t fallback)
{
	const void *p = sized(attrs, type, 4);
	uint32_t v;

	if (!p)
		return fallback;
	memcpy(&v, p, sizeof(v));
	return ntohl(v);
}

uint64_t ns_attrs_u64(struct ns_attrs *attrs, unsigned type, uint64_t fallback)
{
	const void *p = sized(attrs, type, 8);
	uint64_t v;

	if (!p)
		return fallback;
	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

bool ns_attrs_string(struct ns_attrs *attrs, unsigned type, char *buf, size_t size)
{
	const struct nlattr *attr = attrs->by_type[type];
	size_t length;

	buf[0] = '\0';
	if (!attr)
		return false;
	length = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	if (length >= size) {
		attrs->malformed = true;
		return false;
	}
	memcpy(buf, mnl_attr_get_payload(attr), length);
	buf[length] = '\0';
	return true;
}

bool ns_attrs_string_is(const struct ns_attrs *attrs, unsigned type, const char *text)
{
	const struct nlattr *attr = attrs->by_type[type];
	size_t length = strlen(text);

	return attr && strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr)) == length &&
	       memcmp(mnl_attr_get_payload(attr), text, length) == 0;
}

const void *ns_attrs_bytes(const struct ns_attrs *attrs, unsigned type, size_t *ret_length)
{
	const struct nlattr *attr = attrs->by_type[type];

	*ret_length = attr ? mnl_attr_get_payload_len(attr) : 0;
	return attr ? mnl_attr_get_payload(attr) : NULL;
}

void ns_attrs_comment(const struct ns_attrs *attrs, unsigned type, unsigned comment_type, char *buf, size_t size)
{
	size_t left, length;
	const uint8_t *p = ns_attrs_bytes(attrs, type, &left);

	buf[0] = '\0';
	for (; left >= 2 && (size_t)p[1] + 2 <= left; left -= (size_t)p[1] + 2, p += (size_t)p[1] + 2) {
		if (p[0] != comment_type)
			continue;
		length = strnlen((const char *)p + 2, p[1]);
		if (length >= size)
			return;
		memcpy(buf, p + 2, length);
		buf[length] = '\0';
		return;
	}
}
