// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "wire/rule_json.h"

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name))
		names++;
	return *names;
}

/* Set the property @key; -EINVAL too if there is none of this name. */
static int set_property(struct policy_rule *rule, const char *key, const json_t *value,
			struct value_error *error)
{
	if (!is_one_of(key, policy_rule_keys))
		return value_refuse(error, "a rule has no \"%.64s\"; remove it", key);
	if (!json_is_string(value))
		return value_refuse(error, "\"%s\" of a rule is a text as in the configuration",
				    key);
	return policy_rule_set(rule, key, json_string_value(value), error);
}

static int set_properties(json_t *json, const char *const *others, struct policy_rule *rule,
			  struct value_error *error)
{
	const char *key;
	json_t *value;
	int rc = 0;

	json_object_foreach(json, key, value)
		if (!rc && strcmp(key, "name") && !is_one_of(key, others))
			rc = set_property(rule, key, value, error);
	return rc ? rc : policy_rule_check(rule, error);
}

int rule_from_json(const json_t *json, const char *const *others, struct policy_rule **rule,
		   struct value_error *error)
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
	rc = new ? set_properties((json_t *)json, others, new, error) : -ENOMEM;
	if (!rc) {
		*rule = new;
		return 0;
	}
	policy_rule_free(new);
	if (rc == -ENOMEM)
		value_refuse(error, "out of memory");
	return rc;
}
