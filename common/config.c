/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <ini.h>

#include "cleanup.h"
#include "config_value.h"
#include "log.h"
#include "nearest.h"

/* One row a key. The bounds mean what the kind says: bytes of a path with its NUL, microseconds, or a count. */
static const struct ns_config_key {
	const char *section, *name;
	enum ns_config_kind kind;
	size_t offset;
	int64_t min, max;
	const char *words; /* of NS_CONFIG_WORD: separated by one space */
} keys[] = {
#define AT(member) offsetof(struct ns_config, member)
	{ "daemon", "state_dir", NS_CONFIG_PATH, AT(state_dir), 0, NS_CONFIG_PATH_MAX, NULL },
	{ "daemon", "runtime_dir", NS_CONFIG_PATH, AT(runtime_dir), 0, NS_CONFIG_PATH_MAX, NULL },
	{ "daemon", "socket", NS_CONFIG_PATH, AT(socket), 0, NS_CONFIG_SOCKET_MAX, NULL },
	{ "daemon", "log_level", NS_CONFIG_LEVEL, AT(log_level), 0, 0, "error warning info debug" },
	{ "watch", "netns_dirs", NS_CONFIG_DIRS, AT(netns_dirs), 0, NS_CONFIG_PATH_MAX, NULL },
	{ "watch", "docker_socket", NS_CONFIG_PATH_OR_NONE, AT(docker_socket), 0, NS_CONFIG_SOCKET_MAX, NULL },
	{ "watch", "podman_socket", NS_CONFIG_PATH_OR_NONE, AT(podman_socket), 0, NS_CONFIG_SOCKET_MAX, NULL },
	{ "watch", "scan_interval", NS_CONFIG_DURATION, AT(scan_interval_us), NS_CONFIG_SCAN_INTERVAL_MIN_US,
	  NS_CONFIG_SCAN_INTERVAL_MAX_US, NULL },
	{ "watch", "bundle_dirs", NS_CONFIG_DIRS, AT(bundle_dirs), 0, NS_CONFIG_PATH_MAX, NULL },
	{ "names", "rules", NS_CONFIG_RULES, AT(naming), 0, 0, NULL },
	{ "names", "owner", NS_CONFIG_WORD, AT(naming.owner), 0, NS_NAMING_OWNER_MAX, NS_NAMING_OWNER_WORDS },
	{ "learn", "default_mode", NS_CONFIG_WORD, AT(default_mode), 0, 16, "learning" },
	{ "learn", "min_window", NS_CONFIG_DURATION, AT(min_window_us), 0, NS_CONFIG_MIN_WINDOW_MAX_US, NULL },
	{ "learn", "set_size", NS_CONFIG_COUNT, AT(set_size), 1, NS_LEARN_SET_SIZE_MAX, NULL },
	{ "enforce", "verdict", NS_CONFIG_WORD, AT(verdict), 0, 8, "drop reject" },
	{ "enforce", "start", NS_CONFIG_WORD, AT(start), 0, 16, NS_CONFIG_START_WORDS },
	{ "enforce", "gate", NS_CONFIG_LINKS, AT(gate), 0, 0, NULL },
	{ "enforce", "gate_standing", NS_CONFIG_WORD, AT(gate_standing), 0, 8, "auto never" },
	{ "enforce", "gate_wait", NS_CONFIG_DURATION, AT(gate_wait_us), NS_CONFIG_GATE_WAIT_MIN_US,
	  NS_CONFIG_GATE_WAIT_MAX_US, NULL },
#undef AT
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static int take_service(const char *line, struct ns_config *config, struct ns_error *err)
{
	return ns_services_add_line(&config->services, line, err);
}

/* The sections whose keys are anybody's names: their lines are taken whole. */
static const struct line_section {
	const char *name;
	int (*take)(const char *line, struct ns_config *config, struct ns_error *err);
} line_sections[] = {
	{ "start", ns_config_start_rule },
	{ "services", take_service },
};
#define N_LINE_SECTIONS (sizeof(line_sections) / sizeof(line_sections[0]))

struct parse {
	const char *name; /* of the file */
	const char *next, *end;
	struct ns_config config;
	bool seen[N_KEYS];
	unsigned line;                      /* the one libinih is at */
	bool continuation;                  /* it begins with white space */
	const struct line_section *section; /* it stands in; NULL: in one with keys of ours */
	unsigned bad_line;                  /* of the first error; 0: none yet */
	struct ns_error *err;
};

#define CONTAINERD "/run/containerd/io.containerd.runtime.v2.task"

void ns_config_defaults(struct ns_config *ret)
{
	*ret = (struct ns_config){
		.state_dir = "/var/lib/nanoseg",
		.runtime_dir = "/run/nanoseg",
		.socket = "/run/nanoseg/nanosegd.sock",
		.log_level = NS_LOG_LEVEL_INFO,
		.netns_dirs = { "/run/netns", "/run/docker/netns" },
		.n_netns_dirs = 2,
		.docker_socket = "/run/docker.sock",
		.podman_socket = "/run/podman/podman.sock",
		.scan_interval_us = 5000000,
		.bundle_dirs = { CONTAINERD "/k8s.io", CONTAINERD "/moby", CONTAINERD "/default",
				 "/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby",
				 "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io",
				 "/run/containers/storage/overlay-containers",
				 "/var/lib/containers/storage/overlay-containers" },
		.n_bundle_dirs = 7,
		.naming = NS_NAMING_DEFAULT,
		.default_mode = "learning",
		.min_window_us = INT64_C(3600) * 1000000,
		.set_size = NS_LEARN_SET_SIZE_DEFAULT,
		.verdict = "drop",
		.start = "learning",
		.gate = { "veth*", "ve-*" },
		.n_gate = 2,
		.gate_standing = "auto",
		.gate_wait_us = 5000000,
	};
}

/* ---- errors that know where they are ---- */

/* Keeps the first error only; its text is there already. Returns 0, which is failure to libinih. */
static int bad(struct parse *parse, const char *section, const char *key)
{
	parse->bad_line = parse->line;
	if (key)
		ns_error_context(parse->err, "%s:%u: [%s] %s", parse->name, parse->line, section, key);
	else
		ns_error_context(parse->err, "%s:%u", parse->name, parse->line);
	return 0;
}

static void unknown(struct parse *parse, const char *what, const char *word, const char *const *words, size_t n)
{
	const char *nearest = ns_nearest(word, words, n);

	if (nearest)
		(void)ns_error_set(parse->err, -EINVAL, "unknown %s '%.48s'; did you mean '%s'?", what, word, nearest);
	else
		(void)ns_error_set(parse->err, -EINVAL, "unknown %s '%.48s'; nanoseg.conf(5) lists what there is", what,
				   word);
}

static const struct line_section *find_line_section(const char *name)
{
	for (size_t i = 0; i < N_LINE_SECTIONS; i++) {
		if (strcmp(line_sections[i].name, name) == 0)
			return &line_sections[i];
	}
	return NULL;
}

static bool known_section(const char *section)
{
	if (find_line_section(section))
		return true;
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(keys[i].section, section) == 0)
			return true;
	}
	return false;
}

static int unknown_section(struct parse *parse, const char *section)
{
	const char *words[N_KEYS + N_LINE_SECTIONS];

	for (size_t i = 0; i < N_KEYS; i++)
		words[i] = keys[i].section;
	for (size_t i = 0; i < N_LINE_SECTIONS; i++)
		words[N_KEYS + i] = line_sections[i].name;
	unknown(parse, "section", section, words, N_KEYS + N_LINE_SECTIONS);
	return bad(parse, NULL, NULL);
}

static int unknown_key(struct parse *parse, const char *section, const char *name)
{
	const char *words[N_KEYS];

	for (size_t i = 0; i < N_KEYS; i++) {
		/* The right key in the wrong section deserves its own answer. */
		if (strcmp(keys[i].name, name) == 0) {
			(void)ns_error_set(parse->err, -EINVAL, "'%s' belongs to section [%s]", name, keys[i].section);
			return bad(parse, NULL, NULL);
		}
		words[i] = strcmp(keys[i].section, section) == 0 ? keys[i].name : NULL;
	}
	unknown(parse, "key", name, words, N_KEYS);
	ns_error_context(parse->err, "[%s]", section);
	return bad(parse, NULL, NULL);
}

/* ---- what libinih calls ---- */

/* Such a line is taken here, and libinih sees an empty one. False: it is wrong. */
static bool whole_line(struct parse *parse, char *line)
{
	size_t length = strlen(line);

	if (*line == '#')
		return true;
	for (size_t i = 0; i < length; i++) { /* comments as in other sections */
		if (line[i] == ';' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t'))
			length = i;
	}
	while (length && strchr(" \t\r\n", line[length - 1]))
		length--;
	line[length] = '\0';
	if (!length)
		return true;
	if (parse->continuation)
		(void)ns_error_set(parse->err, -EINVAL, "begin a name at the left margin");
	else if (parse->section->take(line, &parse->config, parse->err) == 0)
		return true;
	ns_error_context(parse->err, "[%s]", parse->section->name);
	(void)bad(parse, NULL, NULL);
	return false;
}

/* The line of a section's name: libinih says nothing of a section without keys, and cuts long names. */
static bool section_line(struct parse *parse, const char *start, const char *close)
{
	char section[NS_CONFIG_LINE_MAX + 1];

	(void)snprintf(section, sizeof(section), "%.*s", (int)(close - start - 1), start + 1);
	parse->section = find_line_section(section);
	if (!known_section(section)) {
		(void)unknown_section(parse, section);
		return false;
	}
	return true;
}

/* One line from memory, as fgets(3) would. libinih cuts lines that are longer than its buffer in two and would read
 * the second half as a line of its own, so such a line ends the reading. */
static char *read_line(char *buffer, int size, void *stream)
{
	struct parse *parse = stream;
	size_t left = (size_t)(parse->end - parse->next);
	const char *newline = memchr(parse->next, '\n', left);
	size_t length = newline ? (size_t)(newline - parse->next) : left;

	if (parse->bad_line || left == 0)
		return NULL;
	parse->line++;
	if (length > NS_CONFIG_LINE_MAX || length + 2 > (size_t)size) {
		(void)ns_error_set(parse->err, -EINVAL,
				   "line of %zu bytes; at most %d are read, and netns_dirs and bundle_dirs may "
				   "go on in an indented line",
				   length, NS_CONFIG_LINE_MAX);
		(void)bad(parse, NULL, NULL);
		return NULL;
	}
	memcpy(buffer, parse->next, length);
	memcpy(buffer + length, "\n", 2);
	parse->next += length + (newline ? 1 : 0);
	parse->continuation = length && (buffer[0] == ' ' || buffer[0] == '\t');

	const char *start = buffer;
	if (parse->line == 1 && strncmp(start, "\xef\xbb\xbf", 3) == 0) /* libinih passes over it as well */
		start += 3;
	start += strspn(start, " \t");
	const char *close = strchr(start, ']');
	if (*start == '[') {
		if (close && !section_line(parse, start, close))
			return NULL;
	} else if (parse->section) {
		if (!whole_line(parse, buffer))
			return NULL;
		memcpy(buffer, "\n", 2);
	}
	return buffer;
}

static int store(struct parse *parse, const struct ns_config_key *key, const char *value)
{
	struct ns_config *config = &parse->config;
	void *at = (char *)config + key->offset;
	int64_t number;
	int r;

	switch (key->kind) {
	case NS_CONFIG_PATH:
		return ns_config_path(value, at, (size_t)key->max, parse->err);
	case NS_CONFIG_PATH_OR_NONE:
		if (strcmp(value, "none") == 0) {
			*(char *)at = '\0';
			return 0;
		}
		return ns_config_path(value, at, (size_t)key->max, parse->err);
	case NS_CONFIG_DIRS:
		if (key->offset == offsetof(struct ns_config, bundle_dirs))
			return ns_config_dirs(value, config->bundle_dirs, NS_BUNDLE_DIRS_MAX, &config->n_bundle_dirs,
					      parse->err);
		return ns_config_dirs(value, config->netns_dirs, NS_NETNS_DIRS_MAX, &config->n_netns_dirs, parse->err);
	case NS_CONFIG_RULES:
		return ns_naming_parse(value, &config->naming, parse->err);
	case NS_CONFIG_LEVEL:
		r = ns_log_level_parse(value);
		if (r < 0)
			return ns_config_word(value, key->words, NULL, 0, parse->err);
		config->log_level = r;
		return 0;
	case NS_CONFIG_DURATION:
		r = ns_config_duration(value, key->min, key->max, &number, parse->err);
		if (r == 0)
			memcpy(at, &number, sizeof(number)); /* int64_t and uint64_t alike; the bounds are positive */
		return r;
	case NS_CONFIG_COUNT:
		r = ns_config_count(value, key->min, key->max, &number, parse->err);
		if (r == 0)
			*(uint32_t *)at = (uint32_t)number;
		return r;
	case NS_CONFIG_WORD:
		memset(at, 0, (size_t)key->max); /* equal configurations are equal bytes */
		return ns_config_word(value, key->words, at, (size_t)key->max, parse->err);
	case NS_CONFIG_LINKS:
		return ns_config_links(value, config, parse->err);
	}
	return ns_error_set(parse->err, -EINVAL, "no such kind of value");
}

static void drop_dirs(struct ns_config *config, const struct ns_config_key *key)
{
	if (key->offset == offsetof(struct ns_config, bundle_dirs)) {
		memset(config->bundle_dirs, 0, sizeof(config->bundle_dirs));
		config->n_bundle_dirs = 0;
		return;
	}
	memset(config->netns_dirs, 0, sizeof(config->netns_dirs));
	config->n_netns_dirs = 0;
}

static int handle(void *user, const char *section, const char *name, const char *value)
{
	struct parse *parse = user;
	const struct ns_config_key *key = NULL;

	if (parse->bad_line)
		return 0;
	if (*section == '\0') {
		(void)ns_error_set(parse->err, -EINVAL, "'%.48s' stands before the first [section]", name);
		return bad(parse, NULL, NULL);
	}
	if (!known_section(section))
		return unknown_section(parse, section);
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			key = &keys[i];
	}
	if (!key)
		return unknown_key(parse, section, name);

	bool again = parse->seen[key - keys];
	parse->seen[key - keys] = true;
	if (again && parse->continuation && key->kind != NS_CONFIG_DIRS) {
		(void)ns_error_set(parse->err, -EINVAL,
				   "an indented line continues the value above; begin a key at the left margin");
		return bad(parse, section, name);
	}
	if (again && !parse->continuation) {
		(void)ns_error_set(parse->err, -EINVAL, "is set twice; keep one of the two lines");
		return bad(parse, section, name);
	}
	if (!again && key->kind == NS_CONFIG_DIRS)
		drop_dirs(&parse->config, key); /* what is written replaces the defaults */
	if (store(parse, key, value) < 0)
		return bad(parse, section, name);
	return 1;
}

/* ---- files ---- */

/* The socket moves with the runtime directory unless it is set by itself. */
static int derive_socket(struct parse *parse)
{
	struct ns_config *config = &parse->config;
	size_t socket_key = 0;
	int n;

	while (strcmp(keys[socket_key].name, "socket") != 0)
		socket_key++;
	if (parse->seen[socket_key])
		return 0;
	n = snprintf(config->socket, NS_CONFIG_SOCKET_MAX, "%s/nanosegd.sock", config->runtime_dir);
	if (n >= NS_CONFIG_SOCKET_MAX)
		return ns_error_set(
			parse->err, -EINVAL,
			"%s: [daemon] runtime_dir: RUNTIME_DIR/nanosegd.sock is longer than the %d bytes of a "
			"socket's path; set 'socket' to a shorter one",
			parse->name, NS_CONFIG_SOCKET_MAX - 1);
	return 0;
}

int ns_config_parse(const char *name, const char *text, size_t length, struct ns_config *ret, struct ns_error *err)
{
	struct ns_error unheard = NS_ERROR_INIT;
	struct parse parse = { .name = name, .err = err ? err : &unheard };
	const char *nul = length ? memchr(text, '\0', length) : NULL;
	int line, r;

	if (length > NS_CONFIG_BYTES_MAX)
		return ns_error_set(err, -EFBIG, "%s: more than %u bytes; this is no configuration file", name,
				    NS_CONFIG_BYTES_MAX);
	if (nul)
		return ns_error_set(err, -EINVAL, "%s: a NUL byte at offset %zu; this is no text file", name,
				    (size_t)(nul - text));
	parse.next = length ? text : ""; /* NULL goes with no bytes */
	parse.end = parse.next + length;
	ns_config_defaults(&parse.config);

	line = ini_parse_stream(read_line, &parse, handle, &parse);
	/* The line of the first error: ours, or one that libinih could not read at all. */
	if (line > 0 && (!parse.bad_line || (unsigned)line < parse.bad_line))
		return ns_error_set(err, -EINVAL, "%s:%d: neither '[section]' nor 'key = value' nor a comment", name,
				    line);
	if (parse.bad_line)
		return parse.err->code;
	if (line < 0)
		return ns_error_set(err, -ENOMEM, "%s: no memory to read it", name);
	r = derive_socket(&parse);
	if (r < 0)
		return r;
	*ret = parse.config;
	return 0;
}

/* At most one byte more than a file may have, so that too much is seen as such. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, buffer + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

int ns_config_load(const char *path, struct ns_config *ret, struct ns_error *err)
{
	const char *name = path ? path : NS_CONFIG_PATH_DEFAULT;
	NS_CLOSE int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	NS_FREE char *text = NULL;
	struct stat st;
	ssize_t length;

	if (fd < 0 && errno == ENOENT && !path) {
		ns_config_defaults(ret);
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return ns_error_set(err, -errno, "%s: %m", name);
	if (!S_ISREG(st.st_mode)) /* a fifo or a device could keep us waiting for ever */
		return ns_error_set(err, -EINVAL, "%s: not a regular file", name);
	text = malloc(NS_CONFIG_BYTES_MAX + 1);
	if (!text)
		return ns_error_set(err, -ENOMEM, "%s: no memory to read it", name);
	length = read_all(fd, text, NS_CONFIG_BYTES_MAX + 1);
	if (length < 0)
		return ns_error_set(err, (int)length, "%s: %s", name, strerror((int)-length));
	return ns_config_parse(name, text, (size_t)length, ret, err);
}
