/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * "Did you mean …?": the word of a list that is nearest to what somebody typed.
 */
#ifndef NANOSEG_NEAREST_H
#define NANOSEG_NEAREST_H

#include <stddef.h>

/* Words longer than this are nobody's typing error. */
#define NS_NEAREST_LENGTH_MAX 48

/* By edits (insert, delete, replace, swap of neighbours), upper and lower case alike. NULL when nothing is near enough:
 * more than a third of the longer word would have to change. The first of equals wins. NULL entries are skipped. */
const char *ns_nearest(const char *word, const char *const *words, size_t n_words);

#endif
