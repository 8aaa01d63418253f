/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made-up connection traces of several kinds, for the tests and benchmarks of `auto`. */
#ifndef SMC_POLICY_TRACES_H
#define SMC_POLICY_TRACES_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/trace.h"

struct trace;

enum trace_class {
	TRACE_SEPARABLE, /* what pays can be told when a connection opens */
	TRACE_MIXED, /* it cannot, but SMC pays on average, in some cells at least */
	TRACE_HOPELESS, /* nor does it on average */
};

struct trace_kind {
	const char *name;
	enum trace_class class;
	double shorts_max; /* share of short connections that may set up SMC */
	double share_min; /* of the bound, of an oracle's utility where there is none */
	void (*make)(struct trace *trace);
};

struct trace_connection {
	struct trace_row row;
	unsigned int phase; /* what a constant answer may depend on beside side, port and peer */
};

/* Connections sorted by opened; the seed decides them all. */
struct trace {
	struct trace_connection *connections;
	size_t n, room;
	unsigned long long random;
	bool varied;
	double scale; /* of the life of long connections */
	unsigned int phase; /* of what is added next */
};

extern const struct trace_kind trace_kinds[];
extern const size_t n_trace_kinds;

/* @varied: rates, shares, sizes and periods are drawn too, around those of the kind. */
void trace_make(struct trace *trace, const struct trace_kind *kind, unsigned int seed, bool varied);
void trace_clear(struct trace *trace);

/*
 * What `auto` for everything, without rules, gives @trace: @verdicts one a row, true for SMC.
 * Returns 0 or a negative errno.
 */
int trace_replay(const struct trace *trace, bool *verdicts);

#define TRACE_TOLD 2000 /* lessons after which an algorithm must not do worse than a constant */
#define TRACE_LATE_MAX 0.02 /* of the bound, that it may be worse by */
#define TRACE_BOUND_MIN 0.05 /* of an oracle's utility; a lower bound is none */

/*
 * What an algorithm made of a trace.  The oracle knows the future; the bound is the best constant
 * answer in each cell of side, port, peer and phase.
 */
struct trace_score {
	double bound; /* share of the oracle's utility */
	double share; /* of the bound's utility, of the oracle's where the bound is below TRACE_BOUND_MIN */
	double hindsight; /* of the oracle's */
	double shorts; /* share of the short connections that set up SMC */
	double late; /* after TRACE_TOLD lessons: gain over the better constant answer, in bounds */
};

/* Utility of a connection on SMC in set-ups, by default costs: on TCP it is 0. */
double trace_utility(const struct trace_row *row);

/* Score @verdicts, true for SMC, one a row. */
struct trace_score trace_score(const struct trace *trace, const bool *verdicts);

#endif
