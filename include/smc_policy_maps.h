/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys and values of the maps that the daemon shares with the BPF programs, and
 * the data of the program behind `policy test`.  The maps are pinned, so a change
 * of layout raises SMC_POLICY_PIN_ABI.
 */
#ifndef SMC_POLICY_MAPS_H
#define SMC_POLICY_MAPS_H

#include <linux/types.h>
#include "smc_policy_verdict.h"

#define SMC_POLICY_PIN_ABI 3

#define SMC_POLICY_SLOT_DEFAULT 0 /* counter slot: no rule matched */
#define SMC_POLICY_SLOT_RETIRED 1 /* sums of slots that were given to another rule */
#define SMC_POLICY_SLOT_FIRST 2 /* first slot that a rule can have */

#define SMC_POLICY_NAME_SIZE 64 /* longest rule name plus NUL */

/*
 * side_counters: per-CPU array, a value for each side (enum smc_policy_side) of each counter slot.
 * hits = smc + all of tcp.
 */
#define SMC_POLICY_COUNTERS_OF(slot, side) ((slot)*SMC_POLICY_SIDES + (side))

struct smc_policy_counters {
	__u64 smc; /* verdicts smc */
	__u64 tcp[15]; /* verdicts tcp, indexed by enum smc_policy_reason */
};

_Static_assert(SMC_POLICY_REASONS <= 15, "a reason needs a counter");
_Static_assert(sizeof(struct smc_policy_counters) == 128, "two cache lines");

/* rule_slots: which rule owns a counter slot.  Written and read by the daemon only. */
struct smc_policy_rule_slot {
	char name[SMC_POLICY_NAME_SIZE]; /* NUL-terminated; empty: free */
	__u64 digest; /* of the rule's content, to notice a changed rule */
	__u64 expires; /* CLOCK_REALTIME in ns when the rule's ttl ends, 0: never */
	__u64 retired; /* generation that dropped the rule, 0: in force */
};

/* The question to `policy_test`. */
struct smc_policy_query {
	__be32 peer[4]; /* network byte order; IPv4 as ::ffff:a.b.c.d */
	__u64 netns_cookie;
	__u16 port; /* service port, host byte order */
	__u8 side; /* enum smc_policy_side */
	__u8 reserved[5]; /* zero */
};

/* Its answer. */
struct smc_policy_answer {
	__u64 generation; /* of the image that decided, 0: none could be read */
	__u32 slot; /* counter slot of the rule, SMC_POLICY_SLOT_DEFAULT: none */
	__u8 verdict; /* enum smc_policy_verdict */
	__u8 reason; /* enum smc_policy_reason */
	__u16 reserved; /* zero */
};

/* The packet that the program `policy_test` gets, and returns with the answer filled in. */
struct smc_policy_test {
	struct smc_policy_query query;
	struct smc_policy_answer answer;
};

_Static_assert(sizeof(struct smc_policy_query) == 32, "query size");
_Static_assert(sizeof(struct smc_policy_answer) == 16, "answer size");

#endif
