/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rules.h"

#include <inttypes.h>
#include <string.h>

#include "cleanup.h"

static const struct ns_column columns[] = {
	{ "RULE", NS_LEFT },       { "DIRECTION", NS_LEFT }, { "PEER", NS_CUT },
	{ "PROTO", NS_LEFT },      { "PORTS", NS_CUT },      { "PACKETS", NS_RIGHT | NS_SPARE },
	{ "LAST SEEN", NS_SPARE }, { "UNSEEN", NS_RIGHT },   { "PROCESSES", NS_CUT | NS_SPARE },
	{ "WHY", NS_CUT },
};

/* "5432, 6000-6010", "types 8, 0", or "" for protocols with neither. Malloced; NULL without memory. */
static char *ports(const json_t *rule)
{
	const json_t *icmp = json_object_get(rule, "icmp");
	NS_FREE char *list = ns_document_join(icmp ? icmp : json_object_get(rule, "ports"), ", ");
	char *text;

	if (!list || !icmp)
		return NS_TAKE(list);
	return asprintf(&text, "%s %s", json_array_size(icmp) == 1 ? "type" : "types", list) < 0 ? NULL : text;
}

/* "source → peer" for transit. */
static void peers(const json_t *rule, char *buf, size_t size)
{
	const json_t *source = json_object_get(rule, "source");
	char from[NS_DOCUMENT_PEER_MAX], to[NS_DOCUMENT_PEER_MAX];

	(void)ns_document_peer(json_object_get(rule, "peer"), to);
	(void)snprintf(buf, size, "%s%s%s", source ? ns_document_peer(source, from) : "", source ? " → " : "", to);
}

/* PACKETS, LAST SEEN, UNSEEN: nothing is known of what was never seen. */
static void add_evidence(struct ns_table *table, const json_t *evidence, int64_t now)
{
	char age[NS_SHOW_FIGURE_MAX + 8];

	if (!evidence) {
		for (unsigned i = 0; i < 3; i++)
			ns_table_add(table, NULL);
		return;
	}
	ns_table_add_number(table, ns_document_number(evidence, "packets"));
	ns_table_add(table, ns_document_age(evidence, "last_seen", now, age));
	ns_table_add_number(table, ns_document_number(evidence, "widened_by"));
}

static void add_why(struct ns_table *table, const json_t *evidence, const char *comment)
{
	if (!evidence)
		ns_table_addf(table, "by hand%s%s", *comment ? ": " : "", comment);
	else
		ns_table_add(table, *comment ? comment : ns_document_text(evidence, "why"));
}

int ns_rules_table(const struct ns_cli *cli, const json_t *rules, struct ns_error *err)
{
	NS_CLEANUP(ns_table_release) struct ns_table table = NS_TABLE(columns);
	char peer[2 * NS_DOCUMENT_PEER_MAX + 8];
	const json_t *rule;
	size_t i;

	json_array_foreach (rules, i, rule) {
		const json_t *evidence = json_object_get(rule, "evidence");
		NS_FREE char *services = ports(rule);
		NS_FREE char *processes = ns_document_join(json_object_get(evidence, "processes"), ", ");

		if (!services || !processes)
			return ns_cli_no_memory(err);
		peers(rule, peer, sizeof(peer));
		ns_table_add(&table, ns_document_text(rule, "id"));
		ns_table_add(&table, ns_document_text(rule, "direction"));
		ns_table_add(&table, peer);
		ns_table_add(&table, ns_document_text(rule, "protocol"));
		ns_table_add(&table, services);
		add_evidence(&table, evidence, cli->now);
		ns_table_add(&table, processes);
		add_why(&table, evidence, ns_document_text(rule, "comment"));
	}
	if (i == 0)
		(void)fputs("no rules: everything is refused\n", cli->out);
	return ns_table_print(&table, cli->width, cli->out, err) < 0 ? NS_CLI_REFUSED : NS_CLI_OK;
}

int ns_rules_line(FILE *out, const char *sign, const json_t *rule, struct ns_error *err)
{
	const char *direction = ns_document_text(rule, "direction");
	char peer[2 * NS_DOCUMENT_PEER_MAX + 8];
	NS_FREE char *services = ports(rule), *line = NULL;

	if (!services)
		return ns_cli_no_memory(err);
	peers(rule, peer, sizeof(peer));
	if (asprintf(&line, "%s  %s %s %s  %s%s%s", ns_document_text(rule, "id"), direction,
		     strcmp(direction, "egress") == 0    ? "to"
		     : strcmp(direction, "ingress") == 0 ? "from"
							 : "of",
		     peer, ns_document_text(rule, "protocol"), *services ? " " : "", services) < 0) {
		line = NULL;
		return ns_cli_no_memory(err);
	}
	return ns_document_line(out, sign, line, err);
}

int ns_rules_proposal(struct ns_cli *cli, const json_t *answer, struct ns_error *err)
{
	NS_FREE char *workload = ns_show_escape(ns_document_text(answer, "workload"));
	NS_FREE char *digest = ns_show_escape(ns_document_text(answer, "digest"));
	uint64_t by_hand = ns_document_number(answer, "by_hand");
	uint64_t rules = ns_document_number(answer, "rules"), widened = ns_document_number(answer, "widened");
	const char *mode = ns_document_text(answer, "mode");
	bool unchanged = json_is_true(json_object_get(answer, "unchanged"));
	/* Learned again what is approved already: nobody has to decide anything. */
	bool waits = !unchanged || strcmp(mode, "proposed") == 0;
	int r;

	if (!workload || !digest)
		return ns_cli_no_memory(err);
	(void)fprintf(cli->out, "%s: revision %" PRIu64 ", %" PRIu64 " rule%s%s\n", workload,
		      ns_document_number(answer, "revision"), rules, rules == 1 ? "" : "s",
		      unchanged ? ", the same as before" : "");
	if (widened)
		(void)fprintf(cli->out, "it allows %" PRIu64 " combinations of address and port that were never seen\n",
			      widened);
	if (by_hand)
		(void)fprintf(cli->out, "%" PRIu64 " rule%s by hand: nothing of the kind was seen\n", by_hand,
			      by_hand == 1 ? " is" : "s are");
	(void)fprintf(cli->out, "digest: %s\n", digest);
	r = ns_document_warnings(cli->out, answer, err);
	if (r == NS_CLI_OK && waits)
		(void)fprintf(cli->out,
			      "read it:    nanoseg policy show %s\n"
			      "approve it: nanoseg policy approve %s --digest %s --reason TEXT\n",
			      workload, workload, digest);
	return r;
}
