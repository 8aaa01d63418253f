/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which memory a decision touches, counted without noise: the code of the BPF programs
 * (bpf/decide.bpf.h), compiled for user space so that every load and store in it is reported.
 */
#ifndef SMC_POLICY_BENCH_TOUCHED_H
#define SMC_POLICY_BENCH_TOUCHED_H

#include "decide.h"
#include "policy/compile.h"

/*
 * The maps beside the image.  Of arrays the values count; of a per-CPU array its list of pointers
 * too; of a hash the head of a bucket and the entry, which is the least.  What describes a map
 * in the kernel does not count: the same lines are read for each decision.
 */
enum touched_map {
	TOUCHED_POLICY_SLOT,
	TOUCHED_RULE_COUNTERS,
	TOUCHED_HOST_STATE,
	TOUCHED_DENIED,
	TOUCHED_PENDING,
	TOUCHED_OTHER, /* what was learned, namespaces, limits */
	TOUCHED_MAPS
};

extern const char *const touched_map_names[TOUCHED_MAPS];

/* Distinct cache lines of 64 bytes and pages of 4096, of one decision. */
struct touched {
	unsigned int lines, pages; /* of the image */
	unsigned int map_lines[TOUCHED_MAPS];
};

/*
 * Decide @query by @image, with nothing learned, as a hook does; what that touched into
 * @touched.
 */
void touched_decide(const struct policy_image *image, const struct bench_query *query,
		    struct touched *touched);

/* Of many decisions. */
struct touched_sum {
	double lines, pages, map_lines[TOUCHED_MAPS]; /* mean */
	unsigned int lines_most, pages_most;
};

/* Decide the first @n of @queries. */
void touched_decide_all(const struct policy_image *image, const struct bench_query *queries,
			unsigned int n, struct touched_sum *sum);

/* The contexts that one lesson changes. */
enum touched_context {
	TOUCHED_SERVICE,
	TOUCHED_SUBNET,
	TOUCHED_PEER,
	TOUCHED_CONTEXTS
};

/*
 * Tell the estimator that a connection has ended, and after that of what is known of it: mean cache
 * lines of each context's value into @lines, over all places where the kernel's hash table may put
 * it.  The lookup itself, the connection and the parameters are not counted.
 */
void touched_lesson(double lines[TOUCHED_CONTEXTS]);

#endif
