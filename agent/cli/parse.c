/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <errno.h>
#include <string.h>

#include "nearest.h"
#include "show.h"

enum kind { FLAG, TEXT, NUMBER };

static const struct option {
	const char *name;
	enum ns_cli_option bit;
	enum kind kind;
	size_t offset; /* of the member of struct ns_cli_request */
} options[] = {
#define AT(member) offsetof(struct ns_cli_request, member)
	{ "--socket", NS_CLI_SOCKET, TEXT, AT(socket) },
	{ "--json", NS_CLI_JSON, FLAG, 0 },
	{ "--help", NS_CLI_HELP, FLAG, 0 },
	{ "--explain", NS_CLI_EXPLAIN, FLAG, 0 },
	{ "--format", NS_CLI_FORMAT, TEXT, AT(format) },
	{ "--follow", NS_CLI_FOLLOW, FLAG, 0 },
	{ "--output", NS_CLI_OUTPUT, TEXT, AT(output) },
	{ "--file", NS_CLI_FILE, TEXT, AT(file) },
	{ "--digest", NS_CLI_DIGEST, TEXT, AT(digest) },
	{ "--reason", NS_CLI_REASON, TEXT, AT(reason) },
	{ "--revision", NS_CLI_REVISION, NUMBER, AT(revision) },
	{ "--from", NS_CLI_FROM, NUMBER, AT(from) },
	{ "--to", NS_CLI_TO, NUMBER, AT(to) },
#undef AT
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

#define POSITIONALS_MAX (NS_CLI_ARGS_MAX + 2) /* the verb's words come with them */

static int unknown_option(const char *given, size_t length, struct ns_error *err)
{
	const char *names[N_OPTIONS];
	char name[NS_NEAREST_LENGTH_MAX + 1] = "";
	const char *nearest;

	for (size_t i = 0; i < N_OPTIONS; i++)
		names[i] = options[i].name;
	if (length < sizeof(name))
		memcpy(name, given, length);
	nearest = ns_nearest(name, names, N_OPTIONS);
	if (nearest)
		return ns_error_set(err, -EINVAL, "unknown option '%.*s'; did you mean '%s'?", (int)length, given,
				    nearest);
	return ns_error_set(err, -EINVAL, "unknown option '%.*s'; 'nanoseg help' lists the options of each command",
			    (int)length, given);
}

/* Revisions: decimal, from 1. */
static int number(const char *name, const char *value, uint64_t *ret, struct ns_error *err)
{
	uint64_t n = 0;
	size_t length = strspn(value, "0123456789");

	if (length == 0 || value[length] || length > 18)
		return ns_error_set(err, -EINVAL, "%s: '%.64s' is not a revision; use a whole number from 1", name,
				    value);
	for (const char *p = value; *p; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (n == 0)
		return ns_error_set(err, -EINVAL, "%s: revisions count from 1", name);
	*ret = n;
	return 0;
}

/* argv[*i] begins with '-'. Advances *i over the value where the option takes one from the next word. */
static int take_option(size_t argc, char *const argv[], size_t *i, struct ns_cli_request *request, struct ns_error *err)
{
	const char *given = strcmp(argv[*i], "-h") == 0 ? "--help" : argv[*i];
	const char *equals = strchr(given, '=');
	size_t length = equals ? (size_t)(equals - given) : strlen(given);
	const struct option *option = NULL;
	const char *value = equals ? equals + 1 : NULL;

	for (size_t n = 0; n < N_OPTIONS; n++) {
		if (strlen(options[n].name) == length && memcmp(options[n].name, given, length) == 0)
			option = &options[n];
	}
	if (!option)
		return unknown_option(given, length, err);
	if (request->options & option->bit && option->kind != FLAG)
		return ns_error_set(err, -EINVAL, "%s is given twice", option->name);
	request->options |= option->bit;
	if (option->kind == FLAG)
		return value ? ns_error_set(err, -EINVAL, "%s takes no value", option->name) : 0;

	if (!value) {
		if (*i + 1 >= argc)
			return ns_error_set(err, -EINVAL, "%s needs a value", option->name);
		value = argv[++*i];
	}
	if (*value == '\0')
		return ns_error_set(err, -EINVAL, "%s: the value is empty", option->name);
	void *at = (char *)request + option->offset;
	if (option->kind == NUMBER)
		return number(option->name, value, at, err);
	*(const char **)at = value;
	return 0;
}

/* Length of the first word of a verb's name. */
static size_t first_word(const struct ns_cli_verb *verb)
{
	return strcspn(verb->name, " ");
}

/* The second word is missing or wrong: the line lists those there are, when there are any. */
static int second_word(const char *first, const char *given, struct ns_error *err)
{
	size_t n_verbs;
	const struct ns_cli_verb *verbs = ns_cli_verbs(&n_verbs);
	const char *seconds[32];
	const char *nearest;
	char list[256] = "";
	size_t n = 0, length = strlen(first);

	for (size_t i = 0; i < n_verbs && n < sizeof(seconds) / sizeof(seconds[0]); i++) {
		if (first_word(&verbs[i]) == length && memcmp(verbs[i].name, first, length) == 0) {
			size_t used = strlen(list);
			seconds[n] = verbs[i].name + length + 1;
			(void)snprintf(list + used, sizeof(list) - used, "%s%s", n ? ", " : "", seconds[n]);
			n++;
		}
	}
	if (!given)
		return ns_error_set(err, -EINVAL, "%s: say what to do: %s", first, list);
	nearest = ns_nearest(given, seconds, n);
	if (nearest)
		return ns_error_set(err, -EINVAL, "%s: unknown command '%.64s'; did you mean '%s %s'?", first, given,
				    first, nearest);
	return ns_error_set(err, -EINVAL, "%s: unknown command '%.64s'; there is: %s", first, given, list);
}

static int unknown_verb(const char *given, struct ns_error *err)
{
	size_t n_verbs;
	const struct ns_cli_verb *verbs = ns_cli_verbs(&n_verbs);
	char words[32][16];
	const char *candidates[32];
	const char *nearest;
	size_t n = 0;

	for (; n < n_verbs && n < 32; n++) {
		(void)snprintf(words[n], sizeof(words[n]), "%.*s", (int)first_word(&verbs[n]), verbs[n].name);
		candidates[n] = words[n];
	}
	nearest = ns_nearest(given, candidates, n);
	if (nearest)
		return ns_error_set(err, -EINVAL, "unknown command '%.64s'; did you mean '%s'?", given, nearest);
	return ns_error_set(err, -EINVAL, "unknown command '%.64s'; 'nanoseg help' lists the commands", given);
}

/* Finds the row for the words; *ret_used is how many of them are the verb's name. */
static int find_verb(const char *const *words, size_t n_words, const struct ns_cli_verb **ret, size_t *ret_used,
		     struct ns_error *err)
{
	size_t n_verbs;
	const struct ns_cli_verb *verbs = ns_cli_verbs(&n_verbs);
	bool first_known = false;

	for (size_t i = 0; i < n_verbs; i++) {
		size_t length = first_word(&verbs[i]);
		const char *second = verbs[i].name[length] ? verbs[i].name + length + 1 : NULL;

		if (strlen(words[0]) != length || memcmp(words[0], verbs[i].name, length) != 0)
			continue;
		if (!second || (n_words > 1 && strcmp(words[1], second) == 0)) {
			*ret = &verbs[i];
			*ret_used = second ? 2 : 1;
			return 0;
		}
		first_known = true;
	}
	if (first_known)
		return second_word(words[0], n_words > 1 ? words[1] : NULL, err);
	return unknown_verb(words[0], err);
}

static const struct ns_cli_verb *help_verb(void)
{
	size_t n;
	const struct ns_cli_verb *verbs = ns_cli_verbs(&n);

	while (n > 1 && strcmp(verbs[n - 1].name, "help") != 0)
		n--;
	return &verbs[n - 1];
}

/* `nanoseg --help`, `nanoseg policy --help`, `nanoseg policy show W --help` are `nanoseg help …`. */
static void ask_help(const char *const *words, size_t n_words, struct ns_cli_request *request)
{
	const struct ns_cli_verb *verb = NULL;
	size_t used = n_words ? 1 : 0;

	if (n_words && find_verb(words, n_words, &verb, &used, NULL) < 0)
		used = 1;
	request->n_args = used;
	for (size_t i = 0; i < used; i++)
		request->args[i] = words[i];
}

static int check(const struct ns_cli_request *request, struct ns_error *err)
{
	const struct ns_cli_verb *verb = request->verb;
	unsigned foreign = request->options & ~(verb->options | NS_CLI_GLOBAL);

	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (foreign & options[i].bit)
			return ns_error_set(err, -EINVAL, "%s does not take %s; usage: nanoseg %s%s%s", verb->name,
					    options[i].name, verb->name, *verb->usage ? " " : "", verb->usage);
	}
	for (size_t i = 0; i < request->n_args; i++) {
		if (request->args[i][0] == '\0')
			return ns_error_set(err, -EINVAL, "%s: an empty argument; usage: nanoseg %s %s", verb->name,
					    verb->name, verb->usage);
		if (!ns_show_valid(request->args[i]))
			return ns_error_set(err, -EINVAL, "%s: '%.64s' is not UTF-8", verb->name, request->args[i]);
	}
	if (request->n_args < verb->min || request->n_args > verb->max)
		return ns_error_set(err, -EINVAL, "%s: too %s arguments; usage: nanoseg %s%s%s", verb->name,
				    request->n_args < verb->min ? "few" : "many", verb->name, *verb->usage ? " " : "",
				    verb->usage);
	if ((request->reason && !ns_show_valid(request->reason)) ||
	    (request->digest && !ns_show_valid(request->digest)))
		return ns_error_set(err, -EINVAL, "%s: --reason and --digest must be UTF-8", verb->name);
	if (strlen(request->socket) > NS_CLI_SOCKET_MAX)
		return ns_error_set(err, -EINVAL, "--socket: a path of %zu bytes; at most %d are possible",
				    strlen(request->socket), NS_CLI_SOCKET_MAX);
	return 0;
}

int ns_cli_parse(size_t argc, char *const argv[], const char *env_socket, struct ns_cli_request *ret,
		 struct ns_error *err)
{
	struct ns_cli_request request = { .verb = help_verb() };
	const char *words[POSITIONALS_MAX];
	size_t n_words = 0, used = 0;
	bool options_end = false;
	int r;

	for (size_t i = 0; i < argc; i++) {
		if (!options_end && strcmp(argv[i], "--") == 0) {
			options_end = true;
			continue;
		}
		if (!options_end && argv[i][0] == '-' && argv[i][1]) {
			bool version = n_words == 0 && strcmp(argv[i], "--version") == 0;

			r = version ? 0 : take_option(argc, argv, &i, &request, err);
			if (r < 0)
				return r;
			if (version)
				words[n_words++] = "version";
			continue;
		}
		if (n_words == POSITIONALS_MAX)
			return ns_error_set(err, -EINVAL, "too many arguments; 'nanoseg help' lists the commands");
		words[n_words++] = argv[i];
	}
	if (!request.socket)
		request.socket = env_socket && *env_socket ? env_socket : NS_CLI_SOCKET_DEFAULT;
	request.json = request.options & NS_CLI_JSON;

	if (request.options & NS_CLI_HELP) {
		ask_help(words, n_words, &request);
		r = 0;
	} else {
		if (n_words == 0)
			return ns_error_set(err, -EINVAL, "say what to do; 'nanoseg help' lists the commands");
		r = find_verb(words, n_words, &request.verb, &used, err);
		for (size_t i = used; r == 0 && i < n_words && request.n_args < NS_CLI_ARGS_MAX; i++)
			request.args[request.n_args++] = words[i];
		if (r == 0)
			r = check(&request, err);
	}
	if (r == 0)
		*ret = request;
	return r;
}
