/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policies that are measured, and the queries they are asked: random prefixes, random peers in
 * them, random ports on both sides.  The same in every run.
 */
#ifndef SMC_POLICY_BENCH_POLICIES_H
#define SMC_POLICY_BENCH_POLICIES_H

#include <stdbool.h>
#include <stdint.h>

#include "decide.h"
#include "policy/rule.h"

#define BENCH_RULES_MAX 50

/* What the rules of a policy say. */
enum bench_actions {
	BENCH_MIXED, /* deny and allow in turn */
	BENCH_ALL_DENY,
	BENCH_ALL_ALLOW
};

struct bench_shape {
	const char *name;
	uint32_t rules, prefixes;
	bool v4;
	bool clustered; /* all in one /8, or one /32 of IPv6 */
	bool ports; /* each rule has a range of its own, which overlap; else all ports */
};

/* Ends with one without a name. */
extern const struct bench_shape bench_shapes[];

/* The shape called @name; there is one. */
const struct bench_shape *bench_shape(const char *name);

/* A policy of @shape into @policy, to be given to policy_clear(); rules have their slots. */
void bench_policy(struct policy *policy, const struct bench_shape *shape,
		  enum bench_actions actions);

/* BENCH_QUERIES queries: peers in prefixes of @policy, with a port that the ranges may have. */
void bench_queries(const struct policy *policy, struct bench_query *queries);

#endif
