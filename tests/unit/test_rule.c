// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules: their properties as text, when two are the same, and the set that holds them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "common/cleanup.h"
#include "policy/rule.h"
#include "unit.h"

static void cleanup_rule(struct policy_rule **rule)
{
	policy_rule_free(*rule);
}

#define autorule __attribute__((cleanup(cleanup_rule))) struct policy_rule

static void set(struct policy_rule *rule, const char *key, const char *text)
{
	struct value_error error;
	int rc = policy_rule_set(rule, key, text, &error);

	if (rc)
		fail_msg("%s = %s: %s", key, text, rc == -EINVAL ? error.text : strerror(-rc));
}

static void assert_text(const struct policy_rule *rule, const char *key, const char *expected)
{
	autofree char *text = policy_rule_get(rule, key);

	assert_string_equal(text, expected);
}

static struct policy_rule *new_rule(const char *ports, const char *peers)
{
	struct policy_rule *rule = policy_rule_new("r");

	assert_non_null(rule);
	set(rule, "action", "allow");
	if (ports)
		set(rule, "ports", ports);
	if (peers)
		set(rule, "peers", peers);
	return rule;
}

/* ---- one rule ---- */

static void new_rule_is_for_both_sides_any_port_any_peer(void **state)
{
	autorule *rule = policy_rule_new("web");

	(void)state;
	assert_string_equal(rule->name, "web");
	assert_text(rule, "side", "both");
	assert_text(rule, "ports", "");
	assert_text(rule, "peers", "");
	assert_text(rule, "ttl", "");
}

static void rule_without_action_is_refused_by_name(void **state)
{
	autorule *rule = policy_rule_new("web");
	struct value_error error;

	(void)state;
	assert_int_equal(policy_rule_check(rule, &error), -EINVAL);
	assert_non_null(strstr(error.text, "\"web\""));
	set(rule, "action", "deny");
	assert_int_equal(policy_rule_check(rule, &error), 0);
}

static void unknown_property_is_not_found(void **state)
{
	autorule *rule = policy_rule_new("web");
	struct value_error error;

	(void)state;
	assert_int_equal(policy_rule_set(rule, "port", "80", &error), -ENOENT);
	assert_int_equal(policy_rule_set(rule, "", "80", &error), -ENOENT);
}

static void refused_text_leaves_the_property(void **state)
{
	autorule *rule = new_rule("80", "10.0.0.0/8");
	struct value_error error;

	(void)state;
	set(rule, "ttl", "5m");
	assert_int_equal(policy_rule_set(rule, "ports", "81, x", &error), -EINVAL);
	assert_int_equal(policy_rule_set(rule, "peers", "11.0.0.0/8, 1", &error), -EINVAL);
	assert_int_equal(policy_rule_set(rule, "ports", "", &error), -EINVAL);
	assert_int_equal(policy_rule_set(rule, "ttl", "0", &error), -EINVAL);
	assert_text(rule, "ports", "80");
	assert_text(rule, "peers", "10.0.0.0/8");
	assert_text(rule, "ttl", "300s");
}

static void limits_are_kept_as_they_are_meant(void **state)
{
	static const char *const limits[][3] = {
		{ "max-rate", "6/m burst 20", "6/m burst 20" },
		{ "max-rate", "6", "6/s" },
		{ "max-connections", "0", "0" },
		{ "max-connections", "1000000000", "1000000000" },
		{ "max-memory", "1048576", "1M" },
		{ "max-rtt", "2m", "120s" },
	};
	autorule *rule = new_rule(NULL, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		assert_text(rule, limits[i][0], i == 1 || i == 3 ? limits[i - 1][2] : "");
		set(rule, limits[i][0], limits[i][1]);
		assert_text(rule, limits[i][0], limits[i][2]);
	}
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		set(rule, limits[i][0], "none");
	assert_false(policy_limits_any(&rule->limits));
}

static void limits_are_an_error_on_deny_only(void **state)
{
	for (int i = 0; policy_limit_keys[i]; i++) {
		autorule *rule = new_rule(NULL, NULL);
		struct value_error error;

		(void)state;
		set(rule, policy_limit_keys[i], i == 3 ? "1s" : "1");
		assert_int_equal(policy_rule_check(rule, &error), 0);
		set(rule, "action", "auto");
		assert_int_equal(policy_rule_check(rule, &error), 0);
		set(rule, "action", "deny");
		assert_int_equal(policy_rule_check(rule, &error), -EINVAL);
		assert_non_null(strstr(error.text, "no effect on deny; "));
		set(rule, policy_limit_keys[i], "none");
		assert_int_equal(policy_rule_check(rule, &error), 0);
	}
}

static void refused_word_leaves_the_property(void **state)
{
	autorule *rule = new_rule(NULL, NULL);
	struct value_error error;

	(void)state;
	set(rule, "side", "accept");
	assert_int_equal(policy_rule_set(rule, "side", "left", &error), -EINVAL);
	assert_int_equal(policy_rule_set(rule, "action", "maybe", &error), -EINVAL);
	assert_text(rule, "side", "accept");
	assert_text(rule, "action", "allow");
}

static void lists_are_sorted_and_repetitions_dropped(void **state)
{
	autorule *rule = new_rule("443, 80, 8000-9000, 80, 8000-8500, 80-80",
				  "fd00::/8, !10.1.0.0/16, 10.0.0.0/8, ::ffff:10.0.0.0/104");

	(void)state;
	assert_text(rule, "ports", "80, 443, 8000-8500, 8000-9000");
	assert_text(rule, "peers", "10.0.0.0/8, !10.1.0.0/16, fd00::/8");
}

static void overlapping_ranges_are_not_merged(void **state)
{
	autorule *rule = new_rule("1-10, 5-20, 11-30, 80, 81", NULL);

	(void)state;
	assert_int_equal(rule->n_ports, 5);
}

/* ---- the same content ---- */

static void order_and_spelling_do_not_make_a_difference(void **state)
{
	autorule *a = new_rule("80, 443", "10.0.0.0/8, fd00::/8, 192.0.2.1");
	autorule *b = new_rule("443,80,80", "FD00::/8,::ffff:10.0.0.0/104,192.0.2.1/32");

	(void)state;
	assert_true(policy_rule_equal(a, b));
	assert_true(policy_rule_digest(a) == policy_rule_digest(b));
}

static void assert_differ(const struct policy_rule *a, const struct policy_rule *b)
{
	assert_false(policy_rule_equal(a, b));
	assert_false(policy_rule_equal(b, a));
	assert_false(policy_rule_digest(a) == policy_rule_digest(b));
}

static void every_property_makes_a_difference(void **state)
{
	static const char *const changes[][2] = {
		{ "side", "accept" },        { "side", "connect" },
		{ "action", "deny" },        { "action", "auto" },
		{ "ports", "80, 443, 444" }, { "ports", "80" },
		{ "ports", "80-443" },       { "peers", "10.0.0.0/8, !10.1.0.0/16" },
		{ "peers", "10.0.0.0/9" },   { "peers", "!10.0.0.0/8" },
		{ "peers", "::a00:0/104" },  { "ttl", "1s" },
		{ "max-rate", "5/h" },       { "max-connections", "0" },
		{ "max-memory", "1" },       { "max-rtt", "1us" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		autorule *a = new_rule("80, 443", "10.0.0.0/8");
		autorule *b = new_rule("80, 443", "10.0.0.0/8");

		assert_true(policy_rule_equal(a, b));
		set(b, changes[i][0], changes[i][1]);
		assert_differ(a, b);
	}
}

static void name_and_origin_are_not_content(void **state)
{
	autorule *a = new_rule("80", NULL);
	autorule *b = new_rule("80", NULL);

	(void)state;
	b->origin = POLICY_ORIGIN_RUNTIME;
	b->line = 7;
	b->slot = 9;
	b->expires = 11;
	strcpy(b->name, "other");
	assert_true(policy_rule_equal(a, b));
	assert_false(policy_rule_digest(a) == policy_rule_digest(b));
}

static void copy_is_equal_and_its_own(void **state)
{
	autorule *a = new_rule("80, 443", "10.0.0.0/8, !10.1.0.0/16");
	autorule *b;

	(void)state;
	set(a, "max-rate", "30/m burst 7");
	set(a, "max-rtt", "3ms");
	b = policy_rule_copy(a);
	assert_true(policy_rule_equal(a, b));
	set(b, "ports", "1");
	set(b, "peers", "::/0");
	assert_text(a, "ports", "80, 443");
	assert_text(a, "peers", "10.0.0.0/8, !10.1.0.0/16");
}

static void copy_of_an_empty_rule_is_equal(void **state)
{
	autorule *a = policy_rule_new("r");
	autorule *b = policy_rule_copy(a);

	(void)state;
	assert_true(policy_rule_equal(a, b));
	assert_string_equal(b->name, "r");
}

/* ---- text and back ---- */

static void assert_survives(const struct policy_rule *rule)
{
	autorule *again = policy_rule_new(rule->name);

	for (size_t i = 0; policy_rule_keys[i]; i++) {
		autofree char *text = policy_rule_get(rule, policy_rule_keys[i]);

		if (*text)
			set(again, policy_rule_keys[i], text);
	}
	assert_true(policy_rule_equal(rule, again));
	assert_true(policy_rule_digest(rule) == policy_rule_digest(again));
}

static void every_rule_survives_its_text(void **state)
{
	struct rng rng = { 6 };

	(void)state;
	for (int i = 0; i < 300; i++) {
		const struct policy_rule *rule;
		struct policy policy;

		policy_init(&policy);
		case_policy(&rng, &case_shapes[i % 6], &policy);
		policy_for_each(rule, &policy)
			assert_survives(rule);
		policy_clear(&policy);
	}
}

/* ---- the set of rules ---- */

static void rules_are_kept_by_name_in_ascending_order(void **state)
{
	static const char *const names[] = { "m", "z", "a", "M", "a.b", "a-b", "10", "9" };
	struct policy policy;

	(void)state;
	policy_init(&policy);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		case_rule(&policy, names[i], NULL, NULL, NULL, "allow");
	assert_int_equal(policy.n_rules, 8);
	for (size_t i = 1; i < policy.n_rules; i++)
		assert_true(strcmp(policy.rules[i - 1]->name, policy.rules[i]->name) < 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_string_equal(policy_find(&policy, names[i])->name, names[i]);
	assert_null(policy_find(&policy, "zz"));
	assert_null(policy_find(&policy, ""));
	policy_clear(&policy);
}

static void same_name_replaces(void **state)
{
	struct policy policy;

	(void)state;
	policy_init(&policy);
	case_rule(&policy, "a", NULL, NULL, NULL, "allow");
	case_rule(&policy, "b", NULL, NULL, NULL, "allow");
	case_rule(&policy, "a", NULL, NULL, NULL, "deny");
	assert_int_equal(policy.n_rules, 2);
	assert_int_equal(policy_find(&policy, "a")->action, SMC_POLICY_DENY);
	policy_clear(&policy);
}

static void taken_rule_is_gone_from_the_set(void **state)
{
	struct policy policy;

	(void)state;
	policy_init(&policy);
	case_rule(&policy, "a", NULL, NULL, NULL, "allow");
	case_rule(&policy, "b", NULL, NULL, NULL, "deny");
	case_rule(&policy, "c", NULL, NULL, NULL, "auto");
	policy_rule_free(policy_take(&policy, "b"));
	assert_null(policy_take(&policy, "b"));
	assert_int_equal(policy.n_rules, 2);
	assert_non_null(policy_find(&policy, "a"));
	assert_non_null(policy_find(&policy, "c"));
	policy_clear(&policy);
}

static void default_is_deny(void **state)
{
	struct policy policy;

	(void)state;
	policy_init(&policy);
	assert_int_equal(policy.default_action, SMC_POLICY_DENY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_rule_is_for_both_sides_any_port_any_peer),
		cmocka_unit_test(rule_without_action_is_refused_by_name),
		cmocka_unit_test(unknown_property_is_not_found),
		cmocka_unit_test(refused_text_leaves_the_property),
		cmocka_unit_test(refused_word_leaves_the_property),
		cmocka_unit_test(limits_are_kept_as_they_are_meant),
		cmocka_unit_test(limits_are_an_error_on_deny_only),
		cmocka_unit_test(lists_are_sorted_and_repetitions_dropped),
		cmocka_unit_test(overlapping_ranges_are_not_merged),
		cmocka_unit_test(order_and_spelling_do_not_make_a_difference),
		cmocka_unit_test(every_property_makes_a_difference),
		cmocka_unit_test(name_and_origin_are_not_content),
		cmocka_unit_test(copy_is_equal_and_its_own),
		cmocka_unit_test(copy_of_an_empty_rule_is_equal),
		cmocka_unit_test(every_rule_survives_its_text),
		cmocka_unit_test(rules_are_kept_by_name_in_ascending_order),
		cmocka_unit_test(same_name_replaces),
		cmocka_unit_test(taken_rule_is_gone_from_the_set),
		cmocka_unit_test(default_is_deny),
	};

	return cmocka_run_group_tests_name("rule", tests, NULL, NULL);
}
