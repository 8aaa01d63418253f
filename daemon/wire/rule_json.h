/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules as requests and the daemon's own file have them. */
#ifndef SMC_POLICY_RULE_JSON_H
#define SMC_POLICY_RULE_JSON_H

#include <jansson.h>

#include "policy/rule.h"

/*
 * Make a rule of the object @json, its "name" and the policy_rule_keys[] that it has, all of them
 * texts, and check it: into @rule, to be freed with policy_rule_free().  @others, up to a NULL, are
 * the members that @json may have besides.  Returns 0, or -EINVAL or -ENOMEM with NULL in @rule and
 * a message in @error.
 */
int rule_from_json(const json_t *json, const char *const *others, struct policy_rule **rule,
		   struct value_error *error);

#endif
