/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * When a container's link opens: the words of [start], and which of them holds for a workload.
 */
#include <fnmatch.h>
#include <string.h>

#include "engine_private.h"

static const char *const words[] = {
	[NS_START_CLOSED] = "closed",
	[NS_START_LEARNING] = "learning",
	[NS_START_OPEN] = "open",
};
#define WORDS (sizeof words / sizeof words[0])

enum ns_start ns_start_parse(const char *text)
{
	for (size_t i = NS_START_CLOSED; i < WORDS; i++)
		if (strcmp(words[i], text) == 0)
			return (enum ns_start)i;
	return NS_START_INVALID;
}

const char *ns_start_format(enum ns_start start)
{
	return start > NS_START_INVALID && start < WORDS ? words[start] : "invalid";
}

enum ns_start ns_engine_start_of(const struct ns_engine *engine, const char *workload)
{
	const struct ns_engine_config *config = &engine->config;

	for (size_t i = 0; i < config->n_start_rules; i++)
		if (fnmatch(config->start_rules[i].pattern, workload, 0) == 0)
			return config->start_rules[i].start;
	return config->start == NS_START_INVALID ? NS_START_LEARNING : config->start;
}

static int note_force(void *ctx, const struct ns_workload *workload)
{
	bool *in_force = ctx;

	*in_force = *in_force || ns_mode_in_force(workload->mode);
	return *in_force; /* one is enough */
}

/* With nothing in force and nobody who is to start closed, a link needs no closing while no agent runs. */
bool ns_engine_wants_standing(struct ns_engine *engine)
{
	bool wanted = engine->config.start == NS_START_CLOSED;

	for (size_t i = 0; i < engine->config.n_start_rules; i++)
		wanted = wanted || engine->config.start_rules[i].start == NS_START_CLOSED;
	if (!wanted)
		(void)ns_store_list_workloads(engine->store, note_force, &wanted, NULL);
	return wanted;
}
