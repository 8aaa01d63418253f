/* SPDX-License-Identifier: GPL-2.0-only */
/* How many SMC connections live and how fast they come, by rule and for the host. */
#ifndef SMC_POLICY_BUDGET_BPF_H
#define SMC_POLICY_BUDGET_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "estimate.h"
#include "maps.bpf.h"
#include "smc_policy_image.h"

/* The state of counter slot @slot, made if there is none. */
static __always_inline struct smc_policy_rule_state *smc_policy_state_of(__u32 slot)
{
	struct smc_policy_rule_state *state = bpf_map_lookup_elem(&rule_state, &slot), new = { 0 };

	if (state)
		return state;
	bpf_map_update_elem(&rule_state, &slot, &new, BPF_NOEXIST);
	return bpf_map_lookup_elem(&rule_state, &slot);
}

/* One SMC connection of a rule, and of the host, more. */
static __always_inline void smc_policy_add_live(struct smc_policy_smc *smc)
{
	struct smc_policy_rule_state *state = smc_policy_state_of(0);

	if (state)
		__sync_fetch_and_add(&state->live, 1);
	state = smc->told.slot ? smc_policy_state_of(smc->told.slot) : 0;
	if (!state)
		return;
	smc->epoch = state->epoch;
	__sync_fetch_and_add(&state->live, 1);
}

/* And one less, of the rule only if the slot is still its own. */
static __always_inline void smc_policy_drop_live(const struct smc_policy_smc *smc)
{
	struct smc_policy_rule_state *state = smc_policy_state_of(0);

	if (state)
		__sync_fetch_and_add(&state->live, -1);
	state = smc->told.slot ? smc_policy_state_of(smc->told.slot) : 0;
	if (state && state->epoch == smc->epoch)
		__sync_fetch_and_add(&state->live, -1);
}

/* Why @limits of @slot are against one more SMC connection to a peer @rtt us away, or 0. */
static __always_inline __u8 smc_policy_limit(const __u32 *limits, __u32 slot, __u32 rtt, __u64 now)
{
	struct smc_policy_rule_state *state = bpf_map_lookup_elem(&rule_state, &slot);
	__u32 most = limits[SMC_POLICY_LIMIT_CONNECTIONS];

	if (limits[SMC_POLICY_LIMIT_RTT] && rtt > limits[SMC_POLICY_LIMIT_RTT])
		return SMC_POLICY_REASON_RTT;
	if (most && (state ? state->live : 0) + 1 >= most)
		return SMC_POLICY_REASON_BUDGET;
	if (state && smc_auto_pace(&state->due, limits[SMC_POLICY_LIMIT_INTERVAL],
				   limits[SMC_POLICY_LIMIT_BURST], now, 0))
		return SMC_POLICY_REASON_PACING;
	return 0;
}

/* One more SMC connection of @slot is coming. */
static __always_inline void smc_policy_book(const __u32 *limits, __u32 slot, __u64 now)
{
	struct smc_policy_rule_state *state;

	if (!limits[SMC_POLICY_LIMIT_INTERVAL])
		return;
	state = smc_policy_state_of(slot);
	if (state)
		smc_auto_pace(&state->due, limits[SMC_POLICY_LIMIT_INTERVAL],
			      limits[SMC_POLICY_LIMIT_BURST], now, 1);
}

#endif
