/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The command table, and the attacker's nat table.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "attack.h"
#include "attack_frame.h"

static int list(const char *group)
{
	for (size_t i = 0; i < attack_count; i++)
		if (!group || !strcmp(attacks[i].group, group))
			printf("%s %s\n", attacks[i].name, attacks[i].group);
	return 0;
}

static void rewrite(int family, const char *proto, enum attack_host to, unsigned port, enum attack_host real,
		    unsigned real_port)
{
	const char *open = family == AF_INET6 ? "[" : "", *close = family == AF_INET6 ? "]" : "";
	printf("%s daddr %s %s dport %u dnat to %s%s%s:%u;\n", family == AF_INET ? "ip" : "ip6",
	       attack_host_text(to, family), proto, port, open, attack_host_text(real, family), close, real_port);
}

static int nat(void)
{
	static const int families[] = { AF_INET, AF_INET6 };
	for (size_t i = 0; i < 2; i++) {
		int family = families[i];
		printf("table %s attacker {\nchain out { type nat hook output priority -100;\n",
		       family == AF_INET ? "ip" : "ip6");
		rewrite(family, "tcp", HOST_LOOPBACK, 9001, HOST_FAR, 8001);
		rewrite(family, "tcp", HOST_OWN, 9002, HOST_FAR, 8002);
		rewrite(family, "udp", HOST_LOOPBACK, 9001, HOST_FAR, 53);
		rewrite(family, "udp", HOST_OWN, 9002, HOST_FAR, 53);
		rewrite(family, "udp", HOST_PEER, 9003, HOST_FAR, 53);
		rewrite(family, "udp", HOST_LOOPBACK, 9004, HOST_PEER, 54);
		/* A loopback source would be turned away by routing, not by the lock. */
		printf("}\nchain post { type nat hook postrouting priority 100; oif eth0 %s saddr %s masquerade; "
		       "}\n}\n",
		       family == AF_INET ? "ip" : "ip6", attack_host_text(HOST_LOOPBACK, family));
	}
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc >= 2 && argc <= 3 && !strcmp(argv[1], "list"))
		return list(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "send"))
		return attack_send(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "watch"))
		return attack_watch(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "nat"))
		return nat();
	if (argc == 2 && !strcmp(argv[1], "frames"))
		return frame_list();
	if (argc >= 3 && argc <= 4 && !strcmp(argv[1], "frame"))
		return frame_send(argv[2], argc > 3 ? argv[3] : NULL);
	if (argc == 3 && !strcmp(argv[1], "spot"))
		return frame_watch(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "tally"))
		return attack_tally(argv[2]);
	fprintf(stderr, "usage: attack list [GROUP] | send GROUP | watch DEVICE | nat |\n"
			"       frames | frame ROAD [GROUP] | spot DEVICE | tally DEVICE\n");
	return 2;
}
