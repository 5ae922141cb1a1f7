/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See members_world.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter.h>

#include "cgroup2.h"
#include "members_world.h"
#include "netns.h"
#include "nft/dump.h"

/* ---- cgroups and those who make sockets in them ---- */

static void cgroup_file(const char *path, const char *name, char ret[static PATH_MAX])
{
	char mount[PATH_MAX];
	struct ns_error err = NS_ERROR_INIT;

	if (ns_cgroup2_mount(mount, &err) < 0)
		fail_msg("%s", err.text);
	assert_in_range(snprintf(ret, PATH_MAX, "%s%s%s%s", mount, path, *name ? "/" : "", name), 1, PATH_MAX - 1);
}

static void make_cgroup(const char *path)
{
	char directory[PATH_MAX];

	cgroup_file(path, "", directory);
	if (mkdir(directory, 0755) < 0)
		fail_msg("%s: %s", directory, strerror(errno));
}

/* Its processes have been killed, and may take a moment to be gone. */
static void remove_cgroup(const char *path)
{
	char directory[PATH_MAX];

	cgroup_file(path, "", directory);
	for (unsigned tries = 0; tries < 300 && rmdir(directory) < 0 && errno == EBUSY; tries++)
		(void)poll(NULL, 0, 10);
	assert_int_equal(access(directory, F_OK), -1);
}

struct order {
	int family, type;
};

struct maker {
	int orders;
	const char *procs; /* of its cgroup */
};

static int send_socket(int to, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.bytes)
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(to, &msg, 0) == 1 ? 0 : -1;
}

/* Runs in a process of the lab. */
static int make_sockets(const void *ctx)
{
	const struct maker *maker = ctx;
	struct order order;
	int fd = open(maker->procs, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		return 1;
	while (recv(maker->orders, &order, sizeof(order), 0) == sizeof(order)) {
		int made = socket(order.family, order.type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		if (made < 0 || send_socket(maker->orders, made) < 0)
			return 2;
		(void)close(made);
		if (send(maker->orders, "", 1, 0) != 1) /* from here on it is the test's alone */
			return 3;
	}
	return 0;
}

static int receive_socket(int from)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.bytes)
	};
	int fd;

	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) != 1 || control.header.cmsg_type != SCM_RIGHTS)
		fail_msg("no socket was made");
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	assert_int_equal(recv(from, &byte, 1, 0), 1);
	return fd;
}

static void start_maker(struct world *w, enum who who)
{
	char procs[PATH_MAX];
	int ends[2];
	struct maker maker = { .procs = procs };

	cgroup_file(w->path[who], "cgroup.procs", procs);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	maker.orders = ends[1];
	w->makers[who] = lab_spawn(&w->lab, LAB_CONTAINER, 0, make_sockets, &maker);
	(void)close(ends[1]);
	w->orders[who] = ends[0];
}

/* ---- the world ---- */

const char *name_of(enum who who)
{
	static const char *const names[] = { "A", "below A", "B", "the outsider", "the peer" };

	return names[who];
}

enum table table_of(enum who who)
{
	return who == WHO_A || who == WHO_BELOW_A ? TABLE_A : who == WHO_B ? TABLE_B : TABLE_NAMESPACE;
}

static void open_lock(struct world *w, enum table table, const char *name)
{
	struct ns_error err = NS_ERROR_INIT;

	if (ns_lock_open(w->lab.netns[LAB_CONTAINER], NFPROTO_INET, name, &w->locks[table], &err) < 0)
		fail_msg("%s", err.text);
}

int world_begin(void **state)
{
	static const enum who of[2] = { WHO_A, WHO_B };
	struct world *w = calloc(1, sizeof(*w));
	char name[NS_NFT_NAME_MAX];
	struct ns_error err = NS_ERROR_INIT;

	assert_non_null(w);
	*state = w;
	lab_begin(&w->lab);
	for (unsigned i = 0; i <= WHO_OUTSIDER; i++) {
		static const char *const names[] = { "a", "a/below", "b", "outsider" };

		(void)snprintf(w->path[i], sizeof(w->path[i]), "/nanoseg-members-%d-%s", (int)getpid(), names[i]);
		make_cgroup(w->path[i]);
		start_maker(w, i);
	}
	for (unsigned i = 0; i < 2; i++) {
		if (ns_cgroup2_id(w->path[of[i]], &w->members[i].id, &err) < 0)
			fail_msg("%s", err.text);
		w->members[i].level = ns_cgroup2_level(w->path[of[i]]);
		ns_member_table_name(w->members[i].id, name);
		open_lock(w, (enum table)i, name);
	}
	open_lock(w, TABLE_NAMESPACE, NS_TABLE_NAME);
	if (ns_nft_open(w->lab.netns[LAB_CONTAINER], &w->nft, &err) < 0)
		fail_msg("%s", err.text);
	return 0;
}

int world_end(void **state)
{
	static const enum who last_first[] = { WHO_BELOW_A, WHO_A, WHO_B, WHO_OUTSIDER };
	struct world *w = *state;

	(void)ns_nft_close(w->nft);
	for (unsigned i = 0; i < TABLES; i++) {
		ns_lock_close(w->locks[i]);
		ns_plan_release(&w->plans[i]);
	}
	for (unsigned i = 0; i <= WHO_OUTSIDER; i++) {
		lab_kill(w->makers[i]);
		(void)close(w->orders[i]);
	}
	for (unsigned i = 0; i <= WHO_OUTSIDER; i++)
		remove_cgroup(w->path[last_first[i]]);
	lab_end(&w->lab);
	free(w);
	return 0;
}

static void compile(const char *rules, const char *verdict, bool auditing, const struct ns_compile_options *options,
		    struct ns_plan *ret)
{
	struct ns_error err = NS_ERROR_INIT;
	struct ns_policy policy = NS_POLICY_INIT;
	struct ns_book *book = NULL;
	char text[4096];
	int r;

	assert_in_range(snprintf(text, sizeof(text),
				 "{\"schema\":\"nanoseg/policy/1\",\"workload\":\"netns/test\",\"revision\":1,"
				 "\"verdict\":\"%s\",\"rules\":[%s]}",
				 verdict, rules),
			1, sizeof(text) - 1);
	r = ns_policy_parse(text, strlen(text), &policy, &err);
	if (r >= 0)
		r = ns_book_new(&book, &err);
	if (r >= 0)
		r = ns_compile_enforce(&policy, book, auditing, options, ret, &err);
	ns_policy_release(&policy);
	ns_book_free(book);
	if (r < 0)
		fail_msg("%s", err.text);
}

void world_table(struct world *w, enum table table, const char *rules, const char *verdict, bool auditing)
{
	struct ns_prefix links[4];
	struct ns_compile_options options = { .links = links, .n_links = 4 };
	struct ns_error err = NS_ERROR_INIT;
	struct ns_lock_result result;
	struct ns_plan *plan = &w->plans[table];

	for (size_t i = 0; i < 4; i++)
		links[i] = ns_prefix_of(&w->lab.endpoint.addresses[i].addr, w->lab.endpoint.addresses[i].length);
	if (table == TABLE_NAMESPACE) {
		options.others = w->members;
		options.n_others = 2;
	} else {
		options.member = &w->members[table];
		options.host = w->host;
		options.nflog_group = (uint16_t)(NS_NFLOG_GROUP + 1 + table);
	}
	ns_plan_release(plan);
	if (rules)
		compile(rules, verdict, auditing, &options, plan);
	else if (ns_compile_learn(&options, plan, &err) < 0)
		fail_msg("%s", err.text);
	if (ns_lock_apply(w->locks[table], plan, &result, &err) < 0)
		fail_msg("%s", err.text);
}

/* ---- sockets ---- */

int world_socket(struct world *w, enum who who, int family, int type)
{
	struct order order = { family, type };
	int one = 1, fd;

	if (who == WHO_PEER) {
		fd = ns_netns_socket(w->lab.netns[LAB_PEER], family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, NULL);
	} else {
		assert_int_equal(send(w->orders[who], &order, sizeof(order), 0), sizeof(order));
		fd = receive_socket(w->orders[who]);
	}
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	return fd;
}

socklen_t world_address(enum end end, int family, uint16_t port, struct sockaddr_storage *ret)
{
	static const char *const texts[][2] = { { "10.77.0.1", "fd77::1" },
						{ "10.77.0.2", "fd77::2" },
						{ "127.0.0.1", "::1" } };
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	struct ns_addr addr;

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(ns_addr_parse(texts[end][family == AF_INET6], &addr, NULL), 0);
	ret->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, addr.bytes, 4);
		return sizeof(*in);
	}
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr.bytes, 16);
	return sizeof(*in6);
}

int world_server(struct world *w, enum who who, int family, int type, enum end end, uint16_t port)
{
	int fd = world_socket(w, who, family, type);
	struct sockaddr_storage at;
	socklen_t length = world_address(end, family, port, &at);

	if (bind(fd, (struct sockaddr *)&at, length) < 0 || (type == SOCK_STREAM && listen(fd, 16) < 0))
		fail_msg("%s, port %u: %s", name_of(who), port, strerror(errno));
	return fd;
}

int world_connect(int fd, int family, enum end end, uint16_t port, uint16_t from)
{
	struct sockaddr_storage to;
	socklen_t length;

	if (from != 0) {
		length = world_address(end == END_PEER        ? END_CONTAINER
				       : end == END_CONTAINER ? END_PEER
							      : end,
				       family, from, &to);
		assert_int_equal(bind(fd, (struct sockaddr *)&to, length), 0);
	}
	length = world_address(end, family, port, &to);
	return connect(fd, (struct sockaddr *)&to, length) < 0 ? errno : 0;
}

bool world_can(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	return poll(&poll_fd, 1, WAIT_MS) == 1 && (poll_fd.revents & events);
}

void world_carry(int from, int to)
{
	static unsigned char word;
	unsigned char got = (unsigned char)(word + 1);

	assert_int_equal(send(from, &word, 1, MSG_NOSIGNAL), 1);
	assert_true(world_can(to, POLLIN));
	assert_int_equal(recv(to, &got, 1, 0), 1);
	assert_int_equal(got, word++);
}

void world_nothing(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&poll_fd, 1, 0), 0);
}

/* ---- what the tables say ---- */

struct question {
	const struct ns_set_role *role;
	uint8_t protocol;
	uint16_t port;
	bool has;
};

static int on_element(void *ctx, const struct ns_plan_element *element, size_t key_length)
{
	struct question *question = ctx;
	struct ns_tuple tuple;

	assert_int_equal(ns_layout_tuple(question->role, element->key, key_length, &tuple), 0);
	question->has = question->has || (tuple.protocol == question->protocol && tuple.port == question->port);
	return 0;
}

bool world_has(struct world *w, enum table table, enum ns_purpose purpose, enum ns_direction direction, int family,
	       uint8_t protocol, uint16_t port)
{
	const char *name = ns_layout_set_name(purpose, direction, family);
	struct question question = { ns_layout_role(name), protocol, port, false };
	struct ns_error err = NS_ERROR_INIT;

	if (ns_nft_dump_elements(w->nft, NFPROTO_INET, w->plans[table].table, name, on_element, &question, &err) < 0)
		fail_msg("%s", err.text);
	return question.has;
}

void world_must_have(struct world *w, enum table table, enum ns_purpose purpose, enum ns_direction direction,
		     int family, uint8_t protocol, uint16_t port)
{
	for (unsigned tries = 0; tries < WAIT_MS / 10; tries++) {
		if (world_has(w, table, purpose, direction, family, protocol, port))
			return;
		(void)poll(NULL, 0, 10);
	}
	fail_msg("table %u: no %s of protocol %u, port %u, family %d", table, ns_direction_format(direction), protocol,
		 port, family);
}
