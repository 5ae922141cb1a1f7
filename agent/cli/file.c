/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

#define CHUNK ((size_t)64 * 1024)

int ns_file_read(const char *path, size_t max, char **ret, size_t *ret_length, struct ns_error *err)
{
	bool standard_input = strcmp(path, "-") == 0;
	NS_CLOSE int fd = standard_input ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	NS_FREE char *text = NULL;
	size_t length = 0, allocated = 0;
	const char *name = standard_input ? "standard input" : path;

	if (fd < 0 && !standard_input)
		return ns_error_set(err, -errno, "%s: %m", name);
	for (;;) {
		ssize_t n;

		if (allocated - length < CHUNK + 1) {
			char *larger = realloc(text, allocated = allocated * 2 + CHUNK + 1);

			if (!larger)
				return ns_error_set(err, -ENOMEM, "%s: no memory to read it", name);
			text = larger;
		}
		n = read(standard_input ? STDIN_FILENO : fd, text + length, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ns_error_set(err, -errno, "%s: %m", name);
		length += (size_t)n;
		if (length > max)
			return ns_error_set(err, -EFBIG, "%s: more than %zu bytes", name, max);
		if (n == 0)
			break;
	}
	text[length] = '\0';
	*ret = NS_TAKE(text);
	*ret_length = length;
	return 0;
}

int ns_file_write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		length -= (size_t)n;
	}
	return 0;
}

/* A new file beside it, which takes its name when it is whole. */
static int replace(const char *path, const char *text, size_t length, struct ns_error *err)
{
	NS_FREE char *temporary = NULL;
	NS_CLOSE int fd = -1;
	int r = 0;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
		temporary = NULL;
		return ns_error_set(err, -ENOMEM, "%s: no memory", path);
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return ns_error_set(err, -errno, "%s: %m", path);
	r = ns_file_write_all(fd, text, length);
	if (r == 0 && (fsync(fd) < 0 || rename(temporary, path) < 0))
		r = -errno;
	if (r < 0) {
		(void)unlink(temporary);
		return ns_error_set(err, r, "%s: %s", path, strerror(-r));
	}
	return 0;
}

/* What stands there stays what it is, and gets the text. */
static int write_into(const char *path, const char *text, size_t length, struct ns_error *err)
{
	NS_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
	int r;

	if (fd < 0)
		return ns_error_set(err, -errno, "%s: %m", path);
	r = ns_file_write_all(fd, text, length);
	/* EINVAL: a pipe, a terminal or the like, which keeps nothing. */
	if (r == 0 && fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
		r = -errno;
	return r < 0 ? ns_error_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int ns_file_save(const char *path, const char *text, size_t length, struct ns_error *err)
{
	struct stat there;

	if (lstat(path, &there) < 0)
		return errno == ENOENT ? replace(path, text, length, err) : ns_error_set(err, -errno, "%s: %m", path);
	return S_ISREG(there.st_mode) ? replace(path, text, length, err) : write_into(path, text, length, err);
}

bool ns_file_is_output(const char *path)
{
	struct stat there, output;

	return stat(path, &there) == 0 && fstat(STDOUT_FILENO, &output) == 0 && there.st_dev == output.st_dev &&
	       there.st_ino == output.st_ino;
}
