/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counter slots: a rule has its slot by its name, across generations and
 * daemons.  A rule that is gone keeps its slot, and its counts, until another
 * rule needs it.
 */
#ifndef SMC_POLICY_SLOTS_H
#define SMC_POLICY_SLOTS_H

#include "kernel/kernel.h"
#include "policy/intern.h"
#include "policy/rule.h"

struct slots {
	struct kernel *kernel;
	struct smc_policy_rule_slot *owners; /* as in the kernel, by slot */
	uint32_t n;
	struct intern by_name; /* name -> slot, INTERN_NEW where it has none any more */
};

/* Read who owns what.  Returns 0 or a negative errno. */
int slots_open(struct slots *slots, struct kernel *kernel);
void slots_close(struct slots *slots);

/* The owner entry of the rule called @name, NULL if it has no slot. */
const struct smc_policy_rule_slot *slots_owner(struct slots *slots, const char *name);

/*
 * Give every rule of @policy its slot.  -ENOSPC: there are more rules than
 * slots; else a negative errno.
 */
int slots_assign(struct slots *slots, const struct policy *policy);

/* @policy is in force as @generation: note whose slots are in use, whose are not any more. */
int slots_commit(struct slots *slots, const struct policy *policy, uint64_t generation);

#endif
