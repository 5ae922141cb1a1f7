/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "log.h"

static int parse(const char *text, struct ns_config *ret, struct ns_error *err)
{
	return ns_config_parse("t.conf", text, strlen(text), ret, err);
}

static void nothing_is_the_defaults(void **state)
{
	static const char *const texts[] = { "", "\n", "# only\n; comments\n", "[daemon]\n", "\xef\xbb\xbf[watch]\n" };
	struct ns_config defaults, config;
	struct ns_error err = NS_ERROR_INIT;

	(void)state;
	ns_config_defaults(&defaults);
	assert_string_equal(defaults.socket, "/run/nanoseg/nanosegd.sock");
	assert_int_equal(defaults.n_netns_dirs, 2);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(&config, 0x5a, sizeof(config));
		assert_int_equal(parse(texts[i], &config, &err), 0);
		assert_memory_equal(&config, &defaults, sizeof(config));
	}
	assert_int_equal(ns_config_parse("t.conf", NULL, 0, &config, &err), 0);
}

static void what_a_restart_takes(void **state)
{
	static const char *const cases[][2] = {
		{ "[daemon]\nlog_level = debug\n[learn]\nmin_window = 2h\n[enforce]\nverdict = reject\ngate = none\n",
		  "" },
		{ "[daemon]\nstate_dir = /a\nruntime_dir = /b\n",
		  "[daemon] state_dir, [daemon] runtime_dir, [daemon] socket" },
		{ "[watch]\nnetns_dirs = /run/netns\n", "[watch] netns_dirs" },
		{ "[watch]\nnetns_dirs = /run/netns /run/docker/x\n", "[watch] netns_dirs" },
		{ "[watch]\nnetns_dirs = /run/netns /run/docker/netns\nscan_interval = 5000ms\n", "" },
		{ "[watch]\nbundle_dirs = /x\ndocker_socket = none\npodman_socket = /p\nscan_interval = 6s\n",
		  "[watch] docker_socket, [watch] podman_socket, [watch] scan_interval, [watch] bundle_dirs" },
		{ "[names]\nrules = k8s label compose pod name\n", "[names] rules" },
		{ "[names]\nrules = label\nowner = pod\n", "[names] rules, [names] owner" },
	};
	char keys[NS_CONFIG_UNTIL_RESTART_MAX];
	struct ns_config defaults, config;
	struct ns_error err = NS_ERROR_INIT;

	(void)state;
	ns_config_defaults(&defaults);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (parse(cases[i][0], &config, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(ns_config_until_restart(&defaults, &config, keys, sizeof(keys)) == 0, !*cases[i][1]);
		assert_string_equal(keys, cases[i][1]);
	}
}

static void every_key(void **state)
{
	struct ns_config config;
	struct ns_error err = NS_ERROR_INIT;

	(void)state;
	assert_int_equal(parse("[daemon]\r\n"
			       "state_dir = /lab/state/ ; a comment\n"
			       "runtime_dir=/lab/run\n"
			       "socket: /lab/s\n"
			       "log_level = debug\n"
			       "[watch]\n"
			       "netns_dirs = /a/ /b\t/c\n"
			       "\t/d\n"
			       "  ; between\n"
			       "    /e /f\n"
			       "docker_socket = none\n"
			       "podman_socket = /lab/podman.sock\n"
			       "scan_interval = 250ms\n"
			       "[learn]\n"
			       "default_mode = learning\n"
			       "min_window = 2 d\n"
			       "set_size = 1048576\n"
			       "[enforce]\n"
			       "verdict = reject\n"
			       "start = closed\n"
			       "gate = eth-lab\tlab* ; two\n"
			       "gate_standing = never\n"
			       "gate_wait = 10min",
			       &config, &err),
			 0);
	assert_string_equal(config.state_dir, "/lab/state");
	assert_string_equal(config.runtime_dir, "/lab/run");
	assert_string_equal(config.socket, "/lab/s");
	assert_int_equal(config.log_level, NS_LOG_LEVEL_DEBUG);
	assert_int_equal(config.n_netns_dirs, 6);
	assert_string_equal(config.netns_dirs[0], "/a");
	assert_string_equal(config.netns_dirs[3], "/d");
	assert_string_equal(config.netns_dirs[5], "/f");
	assert_string_equal(config.docker_socket, "");
	assert_string_equal(config.podman_socket, "/lab/podman.sock");
	assert_int_equal(config.scan_interval_us, 250000);
	assert_string_equal(config.default_mode, "learning");
	assert_int_equal(config.min_window_us, INT64_C(2) * 86400 * 1000000);
	assert_int_equal(config.set_size, 1048576);
	assert_string_equal(config.verdict, "reject");
	assert_string_equal(config.start, "closed");
	assert_int_equal(config.n_gate, 2);
	assert_string_equal(config.gate[0], "eth-lab");
	assert_string_equal(config.gate[1], "lab*");
	assert_string_equal(config.gate_standing, "never");
	assert_int_equal(config.gate_wait_us, INT64_C(600) * 1000000);
}

static void no_gate(void **state)
{
	struct ns_config config;
	struct ns_error err = NS_ERROR_INIT;

	(void)state;
	assert_int_equal(parse("[enforce]\ngate = none\n", &config, &err), 0);
	assert_int_equal(config.n_gate, 0);
	assert_string_equal(config.gate[0], "");
}

/* Patterns hold what libinih takes for something else: ':' and '#', and more bytes than its keys have. */
static void start_lines(void **state)
{
	static const char long_one[] = "k8s/a-namespace-with-a-long-name/pod/a-pod-with-a-name-that-is-longer-*";
	struct ns_config config;
	struct ns_error err = NS_ERROR_INIT;
	char text[4096];
	int n;

	(void)state;
	(void)snprintf(text, sizeof(text),
		       "[start]\r\n# none\n ; none\n\nregistry:5000/[ab]*=closed ; why\r\n%s \t= open\n*=learning\n"
		       "[enforce]\nstart = closed\n[start]\nlater = open",
		       long_one);
	if (parse(text, &config, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(config.n_start_rules, 4);
	assert_string_equal(config.start_rules[0].pattern, "registry:5000/[ab]*");
	assert_string_equal(config.start_rules[0].start, "closed");
	assert_string_equal(config.start_rules[1].pattern, long_one);
	assert_string_equal(config.start_rules[1].start, "open");
	assert_string_equal(config.start_rules[2].pattern, "*");
	assert_string_equal(config.start_rules[2].start, "learning");
	assert_string_equal(config.start_rules[3].pattern, "later");
	assert_string_equal(config.start, "closed");

	n = snprintf(text, sizeof(text), "[start]\n");
	for (int i = 0; i < NS_START_RULES_MAX; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "w%d = open\n", i);
	assert_int_equal(parse(text, &config, &err), 0);
	assert_int_equal(config.n_start_rules, NS_START_RULES_MAX);
	(void)snprintf(text + n, sizeof(text) - (size_t)n, "more = open\n");
	assert_int_equal(parse(text, &config, &err), -EINVAL);
	assert_string_equal(err.text, "t.conf:66: [start]: more than 64 lines; let one pattern stand for several "
				      "workloads");
}

static void expect_service(const struct ns_services *services, unsigned i, const char *name, const char *text)
{
	char buf[NS_ADDR_TEXT_MAX];

	assert_string_equal(services->names[services->addresses[i].service], name);
	assert_string_equal(ns_addr_format(&services->addresses[i].addr, buf), text);
}

static void services(void **state)
{
	static const char text[] = "[services]\n"
				   "shop/db = 10.96.0.12 ,fd00:96::c ; both\n"
				   "# nothing\n"
				   "kube-dns=10.96.0.10\n"
				   "[daemon]\nlog_level = info\n"
				   "[services]\n"
				   "shop/db = 10.96.0.13\n";
	struct ns_config config;
	struct ns_error err = NS_ERROR_INIT;
	static char many[NS_CONFIG_BYTES_MAX];
	int n = snprintf(many, sizeof(many), "[services]\n");

	assert_int_equal(ns_config_parse("t.conf", text, strlen(text), &config, &err), 0);
	assert_int_equal(config.services.n, 2);
	assert_int_equal(config.services.n_addresses, 4);
	expect_service(&config.services, 0, "shop/db", "10.96.0.12");
	expect_service(&config.services, 1, "shop/db", "fd00:96::c");
	expect_service(&config.services, 2, "kube-dns", "10.96.0.10");
	expect_service(&config.services, 3, "shop/db", "10.96.0.13");
	assert_int_equal(ns_services_add_line(&config.services, "new = 10.96.0.14, 10.96.0.10", &err), -EINVAL);
	assert_int_equal(config.services.n, 2);
	assert_int_equal(config.services.n_addresses, 4);

	for (int i = 0; i < NS_SERVICES_MAX; i++)
		n += snprintf(many + n, sizeof(many) - (size_t)n, "s%d = 10.1.%d.1\n", i, i);
	assert_int_equal(ns_config_parse("t.conf", many, (size_t)n, &config, &err), 0);
	n += snprintf(many + n, sizeof(many) - (size_t)n, "one = 10.2.0.1\n");
	assert_int_equal(ns_config_parse("t.conf", many, (size_t)n, &config, &err), -EINVAL);
	assert_string_equal(err.text, "t.conf:258: [services]: more than 256 services");
	n = snprintf(many, sizeof(many), "[services]\n");
	for (int i = 0; i <= NS_SERVICE_ADDRESSES_MAX; i++)
		n += snprintf(many + n, sizeof(many) - (size_t)n, "s = fd00::%x\n", i + 1);
	assert_int_equal(ns_config_parse("t.conf", many, (size_t)n, &config, &err), -EINVAL);
	assert_string_equal(err.text, "t.conf:1026: [services]: s: more than 1024 addresses of services");
}

static void the_socket_follows_the_runtime_dir(void **state)
{
	struct ns_config config;
	struct ns_error err = NS_ERROR_INIT;
	char text[256], dir[120];

	(void)state;
	assert_int_equal(parse("[daemon]\nruntime_dir = /x\n", &config, &err), 0);
	assert_string_equal(config.socket, "/x/nanosegd.sock");
	memset(dir, 'd', sizeof(dir));
	dir[0] = '/';
	dir[sizeof(dir) - 1] = '\0';
	(void)snprintf(text, sizeof(text), "[daemon]\nruntime_dir = %s\n", dir);
	assert_int_equal(parse(text, &config, &err), -EINVAL);
	assert_non_null(strstr(err.text, "set 'socket' to a shorter one"));
	(void)snprintf(text, sizeof(text), "[daemon]\nruntime_dir = %s\nsocket=/x\n", dir);
	assert_int_equal(parse(text, &config, &err), 0);
}

static void names_and_bundles(void **state)
{
	struct ns_config config;
	struct ns_error err = NS_ERROR_INIT;

	(void)state;
	ns_config_defaults(&config);
	assert_int_equal(config.naming.n_rules, 5);
	assert_int_equal(config.naming.rules[0], NS_NAME_LABEL);
	assert_int_equal(config.naming.rules[4], NS_NAME_NAME);
	assert_string_equal(config.naming.owner, "pattern");
	assert_int_equal(config.n_bundle_dirs, 7);
	assert_string_equal(config.bundle_dirs[0], "/run/containerd/io.containerd.runtime.v2.task/k8s.io");
	assert_string_equal(config.bundle_dirs[6], "/var/lib/containers/storage/overlay-containers");
	assert_int_equal(parse("[watch]\nbundle_dirs = /a/k8s.io\n  /b/overlay-containers/\n"
			       "[names]\nrules = image k8s\nowner = pod\n",
			       &config, &err),
			 0);
	assert_int_equal(config.n_bundle_dirs, 2);
	assert_string_equal(config.bundle_dirs[1], "/b/overlay-containers");
	assert_string_equal(config.bundle_dirs[2], "");
	assert_int_equal(config.n_netns_dirs, 2);
	assert_int_equal(config.naming.n_rules, 2);
	assert_int_equal(config.naming.rules[0], NS_NAME_IMAGE);
	assert_int_equal(config.naming.rules[1], NS_NAME_K8S);
	assert_string_equal(config.naming.owner, "pod");
	assert_int_equal(parse("[watch]\nbundle_dirs =\n", &config, &err), 0);
	assert_int_equal(config.n_bundle_dirs, 0);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {
		{ "100000us", 100000 }, { "100ms", 100000 },  { "5s", 5000000 },
		{ "1min", 60000000 },   { "1h", 3600000000 }, { "0000000000000000000005s", 5000000 },
		{ "1 s", 1000000 },
	};
	struct ns_config config;
	struct ns_error err = NS_ERROR_INIT;
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(text, sizeof(text), "[watch]\nscan_interval = %s\n", good[i].text);
		assert_int_equal(parse(text, &config, &err), 0);
		assert_int_equal(config.scan_interval_us, good[i].us);
	}
	assert_int_equal(parse("[learn]\nmin_window = 0s\n", &config, &err), 0);
	assert_int_equal(config.min_window_us, 0);
	assert_int_equal(parse("[learn]\nmin_window = 365d\n", &config, &err), 0);
}

/* What is refused, with the whole line that says so. */
static const struct {
	const char *text, *error;
} refused[] = {
	{ "[watch]\nscan_interval = 5x\n",
	  "t.conf:2: [watch] scan_interval: '5x' is not a duration; use a number with us, ms, s, min, h or d" },
	{ "[watch]\nscan_interval = s\n",
	  "t.conf:2: [watch] scan_interval: 's' is not a duration; use a number with us, ms, s, min, h or d" },
	{ "[watch]\nscan_interval = 5\n",
	  "t.conf:2: [watch] scan_interval: '5' is not a duration; use a number with us, ms, s, min, h or d" },
	{ "[watch]\nscan_interval = -5s\n",
	  "t.conf:2: [watch] scan_interval: '-5s' is not a duration; use a number with us, ms, s, min, h or d" },
	{ "[watch]\nscan_interval = 1us\n",
	  "t.conf:2: [watch] scan_interval: '1us' is out of bounds; use 100ms to 1h" },
	{ "[watch]\nscan_interval = 2h\n", "t.conf:2: [watch] scan_interval: '2h' is out of bounds; use 100ms to 1h" },
	{ "[watch]\nscan_interval = 99999999999999999999999s\n",
	  "t.conf:2: [watch] scan_interval: '99999999999999999999999s' is out of bounds; use 100ms to 1h" },
	{ "[learn]\nmin_window = 366d\n", "t.conf:2: [learn] min_window: '366d' is out of bounds; use 0s to 365d" },
	{ "[learn]\nset_size = 0\n", "t.conf:2: [learn] set_size: '0' is out of bounds; use 1 to 1048576" },
	{ "[learn]\nset_size = 1048577\n", "t.conf:2: [learn] set_size: '1048577' is out of bounds; use 1 to 1048576" },
	{ "[learn]\nset_size = 0x10\n", "t.conf:2: [learn] set_size: '0x10' is not a whole number; use 1 to 1048576" },
	{ "[learn]\nset_size = 18446744073709551617\n",
	  "t.conf:2: [learn] set_size: '18446744073709551617' is out of bounds; use 1 to 1048576" },
	{ "[learn]\ndefault_mode = Learning\n", "t.conf:2: [learn] default_mode: 'Learning' is not one of: learning" },
	{ "[learn]\ndefault_mode = enforcing\n",
	  "t.conf:2: [learn] default_mode: 'enforcing' is not one of: learning" },
	{ "[enforce]\nverdict = accept\n", "t.conf:2: [enforce] verdict: 'accept' is not one of: drop reject" },
	{ "[enforce]\nverdict = drop reject\n",
	  "t.conf:2: [enforce] verdict: 'drop reject' is not one of: drop reject" },
	{ "[enforce]\nstart = shut\n", "t.conf:2: [enforce] start: 'shut' is not one of: closed learning open" },
	{ "[enforce]\ngate =\n", "t.conf:2: [enforce] gate: is empty; use names of links such as veth*, or none" },
	{ "[enforce]\ngate = *\n", "t.conf:2: [enforce] gate: '*' alone would close every link of this machine; use a "
				   "prefix such as veth*" },
	{ "[enforce]\ngate = v*h\n", "t.conf:2: [enforce] gate: 'v*h' is no name of a link; use a name, or a prefix "
				     "and one '*' at its end" },
	{ "[enforce]\ngate = veth*,ve-*\n", "t.conf:2: [enforce] gate: 'veth*,ve-*' is no name of a link; use a name, "
					    "or a prefix and one '*' at its end" },
	{ "[enforce]\ngate = a/b\n", "t.conf:2: [enforce] gate: 'a/b' is no name of a link; use a name, or a prefix "
				     "and one '*' at its end" },
	{ "[enforce]\ngate = ..\n", "t.conf:2: [enforce] gate: '..' is no name of a link" },
	{ "[enforce]\ngate = abcdefghijklmno*\n", "t.conf:2: [enforce] gate: 'abcdefghijklmno*' has 16 bytes; names of "
						  "links have at most 15" },
	{ "[enforce]\ngate = veth* ve* veth*\n", "t.conf:2: [enforce] gate: 'veth*' stands there twice" },
	{ "[enforce]\ngate = none veth*\n",
	  "t.conf:2: [enforce] gate: 'none' stands beside other names; use one or the other" },
	{ "[enforce]\ngate = a b c d e f g h i j k l m n o p q\n", "t.conf:2: [enforce] gate: more than 16 names" },
	{ "[enforce]\ngate_standing = always\n",
	  "t.conf:2: [enforce] gate_standing: 'always' is not one of: auto never" },
	{ "[enforce]\ngate_wait = 999ms\n",
	  "t.conf:2: [enforce] gate_wait: '999ms' is out of bounds; use 1s to 10min" },
	{ "[enforce]\ngate_wait = 11min\n",
	  "t.conf:2: [enforce] gate_wait: '11min' is out of bounds; use 1s to 10min" },
	{ "[names]\nrules = label k9s\n", "t.conf:2: [names] rules: 'k9s' is no rule; did you mean 'k8s'?; use any of "
					  "label k8s compose pod image name" },
	{ "[names]\nrules =\n", "t.conf:2: [names] rules: is empty; use any of label k8s compose pod image name" },
	{ "[names]\nrules = name pod\n", "t.conf:2: [names] rules: 'pod' stands behind 'name', which every container "
					 "has; put 'name' last" },
	{ "[names]\nowner = kind\n", "t.conf:2: [names] owner: 'kind' is not one of: pattern pod" },
	{ "[names]\nrule = name\n", "t.conf:2: [names]: unknown key 'rule'; did you mean 'rules'?" },
	{ "[name]\nrules = name\n", "t.conf:1: unknown section 'name'; did you mean 'names'?" },
	{ "[watch]\nbundle_dirs = run/x\n",
	  "t.conf:2: [watch] bundle_dirs: 'run/x' is not an absolute path; it must begin with '/'" },
	{ "[watch]\nbundle_dirs = /a /b /a\n", "t.conf:2: [watch] bundle_dirs: '/a' stands there twice" },
	{ "[start]\ncompose/shop/*\n",
	  "t.conf:2: [start]: 'compose/shop/*' is not WORKLOAD = closed, learning or open" },
	{ "[start]\n= closed\n",
	  "t.conf:2: [start]: a line without a pattern; use WORKLOAD = closed, learning or open" },
	{ "[start]\na/b =\n", "t.conf:2: [start]: a/b: '' is not one of: closed learning open" },
	{ "[start]\na/b = Closed\n", "t.conf:2: [start]: a/b: 'Closed' is not one of: closed learning open" },
	{ "[start]\na b = closed\n",
	  "t.conf:2: [start]: 'a b' is no pattern of a workload's name; use letters, digits, "
	  "._-/@:+ and * ? [ ]" },
	{ "[start]\n\\a = closed\n", "t.conf:2: [start]: '\\a' is no pattern of a workload's name; use letters, "
				     "digits, ._-/@:+ and * ? [ ]" },
	{ "[start]\na = closed\nb = open\na = open\n",
	  "t.conf:4: [start]: 'a' stands there twice, and only the first would count" },
	{ "[start]\na = closed\n b = open\n", "t.conf:3: [start]: begin a name at the left margin" },
	{ "[services]\ndb\n", "t.conf:2: [services]: 'db' is not NAME = ADDRESS, ADDRESS" },
	{ "[services]\n= 10.0.0.1\n", "t.conf:2: [services]: a line without a name; use NAME = ADDRESS, ADDRESS" },
	{ "[services]\n# x\nd b = 10.0.0.1\n",
	  "t.conf:3: [services]: 'd b' is no name of a service; use letters, digits "
	  "and ._-/@:+" },
	{ "[services]\npublished/db = 10.0.0.1\n", "t.conf:2: [services]: 'published/db': names that begin with "
						   "published/ are those of containers' ports" },
	{ "[services]\ndb =\n", "t.conf:2: [services]: db: '' is no address; use IPv4 or IPv6 addresses, with a comma "
				"between two" },
	{ "[services]\ndb = 10.0.0.1,\n", "t.conf:2: [services]: db: '' is no address; use IPv4 or IPv6 addresses, "
					  "with a comma between two" },
	{ "[services]\ndb = 10.0.0.0/24\n", "t.conf:2: [services]: db: '10.0.0.0/24' is no address; use IPv4 or IPv6 "
					    "addresses, with a comma between two" },
	{ "[services]\ndb = 127.0.0.1\n", "t.conf:2: [services]: db: '127.0.0.1' is no address of a service: nobody "
					  "beyond one link or one machine can have it, or it is a group's" },
	{ "[services]\ndb = fe80::1\n", "t.conf:2: [services]: db: 'fe80::1' is no address of a service: nobody beyond "
					"one link or one machine can have it, or it is a group's" },
	{ "[services]\na = fd00::1\nb = 10.0.0.1, fd00::1\n", "t.conf:3: [services]: b: fd00::1 is an address of a "
							      "already" },
	{ "[services]\na = fd00::1\n b = fd00::2\n", "t.conf:3: [services]: begin a name at the left margin" },
	{ "[service]\n", "t.conf:1: unknown section 'service'; did you mean 'services'?" },
	{ "[strat]\n", "t.conf:1: unknown section 'strat'; did you mean 'start'?" },
	{ "[enforce]\nverdict =\n", "t.conf:2: [enforce] verdict: '' is not one of: drop reject" },
	{ "[daemon]\nlog_level = loud\n",
	  "t.conf:2: [daemon] log_level: 'loud' is not one of: error warning info debug" },
	{ "[daemon]\nstate_dir = var/lib\n",
	  "t.conf:2: [daemon] state_dir: 'var/lib' is not an absolute path; it must begin with '/'" },
	{ "[daemon]\nstate_dir =\n", "t.conf:2: [daemon] state_dir: is empty; use an absolute path" },
	{ "[daemon]\nstate_dir = none\n",
	  "t.conf:2: [daemon] state_dir: 'none' is not an absolute path; it must begin with '/'" },
	{ "[daemon]\nstate_dir = /a # b\n", "t.conf:2: [daemon] state_dir: '/a # b' holds white space or a control "
					    "character; use one path without" },
	{ "[watch]\ndocker_socket = docker.sock\n",
	  "t.conf:2: [watch] docker_socket: 'docker.sock' is not an absolute path; it must begin with '/'" },
	{ "[watch]\nnetns_dirs = /a /b /a/\n", "t.conf:2: [watch] netns_dirs: '/a' stands there twice" },
	{ "[watch]\nnetns_dirs = /a b\n",
	  "t.conf:2: [watch] netns_dirs: 'b' is not an absolute path; it must begin with '/'" },
	{ "[watch]\nnetns_dirs = /1 /2 /3 /4 /5 /6 /7 /8\n /9 /10 /11 /12 /13 /14 /15 /16 /17\n",
	  "t.conf:3: [watch] netns_dirs: more than 16 directories" },
	{ "[daemon]\n\n# x\n[wach]\nx = 1\n", "t.conf:4: unknown section 'wach'; did you mean 'watch'?" },
	{ "[quux]\n", "t.conf:1: unknown section 'quux'; nanoseg.conf(5) lists what there is" },
	{ "[watch]\nscan_intervall = 5s\n",
	  "t.conf:2: [watch]: unknown key 'scan_intervall'; did you mean 'scan_interval'?" },
	{ "[watch]\nverdict = drop\n", "t.conf:2: 'verdict' belongs to section [enforce]" },
	{ "[watch]\nq = 1\n", "t.conf:2: [watch]: unknown key 'q'; nanoseg.conf(5) lists what there is" },
	{ "verdict = drop\n", "t.conf:1: 'verdict' stands before the first [section]" },
	{ "[enforce]\nverdict = drop\n\nverdict = drop\n",
	  "t.conf:4: [enforce] verdict: is set twice; keep one of the two lines" },
	{ "[watch]\nnetns_dirs = /a\nnetns_dirs = /b\n",
	  "t.conf:3: [watch] netns_dirs: is set twice; keep one of the two lines" },
	{ "[daemon]\nlog_level = info\n  state_dir = /a\n",
	  "t.conf:3: [daemon] log_level: an indented line continues the value above; begin a key at the left margin" },
	{ "[daemon]\nlog_level\n", "t.conf:2: neither '[section]' nor 'key = value' nor a comment" },
	{ "[daemon\nlog_level = info\n", "t.conf:1: neither '[section]' nor 'key = value' nor a comment" },
	{ "[daemon]\nnonsense\n[wach]\n", "t.conf:2: neither '[section]' nor 'key = value' nor a comment" },
	{ "[daemon]\n\x1b[2J = 1\n", "t.conf:2: [daemon]: unknown key '?[2J'; nanoseg.conf(5) lists what there is" },
};

static void bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct ns_config config, untouched;
		struct ns_error err = NS_ERROR_INIT;

		memset(&config, 0x5a, sizeof(config));
		memset(&untouched, 0x5a, sizeof(untouched));
		assert_int_equal(parse(refused[i].text, &config, &err), -EINVAL);
		assert_string_equal(err.text, refused[i].error);
		assert_memory_equal(&config, &untouched, sizeof(config));
		assert_int_equal(parse(refused[i].text, &config, NULL), -EINVAL);
	}
}

static void lines_and_files_are_bounded(void **state)
{
	struct ns_config config;
	struct ns_error err = NS_ERROR_INIT;
	char text[512] = "[watch]\nnetns_dirs = /";
	size_t start = strlen("[watch]\n"), length = strlen(text);

	(void)state;
	memset(text + length, 'n', NS_CONFIG_LINE_MAX - (length - start));
	length = start + NS_CONFIG_LINE_MAX;
	assert_int_equal(ns_config_parse("t.conf", text, length, &config, &err), 0);
	assert_int_equal(strlen(config.netns_dirs[0]), NS_CONFIG_LINE_MAX - strlen("netns_dirs = "));
	text[length++] = 'n';
	assert_int_equal(ns_config_parse("t.conf", text, length, &config, &err), -EINVAL);
	assert_string_equal(
		err.text,
		"t.conf:2: line of 199 bytes; at most 198 are read, and netns_dirs and bundle_dirs may go on in an "
		"indented line");

	assert_int_equal(ns_config_parse("t.conf", "[daemon]\nlog_level = info\0", 26, &config, &err), -EINVAL);
	assert_string_equal(err.text, "t.conf: a NUL byte at offset 25; this is no text file");

	char *big = malloc(NS_CONFIG_BYTES_MAX + 1);
	memset(big, '\n', NS_CONFIG_BYTES_MAX + 1);
	assert_int_equal(ns_config_parse("t.conf", big, NS_CONFIG_BYTES_MAX, &config, &err), 0);
	assert_int_equal(ns_config_parse("t.conf", big, NS_CONFIG_BYTES_MAX + 1, &config, &err), -EFBIG);
	free(big);
}

static void socket_paths_fit_a_socket(void **state)
{
	struct ns_config config;
	struct ns_error err = NS_ERROR_INIT;
	char text[256] = "[daemon]\nsocket = /";
	size_t length = strlen(text);

	(void)state;
	memset(text + length, 's', NS_CONFIG_SOCKET_MAX - 2);
	assert_int_equal(parse(text, &config, &err), 0);
	assert_int_equal(strlen(config.socket), 107);
	text[strlen(text)] = 's';
	assert_int_equal(parse(text, &config, &err), -EINVAL);
	assert_string_equal(err.text, "t.conf:2: [daemon] socket: a path of 108 bytes; at most 107 are possible here");
}

static void files(void **state)
{
	char dir[] = "/tmp/nanoseg-test-config-XXXXXX", path[64];
	struct ns_config config;
	struct ns_error err = NS_ERROR_INIT;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/c", dir);
	assert_int_equal(ns_config_load(path, &config, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/c: No such file"));
	assert_int_equal(ns_config_load(dir, &config, &err), -EINVAL);
	assert_non_null(strstr(err.text, "not a regular file"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(ns_config_load(path, &config, &err), -EINVAL); /* and it does not hang */
	assert_int_equal(unlink(path), 0);

	file = fopen(path, "w");
	assert_non_null(file);
	fputs("[enforce]\nverdict = reject\n", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(ns_config_load(path, &config, &err), 0);
	assert_string_equal(config.verdict, "reject");
	assert_int_equal(truncate(path, NS_CONFIG_BYTES_MAX + 1), 0);
	assert_int_equal(ns_config_load(path, &config, &err), -EFBIG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_the_defaults),
		cmocka_unit_test(what_a_restart_takes),
		cmocka_unit_test(every_key),
		cmocka_unit_test(no_gate),
		cmocka_unit_test(start_lines),
		cmocka_unit_test(services),
		cmocka_unit_test(the_socket_follows_the_runtime_dir),
		cmocka_unit_test(names_and_bundles),
		cmocka_unit_test(durations),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(lines_and_files_are_bounded),
		cmocka_unit_test(socket_paths_fit_a_socket),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
