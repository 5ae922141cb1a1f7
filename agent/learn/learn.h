/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the files of the learner share. Not for other folders.
 */
#ifndef NANOSEG_LEARN_LEARN_H
#define NANOSEG_LEARN_LEARN_H

#include "learner.h"
#include "nflog.h"
#include "process.h"
#include "sets.h"
#include "sockdiag.h"

struct ns_nft;

/* A logged packet on its way to an observation: what is missing is the program behind the inode. */
struct ns_sighting {
	enum ns_log_kind kind;
	struct ns_tuple tuple;
	int64_t time, uid;
	uint32_t inode; /* 0: no socket */
};

struct ns_learner {
	struct ns_endpoint *endpoint; /* borrowed */
	char table[NS_NFT_NAME_MAX];
	struct ns_learner_events events;
	void *ctx;
	struct ns_nflog *log;
	struct ns_diag *diag;
	struct ns_processes *processes;
	struct ns_nft *nft;
	sd_event_source *log_source;
	sd_event_source *timer; /* on while sightings are pending, or the log's absence is to be told */
	bool log_absent_untold;
	bool log_broken;      /* for good */
	bool news;            /* it told of something since the sets were last read, or lost something */
	int64_t overrun_told; /* ns_clock_elapsed of the last gap "log overrun"; 0: none yet */
	struct ns_sighting *pending;
	size_t n_pending; /* at most NS_LEARN_PENDING_MAX */
	struct ns_sets_seen seen;
	uint64_t learn_overflow, deny_overflow; /* as of the last harvest */
	uint16_t ephemeral_first, ephemeral_last;
};

#endif
