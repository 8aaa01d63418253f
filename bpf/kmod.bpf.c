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
	 * buffer (check_tp_buffer_access).  Chosen by multiplication: a branch doubles what
	 * the verifier must follow from there on.
	 */
	__u16 local_port = *(volatile __u16 *)&hook->local_port;
	__u16 peer_port = *(volatile __u16 *)&hook->peer_port;
	__u16 accepts = (__u16)smc_auto_equal(hook->side, SMC_POLICY_ACCEPT);
	struct smc_policy_query query = {
		.peer = { hook->peer[0], hook->peer[1], hook->peer[2], hook->peer[3] },
		.netns_cookie = hook->netns_cookie,
		.port = (__u16)(peer_port + (local_port - peer_port) * accepts),
		.side = hook->side,
	};
	struct smc_policy_asking asking = { .book = 1 };
	struct smc_policy_ends ends = {
		.peer = { query.peer[0], query.peer[1], query.peer[2], query.peer[3] },
		.peer_port = peer_port,
		.local_port = local_port,
	};
	struct smc_policy_answer answer;
	struct smc_policy_event *event;
	struct smc_policy_told told;

	smc_policy_decide(&query, &asking, &answer);
	smc_policy_count(&answer, query.side, 1);
	smc_policy_note_denied(&query, &answer);
	smc_policy_tell(&ends, &answer, &told);
	module_hook(args)->verdict = answer.verdict;
	event = smc_policy_tell_readers(&query, &ends, &told);
	if (event) {
		event->cgroup = module_hook(args)->cgroup_id;
		bpf_ringbuf_submit(event, 0);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
