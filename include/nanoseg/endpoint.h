/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An endpoint: one running instance, that is one network namespace, told apart by its cookie
 * (SO_NETNS_COOKIE, socket(7)); inode numbers are reused at once and are no identity. The watcher owns the
 * struct and keeps the identity and the addresses in it true; the engine hangs its own state on `user`.
 *
 * Containers that share a namespace (a pod, --network container:X, --network host) are endpoints of their own besides:
 * members, told apart by the cgroup (v2) that their sockets were made in. The namespace's own endpoint is what is left:
 * the pod, or the container that made it. The agent's own namespace has members only.
 */
#ifndef NANOSEG_ENDPOINT_H
#define NANOSEG_ENDPOINT_H

#include <stdint.h>
#include <sys/types.h>

#include <nanoseg/addr.h>
#include <nanoseg/limits.h>
#include <nanoseg/published.h>

struct ns_interface {
	char name[NS_IFNAME_MAX];
	int index;
	int peer_index;    /* IFLA_LINK of a veth; 0: none */
	bool peer_outside; /* what peer_index counts is in another namespace than the interface */
	uint8_t mac[6];
	char kind[NS_IFNAME_MAX]; /* IFLA_INFO_KIND: veth, macvlan, …; "": none told */
};

/* The host's end of a link: a veth (or netkit) in the agent's own namespace. */
enum ns_port_far {
	NS_PORT_ELSEWHERE = 0, /* the other end is in a namespace that is no endpoint, or not yet */
	NS_PORT_HERE,          /* both ends are in the agent's namespace */
	NS_PORT_ENDPOINT,
};

struct ns_port {
	int index;
	char name[NS_IFNAME_MAX]; /* may change; the index does not */
	int peer_index;           /* in the other end's namespace */
	enum ns_port_far far;
	uint64_t cookie; /* of the endpoint at the other end; else 0 */
	int64_t since;   /* of `far`; ns_clock_elapsed() */
};

/* Marks the id of a member among cookies; neither those nor the ids of cgroups come near it. */
#define NS_ENDPOINT_MEMBER_BIT (UINT64_C(1) << 52) /* a double, and so any reader of JSON, holds the sum */

struct ns_member {
	uint64_t cgroup;               /* id of the container's cgroup, which is its inode on cgroup2; 0: no member */
	unsigned level;                /* how deep it lies below the root of the hierarchy; from 1 */
	char path[NS_CGROUP_PATH_MAX]; /* of the container's cgroup below that root: "/docker/…" */
};

struct ns_endpoint {
	uint64_t cookie;       /* of the namespace; of a member NS_ENDPOINT_MEMBER_BIT | cgroup: unique in this boot */
	uint64_t netns_cookie; /* of the namespace */
	struct ns_member member;
	bool host_netns;                /* a member in the agent's own namespace */
	bool sandbox;                   /* of a namespace: whoever made it does nothing but hold it for its members */
	char workload[NS_WORKLOAD_MAX]; /* never "" */
	char named_by[NS_NAMED_BY_MAX]; /* which rule gave that name, from which fact, and which were passed over */
	char runtime[NS_RUNTIME_MAX];   /* docker, podman, containerd, lxc, nspawn, netns */
	char container_id[NS_CONTAINER_ID_MAX];
	char name[NS_NAME_MAX], image[NS_NAME_MAX], image_digest[NS_NAME_MAX];
	bool provisional;     /* the runtime has not told its name yet, or could not be asked */
	bool name_only;       /* provisional: the name is known, the labels, which may name another workload, are not */
	bool rootless;        /* an ordinary user made it: its addresses are what he likes */
	pid_t pid;            /* 0: no process known */
	char netns_path[256]; /* "" when only a process holds it */
	int64_t since;        /* microseconds since the epoch; when this namespace was first seen */
	bool joined_late;     /* processes were already running in it when it was first seen */

	struct ns_prefix addresses[NS_ENDPOINT_ADDRESSES_MAX]; /* address with its prefix length: host bits kept */
	int address_index[NS_ENDPOINT_ADDRESSES_MAX];          /* the interface each is on */
	size_t n_addresses;
	struct ns_interface interfaces[NS_ENDPOINT_INTERFACES_MAX]; /* without lo */
	size_t n_interfaces;
	struct ns_published *published; /* on the host, for whoever made this namespace; for free() */
	size_t n_published;             /* at most NS_ENDPOINT_PUBLISHED_MAX */
	/* What some process in it may do (capabilities(7), from its bounding set): whoever has NET_ADMIN can change
	 * addresses and unowned rules, whoever has NET_RAW can send below the inner lock. */
	bool net_admin, net_raw, privileged;
	char (*findings)[NS_FINDING_MAX]; /* for free() */
	size_t n_findings;                /* at most NS_ENDPOINT_FINDINGS_MAX */

	void *user;
};

#endif
