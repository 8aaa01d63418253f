// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "server/slots.h"

int slots_open(struct slots *slots, struct kernel *kernel)
{
	int rc = 0;

	*slots = (struct slots){ .kernel = kernel, .n = kernel_slots(kernel) };
	slots->owners = calloc(slots->n, sizeof(*slots->owners));
	if (!slots->owners)
		return -ENOMEM;
	for (uint32_t i = SMC_POLICY_SLOT_FIRST; i < slots->n && !rc; i++) {
		struct smc_policy_rule_slot *owner = &slots->owners[i];
		uint32_t *slot;

		rc = kernel_read_slot(kernel, i, owner);
		owner->name[sizeof(owner->name) - 1] = '\0';
		if (rc || !owner->name[0])
			continue;
		slot = intern_find(&slots->by_name, owner->name, strlen(owner->name));
		if (slot)
			*slot = i;
		rc = slot ? 0 : -ENOMEM;
	}
	return rc;
}

void slots_close(struct slots *slots)
{
	free(slots->owners);
	intern_clear(&slots->by_name);
	*slots = (struct slots){ 0 };
}

const struct smc_policy_rule_slot *slots_owner(struct slots *slots, const char *name)
{
	uint32_t *slot = intern_find(&slots->by_name, name, strlen(name));

	return slot && *slot != INTERN_NEW ? &slots->owners[*slot] : NULL;
}

/* A slot nobody has, else the one whose rule is gone the longest; 0: all are in use. */
static uint32_t choose(const struct slots *slots)
{
	uint32_t best = 0;

	for (uint32_t i = SMC_POLICY_SLOT_FIRST; i < slots->n; i++) {
		const struct smc_policy_rule_slot *owner = &slots->owners[i];

		if (!owner->name[0])
			return i;
		if (owner->retired && (!best || owner->retired < slots->owners[best].retired))
			best = i;
	}
	return best;
}

/* Give slot @at to @name. */
static int move_in(struct slots *slots, uint32_t at, const char *name)
{
	struct smc_policy_rule_slot *owner = &slots->owners[at];
	uint32_t *before;
	int rc;

	if (owner->name[0]) {
		rc = kernel_retire_counters(slots->kernel, at);
		if (rc)
			return rc;
		before = intern_find(&slots->by_name, owner->name, strlen(owner->name));
		if (before)
			*before = INTERN_NEW;
	}
	*owner = (struct smc_policy_rule_slot){ 0 };
	strcpy(owner->name, name);
	return kernel_write_slot(slots->kernel, at, owner);
}

static int assign(struct slots *slots, struct policy_rule *rule)
{
	uint32_t *slot = intern_find(&slots->by_name, rule->name, strlen(rule->name));
	uint32_t at;
	int rc;

	if (!slot)
		return -ENOMEM;
	if (*slot == INTERN_NEW) {
		at = choose(slots);
		if (!at)
			return -ENOSPC;
		rc = move_in(slots, at, rule->name);
		if (rc)
			return rc;
		slot = intern_find(&slots->by_name, rule->name, strlen(rule->name));
		*slot = at;
	}
	rule->slot = *slot;
	return 0;
}

int slots_assign(struct slots *slots, const struct policy *policy)
{
	struct policy_rule *rule;
	int rc;

	/* First the rules that have one, lest it be given away. */
	policy_for_each(rule, policy) {
		uint32_t *slot = intern_find(&slots->by_name, rule->name, strlen(rule->name));

		if (slot && *slot != INTERN_NEW)
			slots->owners[*slot].retired = 0;
	}
	policy_for_each(rule, policy) {
		rc = assign(slots, rule);
		if (rc)
			return rc;
	}
	return 0;
}

int slots_commit(struct slots *slots, const struct policy *policy, uint64_t generation)
{
	autofree bool *in_use = calloc(slots->n, sizeof(*in_use));
	struct policy_rule *rule;
	int rc = in_use ? 0 : -ENOMEM;

	if (rc)
		return rc;
	policy_for_each(rule, policy) {
		struct smc_policy_rule_slot *owner = &slots->owners[rule->slot], next = *owner;

		in_use[rule->slot] = true;
		next.digest = policy_rule_digest(rule);
		next.expires = rule->expires;
		next.retired = 0;
		if (!rc && memcmp(owner, &next, sizeof(next)))
			rc = kernel_write_slot(slots->kernel, rule->slot, &next);
		*owner = next;
	}
	for (uint32_t i = SMC_POLICY_SLOT_FIRST; i < slots->n; i++) {
		struct smc_policy_rule_slot *owner = &slots->owners[i];

		if (in_use[i] || !owner->name[0] || owner->retired)
			continue;
		owner->retired = generation ? generation : 1;
		if (!rc)
			rc = kernel_write_slot(slots->kernel, i, owner);
	}
	return rc;
}
