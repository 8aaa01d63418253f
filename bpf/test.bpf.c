// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program behind `policy test`: asks the decision itself, counts nothing.
 * BPF_PROG_TYPE_SYSCALL, run by BPF_PROG_TEST_RUN (5.14 and later).
 */
#include "decide.bpf.h"

SEC("syscall")
int policy_test(struct smc_policy_test *test)
{
	struct smc_policy_query query = test->query;
	struct smc_policy_answer answer;

	smc_policy_decide(&query, &answer);
	test->answer = answer;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
