// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decides for smc_policy.ko: a writable raw tracepoint that the module fires
 * once per connection that asked for SMC.  Runs in process context (connect) or
 * softirq (accept) with preemption off.
 */
#include "decide.bpf.h"
#include "smc_policy_hook.h"

SEC("raw_tracepoint.w/" SMC_POLICY_HOOK_TRACEPOINT)
int kmod_verdict(struct bpf_raw_tracepoint_args *args)
{
	struct smc_policy_hook *hook = (void *)(unsigned long)args->args[0];
	struct smc_policy_query query = {
		.peer = { hook->peer[0], hook->peer[1], hook->peer[2], hook->peer[3] },
		.netns_cookie = hook->netns_cookie,
		.port = hook->side == SMC_POLICY_CONNECT ? hook->peer_port : hook->local_port,
		.side = hook->side,
	};
	struct smc_policy_answer answer;

	smc_policy_decide(&query, &answer);
	smc_policy_count(&answer);
	hook->verdict = answer.verdict;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
