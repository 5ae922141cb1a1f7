/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What there is to say of an endpoint or a link, mostly nothing: a text of its own, or NULL.
 */
#ifndef NANOSEG_ENGINE_WORDS_H
#define NANOSEG_ENGINE_WORDS_H

#include <stdbool.h>

/* Takes a copy; NULL: there is nothing to say any more. Without memory it says that instead: what failed has failed
 * also when the words for it are lost. `text` may be the words themselves. */
void ns_words_set(char **words, const char *text);
/* Whether they are this text. */
bool ns_words_are(const char *words, const char *text);

#endif
