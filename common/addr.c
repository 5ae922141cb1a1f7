/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <nanoseg/addr.h>

size_t ns_addr_length(const struct ns_addr *addr)
{
	return addr->family == AF_INET ? 4 : addr->family == AF_INET6 ? 16 : 0;
}

struct ns_addr ns_addr_from_bytes(int family, const void *bytes)
{
	struct ns_addr addr = { .family = (uint8_t)family };

	memcpy(addr.bytes, bytes, ns_addr_length(&addr));
	return addr;
}

int ns_addr_parse(const char *text, struct ns_addr *ret, struct ns_error *err)
{
	struct ns_addr addr = { 0 };

	if (inet_pton(AF_INET, text, addr.bytes) == 1)
		addr.family = AF_INET;
	else if (inet_pton(AF_INET6, text, addr.bytes) == 1)
		addr.family = AF_INET6;
	else
		return ns_error_set(err, -EINVAL, "'%.64s' is not an IPv4 or IPv6 address", text);
	*ret = addr;
	return 0;
}

/* inet_ntop(3) goes through printf(3), ten times slower, and a graph has a million of them. */
static void format4(const uint8_t bytes[static 4], char *to)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned byte = bytes[i];

		if (byte >= 100)
			*to++ = (char)('0' + byte / 100);
		if (byte >= 10)
			*to++ = (char)('0' + byte / 10 % 10);
		*to++ = (char)('0' + byte % 10);
		*to++ = i < 3 ? '.' : '\0';
	}
}

#define WORDS6 8

static char *put_hex(char *to, unsigned word)
{
	static const char digits[] = "0123456789abcdef";

	for (int shift = word >= 0x1000 ? 12 : word >= 0x100 ? 8 : word >= 0x10 ? 4 : 0; shift >= 0; shift -= 4)
		*to++ = digits[word >> shift & 0xf];
	return to;
}

/* The first of the longest runs of zero words; a word alone is none. */
static unsigned longest_zeros(const unsigned words[static WORDS6], unsigned *ret_length)
{
	unsigned from = WORDS6, length = 1;

	for (unsigned i = 0, n = 0; i < WORDS6; i++) {
		n = words[i] ? 0 : n + 1;
		if (n > length) {
			from = i + 1 - n;
			length = n;
		}
	}
	*ret_length = length;
	return from;
}

/* As inet_ntop(3) does it. false: one that ends as an IPv4 address does; nothing was written. */
static bool format6(const uint8_t bytes[static 16], char *to)
{
	unsigned words[WORDS6], from, length;

	for (unsigned i = 0; i < WORDS6; i++)
		words[i] = (unsigned)bytes[(size_t)2 * i] << 8 | bytes[(size_t)2 * i + 1];
	from = longest_zeros(words, &length);
	if (from == 0 && (length == 6 || (length == 5 && words[5] == 0xffff)))
		return false;
	for (unsigned i = 0; i < WORDS6; i++) {
		if (i == from) {
			*to++ = ':';
			i += length - 1;
			if (i + 1 == WORDS6)
				*to++ = ':';
			continue;
		}
		if (i > 0)
			*to++ = ':';
		to = put_hex(to, words[i]);
	}
	*to = '\0';
	return true;
}

const char *ns_addr_format(const struct ns_addr *addr, char buf[static NS_ADDR_TEXT_MAX])
{
	buf[0] = '\0'; /* of no family */
	if (addr->family == AF_INET)
		format4(addr->bytes, buf);
	else if (addr->family == AF_INET6 && !format6(addr->bytes, buf))
		(void)inet_ntop(AF_INET6, addr->bytes, buf, NS_ADDR_TEXT_MAX); /* the room is enough */
	return buf;
}

int ns_addr_compare(const struct ns_addr *a, const struct ns_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, ns_addr_length(a));
}

bool ns_addr_equal(const struct ns_addr *a, const struct ns_addr *b)
{
	return ns_addr_compare(a, b) == 0;
}

bool ns_addr_increment(struct ns_addr *addr)
{
	struct ns_addr next = *addr;

	for (size_t i = ns_addr_length(addr); i-- > 0;) {
		if (++next.bytes[i] != 0) {
			*addr = next;
			return true;
		}
	}
	return false;
}

bool ns_addr_decrement(struct ns_addr *addr)
{
	struct ns_addr next = *addr;

	for (size_t i = ns_addr_length(addr); i-- > 0;) {
		if (next.bytes[i]-- != 0) {
			*addr = next;
			return true;
		}
	}
	return false;
}

int ns_prefix_parse(const char *text, struct ns_prefix *ret, struct ns_error *err)
{
	const char *slash = strchr(text, '/');
	char host[NS_ADDR_TEXT_MAX], right[NS_PREFIX_TEXT_MAX];
	struct ns_addr addr = { 0 };
	struct ns_prefix prefix;
	unsigned length = 0, limit;
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof host)
		return ns_error_set(err, -EINVAL, "'%.64s' is not an address or prefix", text);
	memcpy(host, text, n);
	host[n] = '\0';
	if (ns_addr_parse(host, &addr, NULL) < 0)
		return ns_error_set(err, -EINVAL, "'%.64s' is not an address or prefix; write 10.0.0.0/8 or fd00::/8",
				    text);
	limit = addr.family == AF_INET ? 32 : 128;
	if (!slash) {
		*ret = (struct ns_prefix){ addr, (uint8_t)limit };
		return 0;
	}
	n = strlen(slash + 1);
	if (n < 1 || n > 3)
		limit = 0;
	for (const char *c = slash + 1; limit && *c; c++) {
		if (*c < '0' || *c > '9')
			limit = 0;
		else
			length = length * 10 + (unsigned)(*c - '0');
	}
	if (!limit || length > limit)
		return ns_error_set(err, -EINVAL, "'%.64s' has a bad prefix length; use 0 to %d", text,
				    addr.family == AF_INET ? 32 : 128);
	prefix = ns_prefix_of(&addr, (uint8_t)length);
	if (!ns_addr_equal(&prefix.addr, &addr))
		return ns_error_set(err, -EINVAL, "'%.64s' has host bits set; write %s", text,
				    ns_prefix_format(&prefix, right));
	*ret = prefix;
	return 0;
}

const char *ns_prefix_format(const struct ns_prefix *prefix, char buf[static NS_PREFIX_TEXT_MAX])
{
	size_t length;

	(void)ns_addr_format(&prefix->addr, buf);
	length = strlen(buf);
	if (length && prefix->length != ns_addr_length(&prefix->addr) * 8)
		(void)snprintf(buf + length, NS_PREFIX_TEXT_MAX - length, "/%u", prefix->length);
	return buf;
}

struct ns_prefix ns_prefix_of(const struct ns_addr *addr, uint8_t length)
{
	struct ns_prefix prefix = { *addr, length };

	for (unsigned i = 0; i < ns_addr_length(addr); i++) {
		unsigned from = i * 8;

		if (length <= from)
			prefix.addr.bytes[i] = 0;
		else if (length < from + 8)
			prefix.addr.bytes[i] &= (uint8_t)(0xff00u >> (length - from));
	}
	return prefix;
}

bool ns_addr_begins(const struct ns_addr *addr, const uint8_t *bytes, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(addr->bytes, bytes, whole) == 0 &&
	       (rest == 0 || (addr->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0);
}

bool ns_prefix_contains(const struct ns_prefix *prefix, const struct ns_addr *addr)
{
	struct ns_prefix masked;

	if (prefix->addr.family != addr->family || !ns_addr_begins(addr, prefix->addr.bytes, prefix->length))
		return false;
	masked = ns_prefix_of(addr, prefix->length);
	return memcmp(masked.addr.bytes, prefix->addr.bytes, ns_addr_length(addr)) == 0;
}

struct ns_addr_range ns_prefix_range(const struct ns_prefix *prefix)
{
	struct ns_addr_range range;

	range.lo = range.hi = ns_prefix_of(&prefix->addr, prefix->length).addr;
	for (unsigned bit = prefix->length; bit < ns_addr_length(&prefix->addr) * 8; bit++)
		range.hi.bytes[bit / 8] |= (uint8_t)(0x80u >> (bit % 8));
	return range;
}

struct ns_addr ns_prefix_broadcast(const struct ns_prefix *prefix)
{
	if (prefix->addr.family != AF_INET || prefix->length >= 31)
		return (struct ns_addr){ 0 };
	return ns_prefix_range(prefix).hi;
}
