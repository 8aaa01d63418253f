/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random policies that are hard to compile, and queries at their edges; shared
 * by the tests of the compiler and of the BPF program.
 */
#ifndef TESTS_UNIT_CASES_H
#define TESTS_UNIT_CASES_H

#include "policy/rule.h"
#include "random.h"

/* What a family of random policies looks like; counts are upper limits. */
struct case_shape {
	const char *name;
	unsigned int policies; /* for each seed */
	unsigned int rules;
	unsigned int peers; /* of one rule */
	unsigned int ports; /* of one rule */
	unsigned int except_in; /* one prefix in so many is an exception; 0: none */
	unsigned int spread; /* distinct stems that prefixes grow from */
	unsigned int queries; /* for each policy */
};

struct case_query {
	uint8_t peer[16];
	int side;
	uint16_t port;
};

/* The shapes that both tests run, ending with one without a name. */
extern const struct case_shape case_shapes[];

/* A test of every shape: @agrees gets it as its state. */
#define CASE_SHAPE(agrees, n)                                                      \
	{                                                                          \
		"random_policies_agree_with_the_contract_" #n, agrees, NULL, NULL, \
			(void *)&case_shapes[n]                                    \
	}
#define CASE_SHAPES(agrees)                                                          \
	CASE_SHAPE(agrees, 0), CASE_SHAPE(agrees, 1), CASE_SHAPE(agrees, 2),         \
		CASE_SHAPE(agrees, 3), CASE_SHAPE(agrees, 4), CASE_SHAPE(agrees, 5), \
		CASE_SHAPE(agrees, 6)

/* A random policy of @shape into @policy, which is empty; slots are given. */
void case_policy(struct rng *rng, const struct case_shape *shape, struct policy *policy);

/* A random query at an edge of some rule of @policy. */
void case_query(struct rng *rng, const struct policy *policy, struct case_query *query);

/* Add a rule to @policy; NULL leaves a property out.  The texts must be good. */
struct policy_rule *case_rule(struct policy *policy, const char *name, const char *side,
			      const char *ports, const char *peers, const char *action);

/* Give each rule of @policy its counter slot. */
void case_slots(struct policy *policy);

/* Print @policy as configuration text, and @query, to stderr. */
void case_print(const struct policy *policy, const struct case_query *query);

#endif
