/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See lock_plan.h.
 */
#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/dump.h"
#include "nft/socket.h"

#include "lock_plan.h"

static void accept_protocol(struct ns_plan_chain *chain, uint8_t protocol)
{
	struct ns_plan_rule *rule = plan_rule(chain, "");
	struct ns_stmt *stmt = plan_stmt(rule, NS_STMT_META);

	stmt->meta.key = NFT_META_L4PROTO;
	stmt = plan_stmt(rule, NS_STMT_CMP);
	stmt->cmp.length = 1;
	stmt->cmp.data[0] = protocol;
	plan_verdict(rule, NF_ACCEPT, NULL);
}

void endpoint_plan(struct ns_plan *plan)
{
	static const struct {
		int family;
		const char *set, *range, *seen;
		enum ns_field field;
	} kinds[] = { { AF_INET, "egress4", "egress4_range", "deny_egress4", NS_FIELD_IPV4 },
		      { AF_INET6, "egress6", "egress6_range", "deny_egress6", NS_FIELD_IPV6 } };
	struct ns_plan_chain *output;
	struct ns_plan_rule *rule;
	struct ns_plan_set *set;

	plan_begin(plan, NFPROTO_INET);
	assert_non_null(ns_plan_add_counter(plan, "refused", NULL));
	output = plan_base(plan, "output", NF_INET_LOCAL_OUT, 0, NF_ACCEPT);
	accept_protocol(output, IPPROTO_ICMP); /* nobody listens: each datagram is answered */
	accept_protocol(output, IPPROTO_ICMPV6);
	for (size_t i = 0; i < 2; i++) {
		const char *a = i ? "::1" : "127.0.0.1";

		set = plan_set(plan, kinds[i].set, 3, NS_FIELD_PROTO, kinds[i].field, NS_FIELD_PORT);
		set->counter = true;
		plan_element(set, "r1", "udp", a, "1001");
		plan_element(set, "r2", "udp", a, "1002");
		set = plan_set(plan, kinds[i].range, 3, NS_FIELD_PROTO, kinds[i].field, NS_FIELD_PORT);
		set->counter = true;
		set->interval = true;
		plan_element(set, "r3", "udp", a, "2000-2999");
		set = plan_set(plan, kinds[i].seen, 3, NS_FIELD_PROTO, kinds[i].field, NS_FIELD_PORT);
		set->counter = true;
		set->dynamic = true;
		set->size = 100;
		rule = plan_rule(output, "exact");
		plan_tuple(rule, kinds[i].family, false);
		plan_lookup(rule, kinds[i].set);
		plan_verdict(rule, NF_ACCEPT, NULL);
		rule = plan_rule(output, "ranges");
		plan_tuple(rule, kinds[i].family, false);
		plan_lookup(rule, kinds[i].range);
		plan_verdict(rule, NF_ACCEPT, NULL);
		rule = plan_rule(output, "the rest");
		plan_tuple(rule, kinds[i].family, false);
		LAB_COPY(plan_stmt(rule, NS_STMT_DYNSET)->dynset.set, kinds[i].seen);
		LAB_COPY(plan_stmt(rule, NS_STMT_OBJREF)->objref.name, "refused");
		plan_verdict(rule, NF_DROP, NULL);
	}
	ns_plan_normalise(plan);
}

void send_both(uint16_t port)
{
	lab_send_udp("127.0.0.1", port);
	lab_send_udp("::1", port);
}

uint64_t refused(void)
{
	uint64_t packets, bytes;
	struct ns_nft *nft;

	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	assert_int_equal(ns_nft_get_counter(nft, NFPROTO_INET, "nanoseg", "refused", &packets, &bytes, NULL), 0);
	ns_nft_close(nft);
	return packets;
}

static int count_element(void *ctx, const struct ns_plan_element *element, size_t key_length)
{
	struct tally *tally = ctx;

	assert_true(key_length == 12 || key_length == 24);
	tally->n++;
	tally->packets += element->packets;
	return 0;
}

struct tally dump(const char *set)
{
	struct tally tally = { 0 };
	struct ns_error err = NS_ERROR_INIT;
	struct ns_nft *nft;

	assert_int_equal(ns_nft_open(-1, &nft, NULL), 0);
	if (ns_nft_dump_elements(nft, NFPROTO_INET, "nanoseg", set, count_element, &tally, &err) < 0)
		fail_msg("%s", err.text);
	ns_nft_close(nft);
	return tally;
}

int lock_setup(void **state)
{
	lab_enter();
	return 0;
}
