/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A trace through a policy, the estimator and the limits: what would have been decided.
 * Time is the trace's; lessons come when a connection closes and, as in reality, while it
 * lives, its bytes and messages taken to flow evenly.  Round-trip times are not known, so max-rtt
 * limits nothing.
 */
#ifndef SMC_POLICY_REPLAY_H
#define SMC_POLICY_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/config.h"
#include "policy/trace.h"

struct replay;

struct replay_verdict {
	bool smc;
	int reason; /* enum smc_policy_reason */
	const struct policy_rule *rule; /* NULL: no rule matched */
};

struct replay_totals {
	uint64_t connections, smc;
	uint64_t bytes, bytes_smc;
	uint64_t avoided; /* on TCP, and SMC would not have paid */
	uint64_t wasted; /* on SMC, and it did not pay */
	uint64_t smc_peak; /* on SMC at the same time */
	uint64_t reasons[SMC_POLICY_REASONS];
};

/*
 * For the policy, [auto] and [budget] of @config, which must outlive the replay and whose
 * rules get slots; one SMC connection takes @connection_memory bytes (0: 128 KiB).  NULL:
 * out of memory, or the policy cannot be compiled.
 */
struct replay *replay_new(const struct policy_config *config, uint64_t connection_memory);
void replay_free(struct replay *replay);

/*
 * The next connection of the trace.  Returns 0, -EINVAL if @row opened before the
 * one before it, or -ENOMEM.
 */
int replay_row(struct replay *replay, const struct trace_row *row, struct replay_verdict *verdict);

const struct replay_totals *replay_totals(const struct replay *replay);

#endif
