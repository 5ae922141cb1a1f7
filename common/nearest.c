/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nearest.h"

#include <ctype.h>
#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: Levenshtein's edits, and the swap of two neighbours as one. Three rows are enough. */
static unsigned edits(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned rows[3][NS_NEAREST_LENGTH_MAX + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	for (unsigned j = 0; j <= b_length; j++)
		above[j] = j;
	for (unsigned i = 1; i <= a_length; i++) {
		int ca = tolower((unsigned char)a[i - 1]);

		row[0] = i;
		for (unsigned j = 1; j <= b_length; j++) {
			int cb = tolower((unsigned char)b[j - 1]);

			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
			    tolower((unsigned char)a[i - 2]) == cb)
				row[j] = least(row[j], before[j - 2] + 1);
		}
		unsigned *spare = before;

		before = above;
		above = row;
		row = spare;
	}
	return above[b_length];
}

const char *ns_nearest(const char *word, const char *const *words, size_t n_words)
{
	size_t length = strlen(word);
	const char *best = NULL;
	unsigned best_edits = 0;

	if (length > NS_NEAREST_LENGTH_MAX)
		return NULL;
	for (size_t i = 0; i < n_words; i++) {
		size_t other = words[i] ? strlen(words[i]) : 0;

		if (other == 0 || other > NS_NEAREST_LENGTH_MAX)
			continue;
		unsigned n = edits(word, length, words[i], other);
		size_t longer = length > other ? length : other;

		if (n <= (longer + 2) / 3 && n < longer && (!best || n < best_edits)) {
			best = words[i];
			best_edits = n;
		}
	}
	return best;
}
