/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Dumps of one set, shared by the whole table's reader and by nft/dump.h.
 */
#ifndef NANOSEG_NFT_DUMP_SET_H
#define NANOSEG_NFT_DUMP_SET_H

#include <stdbool.h>

#include <nanoseg/plan.h>

#include "nft/encode.h"
#include "nft/socket.h"

/* The header of a request for NFT_MSG_GET*, in buf; attributes follow. */
struct nlmsghdr *ns_nft_dump_request(void *buf, uint16_t type, int family, bool dump);
/* Waits before another try: longer each time, some 100 ms at most, since whoever changes the ruleset needs its time. */
void ns_nft_dump_pause(unsigned try);

/* One dump of the elements of a set whose definition is known; the bounds of a tree come as ranges. *ret_odd becomes
 * true when there is an element that no plan can say. -EINTR: a transaction, of whatever table, came under the dump (an
 * element may have come twice or not at all), unless `settled`: the caller knows that none can have been about this
 * set, whose elements then came all the same, since the dump's place counts only them. Non-zero from `each` ends it.
 */
typedef int (*ns_nft_each_set_element)(void *ctx, const struct ns_plan_element *element, struct ns_error *err);
int ns_nft_dump_set(struct ns_nft *nft, const struct ns_nft_scope *scope, const struct ns_plan_set *set, bool settled,
		    ns_nft_each_set_element each, void *ctx, bool *ret_odd, struct ns_error *err);

#endif
