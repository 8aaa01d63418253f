// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program behind `policy test`: asks the decision itself, counts nothing.  It is
 * never attached; BPF_PROG_TEST_RUN hands it a struct smc_policy_test as the packet
 * and gives the packet back.  XDP, because programs that take and give data
 * otherwise (BPF_PROG_TYPE_SYSCALL) came only with 5.14.
 */
#include "decide.bpf.h"

SEC("xdp")
int policy_test(struct xdp_md *ctx)
{
	struct smc_policy_test *test = (void *)(long)ctx->data;
	struct smc_policy_asking asking = { 0 };
	struct smc_policy_answer answer;
	struct smc_policy_query query;

	if ((void *)(test + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	query = test->query;
	smc_policy_decide(&query, &asking, &answer);
	test->answer = answer;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
