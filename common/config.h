/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The configuration file: INI, read by libinih. Unknown sections and keys, repeated keys and bad values are errors with
 * file, line and what would be right; nothing is half-read. nanoseg.conf(5) is its manual.
 *
 * Lines that begin with white space continue the value above; only netns_dirs and bundle_dirs may have such lines.
 * Sections [start] and [services] have anybody's names for keys, so their lines are read here and not by libinih, which
 * would cut them.
 */
#ifndef NANOSEG_CONFIG_H
#define NANOSEG_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include <nanoseg/error.h>
#include <nanoseg/limits.h>

#include "config_services.h"

#include "naming.h"

#define NS_CONFIG_PATH_DEFAULT "/etc/nanoseg/nanoseg.conf"
#define NS_CONFIG_PATH_MAX     256
#define NS_CONFIG_BYTES_MAX    65536u /* one file */
#define NS_CONFIG_LINE_MAX     198    /* bytes, without the end of line: what libinih keeps of one (INI_MAX_LINE) */
#define NS_CONFIG_SOCKET_MAX   108    /* sun_path of unix(7), with its NUL */

/* Bounds of the values. */
#define NS_CONFIG_SCAN_INTERVAL_MIN_US INT64_C(100000)
#define NS_CONFIG_SCAN_INTERVAL_MAX_US INT64_C(3600000000)
#define NS_CONFIG_MIN_WINDOW_MAX_US    (INT64_C(365) * 86400 * 1000000)
#define NS_CONFIG_GATE_WAIT_MIN_US     INT64_C(1000000)
#define NS_CONFIG_GATE_WAIT_MAX_US     INT64_C(600000000)

#define NS_CONFIG_START_WORDS "closed learning open"

/* One line of [start]: how workloads start whose names match the pattern (fnmatch(3), '*' matches '/' too). */
struct ns_config_start {
	char pattern[NS_WORKLOAD_MAX];
	char start[16];
};

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
	char bundle_dirs[NS_BUNDLE_DIRS_MAX][NS_CONFIG_PATH_MAX];
	unsigned n_bundle_dirs;
	/* [names] */
	struct ns_naming naming;
	/* [learn] */
	char default_mode[16]; /* "learning": the only one that needs no approved policy */
	int64_t min_window_us; /* "1h" */
	uint32_t set_size;     /* 65535 */
	/* [enforce] */
	char verdict[8]; /* "drop" or "reject" */
	char start[16];  /* one of NS_CONFIG_START_WORDS; "learning" */
	/* "veth* ve-*", or none: names of links as the kernel's wildcard hooks take them */
	char gate[NS_GATE_PATTERNS_MAX][NS_IFNAME_MAX];
	unsigned n_gate;
	char gate_standing[8]; /* "auto" or "never" */
	int64_t gate_wait_us;  /* "5s" */
	/* [start] */
	struct ns_config_start start_rules[NS_START_RULES_MAX]; /* the first that matches counts */
	unsigned n_start_rules;
	/* [services] */
	struct ns_services services;
};

void ns_config_defaults(struct ns_config *ret);
/* path NULL: NS_CONFIG_PATH_DEFAULT, and when that does not exist, the defaults. A path that is given must exist. */
int ns_config_load(const char *path, struct ns_config *ret, struct ns_error *err);
/* The same from memory; `name` stands for the file in errors. -EINVAL for what is written there, -EFBIG for too much.
 */
int ns_config_parse(const char *name, const char *text, size_t length, struct ns_config *ret, struct ns_error *err);

/* What differs and takes effect with a restart only: "[watch] netns_dirs, [names] rules"; returns how many keys that
 * are. */
#define NS_CONFIG_UNTIL_RESTART_MAX 256
size_t ns_config_until_restart(const struct ns_config *a, const struct ns_config *b, char *ret, size_t size);

#endif
