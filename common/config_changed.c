/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a running daemon cannot take up: what is watched, how it is named, and where the daemon itself is.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

static bool lists_differ(const char (*a)[NS_CONFIG_PATH_MAX], unsigned n, const char (*b)[NS_CONFIG_PATH_MAX],
			 unsigned m)
{
	bool differ = n != m;

	for (unsigned i = 0; i < n && !differ; i++)
		differ = strcmp(a[i], b[i]) != 0;
	return differ;
}

static bool rules_differ(const struct ns_naming *a, const struct ns_naming *b)
{
	bool differ = a->n_rules != b->n_rules;

	for (unsigned i = 0; i < a->n_rules && !differ; i++)
		differ = a->rules[i] != b->rules[i];
	return differ;
}

size_t ns_config_until_restart(const struct ns_config *a, const struct ns_config *b, char *ret, size_t size)
{
	const struct {
		const char *key;
		bool differs;
	} keys[] = {
		{ "[daemon] state_dir", strcmp(a->state_dir, b->state_dir) != 0 },
		{ "[daemon] runtime_dir", strcmp(a->runtime_dir, b->runtime_dir) != 0 },
		{ "[daemon] socket", strcmp(a->socket, b->socket) != 0 },
		{ "[watch] netns_dirs", lists_differ(a->netns_dirs, a->n_netns_dirs, b->netns_dirs, b->n_netns_dirs) },
		{ "[watch] docker_socket", strcmp(a->docker_socket, b->docker_socket) != 0 },
		{ "[watch] podman_socket", strcmp(a->podman_socket, b->podman_socket) != 0 },
		{ "[watch] scan_interval", a->scan_interval_us != b->scan_interval_us },
		{ "[watch] bundle_dirs",
		  lists_differ(a->bundle_dirs, a->n_bundle_dirs, b->bundle_dirs, b->n_bundle_dirs) },
		{ "[names] rules", rules_differ(&a->naming, &b->naming) },
		{ "[names] owner", strcmp(a->naming.owner, b->naming.owner) != 0 },
	};
	size_t n = 0, length = 0;

	*ret = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!keys[i].differs)
			continue;
		(void)snprintf(ret + length, size - length, "%s%s", n++ ? ", " : "", keys[i].key);
		length = strlen(ret);
	}
	return n;
}
