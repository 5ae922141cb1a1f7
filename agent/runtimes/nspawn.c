/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "caps.h"
#include "nspawn.h"
#include "proc_scan.h"

/* Between a machine's process and its nspawn: what was started in the machine by what. */
#define ANCESTORS_MAX 16
#define STATUS_MAX    4096
#define NAME          "Name:\tsystemd-nspawn\n"

/* What the command line says that is of use; NULL: nothing. */
struct told {
	const char *machine, *root; /* root: the last of those that may name it besides */
};

static const char *next_argument(const char **at, const char *end)
{
	const char *argument = *at, *nul = memchr(argument, '\0', (size_t)(end - argument));

	if (!nul) /* the end, or cut off */
		return NULL;
	*at = nul + 1;
	return argument;
}

/* The value of an option in an argument of its own. None looks like an option, so that one that is not known here does
 * not take the next for its value. */
static const char *next_value(const char **at, const char *end)
{
	const char *rest = *at, *value = next_argument(&rest, end);

	if (!value || *value == '-')
		return NULL;
	*at = rest;
	return value;
}

/* Long options that have no value, or only one behind a "=". */
static bool stands_alone(const char *option)
{
	static const char *const alone[] = {
		"as-pid2",  "boot",      "ephemeral",       "help",          "keep-unit",       "network-veth",
		"no-pager", "pipe",      "private-network", "private-users", "quiet",           "private-users-chown",
		"version",  "read-only", "share-system",    "volatile",      "no-ask-password",
	};

	for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
		if (strcmp(option, alone[i]) == 0)
			return true;
	return false;
}

/* getopt_long(3) takes the beginning of an option for the whole, where there is no other that begins so. */
static bool is_option(const char *text, size_t length, const char *option)
{
	return length >= 3 && length <= strlen(option) && memcmp(text, option, length) == 0;
}

static void take_long(const char *option, const char **at, const char *end, struct told *told)
{
	const char *equals = strchr(option, '='), *value = equals ? equals + 1 : NULL;
	size_t length = equals ? (size_t)(equals - option) : strlen(option);

	if (!value && !stands_alone(option))
		value = next_value(at, end);
	if (!value)
		return;
	if (is_option(option, length, "machine"))
		told->machine = value;
	else if (is_option(option, length, "directory") || is_option(option, length, "image") ||
		 is_option(option, length, "oci-bundle"))
		told->root = value;
}

/* One argument of several letters; the first that has a value takes the rest for it. */
static void take_letters(const char *letters, const char **at, const char *end, struct told *told)
{
	for (; *letters; letters++) {
		const char *value;

		if (!strchr("DuLMSZipE", *letters))
			continue;
		value = letters[1] ? letters + 1 : next_value(at, end);
		if (value && *letters == 'M')
			told->machine = value;
		else if (value && (*letters == 'D' || *letters == 'i'))
			told->root = value;
		return;
	}
}

static bool copy_name(const char *name, size_t length, char ret[static NS_CONTAINER_ID_MAX])
{
	if (length == 0 || length >= NS_CONTAINER_ID_MAX || !isalnum((unsigned char)*name))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("_.-", name[i]))
			return false;
	memcpy(ret, name, length);
	ret[length] = '\0';
	return true;
}

/* "/var/lib/machines/web/" and "web.raw" are both "web". */
static bool name_of_root(const char *path, char ret[static NS_CONTAINER_ID_MAX])
{
	static const char suffix[] = ".raw";
	size_t end = strlen(path), begin;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (begin = end; begin > 0 && path[begin - 1] != '/';)
		begin--;
	if (end - begin > sizeof suffix - 1 && memcmp(path + end - (sizeof suffix - 1), suffix, sizeof suffix - 1) == 0)
		end -= sizeof suffix - 1;
	return copy_name(path + begin, end - begin, ret);
}

bool ns_nspawn_parse_arguments(const char *text, size_t length, char ret[static NS_CONTAINER_ID_MAX])
{
	const char *end = text + length, *argument;
	struct told told = { 0 };

	(void)next_argument(&text, end); /* the program */
	/* What follows the first that is no option is the machine's own. */
	for (argument = next_argument(&text, end); argument && *argument == '-' && argument[1];
	     argument = next_argument(&text, end)) {
		if (argument[1] != '-')
			take_letters(argument + 1, &text, end, &told);
		else if (argument[2])
			take_long(argument + 2, &text, end, &told);
		else
			break;
	}
	if (told.machine)
		return copy_name(told.machine, strlen(told.machine), ret);
	return told.root && name_of_root(told.root, ret);
}

static bool read_status(pid_t pid, bool *ret_nspawn, pid_t *ret_parent)
{
	char text[STATUS_MAX];
	ssize_t n = ns_proc_read(pid, "status", text, sizeof text - 1);
	const char *parent;
	char *end;
	long number;

	if (n <= 0)
		return false;
	text[n] = '\0';
	parent = strstr(text, "\nPPid:\t");
	if (!parent)
		return false;
	parent += sizeof "\nPPid:\t" - 1;
	errno = 0;
	number = strtol(parent, &end, 10);
	if (errno != 0 || end == parent || number < 0 || number > INT_MAX)
		return false;
	/* The kernel writes a newline in the program's name as "\n". */
	*ret_nspawn = strncmp(text, NAME, sizeof NAME - 1) == 0 && strstr(text, "\nUid:\t0\t0\t0\t0\n");
	*ret_parent = (pid_t)number;
	return true;
}

/* A machine's process can take any name, and a namespace of its own, but not go back into the agent's processes. */
static bool is_outside(pid_t pid, ino_t own_userns)
{
	char path[48];
	struct stat its, own;
	ino_t userns;

	(void)snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
	return stat(path, &its) == 0 && stat("/proc/self/ns/pid", &own) == 0 && its.st_ino == own.st_ino &&
	       ns_caps_userns(pid, &userns) == 0 && userns == own_userns;
}

bool ns_nspawn_find(pid_t pid, ino_t own_userns, char ret[static NS_CONTAINER_ID_MAX])
{
	char text[NS_NSPAWN_ARGUMENTS_MAX];
	bool is_nspawn;
	ssize_t n;

	if (!read_status(pid, &is_nspawn, &pid))
		return false;
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		pid_t parent;

		if (!read_status(pid, &is_nspawn, &parent))
			return false;
		if (is_nspawn && is_outside(pid, own_userns)) {
			n = ns_proc_read(pid, "cmdline", text, sizeof text);
			return n > 0 && ns_nspawn_parse_arguments(text, (size_t)n, ret);
		}
		pid = parent;
	}
	return false;
}
