/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ICMP and ICMPv6 by hand, over a raw socket, so that any type can be sent.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

#define ICMP_MESSAGE_LENGTH 20 /* timestamp requests need 20; an echo request may have as many */

static uint16_t checksum(const uint8_t *data, size_t length)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += ((uint32_t)data[i] << 8) | data[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static bool same_source(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return !memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr, 16);
}

/* The answer's type, or -1 when the datagram is none of ours. */
static int answer_type(int family, const uint8_t *data, size_t length, uint16_t id)
{
	size_t header = 0;
	if (family == AF_INET) {
		if (length < sizeof(struct iphdr))
			return -1;
		header = (size_t)(data[0] & 0xf) * 4;
	}
	if (length < header + 8)
		return -1;
	const uint8_t *icmp = data + header;
	return ((icmp[4] << 8) | icmp[5]) == id ? icmp[0] : -1;
}

const char *traffic_echo_attempt(const struct traffic_kind *kind, const struct sockaddr_storage *to, socklen_t length,
				 unsigned icmp_type, unsigned timeout_ms)
{
	bool v4 = kind->family == AF_INET;
	unsigned type = kind->proto == TRAFFIC_ICMP ? icmp_type : v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	unsigned wanted = v4 && type == ICMP_ECHO ? ICMP_ECHOREPLY : type + 1;
	uint64_t deadline = traffic_now() + timeout_ms;
	uint16_t id = (uint16_t)getpid();
	uint8_t message[ICMP_MESSAGE_LENGTH] = { (uint8_t)type, 0, 0, 0, (uint8_t)(id >> 8), (uint8_t)id, 0, 1 };
	if (v4) { /* for IPv6 the kernel does it */
		uint16_t sum = checksum(message, sizeof(message));
		message[2] = (uint8_t)(sum >> 8);
		message[3] = (uint8_t)sum;
	}
	int fd = socket(kind->family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (fd < 0)
		return strerror(errno);
	const char *outcome = "timeout";
	if (sendto(fd, message, sizeof(message), 0, (const struct sockaddr *)to, length) < 0) {
		outcome = traffic_outcome(errno);
		close(fd);
		return outcome;
	}
	while (traffic_wait(fd, POLLIN, deadline)) {
		uint8_t data[512];
		struct sockaddr_storage from;
		socklen_t from_length = sizeof(from);
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_length);
		if (n < 0 && errno != EAGAIN) {
			outcome = traffic_outcome(errno);
			break;
		}
		if (n > 0 && same_source(&from, to) && answer_type(kind->family, data, (size_t)n, id) == (int)wanted) {
			outcome = NULL;
			break;
		}
	}
	close(fd);
	return outcome;
}
