/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netfilter.h>

#include "outer_lab.h"

#define COOKIE UINT64_C(18446744073709551615)

const uint8_t outer_own_mac[6] = { 2, 0, 0, 0, 0, 2 };
const uint8_t outer_peer_mac[6] = { 2, 0, 0, 0, 0, 3 };
const uint8_t outer_other_mac[6] = { 2, 0, 0, 0, 0, 0x66 };

static const char *const addresses[WHOS][2] = {
	[WHO_OWN] = { "10.9.0.2", "fd09::2" },
	[WHO_PEER] = { "10.9.0.3", "fd09::3" },
	[WHO_OTHER] = { "10.9.0.66", "fd09::66" },
	[WHO_RANGE] = { "10.6.8.77", "fd06:8::77" },
	[WHO_CLIENT] = { "10.7.0.9", "fd07::9" },
	[WHO_SERVER] = { "10.8.0.5", "fd08::5" },
	[WHO_ROUTER] = { "192.0.2.1", "2001:db8::1" },
	[WHO_GROUP] = { "224.0.0.251", "ff02::fb" },
	[WHO_GROUP2] = { "239.1.2.3", "ff15::77" },
	[WHO_NONE] = { "0.0.0.0", "::" },
	[WHO_ALL] = { "255.255.255.255", "ff02::1" },
	[WHO_LINK] = { "10.9.0.20", "fe80::2" },
	[WHO_SOLICITED] = { "224.0.0.1", "ff02::1:ff00:2" },
	[WHO_LISTENERS] = { "224.0.0.22", "ff02::16" },
};

static const char policy_text[] =
	"{\"schema\":\"nanoseg/policy/1\",\"workload\":\"w\",\"revision\":1,\"verdict\":\"drop\",\"rules\":["
#define BOTH_PEERS(id, direction, four, six, rest)                                                                     \
	"{\"id\":\"" id "4\",\"direction\":\"" direction "\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"" four          \
	"\"}," rest "},{\"id\":\"" id "6\",\"direction\":\"" direction                                                 \
	"\",\"peer\":{\"class\":\"cidr\",\"prefix\":\"" six "\"}," rest "},"
	BOTH_PEERS("web", "egress", "10.9.0.3", "fd09::3", "\"protocol\":\"tcp\",\"ports\":[80]") BOTH_PEERS(
		"dns", "egress", "10.9.0.3", "fd09::3",
		"\"protocol\":\"udp\",\"ports\":[53]") BOTH_PEERS("sctp", "egress", "10.9.0.3", "fd09::3",
								  "\"protocol\":\"sctp\",\"ports\":[80]")
		BOTH_PEERS("gre", "egress", "10.9.0.3", "fd09::3", "\"protocol\":\"gre\"") BOTH_PEERS(
			"ping", "egress", "10.9.0.3", "fd09::3",
			"\"protocol\":\"icmp\",\"icmp\":[8]") BOTH_PEERS("ping6-", "egress", "10.9.0.3", "fd09::3",
									 "\"protocol\":\"icmpv6\",\"icmp\":[128]")
			BOTH_PEERS("range", "egress", "10.6.8.0/24", "fd06:8::/64",
				   "\"protocol\":\"tcp\",\"ports\":[\"1000-2000\"]")
				BOTH_PEERS("serve", "ingress", "10.9.0.3", "fd09::3",
					   "\"protocol\":\"tcp\",\"ports\":[8080]")
					BOTH_PEERS("serve-udp", "ingress", "10.9.0.3", "fd09::3",
						   "\"protocol\":\"udp\",\"ports\":[5000]")
						BOTH_PEERS("serve-sctp", "ingress", "10.9.0.3", "fd09::3",
							   "\"protocol\":\"sctp\",\"ports\":[8080]")
							BOTH_PEERS("pinged", "ingress", "10.9.0.3", "fd09::3",
								   "\"protocol\":\"icmp\",\"icmp\":[8]")
								BOTH_PEERS("pinged6-", "ingress", "10.9.0.3", "fd09::3",
									   "\"protocol\":\"icmpv6\",\"icmp\":[128]")
									BOTH_PEERS("group", "ingress", "224.0.0.251",
										   "ff02::fb",
										   "\"protocol\":\"udp\",\"ports\":["
										   "5353]") "{\"id\":\"dhcp\","
											    "\"direction\":\"egress\","
											    "\"peer\":{\"class\":"
											    "\"broadcast\"},"
											    "\"protocol\":\"udp\","
											    "\"ports\":[67]},"
											    "{\"id\":\"igmp\","
											    "\"direction\":\"egress\","
											    "\"peer\":{\"class\":"
											    "\"multicast\",\"prefix\":"
											    "\"224.0.0.22\"},"
											    "\"protocol\":\"igmp\"},"
#define FORWARD(id, clients, server, rest)                                                                             \
	"{\"id\":\"" id "\",\"direction\":\"transit\",\"source\":{\"class\":\"cidr\",\"prefix\":\"" clients            \
	"\"},\"peer\":{\"class\":\"cidr\",\"prefix\":\"" server "\"}," rest "}"
	FORWARD("f4", "10.7.0.0/24", "10.8.0.5", "\"protocol\":\"tcp\",\"ports\":[443]") "," FORWARD("f6", "fd07::/64", "fd08::5", "\"protocol\":\"tcp\",\"ports\":[443]") "," FORWARD(
		"fu4", "10.7.0.9", "10.8.0.5",
		"\"protocol\":\"udp\",\"ports\":[4000]") "," FORWARD("fu6", "fd07::9", "fd08::5",
								     "\"protocol\":\"udp\",\"ports\":["
								     "4000]") "," FORWARD("fp4", "10.7.0.9", "10.8.0.5",
											  "\"protocol\":"
											  "\"icmp\","
											  "\"icmp\":[8]") "," FORWARD("fp6",
														      "fd07::9",
														      "fd08::5",
														      "\"protocol\":\"icmpv6\",\"icmp\":[128]") "]}";

static int namespaces[PLACES] = { -1, -1, -1 };
static struct ns_lock *lock;

const char *outer_address_text(enum outer_who who, int family)
{
	return addresses[who][family == AF_INET6];
}

size_t outer_address(enum outer_who who, int family, uint8_t *ret)
{
	if (inet_pton(family, outer_address_text(who, family), ret) != 1)
		abort();
	return family == AF_INET ? 4 : 16;
}

void outer_lab_go(enum outer_place place)
{
	if (setns(namespaces[place], CLONE_NEWNET) < 0) {
		perror("setns");
		exit(1);
	}
}

void outer_lab_run(enum outer_place place, const char *command)
{
	char *output = NULL;
	int code;

	outer_lab_go(place);
	code = lab_run(command, &output);
	outer_lab_go(AT_HOST);
	if (code != 0) {
		(void)fprintf(stderr, "%s: %s\n", command, output);
		exit(1);
	}
	free(output);
}

int outer_lab_index(enum outer_place place)
{
	unsigned index;

	outer_lab_go(place);
	index = if_nametoindex(place == AT_HOST ? "port" : "eth0");
	outer_lab_go(AT_HOST);
	if (index == 0)
		abort();
	return (int)index;
}

static int current_namespace(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		perror("/proc/self/ns/net");
		exit(1);
	}
	return fd;
}

/* The machine's own IPv6 chatter would be among the frames that are counted. */
static void quiet(enum outer_place place)
{
	static const char *const files[] = { "/proc/sys/net/ipv6/conf/default/addr_gen_mode",
					     "/proc/sys/net/ipv6/conf/all/addr_gen_mode" };

	outer_lab_go(place);
	for (size_t i = 0; i < 2; i++) {
		FILE *f = fopen(files[i], "we");

		if (!f || fputs("1", f) < 0 || fclose(f) != 0) {
			perror(files[i]);
			exit(1);
		}
	}
	outer_lab_go(AT_HOST);
}

void outer_lab_enter(void)
{
	char command[256];

	for (enum outer_place place = AT_HOST; place < PLACES; place++) {
		lab_enter();
		namespaces[place] = current_namespace();
	}
	for (enum outer_place place = AT_HOST; place < PLACES; place++)
		quiet(place);
	outer_lab_run(AT_HOST, "ip link add bridge type bridge stp_state 0 mcast_snooping 0 forward_delay 0 && "
			       "ip link set bridge up && "
			       "for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $f ] || echo 0 >$f; done");
	for (enum outer_place place = AT_CONTAINER; place < PLACES; place++) {
		const char *port = place == AT_CONTAINER ? "port" : "wire";

		(void)snprintf(command, sizeof(command),
			       "ip link add %s type veth peer name eth0 address 02:00:00:00:00:0%d netns "
			       "/proc/%d/fd/%d && ip link set %s master bridge up",
			       port, place == AT_CONTAINER ? 2 : 3, getpid(), namespaces[place], port);
		outer_lab_run(AT_HOST, command);
		outer_lab_run(place, "ip link set eth0 up");
	}
}

static void own_addresses(struct ns_addr own[4])
{
	static const enum outer_who mine[2] = { WHO_OWN, WHO_LINK };

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(ns_addr_parse(addresses[mine[i / 2]][i % 2], &own[i], NULL), 0);
}

void outer_lab_plan(bool auditing, struct ns_plan *ret)
{
	outer_lab_plan_of(policy_text, auditing, ret);
}

void outer_lab_plan_of(const char *text, bool auditing, struct ns_plan *ret)
{
	struct ns_policy policy = NS_POLICY_INIT;
	struct ns_error err = NS_ERROR_INIT;
	struct ns_port_name port = { .index = outer_lab_index(AT_HOST), .name = "port" };
	struct ns_prefix links[2];
	struct ns_addr own[4];
	struct ns_book *book;
	struct ns_outer_options options = { .cookie = COOKIE,
					    .ports = &port,
					    .n_ports = 1,
					    .own = own,
					    .n_own = 4,
					    .macs = &outer_own_mac,
					    .n_macs = 1,
					    .links = links,
					    .n_links = 2,
					    .egress_hook = true };

	own_addresses(own);
	assert_int_equal(ns_prefix_parse("10.9.0.0/24", &links[0], NULL), 0);
	assert_int_equal(ns_prefix_parse("fd09::/64", &links[1], NULL), 0);
	assert_int_equal(ns_book_new(&book, NULL), 0);
	if (ns_policy_parse(text, strlen(text), &policy, &err) < 0 ||
	    ns_compile_outer(&policy, book, auditing, &options, ret, &err) < 0)
		fail_msg("%s", err.text);
	ns_policy_release(&policy);
	ns_book_free(book);
}

void outer_lab_lock(const struct ns_plan *plan)
{
	struct ns_error err = NS_ERROR_INIT;

	if (!lock && ns_lock_open(-1, NFPROTO_NETDEV, plan->table, &lock, &err) < 0)
		fail_msg("%s", err.text);
	(void)lab_apply(lock, plan);
	lab_assert_holds(lock, plan);
}

void outer_lab_unlock(void)
{
	if (!lock)
		return;
	assert_int_equal(ns_lock_remove(lock, NULL), 0);
	lock = ns_lock_close(lock);
}

struct outer_counts outer_lab_counts(const char *name)
{
	struct outer_counts counts = { 0 };
	struct ns_plan found = NS_PLAN_INIT;

	if (!lock)
		return counts;
	assert_int_equal(ns_lock_read(lock, &found, NULL), 0);
	for (size_t i = 0; i < found.n_counters; i++) {
		if (name && strcmp(found.counters[i].name, name) == 0)
			counts.named += found.counters[i].packets;
		else
			counts.others += found.counters[i].packets;
	}
	ns_plan_release(&found);
	return counts;
}

int outer_lab_frames(enum outer_place place, const char *device)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd, size = 4 << 20;

	outer_lab_go(place);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	address.sll_ifindex = (int)if_nametoindex(device);
	assert_true(fd >= 0 && address.sll_ifindex > 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	outer_lab_go(AT_HOST);
	return fd;
}
