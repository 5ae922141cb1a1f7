/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The containers of one engine: a table by id, and the queue of those to be inspected.
 */
#ifndef NANOSEG_DOCKER_TABLE_H
#define NANOSEG_DOCKER_TABLE_H

#include <sys/queue.h>

#include "docker_json.h"

struct ns_docker;
struct ns_http_request;

struct ns_docker_entry {
	struct ns_docker *owner;
	struct ns_container container;
	TAILQ_ENTRY(ns_docker_entry) queue;
	bool queued, inspected;
	bool listed; /* in the list being read, or told of by an event since it was asked for */
	struct ns_http_request *request;
};

TAILQ_HEAD(ns_docker_queue, ns_docker_entry);

struct ns_docker_table {
	struct ns_docker *owner;
	char runtime[NS_RUNTIME_MAX];
	struct ns_docker_entry **entries; /* sorted by id; each stays at its address */
	size_t n, room;
	struct ns_docker_queue wanted;
	bool full; /* one had no room */
};

void ns_docker_table_init(struct ns_docker_table *table, const char *runtime, struct ns_docker *owner);
void ns_docker_table_release(struct ns_docker_table *table);

struct ns_docker_entry *ns_docker_table_find(const struct ns_docker_table *table, const char *id);
/* id must be one (ns_docker_is_id) and not be there. NULL: no room or no memory. */
struct ns_docker_entry *ns_docker_table_add(struct ns_docker_table *table, const char *id);
void ns_docker_table_remove(struct ns_docker_table *table, struct ns_docker_entry *entry);

void ns_docker_table_queue(struct ns_docker_table *table, struct ns_docker_entry *entry, bool urgent);
void ns_docker_table_unqueue(struct ns_docker_table *table, struct ns_docker_entry *entry);

/* From a list or an event: who it is, but not where. What an inspection told besides stays. */
void ns_docker_entry_note(struct ns_docker_entry *entry, const struct ns_container *told);

#endif
