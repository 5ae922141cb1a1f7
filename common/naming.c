/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "naming.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nearest.h"

static const char *const words[] = {
	[NS_NAME_LABEL] = "label", [NS_NAME_K8S] = "k8s",     [NS_NAME_COMPOSE] = "compose",
	[NS_NAME_POD] = "pod",     [NS_NAME_IMAGE] = "image", [NS_NAME_NAME] = "name",
};
#define N_WORDS (sizeof words / sizeof *words)

const char *ns_name_rule_format(enum ns_name_rule rule)
{
	return rule > NS_NAME_INVALID && (size_t)rule < N_WORDS ? words[rule] : "?";
}

static int parse_word(const char *word, enum ns_name_rule *ret, struct ns_error *err)
{
	const char *nearest;

	for (size_t i = NS_NAME_LABEL; i < N_WORDS; i++)
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum ns_name_rule)i;
			return 0;
		}
	nearest = ns_nearest(word, words + NS_NAME_LABEL, N_WORDS - NS_NAME_LABEL);
	return ns_error_set(err, -EINVAL, "'%.48s' is no rule%s%s%s; use any of " NS_NAME_RULE_WORDS, word,
			    nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

int ns_naming_parse(const char *value, struct ns_naming *ret, struct ns_error *err)
{
	struct ns_naming found = *ret;

	memset(found.rules, 0, sizeof found.rules); /* equal ones are equal bytes */
	found.n_rules = 0;
	while (*(value += strspn(value, " \t"))) {
		size_t length = strcspn(value, " \t");
		enum ns_name_rule rule = NS_NAME_INVALID;
		char word[64];
		int r;

		(void)snprintf(word, sizeof word, "%.*s", (int)length, value);
		value += length;
		r = parse_word(word, &rule, err);
		if (r < 0)
			return r;
		for (unsigned i = 0; i < found.n_rules; i++) {
			if (found.rules[i] == rule)
				return ns_error_set(err, -EINVAL, "'%s' stands there twice", word);
			if (found.rules[i] == NS_NAME_NAME)
				return ns_error_set(err, -EINVAL,
						    "'%s' stands behind 'name', which every container has; put 'name' "
						    "last",
						    word);
		}
		found.rules[found.n_rules++] = rule; /* none is there twice: there is room */
	}
	if (found.n_rules == 0)
		return ns_error_set(err, -EINVAL, "is empty; use any of " NS_NAME_RULE_WORDS);
	*ret = found;
	return 0;
}
