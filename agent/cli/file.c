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
static int begin_beside(struct ns_file *file, struct ns_error *err)
{
	if (asprintf(&file->temporary, "%s.XXXXXX", file->path) < 0) {
		file->temporary = NULL;
		return ns_error_set(err, -ENOMEM, "%s: no memory", file->path);
	}
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd >= 0)
		return 0;
	free(file->temporary);
	file->temporary = NULL;
	return ns_error_set(err, -errno, "%s: %m", file->path);
}

/* What stands there stays what it is, and gets the text. */
static int begin_into(struct ns_file *file, struct ns_error *err)
{
	file->fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
	return file->fd < 0 ? ns_error_set(err, -errno, "%s: %m", file->path) : 0;
}

int ns_file_begin(struct ns_file *file, const char *path, struct ns_error *err)
{
	struct stat there;

	*file = (struct ns_file){ .path = path, .fd = -1 };
	if (lstat(path, &there) < 0)
		return errno == ENOENT ? begin_beside(file, err) : ns_error_set(err, -errno, "%s: %m", path);
	return S_ISREG(there.st_mode) ? begin_beside(file, err) : begin_into(file, err);
}

int ns_file_add(struct ns_file *file, const char *text, size_t length, struct ns_error *err)
{
	int r = ns_file_write_all(file->fd, text, length);

	return r < 0 ? ns_error_set(err, r, "%s: %s", file->path, strerror(-r)) : 0;
}

int ns_file_end(struct ns_file *file, struct ns_error *err)
{
	int r = 0;

	/* EINVAL: a pipe, a terminal or the like, which keeps nothing. */
	if (fsync(file->fd) < 0 && (file->temporary || (errno != EINVAL && errno != EROFS)))
		r = -errno;
	if (r == 0 && file->temporary && rename(file->temporary, file->path) < 0)
		r = -errno;
	if (r < 0)
		return ns_error_set(err, r, "%s: %s", file->path, strerror(-r));
	free(file->temporary);
	file->temporary = NULL;
	return 0;
}

void ns_file_release(struct ns_file *file)
{
	if (file->temporary)
		(void)unlink(file->temporary);
	free(file->temporary);
	file->temporary = NULL;
	if (file->fd >= 0)
		(void)close(file->fd);
	file->fd = -1;
}

bool ns_file_is_output(const char *path)
{
	struct stat there, output;

	return stat(path, &there) == 0 && fstat(STDOUT_FILENO, &output) == 0 && there.st_dev == output.st_dev &&
	       there.st_ino == output.st_ino;
}
