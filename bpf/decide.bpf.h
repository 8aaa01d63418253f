/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decision: what one connection gets, by the image in force.  Every hook
 * and `policy test` call smc_policy_decide(); nothing else decides.
 */
#ifndef SMC_POLICY_DECIDE_BPF_H
#define SMC_POLICY_DECIDE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "smc_policy_maps.h"

typedef void *smc_policy_image_t;
#define smc_policy_ntohl(x) bpf_ntohl(x)

static __always_inline const struct smc_policy_row *smc_policy_image_row(smc_policy_image_t img,
									 __u32 row)
{
	return bpf_map_lookup_elem(img, &row);
}

#include "image_reader.h"
#include "maps.bpf.h"

/* The daemon says that this namespace may speak SMC. */
static __always_inline int smc_policy_netns_listed(smc_policy_image_t img, __u64 cookie)
{
	__u32 flags;

	if (smc_policy_word(img, SMC_POLICY_HDR_FLAGS, &flags))
		return 0;
	return !(flags & SMC_POLICY_IMAGE_F_NETNS_LISTED) ||
	       bpf_map_lookup_elem(&netns_listed, &cookie);
}

static __always_inline void smc_policy_decide_in(smc_policy_image_t img,
						 const struct smc_policy_query *query,
						 struct smc_policy_answer *answer)
{
	struct smc_policy_result result;
	__u32 low, high;

	if (smc_policy_word(img, SMC_POLICY_HDR_GENERATION_LO, &low) ||
	    smc_policy_word(img, SMC_POLICY_HDR_GENERATION_HI, &high) ||
	    smc_policy_lookup(img, query->peer, query->side, query->port, &result))
		return;
	answer->generation = (__u64)high << 32 | low;
	answer->slot = result.slot;
	answer->reason = result.slot == SMC_POLICY_SLOT_DEFAULT ? SMC_POLICY_REASON_DEFAULT
								: SMC_POLICY_REASON_RULE;
	if (result.action == SMC_POLICY_AUTO)
		answer->reason = SMC_POLICY_REASON_UNPROVEN;
	if (result.action != SMC_POLICY_ALLOW)
		return;
	if (smc_policy_netns_listed(img, query->netns_cookie))
		answer->verdict = SMC_POLICY_SMC;
	else
		answer->reason = SMC_POLICY_REASON_DISABLED;
}

/*
 * Decide @query by the image in force and fill @answer; tcp with reason
 * disabled if no image can be read.  Any context that may run BPF; never sleeps.
 * One image answers the whole query: it cannot be freed while this runs.
 */
static __always_inline void smc_policy_decide(const struct smc_policy_query *query,
					      struct smc_policy_answer *answer)
{
	__u32 slot = 0;
	smc_policy_image_t img = bpf_map_lookup_elem(&policy_slot, &slot);

	*answer = (struct smc_policy_answer){
		.verdict = SMC_POLICY_TCP,
		.reason = SMC_POLICY_REASON_DISABLED,
	};
	if (img)
		smc_policy_decide_in(img, query, answer);
}

/* Count @answer for its rule on this CPU. */
static __always_inline void smc_policy_count(const struct smc_policy_answer *answer)
{
	struct smc_policy_counters *counters = bpf_map_lookup_elem(&rule_counters, &answer->slot);
	__u32 reason = answer->reason;

	if (!counters)
		return;
	if (answer->verdict == SMC_POLICY_SMC)
		__sync_fetch_and_add(&counters->smc, 1);
	else if (reason < SMC_POLICY_REASONS)
		__sync_fetch_and_add(&counters->tcp[reason], 1);
}

#endif
