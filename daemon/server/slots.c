// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "server/slots.h"

/* `retired` of a slot whose rule has never been in force: nothing is lost with it. */
#define NEVER_IN_FORCE 1

/* ---- by name ---- */

static uint32_t *chain_of(const struct slots *slots, const char *name)
{
	return &slots->first[fnv1a(FNV1A_START, name, strlen(name)) % slots->n];
}

/* The slot of the rule called @name, 0: it has none. */
static uint32_t find(const struct slots *slots, const char *name)
{
	uint32_t at = *chain_of(slots, name);

	while (at && strcmp(slots->owners[at].name, name))
		at = slots->next[at];
	return at;
}

/* The same of @rule: at most changes it is the one that it was given before. */
static uint32_t find_of_rule(const struct slots *slots, const struct policy_rule *rule)
{
	if (rule->slot && rule->slot < slots->n && slots->given[rule->slot] == rule)
		return rule->slot;
	return find(slots, rule->name);
}

static void give(struct slots *slots, uint32_t at, struct policy_rule *rule)
{
	slots->in_use[at] = true;
	slots->given[at] = rule;
	rule->slot = at;
}

static void link_slot(struct slots *slots, uint32_t at)
{
	uint32_t *chain = chain_of(slots, slots->owners[at].name);

	slots->next[at] = *chain;
	*chain = at;
}

static void unlink_slot(struct slots *slots, uint32_t at)
{
	uint32_t *link = chain_of(slots, slots->owners[at].name);

	while (*link != at)
		link = &slots->next[*link];
	*link = slots->next[at];
}

const struct smc_policy_rule_slot *slots_owner(const struct slots *slots, const char *name)
{
	uint32_t at = find(slots, name);

	return at ? &slots->owners[at] : NULL;
}

/* ---- opening ---- */

/* Room for @n slots, none of which is anybody's; what there is of it, if there is not enough. */
static int allocate_slots(struct slots *slots, struct kernel *kernel, uint32_t n)
{
	*slots = (struct slots){ .kernel = kernel, .n = n };
	slots->owners = calloc(slots->n, sizeof(*slots->owners));
	slots->first = calloc(slots->n, sizeof(*slots->first));
	slots->next = calloc(slots->n, sizeof(*slots->next));
	slots->in_use = calloc(slots->n, sizeof(*slots->in_use));
	slots->given = calloc(slots->n, sizeof(struct policy_rule *));
	slots->told = calloc(slots->n, sizeof(struct policy_rule *));
	if (!slots->owners || !slots->first || !slots->next || !slots->in_use || !slots->given ||
	    !slots->told)
		return -ENOMEM;
	return 0;
}

int slots_open(struct slots *slots, struct kernel *kernel)
{
	int rc = allocate_slots(slots, kernel, kernel_slots(kernel));

	for (uint32_t i = SMC_POLICY_SLOT_FIRST; i < slots->n && !rc; i++) {
		struct smc_policy_rule_slot *owner = &slots->owners[i];

		rc = kernel_read_slot(kernel, i, owner);
		owner->name[sizeof(owner->name) - 1] = '\0';
		if (!rc && owner->name[0])
			link_slot(slots, i);
	}
	return rc;
}

void slots_close(struct slots *slots)
{
	free(slots->owners);
	free(slots->first);
	free(slots->next);
	free(slots->in_use);
	free(slots->given);
	free(slots->told);
	*slots = (struct slots){ 0 };
}

/* ---- giving ---- */

/* A slot nobody has, else the one whose rule is gone the longest; 0: all are in use. */
static uint32_t choose(const struct slots *slots)
{
	uint32_t best = 0;

	for (uint32_t i = SMC_POLICY_SLOT_FIRST; i < slots->n; i++) {
		const struct smc_policy_rule_slot *owner = &slots->owners[i];

		if (!owner->name[0])
			return i;
		if (owner->retired && !slots->in_use[i] &&
		    (!best || owner->retired < slots->owners[best].retired))
			best = i;
	}
	return best;
}

/* Give slot @at to @name. */
static int move_in(struct slots *slots, uint32_t at, const char *name)
{
	struct smc_policy_rule_slot *owner = &slots->owners[at];
	int rc;

	if (owner->name[0]) {
		rc = kernel_retire_counters(slots->kernel, at);
		if (rc)
			return rc;
		unlink_slot(slots, at);
	}
	*owner = (struct smc_policy_rule_slot){ .retired = NEVER_IN_FORCE };
	strcpy(owner->name, name);
	link_slot(slots, at);
	/* Also of a slot that was free: who had it may be forgotten, its connections may live. */
	rc = kernel_renew_rule_state(slots->kernel, at);
	return rc ? rc : kernel_write_slot(slots->kernel, at, owner);
}

/* Give @rule, which has none, a slot. */
static int assign(struct slots *slots, struct policy_rule *rule)
{
	uint32_t at = choose(slots);
	int rc;

	if (!at)
		return -ENOSPC;
	rc = move_in(slots, at, rule->name);
	if (rc)
		return rc;
	give(slots, at, rule);
	return 0;
}

int slots_assign(struct slots *slots, const struct policy *policy)
{
	struct policy_rule *rule;
	int rc = 0;

	/* First the rules that have one, lest it be given away; slot 0 is no rule's. */
	memset(slots->in_use, 0, slots->n * sizeof(*slots->in_use));
	policy_for_each(rule, policy)
		give(slots, find_of_rule(slots, rule), rule);
	policy_for_each(rule, policy) {
		if (!rule->slot)
			rc = assign(slots, rule);
		if (rc)
			return rc;
	}
	return 0;
}

int slots_commit(struct slots *slots, const struct policy *policy, uint64_t generation)
{
	struct policy_rule *rule;
	int rc = 0;

	policy_for_each(rule, policy) {
		struct smc_policy_rule_slot *owner = &slots->owners[rule->slot], next;

		if (slots->told[rule->slot] == rule)
			continue;
		next = *owner;
		/* Asked for where there is an end of a ttl; it takes its time for many peers. */
		next.digest = rule->ttl ? policy_rule_digest(rule) : 0;
		next.expires = rule->expires;
		next.retired = 0;
		if (!rc && memcmp(owner, &next, sizeof(next)))
			rc = kernel_write_slot(slots->kernel, rule->slot, &next);
		*owner = next;
		slots->told[rule->slot] = rc ? NULL : rule;
	}
	for (uint32_t i = SMC_POLICY_SLOT_FIRST; i < slots->n; i++) {
		struct smc_policy_rule_slot *owner = &slots->owners[i];

		if (slots->in_use[i] || !owner->name[0] || owner->retired)
			continue;
		owner->retired = generation > NEVER_IN_FORCE ? generation : NEVER_IN_FORCE + 1;
		slots->told[i] = NULL;
		if (!rc)
			rc = kernel_write_slot(slots->kernel, i, owner);
	}
	return rc;
}
