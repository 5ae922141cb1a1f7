/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * For the tests of the command: a daemon that says what the test wants, and a way to run a command line against it.
 */
#ifndef NANOSEG_TEST_CLI_DAEMON_H
#define NANOSEG_TEST_CLI_DAEMON_H

#include <pthread.h>
#include <stdbool.h>

#include "cli.h"

#define FAKE_ANSWERS_MAX 16

struct fake {
	char directory[64], socket[96];
	int listener;
	pthread_t thread;
	pthread_mutex_t mutex;
	struct {
		char path[160];
		int status; /* 0: the body is sent as it is, without HTTP; -1: hangs up */
		const char *body;
	} script[FAKE_ANSWERS_MAX];
	size_t n_script;
	char request_line[4096], request_body[8192]; /* of the last request */
	unsigned requests;
};
extern struct fake fake;

/* For cmocka: group set-up and tear-down, and tear-down of one test. */
int fake_start(void **state);
int fake_stop(void **state);
int fake_forget(void **state);

/* "GET /v1/status": what is answered from now on. A path that was never named is answered with 404. */
void answer(const char *path, int status, const char *body);

struct got {
	char *out;
	struct ns_error err;
};
extern struct got got;

/* Runs a command line: the exit code; `got` has the rest. The line is split at blanks, '_' in it is a blank in a word.
 * It is always 2026-11-23T12:00:00Z, so that ages are known. */
int run(const char *line);
int run_as(bool terminal, unsigned width, const char *line);

#define DIGEST "sha256:1234567812345678123456781234567812345678123456781234567812345678"

/* A policy, as the daemon shows it, and without what it tells beside it: { POLICY_REST }. */
#define RULE1                                                                                                          \
	"{\"id\":\"r1\",\"direction\":\"egress\",\"peer\":{\"class\":\"workload\",\"name\":\"db\"},\"protocol\":"      \
	"\"tcp\","                                                                                                     \
	"\"ports\":[5432,\"6000-6010\"],\"evidence\":{\"packets\":12,\"bytes\":900,\"connections_seen\":3,\"first_"    \
	"seen\":"                                                                                                      \
	"\"2026-11-23T11:00:00Z\",\"last_seen\":\"2026-11-23T11:59:00Z\",\"processes\":[\"/usr/bin/"                   \
	"api\"],\"widened_by\":"                                                                                       \
	"9,\"why\":\"seen\"}}"
#define RULE2                                                                                                          \
	"{\"id\":\"r2\",\"direction\":\"ingress\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"10.0.0.0/"                 \
	"8\"},\"protocol\":"                                                                                           \
	"\"icmp\",\"icmp\":[8]}"
#define POLICY_REST                                                                                                    \
	"\"schema\":\"nanoseg/policy/1\",\"workload\":\"api\",\"revision\":3,\"verdict\":\"drop\",\"rules\":[" RULE1   \
	"," RULE2 "]"
#define POLICY                                                                                                         \
	"{\"digest\":\"sha256:00ff\",\"state\":\"proposed\",\"origin\":\"learned\",\"proposer\":{\"uid\":0,\"user\":"  \
	"\"root\",\"pid\":1},\"created\":\"2026-11-23T11:00:00Z\",\"mode\":\"proposed\"," POLICY_REST "}"

#endif
