/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The kinds of values a configuration file holds. Each reader takes the text, says in one line what is wrong with it
 * and what would be right (the caller adds file, line and key), and leaves its output alone when it fails.
 */
#ifndef NANOSEG_CONFIG_VALUE_H
#define NANOSEG_CONFIG_VALUE_H

#include "config.h"

enum ns_config_kind {
	NS_CONFIG_PATH, /* absolute, without white space */
	NS_CONFIG_PATH_OR_NONE,
	NS_CONFIG_DIRS, /* paths, separated by white space */
	NS_CONFIG_LEVEL,
	NS_CONFIG_DURATION,
	NS_CONFIG_COUNT,
	NS_CONFIG_WORD,
	NS_CONFIG_RULES, /* for names of workloads (naming.h) */
	NS_CONFIG_LINKS, /* patterns of link names, separated by white space, or "none" */
};

/* size: of ret, with the NUL. Slashes at the end are taken off. */
int ns_config_path(const char *value, char *ret, size_t size, struct ns_error *err);
/* Adds to the *n of at most `max` directories. */
int ns_config_dirs(const char *value, char (*dirs)[NS_CONFIG_PATH_MAX], unsigned max, unsigned *n,
		   struct ns_error *err);
/* A whole number with its unit: us, ms, s, min, h or d. Bounds and result in microseconds. */
int ns_config_duration(const char *value, int64_t min, int64_t max, int64_t *ret, struct ns_error *err);
int ns_config_count(const char *value, int64_t min, int64_t max, int64_t *ret, struct ns_error *err);
/* One of `words`, which are separated by one space. */
int ns_config_word(const char *value, const char *words, char *ret, size_t size, struct ns_error *err);

/* Replaces config->gate. */
int ns_config_links(const char *value, struct ns_config *config, struct ns_error *err);
/* Adds "PATTERN = WORD" of section [start], without its comment and the white space around it. */
int ns_config_start_rule(const char *line, struct ns_config *config, struct ns_error *err);

#endif
