/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/capability.h>
#include <linux/nsfs.h>

#include "caps.h"
#include "cleanup.h"

#define HEX_DIGITS 16

int ns_caps_owners(int netns_fd, struct ns_caps_owners *ret)
{
	struct ns_caps_owners found = { 0 };
	NS_CLOSE int fd = ioctl(netns_fd, NS_GET_USERNS); /* close-on-exec by itself, as the next ones */

	if (fd < 0)
		return -errno;
	while (found.n < NS_CAPS_OWNERS_MAX) {
		struct stat st;
		int parent;

		if (fstat(fd, &st) < 0)
			return -errno;
		found.inodes[found.n++] = st.st_ino;
		parent = ioctl(fd, NS_GET_PARENT);
		if (parent < 0) /* EPERM: that was the outermost that we may know of */
			break;
		ns_closep(&fd);
		fd = parent;
	}
	*ret = found;
	return 0;
}

static bool parse_digit(char c, uint64_t *ret)
{
	bool decimal = c >= '0' && c <= '9';

	if (!decimal && (c < 'a' || c > 'f'))
		return false;
	*ret = (uint64_t)(decimal ? c - '0' : c - 'a' + 10);
	return true;
}

/* One line: false when it is none of these sets. */
static bool parse_line(const char *line, size_t length, uint64_t *ret)
{
	static const char *const fields[] = { "CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapBnd:\t", "CapAmb:\t" };
	uint64_t set = 0;
	size_t field = 0;

	while (field < sizeof fields / sizeof fields[0] && (length != strlen(fields[field]) + HEX_DIGITS ||
							    memcmp(line, fields[field], strlen(fields[field])) != 0))
		field++;
	if (field == sizeof fields / sizeof fields[0])
		return false;
	for (size_t i = length - HEX_DIGITS; i < length; i++) {
		uint64_t digit;

		if (!parse_digit(line[i], &digit))
			return false;
		set = set << 4 | digit;
	}
	*ret |= set;
	return true;
}

bool ns_caps_parse(const char *text, size_t length, uint64_t *ret)
{
	uint64_t set = 0;
	bool found = false;

	/* The program's own name stands in the first line, with its line ends escaped. */
	while (length > 0) {
		const char *end = memchr(text, '\n', length);
		size_t line = end ? (size_t)(end - text) : length;

		found = parse_line(text, line, &set) || found;
		if (!end)
			break;
		text += line + 1;
		length -= line + 1;
	}
	if (found)
		*ret = set;
	return found;
}

int ns_caps_userns(pid_t pid, ino_t *ret)
{
	char path[48];
	struct stat st;

	(void)snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
	if (stat(path, &st) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

static bool has(uint64_t set, int capability)
{
	return set >> capability & 1;
}

static void add_process(struct ns_caps *caps, const struct ns_proc_entry *entry, const struct ns_caps_owners *owners,
			ino_t own_userns)
{
	char text[NS_CAPS_TEXT_MAX];
	ssize_t n = ns_proc_read(entry->pid, "status", text, sizeof text);
	ino_t userns = 0, netns = 0;
	uint64_t set = 0;
	bool counts = false;

	if (n <= 0 || !ns_caps_parse(text, (size_t)n, &set) || ns_caps_userns(entry->pid, &userns) < 0)
		return;
	/* The process id may have become another one's since the scan. */
	if (ns_proc_netns(entry->pid, &netns) < 0 || netns != entry->inode)
		return;
	for (size_t i = 0; i < owners->n && !counts; i++)
		counts = owners->inodes[i] == userns;
	if (!counts)
		return;
	caps->net_admin = caps->net_admin || has(set, CAP_NET_ADMIN);
	caps->net_raw = caps->net_raw || has(set, CAP_NET_RAW);
	caps->privileged = caps->privileged || (userns == own_userns && has(set, CAP_SYS_ADMIN));
}

struct ns_caps ns_caps_of(const struct ns_proc_entry *entries, size_t n, const struct ns_caps_owners *owners,
			  ino_t own_userns)
{
	struct ns_caps caps = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (i == 1 && n > NS_CAPS_ASKED_MAX)
			i = n - NS_CAPS_ASKED_MAX + 1;
		add_process(&caps, &entries[i], owners, own_userns);
		if (caps.net_admin && caps.net_raw && caps.privileged)
			break;
	}
	return caps;
}
