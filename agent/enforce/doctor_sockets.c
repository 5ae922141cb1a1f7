/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/sock_diag.h>

#include "cleanup.h"
#include "netns.h"

#include "doctor_probes.h"

#define REQUEST_BYTES 512

static struct nlmsghdr *nfnetlink_request(char *buf, uint16_t subsystem, uint16_t type, uint16_t resource)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfgen;

	request->nlmsg_type = (uint16_t)((subsystem << 8) | type);
	request->nlmsg_flags = NLM_F_REQUEST;
	nfgen = mnl_nlmsg_put_extra_header(request, sizeof(*nfgen));
	nfgen->nfgen_family = AF_UNSPEC;
	nfgen->version = NFNETLINK_V0;
	nfgen->res_id = htons(resource);
	return request;
}

static int bind_log(int fd, struct ns_error *err)
{
	const struct nfulnl_msg_config_cmd command = { .command = NFULNL_CFG_CMD_BIND };
	const struct nfulnl_msg_config_mode mode = { .copy_range = htonl(NS_NFLOG_SNAPLEN),
						     .copy_mode = NFULNL_COPY_PACKET };
	char buf[REQUEST_BYTES];
	struct nlmsghdr *request = nfnetlink_request(buf, NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, NS_NFLOG_GROUP);

	mnl_attr_put(request, NFULA_CFG_CMD, sizeof(command), &command);
	mnl_attr_put(request, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(request, NFULA_CFG_QTHRESH, htonl(1)); /* each packet at once */
	return ns_scratch_ask(fd, request, NULL, NULL, err);
}

/* A logged packet of each family has to arrive. */
int ns_probe_log(struct ns_scratch *scratch, struct ns_error *err)
{
	NS_CLOSE int fd = ns_scratch_socket(scratch, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, err);
	static const int families[] = { AF_INET, AF_INET6 };
	struct ns_plan_chain *chain;
	struct ns_plan_rule *rule;
	struct ns_plan plan;
	int r = fd < 0 ? fd : bind_log(fd, err);

	if (r < 0)
		return r;
	ns_scratch_plan(&plan, NFPROTO_INET);
	chain = ns_plan_add_chain(&plan, "base", err);
	rule = chain ? ns_plan_add_rule(chain, err) : NULL;
	if (!rule) {
		ns_plan_release(&plan);
		return -ENOMEM;
	}
	chain->base = true;
	chain->hook = NF_INET_LOCAL_OUT;
	chain->policy = NF_ACCEPT;
	rule->n_stmts = 1;
	rule->stmts[0].kind = NS_STMT_LOG;
	rule->stmts[0].log.group = NS_NFLOG_GROUP;
	rule->stmts[0].log.snaplen = NS_NFLOG_SNAPLEN;
	memcpy(rule->stmts[0].log.prefix, "scratch", sizeof("scratch"));
	r = ns_scratch_put(scratch, scratch->nft, &plan, 0, err);
	ns_plan_release(&plan);
	for (unsigned i = 0; r == 0 && i < 2; i++) {
		r = ns_scratch_send_udp(scratch, families[i], err);
		if (r == 0)
			r = ns_scratch_wait(fd, (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_PACKET, err);
	}
	(void)ns_scratch_delete(scratch, scratch->nft, NFPROTO_INET, NULL);
	return r;
}

/* A TCP socket that listens on [::1], and its port in network order. */
static int listen_somewhere(const struct ns_scratch *scratch, uint16_t *ret_port, struct ns_error *err)
{
	NS_CLOSE int fd = ns_scratch_socket(scratch, AF_INET6, SOCK_STREAM, 0, err);
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t length = sizeof(address);

	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
		int r = -errno;

		return ns_error_set(err, r, "scratch namespace: cannot listen: %s", strerror(-r));
	}
	*ret_port = address.sin6_port;
	return NS_TAKE_FD(fd);
}

struct search {
	uint16_t port;
	bool found;
	struct inet_diag_sockid id;
};

static int each_socket(void *ctx, const struct nlmsghdr *message)
{
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(message);
	struct search *search = ctx;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*socket) || socket->id.idiag_sport != search->port)
		return 0;
	search->found = true;
	search->id = socket->id;
	return 0;
}

static struct inet_diag_req_v2 *diag_request(char *buf, uint16_t type, uint16_t flags, struct nlmsghdr **ret)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *body;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	body = mnl_nlmsg_put_extra_header(request, sizeof(*body));
	body->sdiag_family = AF_INET6;
	body->sdiag_protocol = IPPROTO_TCP;
	*ret = request;
	return body;
}

/* Finds the listening socket by a dump. */
static int find_socket(int diag, struct search *search, struct ns_error *err)
{
	char buf[REQUEST_BYTES];
	struct nlmsghdr *request;
	int r;

	diag_request(buf, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request)->idiag_states = 1u << TCP_LISTEN;
	r = ns_scratch_ask(diag, request, each_socket, search, err);
	if (r < 0)
		return r;
	return search->found ? 0 : ns_error_set(err, -ENOENT, "a listening socket is not in the dump");
}

static int try_diag(struct ns_scratch *scratch, bool destroy, struct ns_error *err)
{
	NS_CLOSE int diag = ns_scratch_socket(scratch, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG, err);
	struct search search = { 0 };
	NS_CLOSE int listening = diag < 0 ? -1 : listen_somewhere(scratch, &search.port, err);
	char buf[REQUEST_BYTES];
	struct nlmsghdr *request;
	int r;

	if (diag < 0)
		return diag;
	if (listening < 0)
		return listening;
	r = find_socket(diag, &search, err);
	if (r < 0 || !destroy)
		return r;
	diag_request(buf, SOCK_DESTROY, 0, &request)->id = search.id;
	r = ns_scratch_ask(diag, request, NULL, NULL, err);
	if (r < 0)
		return r;
	search.found = false;
	r = find_socket(diag, &search, NULL);
	return r == -ENOENT ? 0 : ns_error_set(err, -EBUSY, "the socket was still there after it was destroyed");
}

int ns_probe_inet_diag(struct ns_scratch *scratch, struct ns_error *err)
{
	return try_diag(scratch, false, err);
}

int ns_probe_inet_diag_destroy(struct ns_scratch *scratch, struct ns_error *err)
{
	return try_diag(scratch, true, err);
}

/* Deletes all entries of the scratch namespace, which has none. */
int ns_probe_conntrack_delete(struct ns_scratch *scratch, struct ns_error *err)
{
	NS_CLOSE int fd = ns_scratch_socket(scratch, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, err);
	char buf[REQUEST_BYTES];

	if (fd < 0)
		return fd;
	return ns_scratch_ask(fd, nfnetlink_request(buf, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0), NULL, NULL,
			      err);
}

int ns_probe_netns_cookie(struct ns_scratch *scratch, struct ns_error *err)
{
	uint64_t own, theirs;
	int r = ns_netns_own_cookie(&own, err);

	if (r == 0)
		r = ns_netns_cookie(scratch->netns_fd, &theirs, err);
	if (r == 0 && own == theirs)
		r = ns_error_set(err, -EINVAL, "two namespaces have one cookie");
	return r;
}
