// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/check.h"
#include "smc_policy_maps.h"

void policy_describe_never(const char *name, const char *winner, char text[POLICY_NEVER_SIZE])
{
	if (winner)
		snprintf(
			text, POLICY_NEVER_SIZE,
			"rule \"%s\" never decides: wherever it matches another rule wins, such as "
			"\"%s\"; remove it or make it more specific",
			name, winner);
	else
		snprintf(text, POLICY_NEVER_SIZE,
			 "rule \"%s\" never decides: its exceptions take out all of its peers; "
			 "remove it or correct its peers",
			 name);
}

void policy_warn_never(const struct policy *policy, const struct policy_shadow *shadow,
		       struct policy_errors *warnings)
{
	const struct policy_rule *rule = policy->rules[shadow->rule];
	char text[POLICY_NEVER_SIZE];

	policy_describe_never(rule->name,
			      shadow->winner == POLICY_SHADOW_NO_PEERS
				      ? NULL
				      : policy->rules[shadow->winner]->name,
			      text);
	if (rule->origin == POLICY_ORIGIN_FILE)
		policy_errors_add(warnings, "%s:%u: %s", rule->file, rule->line, text);
	else
		policy_errors_add(warnings, "%s", text);
}

void policy_check(const struct policy *policy, struct policy_errors *errors,
		  struct policy_errors *warnings)
{
	struct policy_image_options options = { 0 };
	struct policy_shadow *shadows = NULL;
	struct policy_image image = { 0 };
	struct policy_rule *rule;
	size_t n = 0;
	int rc;

	policy_for_each(rule, policy)
		rule->slot = SMC_POLICY_SLOT_FIRST + (uint32_t)rule_i;
	rc = policy_compile(policy, &options, &image);
	if (!rc)
		rc = policy_shadow_list(policy, &image, &shadows, &n);
	if (rc)
		policy_errors_add(errors, "the policy cannot be compiled: %s", strerror(-rc));
	for (size_t i = 0; i < n; i++)
		policy_warn_never(policy, &shadows[i], warnings);
	free(shadows);
	policy_image_free(&image);
}
