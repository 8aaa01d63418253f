/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules as requests and the daemon's own file have them. */
#ifndef SMC_POLICY_RULE_JSON_H
#define SMC_POLICY_RULE_JSON_H

#include <jansson.h>

#include "policy/rule.h"

/*
 * Make a rule of the texts that @json has at "name" and at those of policy_rule_keys[] that it has,
 * and check it: into @rule, to be freed with policy_rule_free().  Returns 0, or -EINVAL or -ENOMEM
 * with NULL in @rule and a message in @error.
 */
int rule_from_json(const json_t *json, struct policy_rule **rule, struct value_error *error);

#endif
