/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The configuration file: INI, read by libinih. Unknown sections and keys, repeated keys and bad values are errors with
 * file, line and what would be right; nothing is half-read.
 */
#ifndef NANOSEG_CONFIG_H
#define NANOSEG_CONFIG_H

#include <stdint.h>

#include <nanoseg/error.h>
#include <nanoseg/limits.h>

#define NS_CONFIG_PATH_DEFAULT "/etc/nanoseg/nanoseg.conf"
#define NS_CONFIG_PATH_MAX     256

struct ns_config {
	/* [daemon] */
	char state_dir[NS_CONFIG_PATH_MAX];   /* /var/lib/nanoseg */
	char runtime_dir[NS_CONFIG_PATH_MAX]; /* /run/nanoseg */
	char socket[NS_CONFIG_PATH_MAX];      /* RUNTIME_DIR/nanosegd.sock */
	int log_level;                        /* enum ns_log_level; info */
	/* [watch] */
	char netns_dirs[NS_NETNS_DIRS_MAX][NS_CONFIG_PATH_MAX]; /* "/run/netns /run/docker/netns" */
	unsigned n_netns_dirs;
	char docker_socket[NS_CONFIG_PATH_MAX]; /* /run/docker.sock; "none" in the file is "" here */
	char podman_socket[NS_CONFIG_PATH_MAX]; /* /run/podman/podman.sock */
	uint64_t scan_interval_us;              /* "5s": a number with us, ms, s, min, h or d */
	/* [learn] */
	char default_mode[16]; /* "learning" */
	int64_t min_window_us; /* "1h" */
	uint32_t set_size;     /* 65535 */
	/* [enforce] */
	char verdict[8]; /* "drop" or "reject" */
};

void ns_config_defaults(struct ns_config *ret);
/* path NULL: NS_CONFIG_PATH_DEFAULT, and when that does not exist, the defaults. A path that is given must exist. */
int ns_config_load(const char *path, struct ns_config *ret, struct ns_error *err);

#endif
