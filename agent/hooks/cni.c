/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cni.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cni_config.h"
#include "input.h"
#include "json.h"

struct call {
	const struct ns_cni_environment *environment;
	int input;
	FILE *out, *errors;
	struct ns_cni_config config;
	struct ns_subject subject;
};

/* ---- documents ---- */

/* `json` is stolen. */
static int print(FILE *out, json_t *json)
{
	NS_JSON json_t *owned = json;

	if (!owned || json_dumpf(owned, out, JSON_INDENT(4)) < 0 || fputc('\n', out) == EOF || fflush(out) == EOF)
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

/* `details` may be "". */
static int refuse(const struct call *call, int code, const char *message, const char *details)
{
	const char *version = *call->config.version ? call->config.version : NS_CNI_NEWEST;
	json_t *error = json_pack("{s:s, s:i, s:o}", "cniVersion", version, "code", code, "msg", ns_json_text(message));

	if (error && *details)
		(void)json_object_set_new(error, "details", ns_json_text(details));
	if (print(call->out, error) != EXIT_SUCCESS)
		(void)fprintf(call->errors, "nanoseg-cni: %s\n", message);
	return EXIT_FAILURE;
}

/* ---- what is told ---- */

static bool is_container_id(const char *id)
{
	char copy[NS_CONTAINER_ID_MAX];

	return isalnum((unsigned char)*id) && ns_subject_set_word(copy, sizeof copy, id);
}

static int read_environment(struct call *call, struct ns_error *err)
{
	const struct ns_cni_environment *from = call->environment;
	const char *missing = !from->container_id || !*from->container_id ? "CNI_CONTAINERID"
			      : !from->netns || !*from->netns             ? "CNI_NETNS"
			      : !from->ifname || !*from->ifname           ? "CNI_IFNAME"
									  : NULL;

	if (missing) {
		(void)ns_error_set(err, -EINVAL, "%s: not set", missing);
		return NS_CNI_ENVIRONMENT;
	}
	if (!is_container_id(from->container_id)) {
		(void)ns_error_set(err, -EINVAL, "CNI_CONTAINERID: '%.64s' is no id of a container",
				   from->container_id);
		return NS_CNI_ENVIRONMENT;
	}
	if (*from->netns != '/' || strlen(from->netns) >= sizeof call->subject.netns) {
		(void)ns_error_set(err, -EINVAL, "CNI_NETNS: '%.64s' is no absolute path of at most %zu bytes",
				   from->netns, sizeof call->subject.netns - 1);
		return NS_CNI_ENVIRONMENT;
	}
	memcpy(call->subject.netns, from->netns, strlen(from->netns) + 1);
	(void)ns_subject_set_word(call->subject.container_id, sizeof call->subject.container_id, from->container_id);
	return 0;
}

/* Configuration, environment, and whose namespace it is: 0, or what main returns after an error document. */
static int prepare(struct call *call)
{
	struct ns_error err = NS_ERROR_INIT;
	NS_FREE char *text = NULL;
	size_t length = 0;
	int code;

	if (ns_input_read(call->input, "standard input", &text, &length, &err) < 0)
		return refuse(call, NS_CNI_IO, err.text, "");
	code = ns_cni_config_parse(text, length, &call->config, &err);
	if (!code)
		code = read_environment(call, &err);
	if (!code) {
		memcpy(call->subject.workload, call->config.workload, sizeof call->subject.workload);
		code = ns_cni_args_parse(call->environment->args, &call->subject, &err);
	}
	if (code)
		return refuse(call, code, err.text, "");
	if (!call->config.previous)
		return refuse(call, NS_CNI_CONFIG, "$.prevResult: missing",
			      "nanoseg-cni is chained: it stands behind "
			      "the plugin that makes the interface");
	return 0;
}

static int not_ready(const struct call *call, int r, const struct ns_error *err)
{
	char text[NS_SUBJECT_TEXT_MAX], message[NS_SUBJECT_TEXT_MAX + 64];

	(void)snprintf(message, sizeof message, "%s: the rules of nanoseg are not in",
		       ns_subject_text(&call->subject, text));
	return refuse(call, r == -EACCES || r == -EINVAL || r == -EPROTO ? NS_CNI_REFUSED : NS_CNI_AGAIN, message,
		      err->text);
}

/* ---- commands ---- */

static int command_add(struct call *call)
{
	const struct ns_ask ask = { call->config.socket, call->config.timeout_us };
	struct ns_error err = NS_ERROR_INIT;
	struct ns_ask_answer answer;
	char text[NS_SUBJECT_TEXT_MAX];
	int r = ns_ask_ready(&ask, &call->subject, &answer, &err);

	if (r < 0 && !call->config.go_on)
		return not_ready(call, r, &err);
	if (r < 0)
		(void)fprintf(call->errors, "nanoseg-cni: %s: %s; it starts all the same (onTimeout: continue)\n",
			      ns_subject_text(&call->subject, text), err.text);
	return print(call->out, ns_cni_result(&call->config));
}

static int command_check(struct call *call)
{
	const struct ns_ask ask = { call->config.socket, call->config.timeout_us };
	struct ns_error err = NS_ERROR_INIT;
	struct ns_ask_answer answer;
	char message[NS_WORKLOAD_MAX + 64];
	int r = ns_ask_ready(&ask, &call->subject, &answer, &err);

	if (r < 0)
		return not_ready(call, r, &err);
	if (answer.cookie == 0)
		return EXIT_SUCCESS; /* on the host's network */
	r = ns_ask_verify(&ask, &answer, &err);
	if (r == 0)
		return EXIT_SUCCESS;
	if (r != -EBADE)
		return refuse(call, r == -EAGAIN ? NS_CNI_AGAIN : NS_CNI_REFUSED, "the rules could not be read again",
			      err.text);
	(void)snprintf(message, sizeof message, "%s: the rules are not as planned", answer.workload);
	return refuse(call, NS_CNI_DIFFERS, message, err.text);
}

static int command_version(struct call *call)
{
	struct ns_error err = NS_ERROR_INIT;
	NS_FREE char *text = NULL;
	size_t length = 0;
	int code;

	if (ns_input_read(call->input, "standard input", &text, &length, &err) < 0)
		return refuse(call, NS_CNI_IO, err.text, "");
	code = ns_cni_version_parse(text, length, call->config.version, &err);
	if (code)
		return refuse(call, code, err.text, "");
	return print(call->out, json_pack("{s:s, s:[s, s]}", "cniVersion", call->config.version, "supportedVersions",
					  "0.4.0", NS_CNI_NEWEST));
}

/* ---- the program ---- */

static int usage(int argc, char **argv, const struct ns_cni_environment *environment, FILE *out, FILE *errors)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		(void)fputs("nanoseg-cni " NANOSEG_VERSION "\n", out);
		return EXIT_SUCCESS;
	}
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		(void)fputs("nanoseg-cni is started by a CNI runtime; see nanoseg-cni(8)\n", out);
		return EXIT_SUCCESS;
	}
	if (argc > 1)
		(void)fprintf(
			errors,
			"nanoseg-cni: '%.64s' is not expected here; use --version or --help: a CNI runtime tells the "
			"rest in its own way, see nanoseg-cni(8)\n",
			argv[1]);
	else
		(void)fputs("nanoseg-cni: CNI_COMMAND: not set; a CNI runtime starts this, see nanoseg-cni(8)\n",
			    errors);
	return EXIT_FAILURE;
}

static int run(struct call *call)
{
	const char *command = call->environment->command;
	char message[128];
	struct ns_error err; /* for its way of making foreign bytes printable */
	int r;

	if (strcmp(command, "VERSION") == 0)
		return command_version(call);
	/* Nothing of ours is to be undone: the daemon sees the namespace go. So nothing can be in the way either. */
	if (strcmp(command, "DEL") == 0)
		return EXIT_SUCCESS;
	if (strcmp(command, "ADD") != 0 && strcmp(command, "CHECK") != 0) {
		(void)snprintf(message, sizeof message, "CNI_COMMAND: '%.32s' is not one of ADD, DEL, CHECK, VERSION",
			       command);
		(void)ns_error_set(&err, -EINVAL, "%s", message);
		return refuse(call, NS_CNI_ENVIRONMENT, err.text, "");
	}
	r = prepare(call);
	if (r == 0)
		r = strcmp(command, "ADD") == 0 ? command_add(call) : command_check(call);
	return r;
}

int ns_cni_main(int argc, char **argv, const struct ns_cni_environment *environment, int input, FILE *out, FILE *errors)
{
	struct call call = {
		.environment = environment, .input = input, .out = out, .errors = errors, .config = NS_CNI_CONFIG_INIT
	};
	int r;

	if (argc > 1 || !environment->command)
		return usage(argc, argv, environment, out, errors);
	r = run(&call);
	ns_cni_config_release(&call.config);
	return r;
}
