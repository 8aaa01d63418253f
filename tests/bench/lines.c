// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How many cache lines and pages a decision touches, mean and most, for each policy that is
 * measured: in the image, and mean lines of each map beside it; and of a lesson, in what is known of
 * each context.  Exact; needs no kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies.h"
#include "touched.h"

static void print_shape(const struct bench_shape *shape, struct bench_query *queries)
{
	struct policy_image_options options = { .generation = 1 };
	struct policy_image image;
	struct touched_sum sum;
	struct policy policy;
	double bytes;
	int rc;

	bench_policy(&policy, shape, BENCH_MIXED);
	rc = policy_compile(&policy, &options, &image);
	if (rc) {
		fprintf(stderr, "bench: compile: %s\n", strerror(-rc));
		exit(1);
	}
	bench_queries(&policy, queries);
	touched_decide_all(&image, queries, BENCH_QUERIES, &sum);
	bytes = (double)image.n_rows * sizeof(*image.rows);
	printf("| %s | %.2f | %u | %.2f | %u | %.1f |", shape->name, sum.lines, sum.lines_most,
	       sum.pages, sum.pages_most, shape->prefixes ? bytes / shape->prefixes : 0);
	for (int map = 0; map < TOUCHED_MAPS; map++)
		printf(" %.2f |", sum.map_lines[map]);
	puts("");
	fflush(stdout);
	policy_image_free(&image);
	policy_clear(&policy);
}

static void print_lesson(void)
{
	double lines[TOUCHED_CONTEXTS];

	touched_lesson(lines);
	puts("\n| | service | subnet | peer |\n|---|---|---|---|");
	printf("| lines of a lesson | %.2f | %.2f | %.2f |\n", lines[TOUCHED_SERVICE],
	       lines[TOUCHED_SUBNET], lines[TOUCHED_PEER]);
}

int main(void)
{
	struct bench_query *queries = calloc(BENCH_QUERIES, sizeof(*queries));

	if (!queries)
		return 1;
	printf("| policy | lines | most | pages | most | bytes a prefix |");
	for (int map = 0; map < TOUCHED_MAPS; map++)
		printf(" %s |", touched_map_names[map]);
	puts("\n|---|---|---|---|---|---|---|---|---|---|---|---|");
	for (const struct bench_shape *shape = bench_shapes; shape->name; shape++)
		print_shape(shape, queries);
	free(queries);
	print_lesson();
	return 0;
}
