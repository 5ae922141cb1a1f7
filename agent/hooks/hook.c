/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hook.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "cleanup.h"
#include "hook_state.h"
#include "input.h"

static const char usage[] = "usage: nanoseg-hook [--socket PATH] [--timeout DURATION] [--on-timeout fail|continue] "
			    "[--version]\n";

enum { EXIT_USAGE = 2 };

struct options {
	struct ns_ask ask;
	bool go_on; /* when it is not ready in time */
};

static int wrong(FILE *errors, const char *option, const char *why)
{
	(void)fprintf(errors, "nanoseg-hook: %s: %s\n", option, why);
	return EXIT_USAGE + 1;
}

static int set_option(int c, struct options *ret, FILE *out, FILE *errors)
{
	struct ns_error err = NS_ERROR_INIT;

	switch (c) {
	case 's':
		ret->ask.socket = optarg;
		return ns_ask_socket_check(optarg, &err) < 0 ? wrong(errors, "--socket", err.text) : 0;
	case 't':
		return ns_ask_timeout_parse(optarg, &ret->ask.timeout_us, &err) < 0
			       ? wrong(errors, "--timeout", err.text)
			       : 0;
	case 'o':
		ret->go_on = strcmp(optarg, "continue") == 0;
		return ret->go_on || strcmp(optarg, "fail") == 0
			       ? 0
			       : wrong(errors, "--on-timeout", "use fail or continue");
	case 'v':
		(void)fputs("nanoseg-hook " NANOSEG_VERSION "\n", out);
		return EXIT_SUCCESS + 1;
	default: /* 'h' */
		(void)fputs(usage, out);
		return EXIT_SUCCESS + 1;
	}
}

/* What getopt does not take, and why. */
static int refuse_option(int c, const char *option, FILE *errors)
{
	struct ns_error err = NS_ERROR_INIT; /* for its way of making foreign bytes printable */
	bool known = optopt && strncmp(option, "--", 2) == 0;

	(void)ns_error_set(&err, -EINVAL, "'%.64s' %s", option,
			   c == ':' ? "takes a value"
			   : known  ? "takes no value"
				    : "is no option");
	(void)fprintf(errors, "nanoseg-hook: %s; %s", err.text, usage);
	return EXIT_USAGE + 1;
}

/* 0: go on; otherwise what main returns, plus one. */
static int parse_options(int argc, char **argv, struct options *ret, FILE *out, FILE *errors)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ "on-timeout", required_argument, NULL, 'o' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, r, at;

	optind = 0; /* also where getopt was left in the middle of a word */
	opterr = 0; /* the runtime shows one line, and that is ours */
	/* '+': the option in question is where the last one ended. */
	while (at = optind ? optind : 1, (c = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
		r = c == '?' || c == ':' ? refuse_option(c, argv[at], errors) : set_option(c, ret, out, errors);
		if (r)
			return r;
	}
	if (optind < argc) {
		(void)fprintf(errors, "nanoseg-hook: '%.64s' is not expected here; %s", argv[optind], usage);
		return EXIT_USAGE + 1;
	}
	return 0;
}

/* Who is to start, from standard input and the bundle. */
static int read_subject(int input, struct ns_subject *ret, struct ns_error *err)
{
	NS_CLEANUP(ns_hook_state_release) struct ns_hook_state state = NS_HOOK_STATE_INIT;
	NS_FREE char *text = NULL, *config = NULL;
	char path[PATH_MAX];
	size_t length = 0;
	int r = ns_input_read(input, "standard input", &text, &length, err);

	if (r < 0)
		return r;
	r = ns_hook_state_parse(text, length, &state, err);
	if (r < 0) {
		ns_error_context(err, "standard input");
		return r;
	}
	if (state.bundle) {
		(void)snprintf(path, sizeof path, "%s/config.json", state.bundle);
		r = ns_input_read_file(path, &config, &length, err);
		if (r < 0)
			return r;
		r = ns_hook_state_add_bundle(&state, config, length, err);
		if (r < 0) {
			ns_error_context(err, "%s", path);
			return r;
		}
	}
	r = ns_hook_state_subject(&state, ret, err);
	if (r < 0)
		ns_error_context(err, "container %.12s", state.id);
	return r;
}

int ns_hook_main(int argc, char **argv, int input, FILE *out, FILE *errors)
{
	struct options options = { .ask = { NS_ASK_SOCKET_DEFAULT, NS_ASK_TIMEOUT_DEFAULT_US } };
	struct ns_error err = NS_ERROR_INIT;
	struct ns_subject subject;
	struct ns_ask_answer answer;
	char name[NS_SUBJECT_TEXT_MAX];
	int r = parse_options(argc, argv, &options, out, errors);

	if (r)
		return r - 1;
	/* What cannot be read does not become better by going on: --on-timeout is about waiting. */
	if (read_subject(input, &subject, &err) < 0) {
		(void)fprintf(errors, "nanoseg-hook: %s\n", err.text);
		return EXIT_FAILURE;
	}
	if (ns_ask_ready(&options.ask, &subject, &answer, &err) < 0) {
		bool named = *subject.workload || *subject.pod;

		(void)fprintf(errors, "nanoseg-hook: %s%s%.12s: %s%s\n",
			      named ? ns_subject_text(&subject, name) : "container", *subject.container_id ? " " : "",
			      subject.container_id, err.text,
			      options.go_on ? "; it starts all the same (--on-timeout continue)" : "");
		return options.go_on ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
