/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of a decision: side, action, verdict and reason.
 *
 * Included by the BPF programs, the kernel module and user space, so it may
 * use nothing but the fixed-width types of <linux/types.h>.  The numbers are
 * part of the pinned maps and of the module's ABI: add at the end, never
 * renumber.  Their names in text are in daemon/policy/words.c.
 */
#ifndef SMC_POLICY_VERDICT_H
#define SMC_POLICY_VERDICT_H

#include <linux/types.h>

/* Which end of the connection this host is. */
enum smc_policy_side {
	SMC_POLICY_CONNECT = 0, /* this host sends the SYN; the service port is the remote one */
	SMC_POLICY_ACCEPT = 1, /* this host sends the SYN-ACK; the service port is the local one */
	SMC_POLICY_SIDES = 2,
};

/* What a rule does.  Of rules that are equal otherwise, the one with the lower number wins. */
enum smc_policy_action {
	SMC_POLICY_DENY = 0,
	SMC_POLICY_AUTO = 1,
	SMC_POLICY_ALLOW = 2,
	SMC_POLICY_ACTIONS = 3,
};

/* What a connection gets.  Zero is the safe verdict. */
enum smc_policy_verdict {
	SMC_POLICY_TCP = 0,
	SMC_POLICY_SMC = 1,
};

/* Why a connection gets its verdict. */
enum smc_policy_reason {
	SMC_POLICY_REASON_RULE = 0, /* an allow or deny rule decided */
	SMC_POLICY_REASON_DEFAULT = 1, /* no rule matched */
	SMC_POLICY_REASON_LONG_LIVED = 2, /* auto: expected to pay */
	SMC_POLICY_REASON_SHORT_LIVED = 3, /* auto: expected not to pay */
	SMC_POLICY_REASON_UNPROVEN = 4, /* auto: nothing known yet */
	SMC_POLICY_REASON_PACING = 5, /* this one and the rest override smc */
	SMC_POLICY_REASON_BUDGET = 6,
	SMC_POLICY_REASON_RTT = 7,
	SMC_POLICY_REASON_BREAKER = 8,
	SMC_POLICY_REASON_PEER = 9,
	SMC_POLICY_REASON_COOLDOWN = 10,
	SMC_POLICY_REASON_DISABLED = 11, /* namespace left out, or policy unreadable */
	SMC_POLICY_REASON_SUSPENDED = 12, /* smc-ebpf suspend */
	SMC_POLICY_REASONS = 13,
};

#endif
