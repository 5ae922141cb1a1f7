/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "cleanup.h"
#include "listen.h"
#include "peer.h"

/* A client that does not wait for a full backlog (connect(2) without blocking) is turned away by the kernel. */
#define BACKLOG 1024

static int unix_socket(struct ns_error *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? ns_error_set(err, -errno, "unix socket: %m") : fd;
}

/* Makes room at the path, if what is there is a socket that a daemon left behind. */
static int clear_path(const struct sockaddr_un *addr, struct ns_error *err)
{
	NS_CLOSE int fd = -1;
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : ns_error_set(err, -errno, "%s: %m", addr->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return ns_error_set(err, -EEXIST, "%s is there and is no socket; move it away", addr->sun_path);
	fd = unix_socket(err);
	if (fd < 0)
		return fd;
	/* A full backlog (EAGAIN) is a listener too. */
	if (connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 || errno == EAGAIN)
		return ns_error_set(err, -EADDRINUSE, "%s: another daemon answers there", addr->sun_path);
	if (errno != ECONNREFUSED && errno != ENOENT)
		return ns_error_set(err, -errno, "%s: %m", addr->sun_path);
	if (unlink(addr->sun_path) < 0 && errno != ENOENT)
		return ns_error_set(err, -errno, "%s: cannot remove the stale socket: %m", addr->sun_path);
	return 0;
}

/* Nobody but root gets in before owner and mode are right: the socket is born with mode 0600. */
static int bind_closed(int fd, const struct sockaddr_un *addr, struct ns_error *err)
{
	mode_t old = umask(0177);
	int r = bind(fd, (const struct sockaddr *)addr, sizeof *addr) < 0 ? -errno : 0;

	(void)umask(old);
	if (r < 0) {
		errno = -r;
		return ns_error_set(err, r, "%s: cannot listen: %m", addr->sun_path);
	}
	return 0;
}

static int open_to_group(const char *path, struct ns_error *err)
{
	gid_t group = ns_group_find(NS_GROUP_SOCKET);

	if (group != NS_GID_NONE && lchown(path, (uid_t)-1, group) < 0)
		return ns_error_set(err, -errno, "%s: cannot give it to group %s: %m", path, NS_GROUP_SOCKET);
	if (chmod(path, 0660) < 0)
		return ns_error_set(err, -errno, "%s: cannot set mode 0660: %m", path);
	return 0;
}

int ns_listen_open(const char *path, struct ns_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	NS_CLOSE int fd = -1;
	int r;

	if (path[0] != '/' || strlen(path) >= sizeof addr.sun_path)
		return ns_error_set(err, -EINVAL, "socket %s: must be an absolute path of at most %zu bytes", path,
				    sizeof addr.sun_path - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	r = clear_path(&addr, err);
	if (r < 0)
		return r;
	fd = unix_socket(err);
	if (fd < 0)
		return fd;
	r = bind_closed(fd, &addr, err);
	if (r < 0)
		return r;
	r = open_to_group(path, err);
	if (r >= 0 && listen(fd, BACKLOG) < 0)
		r = ns_error_set(err, -errno, "%s: cannot listen: %m", path);
	if (r < 0) {
		(void)unlink(path);
		return r;
	}
	return NS_TAKE_FD(fd);
}

static bool has_option(int fd, int option, int wanted)
{
	int value = 0;
	socklen_t length = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 && value == wanted;
}

int ns_listen_check(int fd, struct ns_error *err)
{
	if (!has_option(fd, SO_DOMAIN, AF_UNIX) || !has_option(fd, SO_TYPE, SOCK_STREAM) ||
	    !has_option(fd, SO_ACCEPTCONN, 1))
		return ns_error_set(err, -EINVAL, "the socket handed over is not a listening unix stream socket");
	return 0;
}
