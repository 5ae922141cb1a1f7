/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docker.h"
#include "docker_table.h"

void ns_docker_table_init(struct ns_docker_table *table, const char *runtime, struct ns_docker *owner)
{
	*table = (struct ns_docker_table){ .owner = owner };
	TAILQ_INIT(&table->wanted);
	(void)snprintf(table->runtime, sizeof table->runtime, "%s", runtime);
}

void ns_docker_table_release(struct ns_docker_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->entries[i]);
	free(table->entries);
	table->entries = NULL;
	table->n = table->room = 0;
}

static size_t place(const struct ns_docker_table *table, const char *id)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(table->entries[middle]->container.id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct ns_docker_entry *ns_docker_table_find(const struct ns_docker_table *table, const char *id)
{
	size_t i = place(table, id);

	return i < table->n && strcmp(table->entries[i]->container.id, id) == 0 ? table->entries[i] : NULL;
}

struct ns_docker_entry *ns_docker_table_add(struct ns_docker_table *table, const char *id)
{
	struct ns_docker_entry *entry;
	size_t at = place(table, id);

	if (table->n >= NS_DOCKER_CONTAINERS_MAX) {
		table->full = true;
		return NULL;
	}
	if (table->n == table->room) {
		size_t room = table->room ? table->room * 2 : 16;
		struct ns_docker_entry **bigger = reallocarray(table->entries, room, sizeof(void *));

		if (!bigger)
			return NULL;
		table->entries = bigger;
		table->room = room;
	}
	entry = calloc(1, sizeof *entry);
	if (!entry)
		return NULL;
	entry->owner = table->owner;
	(void)snprintf(entry->container.id, sizeof entry->container.id, "%s", id);
	memcpy(entry->container.runtime, table->runtime, sizeof table->runtime);
	memmove(table->entries + at + 1, table->entries + at, (table->n - at) * sizeof(void *));
	table->entries[at] = entry;
	table->n++;
	return entry;
}

void ns_docker_table_remove(struct ns_docker_table *table, struct ns_docker_entry *entry)
{
	size_t at = place(table, entry->container.id);

	memmove(table->entries + at, table->entries + at + 1, (table->n - at - 1) * sizeof(void *));
	table->n--;
	ns_docker_table_unqueue(table, entry);
	free(entry);
}

void ns_docker_table_queue(struct ns_docker_table *table, struct ns_docker_entry *entry, bool urgent)
{
	ns_docker_table_unqueue(table, entry);
	if (urgent)
		TAILQ_INSERT_HEAD(&table->wanted, entry, queue);
	else
		TAILQ_INSERT_TAIL(&table->wanted, entry, queue);
	entry->queued = true;
}

void ns_docker_table_unqueue(struct ns_docker_table *table, struct ns_docker_entry *entry)
{
	if (entry->queued)
		TAILQ_REMOVE(&table->wanted, entry, queue);
	entry->queued = false;
}

void ns_docker_entry_note(struct ns_docker_entry *entry, const struct ns_container *told)
{
	struct ns_container *to = &entry->container;

	if (!*told->name)
		return;
	memcpy(to->name, told->name, sizeof to->name);
	memcpy(to->label_workload, told->label_workload, sizeof to->label_workload);
	memcpy(to->project, told->project, sizeof to->project);
	memcpy(to->service, told->service, sizeof to->service);
	if (*told->pod_namespace) {
		memcpy(to->pod_namespace, told->pod_namespace, sizeof to->pod_namespace);
		memcpy(to->pod, told->pod, sizeof to->pod);
		memcpy(to->owner, told->owner, sizeof to->owner);
		memcpy(to->container, told->container, sizeof to->container);
		memcpy(to->sandbox_id, told->sandbox_id, sizeof to->sandbox_id);
		to->sandbox = told->sandbox;
	}
	if (!*to->image)
		memcpy(to->image, told->image, sizeof to->image);
	if (!*to->image_digest)
		memcpy(to->image_digest, told->image_digest, sizeof to->image_digest);
	to->host_network = to->host_network || told->host_network;
}
