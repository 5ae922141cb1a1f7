/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/strings.h"

static struct ns_db_string *slot_of(struct ns_store *store, const char *text)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return &store->strings[(h ^ (h >> 32)) % NS_DB_STRING_SLOTS];
}

static void remember(struct ns_db_string *slot, const char *text, int64_t id)
{
	size_t length = strlen(text);

	if (length >= sizeof slot->text)
		return;
	memcpy(slot->text, text, length + 1);
	slot->id = id;
}

void ns_strings_forget(struct ns_store *store)
{
	for (size_t i = 0; i < NS_DB_STRING_SLOTS; i++)
		store->strings[i].id = 0;
}

int ns_strings_find(struct ns_store *store, const char *text, int64_t *ret, struct ns_error *err)
{
	struct ns_db_string *slot = slot_of(store, text);
	int64_t id = 0;
	int r;

	if (!*text) {
		*ret = 0;
		return 0;
	}
	if (slot->id && strcmp(slot->text, text) == 0) {
		*ret = slot->id;
		return 0;
	}
	r = ns_db_integer(store, &id, "SELECT id FROM string WHERE text = ?1", NS_VALUES(ns_text(text)), err);
	if (r < 0 && r != -ENODATA)
		return r;
	if (r == 0)
		remember(slot, text, id);
	*ret = id;
	return 0;
}

int ns_strings_put(struct ns_store *store, const char *text, int64_t *ret, struct ns_error *err)
{
	int64_t id;
	int r = ns_strings_find(store, text, &id, err);

	if (r < 0)
		return r;
	if (!id && *text) {
		r = ns_db_run(store, "INSERT INTO string (text) VALUES (?1)", NS_VALUES(ns_text(text)), err);
		if (r < 0)
			return r;
		id = sqlite3_last_insert_rowid(store->db);
		remember(slot_of(store, text), text, id);
	}
	*ret = id;
	return 0;
}

void ns_string_table_release(struct ns_string_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->texts[i]);
	free(table->texts);
	memset(table, 0, sizeof *table);
}

const char *ns_string_table_text(const struct ns_string_table *table, int64_t id)
{
	return id >= 0 && (uint64_t)id < table->n ? table->texts[id] : NULL;
}

/* Rows are only ever added, so ids run from 1 without a hole; anything else is damage and bounds the array. */
int ns_string_table_load(struct ns_store *store, struct ns_string_table *ret, struct ns_error *err)
{
	NS_STATEMENT sqlite3_stmt *s = NULL;
	int64_t count = 0;
	int r = ns_db_integer(store, &count, "SELECT count(*) FROM string", NS_NO_VALUES, err);

	if (r < 0)
		return r;
	ret->texts = calloc((size_t)count + 1, sizeof *ret->texts);
	if (!ret->texts || !(ret->texts[0] = strdup("")))
		return ns_error_set(err, -ENOMEM, "out of memory for the graph");
	ret->n = 1;
	r = ns_db_query(store, &s, "SELECT id, text FROM string ORDER BY id", NS_NO_VALUES, err);
	while (r == 0 && (r = ns_db_step(store, s, err)) > 0) {
		r = 0;
		if (sqlite3_column_int64(s, 0) != (int64_t)ret->n || ret->n > (size_t)count)
			return ns_db_damaged(store, err, "string %zu is missing", ret->n);
		ret->texts[ret->n] = strdup(ns_db_text(store, s, 1));
		if (!ret->texts[ret->n])
			return ns_error_set(err, -ENOMEM, "out of memory for the graph");
		ret->n++;
	}
	return r;
}
