/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check syn: what becomes of SYNs with SMC's option on the way to a peer and back. */
#ifndef SMC_POLICY_CHECK_SYN_H
#define SMC_POLICY_CHECK_SYN_H

#include <stdbool.h>
#include <stdint.h>

#include "check/report.h"
#include "check/target.h"

#define SYN_MAX 12 /* SYNs that one check sends, repeated ones included */

/* SYNs that differ. */
enum syn_kind {
	SYN_SMC, /* with SMC's option */
	SYN_PLAIN, /* without it */
	SYN_UNKNOWN, /* with kind 254 and a magic that nobody can know */
	SYN_FULL, /* with SMC's option at the end of a full option space */
	SYN_KINDS
};

enum syn_reply {
	SYN_UNANSWERED,
	SYN_ACCEPTED, /* a SYN-ACK */
	SYN_REFUSED, /* a RST */
};

/* What became of one kind of SYN. */
struct syn_answer {
	enum syn_reply reply;
	bool sent_back; /* the SYN-ACK has kind 254 with the magic of this SYN */
	bool other_back; /* it has kind 254 with something else */
	unsigned int sent; /* how often the SYN was sent */
	uint32_t rtt_us; /* from the last time that it was sent; 0: unanswered */
};

/* The words of "path". */
enum syn_path {
	PATH_SMC,
	PATH_PLAIN,
	PATH_DROPPED,
	PATH_REPLAYED,
	PATH_CONFLICTING,
	PATH_OVERLONG,
	PATH_REJECTED,
	PATH_CLOSED,
	PATH_SILENT,
	PATHS
};

extern const char *const syn_path_words[PATHS];

/* What @answers, one of each kind, say about the path.  Kinds that were not sent are unanswered. */
enum syn_path syn_judge(const struct syn_answer answers[SYN_KINDS]);

/* Add the item "path" to @report. */
void syn_describe(const struct check_target *target, const struct syn_answer answers[SYN_KINDS],
		  enum syn_path path, struct check_report *report);

/*
 * Send SYNs to @target, SYN_MAX at most, and note what becomes of them.  Takes about the time of two
 * round trips, up to 5 seconds where nothing answers.  Needs CAP_NET_RAW.  0, or a negative errno:
 * -EPERM: no CAP_NET_RAW; else the network or memory.
 */
int syn_probe(const struct check_target *target, struct syn_answer answers[SYN_KINDS]);

#endif
