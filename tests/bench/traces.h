/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made-up connection traces of several kinds, for the tests and benchmarks of `auto`. */
#ifndef SMC_POLICY_TRACES_H
#define SMC_POLICY_TRACES_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/trace.h"

struct trace;

struct trace_kind {
	const char *name;
	bool predictable; /* from what is known when a connection opens */
	double shorts_max; /* share of short connections that may set up SMC */
	double share_min; /* of the utility of an oracle that knows the future */
	void (*make)(struct trace *trace);
};

/* Rows sorted by opened; @seed decides them all. */
struct trace {
	struct trace_row *rows;
	size_t n, room;
	unsigned long long random;
};

extern const struct trace_kind trace_kinds[];
extern const size_t n_trace_kinds;

void trace_make(struct trace *trace, const struct trace_kind *kind, unsigned int seed);
void trace_clear(struct trace *trace);

/*
 * What `auto` for everything, without rules, gives @trace: @verdicts one a row, true for SMC.
 * Returns 0 or a negative errno.
 */
int trace_replay(const struct trace *trace, bool *verdicts);

/* What an algorithm made of a trace. */
struct trace_score {
	double share; /* of the oracle's utility; 0 if there was none to have */
	double shorts; /* share of the short connections that set up SMC */
};

/* Utility of a connection on SMC, in set-ups: min(bytes / 100 KiB, 50) - 1; on TCP it is 0. */
double trace_utility(const struct trace_row *row);

/* Score @verdicts, true for SMC, one a row. */
struct trace_score trace_score(const struct trace *trace, const bool *verdicts);

#endif
