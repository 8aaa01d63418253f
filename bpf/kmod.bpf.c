// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decides for smc_policy.ko: a writable raw tracepoint that the module fires
 * once per connection that asked for SMC.  Runs in process context (connect) or
 * softirq (accept) with preemption off.
 */
#include "decide.bpf.h"
#include "smc_policy_hook.h"

/*
 * The module's structure.  Asked for again after every longer piece of code: the
 * verifier forgets what a pointer to it is when the compiler spills it
 * (is_spillable_regtype() has no PTR_TO_TP_BUFFER), but not what the context is.
 */
static __always_inline struct smc_policy_hook *module_hook(struct bpf_raw_tracepoint_args *args)
{
	return (void *)(unsigned long)*(volatile __u64 *)&args->args[0];
}

SEC("raw_tracepoint.w/" SMC_POLICY_HOOK_TRACEPOINT)
int kmod_verdict(struct bpf_raw_tracepoint_args *args)
{
	struct smc_policy_hook *hook = module_hook(args);
	/*
	 * Both are read, then one chosen: the compiler would choose the address
	 * instead, and the verifier allows no variable offset into a tracepoint's
	 * buffer (check_tp_buffer_access).
	 */
	__u16 local_port = *(volatile __u16 *)&hook->local_port;
	__u16 peer_port = *(volatile __u16 *)&hook->peer_port;
	struct smc_policy_query query = {
		.peer = { hook->peer[0], hook->peer[1], hook->peer[2], hook->peer[3] },
		.netns_cookie = hook->netns_cookie,
		.port = hook->side == SMC_POLICY_CONNECT ? peer_port : local_port,
		.side = hook->side,
	};
	struct smc_policy_answer answer;

	smc_policy_decide(&query, &answer);
	smc_policy_count(&answer);
	module_hook(args)->verdict = answer.verdict;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
