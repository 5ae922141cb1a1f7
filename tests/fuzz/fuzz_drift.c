/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * nf_tables notifications as they come from a container's namespace, whose names of tables and tasks are anybody's.
 * What is told of a transaction ends, is printable, and is the same when the datagram comes in two.
 */
#include <stdlib.h>
#include <string.h>

#include "nft/attr.h"

#include "drift_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool right)
{
	if (!right)
		abort();
}

static void check_text(const char *text, size_t size)
{
	check(memchr(text, '\0', size) != NULL);
	for (; *text; text++)
		check(*text >= 0x20 && *text <= 0x7e);
}

static void check_tally(const struct ns_drift_tally *tally)
{
	check_text(tally->table, sizeof(tally->table));
	check(tally->changes > 0 || (tally->family == 0 && !tally->table[0]));
}

static bool same_tally(const struct ns_drift_tally *a, const struct ns_drift_tally *b)
{
	return a->changes == b->changes && a->family == b->family && strcmp(a->table, b->table) == 0;
}

/* All messages of a datagram; how many transactions were complete. */
static unsigned take(struct ns_drift_transaction *transaction, const void *datagram, size_t size, unsigned *ret_bad)
{
	const struct nlmsghdr *message;
	unsigned complete = 0;

	for (message = ns_nl_first(datagram, size); message; message = ns_nl_next(message, datagram, size)) {
		int r = ns_drift_parse(transaction, message);

		check_tally(&transaction->ours);
		check_tally(&transaction->others);
		check_text(transaction->name, sizeof(transaction->name));
		check(r <= 0 || (transaction->complete && transaction->port != 0));
		complete += r > 0;
		*ret_bad += r < 0;
	}
	return complete;
}

/* The offset of the second message, or 0. */
static size_t second(const void *datagram, size_t size)
{
	const struct nlmsghdr *message = ns_nl_first(datagram, size);

	if (message)
		message = ns_nl_next(message, datagram, size);
	return message ? (size_t)((const char *)message - (const char *)datagram) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ns_drift_transaction whole = { 0 }, parts = { 0 };
	unsigned bad = 0, bad_parts = 0, complete;
	size_t at;
	char *copy;

	if (size == 0 || size > UINT16_MAX)
		return 0;
	copy = malloc(size); /* of just that size, so that a step too far is seen */
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	complete = take(&whole, copy, size, &bad);
	at = second(copy, size);
	if (at > 0) {
		unsigned n = take(&parts, copy, at, &bad_parts);

		n += take(&parts, copy + at, size - at, &bad_parts);
		check(n == complete && bad == bad_parts);
		check(whole.port == parts.port && whole.pid == parts.pid && whole.complete == parts.complete);
		check(strcmp(whole.name, parts.name) == 0);
		check(same_tally(&whole.ours, &parts.ours) && same_tally(&whole.others, &parts.others));
	}
	free(copy);
	return 0;
}
