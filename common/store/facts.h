/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What edges and denies have in common: the columns of an observation, its identity, and its bound.
 */
#ifndef NANOSEG_STORE_FACTS_H
#define NANOSEG_STORE_FACTS_H

#include "store/strings.h"

/* What cannot be stored: no workload, no direction, an address of no family. -EINVAL. */
int ns_tuple_check(const struct ns_tuple *tuple, struct ns_error *err);
int ns_edge_check(const struct ns_edge *edge, struct ns_error *err);

/* The numbers that stand for an edge's names. */
struct ns_edge_names {
	int64_t workload, peer_name, source_name;
	bool known; /* workload and peer_name are in the table: otherwise the edge cannot be there */
};
/* Looks up workload and peer_name; adds nothing but the source's name. */
int ns_edge_names_find(struct ns_store *store, const struct ns_edge *edge, struct ns_edge_names *ret,
		       struct ns_error *err);
/* Adds them. */
int ns_edge_names_put(struct ns_store *store, const struct ns_edge *edge, struct ns_edge_names *ret,
		      struct ns_error *err);

/* The parameters of the statements on edge, 1 to 16; those on deny have `audited` as the 17th. */
#define NS_EDGE_LIST(e, names)                                                                                         \
	ns_int((names)->workload), ns_int((e)->tuple.direction), ns_int((e)->tuple.protocol), ns_int((e)->tuple.port), \
		ns_addr_value(&(e)->tuple.peer), ns_addr_value(&(e)->tuple.source), ns_int((e)->peer_class),           \
		ns_int((names)->peer_name), ns_int((e)->source_class), ns_int((names)->source_name),                   \
		ns_figure((e)->packets), ns_figure((e)->bytes),                                                        \
		ns_int((e)->first_seen ? (e)->first_seen : (e)->last_seen), ns_int((e)->last_seen),                    \
		ns_text((e)->process), ns_int((e)->uid)
#define NS_EDGE_VALUES(e, names)          NS_VALUES(NS_EDGE_LIST(e, names))
#define NS_DENY_VALUES(e, names, audited) NS_VALUES(NS_EDGE_LIST(e, names), ns_int(audited))

/* The part of an UPDATE that adds an observation to a row, and the WHERE of its identity. */
#define NS_EDGE_ADD                                                                                                    \
	"source_class = ?9, source_name = ?10, "                                                                       \
	"packets = CASE WHEN packets > 9223372036854775807 - ?11 THEN 9223372036854775807 ELSE packets + ?11 END, "    \
	"bytes = CASE WHEN bytes > 9223372036854775807 - ?12 THEN 9223372036854775807 ELSE bytes + ?12 END, "          \
	"first_seen = CASE WHEN ?13 > 0 AND (?13 < first_seen OR first_seen = 0) THEN ?13 ELSE first_seen END, "       \
	"last_seen = max(last_seen, ?14), process = CASE WHEN ?15 = '' THEN process ELSE ?15 END, "                    \
	"uid = CASE WHEN ?16 = -1 THEN uid ELSE ?16 END "
#define NS_EDGE_SAME                                                                                                   \
	"workload = ?1 AND direction = ?2 AND protocol = ?3 AND port = ?4 AND peer = ?5 AND source = ?6 AND "          \
	"peer_class = ?7 AND peer_name = ?8"
/* Columns as ns_edge_row() reads them. */
#define NS_EDGE_COLUMNS                                                                                                \
	"workload, direction, protocol, port, peer, source, peer_class, peer_name, source_class, source_name, "        \
	"packets, bytes, first_seen, last_seen, process, uid"

/* A row of NS_EDGE_COLUMNS, with the names still as the numbers that stand for them; process is the statement's. *ret
 * is undefined after an error. */
int ns_edge_row_numbers(struct ns_store *store, sqlite3_stmt *s, struct ns_edge *ret, struct ns_edge_names *ret_names,
			struct ns_error *err);
/* With them; texts are the table's and the statement's. */
int ns_edge_row(struct ns_store *store, sqlite3_stmt *s, const struct ns_string_table *strings, struct ns_edge *ret,
		struct ns_error *err);

/* Opens a gap inside the caller's transaction, from another fact's write. */
int ns_gap_open(struct ns_store *store, const char *workload, int64_t from, const char *cause, struct ns_error *err);
/* Appends the gaps of a workload (NULL: all) that are not over before `since`. */
int ns_gap_load(struct ns_store *store, const char *workload, int64_t since, struct ns_graph *graph,
		struct ns_error *err);

#endif
