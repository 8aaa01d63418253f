// SPDX-License-Identifier: GPL-2.0-or-later
/* Writing metrics: what each of the two formats wants, to the byte. */
#include <stdlib.h>
#include <string.h>

#include "common/openmetrics.h"
#include "unit.h"

/* All that can be written, in @format; to be freed. */
static char *write_all(enum openmetrics_format format)
{
	struct openmetrics to = { .format = format };
	char *text = NULL;
	size_t size;

	to.out = open_memstream(&text, &size);
	assert_non_null(to.out);
	openmetrics_family(&to, "x_build", OPENMETRICS_INFO, NULL, "A \"help\"\nof two \\ lines");
	openmetrics_count(&to, OPENMETRICS_LABELS({ "version", "1" }), 1);
	openmetrics_family(&to, "x_run_seconds", OPENMETRICS_COUNTER, "seconds", "Time");
	openmetrics_real(&to, OPENMETRICS_LABELS({ "a", "<&>\"\\\n\xc3\xa9" }, { "b", "" }), 0.25);
	openmetrics_family(&to, "x_rules", OPENMETRICS_GAUGE, NULL, "Rules");
	openmetrics_count(&to, NULL, UINT64_MAX);
	openmetrics_end(&to);
	assert_int_equal(to.samples, 3);
	assert_int_equal(fclose(to.out), 0);
	return text;
}

static void openmetrics_is_written_to_the_byte(void **state)
{
	char *text = write_all(OPENMETRICS);

	(void)state;
	assert_string_equal(text, "# TYPE x_build info\n"
				  "# HELP x_build A \\\"help\\\"\\nof two \\\\ lines\n"
				  "x_build_info{version=\"1\"} 1\n"
				  "# TYPE x_run_seconds counter\n"
				  "# UNIT x_run_seconds seconds\n"
				  "# HELP x_run_seconds Time\n"
				  "x_run_seconds_total{a=\"<&>\\\"\\\\\\n\xc3\xa9\",b=\"\"} 0.25\n"
				  "# TYPE x_rules gauge\n"
				  "# HELP x_rules Rules\n"
				  "x_rules 18446744073709551615\n"
				  "# EOF\n");
	free(text);
}

/* It names the samples, not the family, and has no units, no info and no end. */
static void prometheus_is_written_to_the_byte(void **state)
{
	char *text = write_all(OPENMETRICS_PROMETHEUS);

	(void)state;
	assert_string_equal(text, "# TYPE x_build_info gauge\n"
				  "# HELP x_build_info A \"help\"\\nof two \\\\ lines\n"
				  "x_build_info{version=\"1\"} 1\n"
				  "# TYPE x_run_seconds_total counter\n"
				  "# HELP x_run_seconds_total Time\n"
				  "x_run_seconds_total{a=\"<&>\\\"\\\\\\n\xc3\xa9\",b=\"\"} 0.25\n"
				  "# TYPE x_rules gauge\n"
				  "# HELP x_rules Rules\n"
				  "x_rules 18446744073709551615\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openmetrics_is_written_to_the_byte),
		cmocka_unit_test(prometheus_is_written_to_the_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
