// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a decision costs: the cache lines and pages that it touches, on average and at most, for the
 * policies of `make bench`.  Counted, not timed, so the bounds are narrow.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../bench/policies.h"
#include "../bench/touched.h"
#include "common/cleanup.h"
#include "random.h"
#include "unit.h"

#define PREFIXES_MAX 2000000u /* of a policy that is compiled here */

/* So many of @n as a slow build, or one that does a share of the work, takes on. */
static unsigned int fewer(unsigned int n)
{
	unsigned int share = random_rounds(n);

	return share < n / UNIT_SLOWER ? share : n / UNIT_SLOWER;
}

struct bound {
	const char *shape;
	double lines, pages; /* mean */
	unsigned int lines_most;
	double bytes; /* of image for each prefix, where that counts */
};

static const struct bound bounds[] = {
	{ "no rules", 1, 1, 1, 0 },
	{ "20 rules", 2, 2, 2, 0 },
	{ "1,000 IPv4 prefixes", 2.1, 2.1, 4, 0 },
	{ "100,000", 3, 3, 4, 20 },
	{ "1,000,000", 3, 3, 4, 10 },
	{ "1,000,000, overlapping port ranges", 4.5, 4.1, 6, 25 },
	{ "1,000,000 in one /8", 3, 3, 4, 10 },
	{ "200,000 IPv6 prefixes", 3.1, 3.1, 4, 30 },
	{ "200,000 in one /32", 3, 3, 4, 10 },
};

static void assert_bound(const struct bound *bound)
{
	autofree struct bench_query *queries = calloc(BENCH_QUERIES, sizeof(*queries));
	const struct bench_shape *shape = bench_shape(bound->shape);
	struct policy_image_options options = { .generation = 1 };
	struct policy_image image;
	struct touched_sum sum;
	struct policy policy;
	double bytes;

	assert_non_null(queries);
	bench_policy(&policy, shape, BENCH_MIXED);
	assert_int_equal(policy_compile(&policy, &options, &image), 0);
	bench_queries(&policy, queries);
	touched_decide_all(&image, queries, fewer(BENCH_QUERIES), &sum);
	bytes = (double)image.n_rows * sizeof(*image.rows) /
		(shape->prefixes ? shape->prefixes : 1);
	print_message("# %s: %.2f lines, at most %u, in %.2f pages; %.1f bytes a prefix\n",
		      bound->shape, sum.lines, sum.lines_most, sum.pages, bytes);
	assert_true(sum.lines > 0.99 && sum.lines <= bound->lines);
	assert_true(sum.pages > 0.99 && sum.pages <= bound->pages);
	assert_in_range(sum.lines_most, 1, bound->lines_most);
	assert_true(!bound->bytes || bytes <= bound->bytes);
	/*
	 * Beside the image: its map, the rule's counters, and the state of the host, of which a deny
	 * reads one line, which tells whether anybody monitors.
	 */
	assert_true(sum.map_lines[TOUCHED_POLICY_SLOT] == 1);
	assert_true(sum.map_lines[TOUCHED_RULE_COUNTERS] == 2);
	assert_true(sum.map_lines[TOUCHED_HOST_STATE] <= 2);
	assert_true(sum.map_lines[TOUCHED_DENIED] <= 1);
	assert_true(sum.map_lines[TOUCHED_OTHER] == 0);
	policy_image_free(&image);
	policy_clear(&policy);
}

static void decisions_touch_few_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++)
		if (bench_shape(bounds[i].shape)->prefixes <= fewer(PREFIXES_MAX))
			assert_bound(&bounds[i]);
}

static void lesson_touches_few_lines_of_a_context(void **state)
{
	double lines[TOUCHED_CONTEXTS];

	(void)state;
	touched_lesson(lines);
	print_message(
		"# a lesson: %.2f lines of the service, %.2f of the subnet, %.2f of the peer\n",
		lines[TOUCHED_SERVICE], lines[TOUCHED_SUBNET], lines[TOUCHED_PEER]);
	assert_true(lines[TOUCHED_SERVICE] > 1 && lines[TOUCHED_SERVICE] <= 4.4);
	assert_true(lines[TOUCHED_SUBNET] > 1 && lines[TOUCHED_SUBNET] <= 3.3);
	assert_true(lines[TOUCHED_PEER] > 1 && lines[TOUCHED_PEER] <= 3.7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions_touch_few_lines),
		cmocka_unit_test(lesson_touches_few_lines_of_a_context),
	};

	return cmocka_run_group_tests_name("touched", tests, NULL, NULL);
}
