/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The command `nanoseg`: what a command line asks for, and the table of what can be asked. nanoseg(1) is its manual.
 */
#ifndef NANOSEG_CLI_H
#define NANOSEG_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <nanoseg/error.h>

#define NS_CLI_SOCKET_DEFAULT "/run/nanoseg/nanosegd.sock"
#define NS_CLI_SOCKET_MAX     107 /* sun_path of unix(7), without its NUL */
#define NS_CLI_ARGS_MAX       4

enum ns_cli_exit {
	NS_CLI_OK = 0,
	NS_CLI_REFUSED = 1, /* or not found; `status`: something is unprotected; `verify`: a difference; `doctor`:
			       something required is missing */
	NS_CLI_USAGE = 2,
	NS_CLI_UNREACHABLE = 3,
};

/* Options, as bits for the table. All but the flags take a value. */
enum ns_cli_option {
	NS_CLI_SOCKET = 1 << 0,
	NS_CLI_JSON = 1 << 1,
	NS_CLI_HELP = 1 << 2,
	NS_CLI_FORMAT = 1 << 3,
	NS_CLI_FOLLOW = 1 << 4,
	NS_CLI_OUTPUT = 1 << 5,
	NS_CLI_FILE = 1 << 6,
	NS_CLI_DIGEST = 1 << 7,
	NS_CLI_REASON = 1 << 8,
	NS_CLI_REVISION = 1 << 9,
	NS_CLI_FROM = 1 << 10,
	NS_CLI_TO = 1 << 11,
	NS_CLI_EXPLAIN = 1 << 12,
};
#define NS_CLI_GLOBAL (NS_CLI_SOCKET | NS_CLI_JSON | NS_CLI_HELP)

/* All strings point into argv, the environment, or are literals. */
struct ns_cli_request {
	const struct ns_cli_verb *verb;
	unsigned options; /* those that were given */
	bool json;
	const char *socket, *format, *output, *file, *digest, *reason;
	uint64_t revision, from, to; /* 0: not given */
	const char *args[NS_CLI_ARGS_MAX];
	size_t n_args;
};

/* What a verb has to work with. */
struct ns_cli {
	const struct ns_cli_request *request;
	FILE *out;
	bool terminal;    /* out is one */
	bool interactive; /* out and standard input are: somebody is there to edit */
	unsigned width;   /* of the terminal, in columns; 0: no limit */
	int64_t now;      /* microseconds since the epoch: ages are counted from here */
};

struct ns_cli_verb {
	const char *name;  /* one or two words */
	const char *usage; /* what follows the name */
	size_t min, max;   /* arguments */
	unsigned options;  /* beside the global ones */
	const char *role;  /* the daemon asks for; "" none */
	const char *summary;
	/* Returns an enum ns_cli_exit; err has the line to print, or "" when all was said on `out`. */
	int (*run)(struct ns_cli *cli, struct ns_error *err);
};

const struct ns_cli_verb *ns_cli_verbs(size_t *ret_n);

/* The command line alone, without the program's name; nothing is opened or asked. Options may stand before or after the
 * verb, "--" ends them. env_socket: NANOSEG_SOCKET or NULL. -EINVAL with the one line to print. */
int ns_cli_parse(size_t argc, char *const argv[], const char *env_socket, struct ns_cli_request *ret,
		 struct ns_error *err);

/* For verbs: sets err and returns NS_CLI_USAGE or NS_CLI_REFUSED. */
int ns_cli_usage(struct ns_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int ns_cli_refused(struct ns_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int ns_cli_no_memory(struct ns_error *err);

/* The verbs, one file each. */
int ns_verb_status(struct ns_cli *cli, struct ns_error *err);
int ns_verb_endpoints(struct ns_cli *cli, struct ns_error *err);
int ns_verb_graph(struct ns_cli *cli, struct ns_error *err);
int ns_verb_learn(struct ns_cli *cli, struct ns_error *err); /* start, stop */
int ns_verb_policy_list(struct ns_cli *cli, struct ns_error *err);
int ns_verb_policy_show(struct ns_cli *cli, struct ns_error *err);
int ns_verb_policy_propose(struct ns_cli *cli, struct ns_error *err);
int ns_verb_policy_diff(struct ns_cli *cli, struct ns_error *err);
int ns_verb_policy_edit(struct ns_cli *cli, struct ns_error *err);
int ns_verb_policy_decide(struct ns_cli *cli, struct ns_error *err); /* approve, reject */
int ns_verb_policy_history(struct ns_cli *cli, struct ns_error *err);
int ns_verb_mode(struct ns_cli *cli, struct ns_error *err);
int ns_verb_denies(struct ns_cli *cli, struct ns_error *err);
int ns_verb_evidence_export(struct ns_cli *cli, struct ns_error *err);
int ns_verb_verify(struct ns_cli *cli, struct ns_error *err);
int ns_verb_doctor(struct ns_cli *cli, struct ns_error *err);
int ns_verb_version(struct ns_cli *cli, struct ns_error *err);
int ns_verb_help(struct ns_cli *cli, struct ns_error *err);

#endif
