/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report_out.h"

#define ASIDE "%s.part"
#define ROOM  64

FILE *bench_file_open(int directory, const char *name, struct ns_error *err)
{
	char aside[ROOM];
	FILE *file = NULL;
	int fd;

	(void)snprintf(aside, sizeof aside, ASIDE, name);
	fd = openat(directory, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd >= 0)
		file = fdopen(fd, "w");
	if (!file) {
		(void)ns_error_set(err, -errno, "%s: %s", name, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
	}
	return file;
}

int bench_file_close(int directory, const char *name, FILE *file, struct ns_error *err)
{
	bool failed = ferror(file) != 0;
	char aside[ROOM];

	(void)snprintf(aside, sizeof aside, ASIDE, name);
	if (fclose(file) != 0 || failed) {
		(void)unlinkat(directory, aside, 0);
		return ns_error_set(err, -EIO, "%s: cannot be written", name);
	}
	if (renameat(directory, aside, directory, name) < 0)
		return ns_error_set(err, -errno, "%s: %s", name, strerror(errno));
	return 0;
}

int bench_file_discard(int directory, const char *name, FILE *file, struct ns_error *err)
{
	char aside[ROOM];

	(void)snprintf(aside, sizeof aside, ASIDE, name);
	(void)fclose(file);
	if (unlinkat(directory, aside, 0) < 0 || (unlinkat(directory, name, 0) < 0 && errno != ENOENT))
		return ns_error_set(err, -errno, "%s: %s", name, strerror(errno));
	return 0;
}
