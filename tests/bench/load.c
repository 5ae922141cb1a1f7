/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

enum words { PORTS, ADDRESS_PORT, ADDRESS_PORTS, EDGES };

static const struct {
	const char *name;
	enum words words;
	int (*run)(const struct load_options *options);
} verbs[] = {
	{ "serve", PORTS, load_serve },
	{ "bulk", ADDRESS_PORT, load_bulk },
	{ "connect", ADDRESS_PORTS, load_connect },
	{ "connect-latency", ADDRESS_PORTS, load_connect_latency },
	{ "rtt", ADDRESS_PORT, load_rtt },
	{ "udp", ADDRESS_PORT, load_udp },
	{ "udp-new", ADDRESS_PORTS, load_udp_new },
	{ "edges", EDGES, load_edges },
};

/* How many words come before the options. */
static const int n_words[] = { [PORTS] = 1, [ADDRESS_PORT] = 2, [ADDRESS_PORTS] = 2, [EDGES] = 4 };
static const char *const usages[] = {
	[PORTS] = "PORT[-PORT]",
	[ADDRESS_PORT] = "ADDRESS PORT",
	[ADDRESS_PORTS] = "ADDRESS PORT[-PORT]",
	[EDGES] = "tcp|udp ADDRESS COUNT PORT[-PORT]",
};

static int usage(const char *name, const char *rest)
{
	(void)fprintf(stderr, "usage: load %s %s [--OPTION NUMBER]...\n", name, rest);
	return 2;
}

static int parse_words(enum words words, char **argv, struct load_options *options)
{
	if (words == EDGES) {
		if (strcmp(argv[0], "tcp") != 0 && strcmp(argv[0], "udp") != 0)
			return usage("edges", usages[EDGES]);
		options->udp = *argv[0] == 'u';
		argv++;
	}
	if (words != PORTS)
		load_parse_address(*argv++, options);
	if (words == EDGES)
		options->addresses = load_parse_number("COUNT", *argv++, 1, LOAD_ADDRESSES_MAX);
	load_parse_ports(*argv, options);
	if (words == ADDRESS_PORT && options->port_lo != options->port_hi) {
		(void)fputs("load: one port, not several\n", stderr);
		return 2;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct load_options options = {
		.addresses = 1, .cpu = -1, .in_flight = LOAD_IN_FLIGHT_DEFAULT, .bytes = LOAD_BYTES_DEFAULT
	};
	cpu_set_t cpus;

	for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++) {
		enum words words = verbs[i].words;

		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		if (argc < 2 + n_words[words])
			return usage(verbs[i].name, usages[words]);
		if (parse_words(words, argv + 2, &options) != 0)
			return 2;
		load_parse_options(argc - 2 - n_words[words], argv + 2 + n_words[words], &options);
		(void)signal(SIGPIPE, SIG_IGN);
		CPU_ZERO(&cpus);
		if (options.cpu >= 0) {
			CPU_SET((size_t)options.cpu, &cpus);
			if (sched_setaffinity(0, sizeof cpus, &cpus) < 0)
				load_fail("CPU %d: %m", options.cpu);
		}
		return verbs[i].run(&options);
	}
	return usage("serve|bulk|connect|connect-latency|rtt|udp|udp-new|edges", "...");
}
