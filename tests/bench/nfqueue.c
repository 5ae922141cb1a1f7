/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * nfqueue QUEUE ADDRESS PORT-PORT N: a firewall in user space as a careful author would write one. The kernel hands it
 * the head of each packet through NFQUEUE; it looks protocol, destination and port up in a hash of N allowed ones, of
 * which the last are ADDRESS with the ports, TCP and UDP, and gives a verdict. Prints "ready".
 *
 * The packets are not copied whole, segments stay as large as the sender made them (NFQA_CFG_F_GSO), what does not fit
 * into its queue is dropped.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include <libmnl/libmnl.h>

#define ALLOWED_MAX    1000000u
#define SLOTS          (1u << 21) /* twice as many and more, a power of two */
#define COPY_BYTES     64         /* both headers, without options */
#define QUEUE_LENGTH   8192
#define RECEIVE_BUFFER (16 * 1024 * 1024)
#define MESSAGE_BYTES  (64 * 1024)
#define IPV6_HEADER    40

struct tuple {
	uint8_t address[16];
	uint16_t port;
	uint8_t protocol; /* 0: an empty slot */
	uint8_t family;
};

static struct tuple slots[SLOTS];
static struct mnl_socket *nl;
static uint32_t port_id;

__attribute__((noreturn)) static void fail(const char *what)
{
	(void)fprintf(stderr, "nfqueue: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- what is allowed ---- */

static uint32_t hash(const struct tuple *tuple)
{
	const uint8_t *bytes = (const uint8_t *)tuple;
	uint32_t value = 2166136261u;

	for (size_t i = 0; i < sizeof *tuple; i++)
		value = (value ^ bytes[i]) * 16777619u;
	return value;
}

/* Where it is, or where it would be. */
static struct tuple *find(const struct tuple *tuple)
{
	uint32_t at = hash(tuple) % SLOTS;

	while (slots[at].protocol && memcmp(&slots[at], tuple, sizeof *tuple) != 0)
		at = (at + 1) % SLOTS;
	return &slots[at];
}

static void allow(const struct tuple *tuple)
{
	*find(tuple) = *tuple;
}

/* Nobody is there. */
static void allow_others(uint8_t family, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct tuple tuple = { .port = htons((uint16_t)(1 + i % 1000)),
				       .protocol = IPPROTO_TCP,
				       .family = family };
		uint32_t number = htonl(0x0a320000u + i / 1000); /* 10.50.0.0 and on */

		memcpy(tuple.address, &number, sizeof number);
		allow(&tuple);
	}
}

/* ---- a packet ---- */

static bool is_allowed(const uint8_t *packet, size_t length)
{
	struct tuple tuple = { 0 };
	size_t transport = IPV6_HEADER;

	if (length < 20)
		return false;
	if (packet[0] >> 4 == 4) {
		transport = (size_t)(packet[0] & 15) * 4;
		tuple.family = AF_INET;
		tuple.protocol = packet[9];
		memcpy(tuple.address, packet + 16, 4);
	} else {
		if (length < IPV6_HEADER)
			return false;
		tuple.family = AF_INET6;
		tuple.protocol = packet[6];
		memcpy(tuple.address, packet + 24, 16);
	}
	if (tuple.protocol == IPPROTO_ICMPV6)
		return true; /* neighbour discovery */
	if (tuple.protocol == 0 || length < transport + 4)
		return false;
	memcpy(&tuple.port, packet + transport + 2, sizeof tuple.port);
	return find(&tuple)->protocol != 0;
}

struct seen {
	const struct nfqnl_msg_packet_hdr *packet;
	const struct nlattr *payload;
};

static int on_attribute(const struct nlattr *attribute, void *data)
{
	struct seen *seen = data;

	if (mnl_attr_get_type(attribute) == NFQA_PACKET_HDR)
		seen->packet = mnl_attr_get_payload(attribute);
	else if (mnl_attr_get_type(attribute) == NFQA_PAYLOAD)
		seen->payload = attribute;
	return MNL_CB_OK;
}

static int on_packet(const struct nlmsghdr *message, void *data)
{
	struct seen seen = { 0 };
	const struct nfgenmsg *queue = mnl_nlmsg_get_payload(message);
	char buffer[128];
	struct nlmsghdr *reply = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *general;
	struct nfqnl_msg_verdict_hdr verdict = { htonl(NF_DROP), 0 };

	if (mnl_attr_parse(message, sizeof(struct nfgenmsg), on_attribute, &seen) < 0 || !seen.packet)
		return MNL_CB_OK;
	if (seen.payload && is_allowed(mnl_attr_get_payload(seen.payload), mnl_attr_get_payload_len(seen.payload)))
		verdict.verdict = htonl(NF_ACCEPT);
	verdict.id = seen.packet->packet_id;
	reply->nlmsg_type = (NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_VERDICT;
	reply->nlmsg_flags = NLM_F_REQUEST;
	general = mnl_nlmsg_put_extra_header(reply, sizeof *general);
	*general = (struct nfgenmsg){ AF_UNSPEC, NFNETLINK_V0, queue->res_id };
	mnl_attr_put(reply, NFQA_VERDICT_HDR, sizeof verdict, &verdict);
	if (mnl_socket_sendto(nl, reply, reply->nlmsg_len) < 0)
		fail("verdict");
	return MNL_CB_OK;
}

/* ---- the queue ---- */

static void ask(struct nlmsghdr *message)
{
	char answer[MESSAGE_BYTES];
	ssize_t n;

	message->nlmsg_flags |= NLM_F_ACK;
	message->nlmsg_seq = 1;
	if (mnl_socket_sendto(nl, message, message->nlmsg_len) < 0)
		fail("queue");
	n = mnl_socket_recvfrom(nl, answer, sizeof answer);
	if (n < 0 || mnl_cb_run(answer, (size_t)n, 1, port_id, NULL, NULL) < 0)
		fail("queue");
}

static struct nlmsghdr *config(char *buffer, uint16_t queue)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *general;

	message->nlmsg_type = (NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_CONFIG;
	message->nlmsg_flags = NLM_F_REQUEST;
	general = mnl_nlmsg_put_extra_header(message, sizeof *general);
	*general = (struct nfgenmsg){ AF_UNSPEC, NFNETLINK_V0, htons(queue) };
	return message;
}

static void open_queue(uint16_t queue)
{
	char buffer[512];
	struct nfqnl_msg_config_cmd bind = { .command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_INET) };
	struct nfqnl_msg_config_params parameters = { .copy_range = htonl(COPY_BYTES), .copy_mode = NFQNL_COPY_PACKET };
	int bytes = RECEIVE_BUFFER, on = 1;
	struct nlmsghdr *message;

	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		fail("netlink");
	port_id = mnl_socket_get_portid(nl);
	(void)setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	message = config(buffer, queue);
	mnl_attr_put(message, NFQA_CFG_CMD, sizeof bind, &bind);
	ask(message);
	message = config(buffer, queue);
	mnl_attr_put(message, NFQA_CFG_PARAMS, sizeof parameters, &parameters);
	mnl_attr_put_u32(message, NFQA_CFG_QUEUE_MAXLEN, htonl(QUEUE_LENGTH));
	mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	ask(message);
	/* What does not fit is lost, and that is all there is to know. */
	(void)mnl_socket_setsockopt(nl, NETLINK_NO_ENOBUFS, &on, sizeof on);
}

static uint32_t number(const char *text, const char *until, uint32_t max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || !strchr(until, *end) || value > max) {
		(void)fprintf(stderr, "nfqueue: '%.40s' is no number up to %u\n", text, max);
		exit(2);
	}
	return (uint32_t)value;
}

int main(int argc, char **argv)
{
	static char buffer[MESSAGE_BYTES];
	struct tuple tuple = { .family = AF_INET };
	uint32_t n, low, high;

	if (argc != 5 || !strchr(argv[3], '-')) {
		(void)fputs("usage: nfqueue QUEUE ADDRESS PORT-PORT N\n", stderr);
		return 2;
	}
	if (inet_pton(AF_INET, argv[2], tuple.address) != 1) {
		tuple.family = AF_INET6;
		if (inet_pton(AF_INET6, argv[2], tuple.address) != 1) {
			(void)fprintf(stderr, "nfqueue: '%.60s' is no address\n", argv[2]);
			return 2;
		}
	}
	low = number(argv[3], "-", UINT16_MAX);
	high = number(strchr(argv[3], '-') + 1, "", UINT16_MAX);
	n = number(argv[4], "", ALLOWED_MAX);
	allow_others(tuple.family, n > 2 * (high - low + 1) ? n - 2 * (high - low + 1) : 0);
	for (uint32_t port = low; port <= high; port++) {
		tuple.port = htons((uint16_t)port);
		tuple.protocol = IPPROTO_TCP;
		allow(&tuple);
		tuple.protocol = IPPROTO_UDP;
		allow(&tuple);
	}
	open_queue((uint16_t)number(argv[1], "", UINT16_MAX));
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;) {
		ssize_t got = mnl_socket_recvfrom(nl, buffer, sizeof buffer);

		if (got < 0 && errno != ENOBUFS)
			fail("receive");
		if (got > 0 && mnl_cb_run(buffer, (size_t)got, 0, port_id, on_packet, NULL) < 0)
			fail("message");
	}
}
