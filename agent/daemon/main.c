/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * nanosegd: puts the parts together, and leaves the rules in place when it goes.
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <systemd/sd-daemon.h>

#include "config.h"
#include "daemon.h"
#include "log.h"
#include "netns.h"

static const char usage[] = "usage: nanosegd [--config FILE] [--check-config] [--remove-rules] [--version]\n";

struct options {
	const char *config;
	bool check_config, remove_rules;
};

/* 0: go on; otherwise what main returns, plus one. */
static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' }, { "check-config", no_argument, NULL, 'k' },
		{ "remove-rules", no_argument, NULL, 'r' }, { "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },         { 0 },
	};
	int c, at;

	opterr = 0; /* one line is enough */
	/* '+': the option in question is where the last one ended. */
	while (at = optind, (c = getopt_long(argc, argv, "+:c:", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			ret->config = optarg;
			break;
		case 'k':
			ret->check_config = true;
			break;
		case 'r':
			ret->remove_rules = true;
			break;
		case 'v':
			(void)puts("nanosegd " NANOSEG_VERSION);
			return EXIT_SUCCESS + 1;
		case 'h':
			(void)fputs(usage, stdout);
			return EXIT_SUCCESS + 1;
		default:
			(void)fprintf(stderr, "nanosegd: '%.64s' %s; %s", argv[at],
				      c == ':' ? "takes a value" : "is no option", usage);
			return NS_EXIT_USAGE + 1;
		}
	}
	if (ret->check_config && ret->remove_rules) {
		(void)fprintf(stderr, "nanosegd: --check-config and --remove-rules do not go together; %s", usage);
		return NS_EXIT_USAGE + 1;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "nanosegd: '%s' is not expected here; %s", argv[optind], usage);
		return NS_EXIT_USAGE + 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct ns_error err = NS_ERROR_INIT;
	struct ns_config config;
	int r = parse_options(argc, argv, &options);

	if (r)
		return r - 1;
	if (ns_config_load(options.config, &config, &err) < 0) {
		ns_log_error("%s", err.text);
		return NS_EXIT_CONFIG;
	}
	if (options.check_config) {
		bool there = options.config || access(NS_CONFIG_PATH_DEFAULT, F_OK) == 0;

		(void)printf("%s: %s\n", options.config ? options.config : NS_CONFIG_PATH_DEFAULT,
			     there ? "ok" : "not there; the defaults are used");
		return EXIT_SUCCESS;
	}
	ns_log_set_level((enum ns_log_level)config.log_level);
	(void)mallopt(M_ARENA_MAX, 1); /* a second thread is rare and short: not worth an arena that stays */
	if (curl_global_init(CURL_GLOBAL_NOTHING) != 0)
		return EXIT_FAILURE;
	r = ns_netns_settle(&err);
	if (r == 0)
		r = options.remove_rules ? ns_daemon_remove_rules(&config, &err)
					 : ns_daemon_run(options.config, &config, &err);
	curl_global_cleanup();
	if (r < 0) {
		ns_log_error("%s", err.text);
		(void)sd_notifyf(0, "STATUS=%s\nERRNO=%d", err.text, -r);
		return r == -EBADMSG ? NS_EXIT_STORE : EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
