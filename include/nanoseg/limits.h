/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every bound in one place. Reaching one is always seen by the user: as an error that names the
 * limit, as a gap in the learning window, or as a counter in `nanoseg status`.
 */
#ifndef NANOSEG_LIMITS_H
#define NANOSEG_LIMITS_H

/* Names. The byte counts include the terminating NUL. */
#define NS_WORKLOAD_MAX     256 /* "compose/shop/web" */
#define NS_NAME_MAX         256 /* container and image names */
#define NS_CONTAINER_ID_MAX 128 /* Docker's are 64 hexadecimal digits; LXC's are names */
#define NS_RUNTIME_MAX      16
#define NS_PROCESS_MAX      128 /* path of the program, cut from the left when longer */
#define NS_RULE_ID_MAX      32
#define NS_REASON_MAX       1024
#define NS_DIGEST_TEXT_MAX  72 /* "sha256:" and 64 hexadecimal digits, and NUL */
#define NS_IFNAME_MAX       16 /* IFNAMSIZ */

/* Endpoints. */
#define NS_ENDPOINTS_MAX           8192
#define NS_ENDPOINT_ADDRESSES_MAX  64
#define NS_ENDPOINT_INTERFACES_MAX 32
#define NS_ENDPOINT_FINDINGS_MAX   16
#define NS_FINDING_MAX             128
#define NS_NETNS_DIRS_MAX          16
#define NS_BUNDLE_DIRS_MAX         16
#define NS_BUNDLE_PATH_MAX         384  /* a directory, an id, "/userdata/config.json" */
#define NS_NAMED_BY_MAX            1024 /* why a workload is named as it is */
#define NS_CGROUP_PATH_MAX         512  /* below the root of the hierarchy */
#define NS_CGROUP_LEVELS_MAX       32
#define NS_ENDPOINT_PUBLISHED_MAX  64    /* ranges of published ports; those beyond stay the host's */
#define NS_MEMBERS_MAX             64    /* containers that share one namespace, each with a table of its own */
#define NS_MEMBER_CGROUPS_MAX      16384 /* of the containers that a question is about, with all below them */

/* [services] in the configuration. */
#define NS_SERVICES_MAX          256
#define NS_SERVICE_ADDRESSES_MAX 1024 /* of all of them together */

/* Who had an address before, for what is told late. */
#define NS_LEASES_MAX 4096 /* addresses that changed hands; the oldest go */
#define NS_RECENT_MAX 64   /* of one endpoint: tuples in its log since its figures were last read */

/* Policies. */
#define NS_POLICY_BYTES_MAX   8388608u /* 8 MiB: one JSON document */
#define NS_POLICY_DEPTH_MAX   16
#define NS_POLICY_RULES_MAX   100000
#define NS_RULE_PORTS_MAX     1024
#define NS_RULE_ICMP_MAX      256
#define NS_RULE_PROCESSES_MAX 64   /* programs named in one rule's evidence */
#define NS_RULE_TEXT_MAX      1024 /* a comment, a reason */

/* nftables. Names: NFT_NAME_MAXLEN is 256, but ours are ours to choose. */
#define NS_NFT_NAME_MAX           32
#define NS_PLAN_SETS_MAX          64
#define NS_PLAN_COUNTERS_MAX      64
#define NS_PLAN_CHAINS_MAX        1024 /* the gate may have two a port */
#define NS_CHAIN_RULES_MAX        128
#define NS_RULE_STMTS_MAX         12
#define NS_PLAN_ELEMENTS_MAX      1000000
#define NS_COMPILE_STEPS_MAX      200000000 /* comparisons of ranges, for one set */
#define NS_PART_ADDRESSES_MAX     64        /* that moved at once; when more did, plans are compiled whole */
#define NS_LINK6_LENGTH_MIN       64        /* a wider prefix is no link that neighbour discovery may go to */
#define NS_NFT_DYNAMIC_SET_SIZE   65535 /* the kernel's own: only such a set takes no memory before it has elements */
#define NS_LEARN_SET_SIZE_DEFAULT NS_NFT_DYNAMIC_SET_SIZE
#define NS_LEARN_SET_SIZE_MAX     1048576
#define NS_DENY_SET_SIZE          NS_NFT_DYNAMIC_SET_SIZE
/* One transaction is one datagram. */
#define NS_NFT_BATCH_BYTES_MAX 536870912u /* 512 MiB */
/* For the kernel's answer: a commit waits for RCU grace periods. */
#define NS_NFT_TIMEOUT_MS 30000
/* Of a dump that the ruleset changed under, and of a transaction that another one came between. */
#define NS_NFT_DUMP_TRIES 20
#define NS_LOCK_TRIES     5
#define NS_NFLOG_GROUP    28275 /* ASCII "ns" */
#define NS_NFLOG_SNAPLEN  128

/* The outer lock, drift, cuts. */
#define NS_PORTS_MAX         16384 /* host ends of links */
#define NS_GATE_PATTERNS_MAX 16
#define NS_GATE_CLOSED_MAX   500 /* ports closed one by one at a time, where the gate is not a standing one */
#define NS_DRIFT_COMMAND_MAX 128
#define NS_DRIFT_BURST       64
#define NS_DRIFT_DATAGRAMS   1024 /* read in one turn of the loop, of one namespace */
#define NS_DRIFT_TURNS       16   /* turns of one namespace in NS_DRIFT_INTERVAL_US; then it waits for the rest of it */
#define NS_DRIFT_INTERVAL_US 100000
#define NS_DRIFT_RCVBUF      (256 * 1024) /* bytes of unread notifications; the kernel doubles it for its bookkeeping */
#define NS_FDSTORE_MAX       8192
/* Their names come in one environment variable, and MAX_ARG_STRLEN of the kernel is 128 KiB. */
#define NS_FDSTORE_NAMES_BYTES 130000
#define NS_FDSTORE_BURST       64      /* sent and not known to be kept */
#define NS_FDSTORE_WAIT_MS     2000    /* for the service manager, at the start */
#define NS_START_RULES_MAX     64      /* [start] in the configuration */
#define NS_HOOK_BYTES_MAX      1048576 /* what a runtime writes to a hook */
#define NS_CUT_ENTRIES_MAX     1048576 /* conntrack entries looked at in one cut */

/* Learning; each of one endpoint. */
#define NS_NFLOG_RCVBUF        (1024 * 1024) /* bytes of unread log; the kernel doubles it for its bookkeeping */
#define NS_NFLOG_TURN_MESSAGES 256           /* log messages read in one turn of the loop */
#define NS_LEARN_PENDING_MAX   1024          /* observations that wait for the next walk of /proc */
#define NS_LISTENERS_MAX       8192          /* listening sockets that tell older connections' direction */
#define NS_PROC_PIDS_MAX       32768         /* processes looked at in one walk of /proc */
#define NS_PROC_SOCKETS_MAX    65536         /* sockets whose holder is remembered */
#define NS_PROC_CPU_PPM        20000         /* millionths of one CPU that walks of /proc may use … */
#define NS_PROC_CPU_BURST_US   100000        /* … and how much of it may be saved up */

/* Reading the figures of endpoints without news, all of them together. */
#define NS_HARVEST_CPU_PPM      250  /* millionths of one CPU … */
#define NS_HARVEST_CPU_BURST_US 5000 /* … and how much of it may be saved up */

/* The store. Of edges, denies and gaps the figure is of one workload. */
#define NS_STORE_BUSY_MS       2000
#define NS_STORE_EDGES_MAX     1000000
#define NS_STORE_DENIES_MAX    100000
#define NS_STORE_GAPS_MAX      1000
#define NS_STORE_ENDPOINTS_MAX 100000
#define NS_STORE_READBACKS_MAX 1000
#define NS_STORE_CHANGES_MAX   10000
#define NS_STORE_DETAIL_MAX    1048576 /* one audit entry's detail, as text */

/* Evidence, of one workload; what does not fit is said in the document. */
#define NS_EVIDENCE_ENDPOINTS_MAX 1000
#define NS_EVIDENCE_DENIES_MAX    10000
#define NS_EVIDENCE_READBACKS_MAX 100

/* HTTP and JSON from others. */
#define NS_HTTP_BODY_MAX         8388608u /* 8 MiB */
#define NS_HTTP_CONNECTIONS_MAX  64
#define NS_HTTP_CONNECTIONS_ROOT 8          /* of these, kept for uid 0 */
#define NS_HTTP_BODIES_MAX       33554432u  /* 32 MiB: request bodies held at once, of all connections */
#define NS_HTTP_ANSWER_MAX       268435456u /* 256 MiB: of one that is made as a whole; graph and evidence are streams */
#define NS_HTTP_LATER_MAX        12         /* answers under way that are made in steps */
#define NS_HTTP_STREAMED_MAX     8          /* with so many, no other is begun that waits for its reader */
#define NS_HTTP_LATER_ROOT       4          /* besides those, for uid 0 */
#define NS_HTTP_HEADERS_MAX      131072 /* memory of one connection besides bodies: headers, what is on its way out */
#define NS_HTTP_IDLE_SECONDS     30     /* without a byte either way */
#define NS_HTTP_REQUEST_SECONDS  120    /* from the first byte of a request to the last of its answer */
#define NS_HTTP_PARAMETERS_MAX   8
#define NS_JSON_DEPTH_MAX        64

#endif
