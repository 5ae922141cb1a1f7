/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "intern.h"

#define FIRST_SLOTS 64

struct ns_strings {
	char **slots; /* open addressing, linear probing; a power of two */
	size_t n_slots, n_used;
};

static size_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return (size_t)(h ^ (h >> 32));
}

static char **slot_of(char **slots, size_t n_slots, const char *text)
{
	size_t i = hash(text) & (n_slots - 1);

	while (slots[i] && strcmp(slots[i], text) != 0)
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

struct ns_strings *ns_strings_new(void)
{
	struct ns_strings *strings = calloc(1, sizeof *strings);

	if (!strings)
		return NULL;
	strings->slots = calloc(FIRST_SLOTS, sizeof *strings->slots);
	strings->n_slots = FIRST_SLOTS;
	if (!strings->slots) {
		free(strings);
		return NULL;
	}
	return strings;
}

struct ns_strings *ns_strings_free(struct ns_strings *strings)
{
	if (!strings)
		return NULL;
	for (size_t i = 0; i < strings->n_slots; i++)
		free(strings->slots[i]);
	free(strings->slots);
	free(strings);
	return NULL;
}

static bool grow(struct ns_strings *strings)
{
	size_t n = strings->n_slots * 2;
	char **slots = calloc(n, sizeof *slots);

	if (!slots)
		return false;
	for (size_t i = 0; i < strings->n_slots; i++)
		if (strings->slots[i])
			*slot_of(slots, n, strings->slots[i]) = strings->slots[i];
	free(strings->slots);
	strings->slots = slots;
	strings->n_slots = n;
	return true;
}

const char *ns_strings_intern(struct ns_strings *strings, const char *text)
{
	char **slot;

	if (!text)
		text = "";
	slot = slot_of(strings->slots, strings->n_slots, text);
	if (*slot)
		return *slot;
	if (strings->n_used * 2 >= strings->n_slots) {
		if (!grow(strings))
			return NULL;
		slot = slot_of(strings->slots, strings->n_slots, text);
	}
	*slot = strdup(text);
	if (*slot)
		strings->n_used++;
	return *slot;
}

const char *ns_strings_find_text(const struct ns_strings *strings, const char *text)
{
	return *slot_of(strings->slots, strings->n_slots, text);
}
