/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counter slots: a rule has its slot by its name, across generations and
 * daemons.  A rule that is gone keeps its slot, and its counts, until another
 * rule needs it.
 */
#ifndef SMC_POLICY_SLOTS_H
#define SMC_POLICY_SLOTS_H

#include "kernel/kernel.h"
#include "policy/rule.h"

struct slots {
	struct kernel *kernel;
	struct smc_policy_rule_slot *owners; /* as in the kernel, by slot */
	uint32_t n;
	uint32_t *first; /* slots of the same hash are a chain; by hash, 0: none */
	uint32_t *next; /* by slot, 0: none */
	bool *in_use; /* by slot: by a rule of the policy that was assigned last */
	/*
	 * By slot: the rule, as an object, that was given it last, and the one that the kernel was
	 * told of.  Only compared: it may be gone.  One that is made in its place has no slot.
	 */
	const struct policy_rule **given, **told;
};

/* Read who owns what.  Returns 0 or a negative errno. */
int slots_open(struct slots *slots, struct kernel *kernel);
void slots_close(struct slots *slots);

/* The owner entry of the rule called @name, NULL if it has no slot. */
const struct smc_policy_rule_slot *slots_owner(const struct slots *slots, const char *name);

/*
 * Give every rule of @policy its slot.  What is in force keeps those that it has, and
 * slots_commit() makes the new ones used.  -ENOSPC: there are more rules than slots; else a
 * negative errno.
 */
int slots_assign(struct slots *slots, const struct policy *policy);

/*
 * @policy, assigned last, is in force as @generation: note whose slots are in use, whose are not
 * any more.
 */
int slots_commit(struct slots *slots, const struct policy *policy, uint64_t generation);

#endif
