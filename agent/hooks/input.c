/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <nanoseg/limits.h>

#include "cleanup.h"

#define FIRST_ROOM 16384u

int ns_input_read(int fd, const char *name, char **ret, size_t *ret_length, struct ns_error *err)
{
	NS_FREE char *text = NULL;
	size_t length = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (length + 1 >= room) { /* a byte for the NUL, and at least one to read */
			char *larger;

			room = room ? room * 2 : FIRST_ROOM;
			larger = realloc(text, room);
			if (!larger)
				return ns_error_set(err, -ENOMEM, "%s: no memory to read it", name);
			text = larger;
		}
		n = read(fd, text + length, room - length - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ns_error_set(err, -errno, "%s: %m", name);
		if (n == 0)
			break;
		length += (size_t)n;
		if (length > NS_HOOK_BYTES_MAX)
			return ns_error_set(err, -EFBIG, "%s: more than %d bytes", name, NS_HOOK_BYTES_MAX);
	}
	text[length] = '\0';
	*ret = NS_TAKE(text);
	*ret_length = length;
	return 0;
}

int ns_input_read_file(const char *path, char **ret, size_t *ret_length, struct ns_error *err)
{
	/* Not to wait for whoever would open the other end of a pipe. */
	NS_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ns_error_set(err, -errno, "%s: %m", path);
	if (!S_ISREG(st.st_mode))
		return ns_error_set(err, -EINVAL, "%s: not a regular file", path);
	return ns_input_read(fd, path, ret, ret_length, err);
}
