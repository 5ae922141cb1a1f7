/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The configuration file. Whatever the bytes: either a configuration within its bounds, or an error of one line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_path(const char *path, size_t size, int may_be_empty)
{
	size_t length = strnlen(path, size);

	check(length < size && (path[0] == '/' || (may_be_empty && length == 0)));
}

static void check_start(const char *start)
{
	check(strcmp(start, "closed") == 0 || strcmp(start, "learning") == 0 || strcmp(start, "open") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ns_config config;
	struct ns_error err = NS_ERROR_INIT;

	if (ns_config_parse("fuzz", (const char *)data, size, &config, &err) < 0) {
		check(err.code < 0 && err.text[0] && strnlen(err.text, sizeof(err.text)) < sizeof(err.text));
		check(!strpbrk(err.text, "\n\r\t\x1b"));
		return 0;
	}
	check(err.code == 0);
	check_path(config.state_dir, sizeof(config.state_dir), 0);
	check_path(config.runtime_dir, sizeof(config.runtime_dir), 0);
	check_path(config.socket, NS_CONFIG_SOCKET_MAX, 0);
	check_path(config.docker_socket, NS_CONFIG_SOCKET_MAX, 1);
	check_path(config.podman_socket, NS_CONFIG_SOCKET_MAX, 1);
	check(config.n_netns_dirs <= NS_NETNS_DIRS_MAX);
	for (unsigned i = 0; i < config.n_netns_dirs; i++)
		check_path(config.netns_dirs[i], sizeof(config.netns_dirs[i]), 0);
	check(config.scan_interval_us >= NS_CONFIG_SCAN_INTERVAL_MIN_US &&
	      config.scan_interval_us <= NS_CONFIG_SCAN_INTERVAL_MAX_US);
	check(config.min_window_us >= 0 && config.min_window_us <= NS_CONFIG_MIN_WINDOW_MAX_US);
	check(config.set_size >= 1 && config.set_size <= NS_LEARN_SET_SIZE_MAX);
	check(strcmp(config.verdict, "drop") == 0 || strcmp(config.verdict, "reject") == 0);
	check_start(config.start);
	check(config.gate_wait_us >= NS_CONFIG_GATE_WAIT_MIN_US && config.gate_wait_us <= NS_CONFIG_GATE_WAIT_MAX_US);
	check(config.n_gate <= NS_GATE_PATTERNS_MAX);
	for (unsigned i = 0; i < config.n_gate; i++) {
		size_t length = strnlen(config.gate[i], NS_IFNAME_MAX);
		const char *star = strchr(config.gate[i], '*');

		check(length > 0 && length < NS_IFNAME_MAX && !strpbrk(config.gate[i], " \t/:"));
		check(!star || (star > config.gate[i] && !star[1]));
	}
	check(config.n_start_rules <= NS_START_RULES_MAX);
	for (unsigned i = 0; i < config.n_start_rules; i++) {
		check(*config.start_rules[i].pattern && !strpbrk(config.start_rules[i].pattern, " \t=;\\"));
		check_start(config.start_rules[i].start);
	}
	return 0;
}
