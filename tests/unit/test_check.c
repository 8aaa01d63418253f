// SPDX-License-Identifier: GPL-2.0-or-later
/* What is told about a policy as a whole: which rules never decide, by name and place. */
#include <stdio.h>
#include <string.h>

#include "policy/check.h"
#include "policy/config.h"
#include "unit.h"

/* Check the configuration @text, which has no errors: @expected warnings, a line each. */
static void assert_warnings(const char *text, const char *const *expected, size_t n)
{
	struct policy_errors errors = { 0 }, warnings = { 0 };
	struct policy_config config;

	policy_config_init(&config);
	assert_int_equal(policy_config_parse(&config, "f", text, strlen(text), &errors), 0);
	policy_check(&config.policy, &errors, &warnings);
	assert_int_equal(errors.count, 0);
	assert_int_equal(warnings.count, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(warnings.lines[i], expected[i]);
	policy_errors_clear(&warnings);
	policy_config_clear(&config);
}

static void rules_that_decide_are_not_warned_about(void **state)
{
	(void)state;
	assert_warnings("", NULL, 0);
	assert_warnings(
		"[rule a]\nports = 80\naction = allow\n[rule b]\nports = 80-81\naction = deny\n",
		NULL, 0);
}

static void rules_that_never_decide_are_named_with_their_place(void **state)
{
	static const char *const warnings[] = {
		"f:1: rule \"a\" never decides: its exceptions take out all of its peers; remove it "
		"or correct its peers",
		"f:4: rule \"b\" never decides: wherever it matches another rule wins, such as "
		"\"c\"; remove it or make it more specific",
	};

	(void)state;
	assert_warnings("[rule a]\npeers = 10.0.0.0/8, !10.0.0.0/8\naction = allow\n"
			"[rule b]\nports = 80\naction = allow\n"
			"[rule c]\nports = 80\naction = deny\n",
			warnings, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_decide_are_not_warned_about),
		cmocka_unit_test(rules_that_never_decide_are_named_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
