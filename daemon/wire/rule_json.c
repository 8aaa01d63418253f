// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "wire/rule_json.h"

static int set_properties(const json_t *json, struct policy_rule *rule, struct value_error *error)
{
	int rc = 0;

	for (int i = 0; policy_rule_keys[i] && !rc; i++) {
		const char *text = json_string_value(json_object_get(json, policy_rule_keys[i]));

		if (text)
			rc = policy_rule_set(rule, policy_rule_keys[i], text, error);
	}
	return rc ? rc : policy_rule_check(rule, error);
}

int rule_from_json(const json_t *json, struct policy_rule **rule, struct value_error *error)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	struct policy_rule *new;
	int rc;

	*rule = NULL;
	if (!name)
		return value_refuse(error, "a rule needs a name");
	if (value_name(name, error))
		return -EINVAL;
	new = policy_rule_new(name);
	rc = new ? set_properties(json, new, error) : -ENOMEM;
	if (!rc) {
		*rule = new;
		return 0;
	}
	policy_rule_free(new);
	if (rc == -ENOMEM)
		value_refuse(error, "out of memory");
	return rc;
}
