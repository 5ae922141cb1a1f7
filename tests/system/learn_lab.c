/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/netfilter.h>

#include "learn_lab.h"
#include "netns.h"
#include "nft/batch.h"
#include "nft/encode.h"

#define CHECK(call)                                                                                                    \
	do {                                                                                                           \
		if ((call) < 0)                                                                                        \
			fail_msg("%s: %s", #call, strerror(errno));                                                    \
	} while (0)

static int run_shell(const void *script)
{
	(void)execl("/bin/sh", "sh", "-e", "-c", script, NULL);
	return 127;
}

pid_t lab_spawn(const struct lab *lab, enum lab_place place, uid_t uid, lab_fn fn, const void *ctx)
{
	pid_t pid = fork();

	if (pid < 0)
		fail_msg("fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setns(lab->netns[place], CLONE_NEWNET) < 0 || (uid != 0 && setuid(uid) < 0)) {
		perror("entering the lab");
		_exit(126);
	}
	_exit(fn(ctx));
}

static void check_status(int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("a process of the lab ended with status %#x", (unsigned)status);
}

void lab_wait(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0));
	check_status(status);
}

bool lab_over(pid_t pid)
{
	int status;
	pid_t ended = waitpid(pid, &status, WNOHANG);

	CHECK(ended);
	if (ended == 0)
		return false;
	check_status(status);
	return true;
}

void lab_kill(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

void lab_run(const struct lab *lab, enum lab_place place, uid_t uid, lab_fn fn, const void *ctx)
{
	lab_wait(lab_spawn(lab, place, uid, fn, ctx));
}

/* A process that does nothing but be in a new namespace. */
static void make_place(struct lab *lab, enum lab_place place)
{
	struct ns_error err = NS_ERROR_INIT;
	int ready[2];
	char byte;

	CHECK(pipe2(ready, O_CLOEXEC));
	lab->holders[place] = fork();
	CHECK(lab->holders[place]);
	if (lab->holders[place] == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		fail_msg("no new network namespace: is the test run as root?");
	(void)close(ready[0]);
	lab->netns[place] = ns_netns_open_pid(lab->holders[place], &err);
	if (lab->netns[place] < 0)
		fail_msg("%s", err.text);
}

static void add_address(struct lab *lab, const char *text, uint8_t length)
{
	struct ns_prefix *prefix = &lab->endpoint.addresses[lab->endpoint.n_addresses++];

	assert_int_equal(ns_addr_parse(text, &prefix->addr, NULL), 0);
	prefix->length = length;
}

void lab_begin(struct lab *lab)
{
	static const char off[] = "ip link set lo up; echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad;"
				  "echo 0 > /proc/sys/net/ipv6/conf/default/router_solicitations;";
	char script[1024];

	*lab = (struct lab){ .netns = { -1, -1, -1 } };
	for (enum lab_place place = 0; place < LAB_PLACES; place++) {
		make_place(lab, place);
		lab_run(lab, place, 0, run_shell, off);
	}
	(void)snprintf(script, sizeof script,
		       "ip link add lan0 type veth peer name eth0 netns %d; ip link add wan0 type veth peer name eth0 "
		       "netns %d;"
		       "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding;"
		       "ip addr add 10.77.0.1/24 brd + dev lan0; ip addr add fd77::1/64 dev lan0;"
		       "ip addr add 10.78.0.1/24 dev wan0; ip addr add fd78::1/64 dev wan0;"
		       "ip link set lan0 up; ip link set wan0 up; ip route add 224.0.0.0/4 dev lan0",
		       (int)lab->holders[LAB_PEER], (int)lab->holders[LAB_BEYOND]);
	lab_run(lab, LAB_CONTAINER, 0, run_shell, script);
	lab_run(lab, LAB_PEER, 0, run_shell,
		"ip addr add 10.77.0.2/24 brd + dev eth0; ip addr add fd77::2/64 dev eth0; ip link set eth0 up;"
		"ip route add default via 10.77.0.1; ip route add default via fd77::1");
	lab_run(lab, LAB_BEYOND, 0, run_shell,
		"ip addr add 10.78.0.2/24 dev eth0; ip addr add fd78::2/64 dev eth0; ip link set eth0 up;"
		"ip route add default via 10.78.0.1; ip route add default via fd78::1");
	(void)snprintf(lab->endpoint.workload, sizeof lab->endpoint.workload, "netns/test");
	add_address(lab, "10.77.0.1", 24);
	add_address(lab, "fd77::1", 64);
	add_address(lab, "10.78.0.1", 24);
	add_address(lab, "fd78::1", 64);
}

void lab_end(struct lab *lab)
{
	for (enum lab_place place = 0; place < LAB_PLACES; place++) {
		lab_kill(lab->holders[place]);
		if (lab->netns[place] >= 0)
			(void)close(lab->netns[place]);
	}
}

static void put_plan(struct ns_nft_batch *batch, const struct ns_nft_scope *scope, const struct ns_plan *plan)
{
	for (size_t i = 0; i < plan->n_counters; i++)
		ns_nft_put_counter(batch, scope, plan->counters[i].name);
	for (size_t i = 0; i < plan->n_sets; i++) {
		struct ns_nft_elements writer;

		ns_nft_put_set(batch, scope, &plan->sets[i]);
		ns_nft_elements_begin(&writer, batch, scope, &plan->sets[i], false);
		for (size_t j = 0; j < plan->sets[i].n_elements; j++)
			ns_nft_elements_add(&writer, &plan->sets[i].elements[j]);
		ns_nft_elements_end(&writer);
	}
	for (size_t i = 0; i < plan->n_chains; i++)
		ns_nft_put_chain(batch, scope, &plan->chains[i]);
	for (size_t i = 0; i < plan->n_chains; i++) {
		for (size_t j = 0; j < plan->chains[i].n_rules; j++)
			ns_nft_put_rule(batch, scope, plan->chains[i].name, j, &plan->chains[i].rules[j]);
	}
}

void lab_table(const struct lab *lab, struct ns_plan *plan)
{
	const struct ns_nft_scope scope = { .family = NFPROTO_INET, .table = NS_TABLE_NAME };
	struct ns_error err = NS_ERROR_INIT;
	NS_CLEANUP(ns_nft_batch_freep) struct ns_nft_batch *batch = NULL;
	struct ns_nft *nft = NULL;
	int r = ns_nft_open(lab->netns[LAB_CONTAINER], &nft, &err);

	if (r >= 0)
		r = ns_nft_batch_new(&batch, &err);
	if (r >= 0) {
		ns_nft_put_table(batch, &scope, 0); /* so that there is one to delete */
		ns_nft_delete_table(batch, &scope);
		if (plan != NULL) {
			ns_nft_put_table(batch, &scope, 0);
			put_plan(batch, &scope, plan);
		}
		r = ns_nft_batch_send(nft, batch, &err);
	}
	(void)ns_nft_close(nft);
	if (r < 0)
		fail_msg("the table: %s", err.text);
}
