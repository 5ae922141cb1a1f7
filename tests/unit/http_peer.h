/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A peer on a unix socket that answers as a test tells it, one connection a request, in a process of its own.
 */
#ifndef NANOSEG_HTTP_PEER_H
#define NANOSEG_HTTP_PEER_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct http_peer {
	char dir[64], path[96];
	pid_t pid;
};

/* Called with a connection and the request's target; returns when the connection is to be closed. */
typedef void (*http_peer_answer)(int fd, const char *target);

static inline void http_peer_say(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = send(fd, text, left, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		left -= (size_t)n;
	}
}

static inline void http_peer_serve(int listener, http_peer_answer answer)
{
	pid_t server = getpid();

	for (;;) {
		char request[4096], target[2048] = "";
		size_t used = 0;
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			_exit(1);
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != server) /* it was stopped meanwhile, and that signal came too early for us */
				_exit(1);
			(void)close(listener);
			request[0] = '\0';
			while (!strstr(request, "\r\n\r\n") && used < sizeof request - 1) {
				ssize_t n = read(fd, request + used, sizeof request - 1 - used);

				if (n <= 0)
					_exit(0);
				used += (size_t)n;
				request[used] = '\0';
			}
			if (sscanf(request, "GET %2047s HTTP/1.1", target) != 1)
				_exit(1);
			answer(fd, target);
			_exit(0);
		}
		(void)close(fd);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static inline void http_peer_listen(struct http_peer *peer, http_peer_answer answer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", peer->path);
	(void)unlink(peer->path);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0)
		abort();
	peer->pid = fork();
	if (peer->pid < 0)
		abort();
	if (peer->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		http_peer_serve(listener, answer);
	}
	(void)close(listener);
}

static inline void http_peer_place(struct http_peer *peer)
{
	*peer = (struct http_peer){ .pid = -1 };
	(void)snprintf(peer->dir, sizeof peer->dir, "/tmp/nanoseg-peer-XXXXXX");
	if (!mkdtemp(peer->dir))
		abort();
	(void)snprintf(peer->path, sizeof peer->path, "%s/s", peer->dir);
}

static inline void http_peer_stop(struct http_peer *peer)
{
	if (peer->pid > 0) {
		(void)kill(peer->pid, SIGKILL);
		(void)waitpid(peer->pid, NULL, 0);
	}
	peer->pid = -1;
	(void)unlink(peer->path);
}

static inline void http_peer_remove(struct http_peer *peer)
{
	http_peer_stop(peer);
	(void)rmdir(peer->dir);
}

#endif
