// SPDX-License-Identifier: GPL-2.0-only
/*
 * A controller that is not of this project; it lets every connection use SMC:
 *
 *	bpftool struct_ops register other_ctrl.bpf.o
 *	sysctl net.smc.hs_ctrl=other
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../../bpf/hs_ctrl.h"

SEC("struct_ops/syn_option")
int other_syn(void *ctx)
{
	return 1;
}

SEC("struct_ops/synack_option")
int other_synack(void *ctx)
{
	return 1;
}

SEC(".struct_ops")
struct smc_hs_ctrl other_ctrl = {
	.name = "other",
	.syn_option = (void *)other_syn,
	.synack_option = (void *)other_synack,
};

char LICENSE[] SEC("license") = "GPL";
