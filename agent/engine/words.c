/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "words.h"

static char no_memory[] = "out of memory for the words of it";

bool ns_words_are(const char *words, const char *text)
{
	return words && strcmp(words, text) == 0;
}

void ns_words_set(char **words, const char *text)
{
	char *old = *words;

	if (text && ns_words_are(old, text))
		return;
	*words = text ? strdup(text) : NULL;
	if (text && !*words)
		*words = no_memory;
	if (old != no_memory)
		free(old);
}
