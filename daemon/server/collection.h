/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What metrics tell, gathered a part at a time, so that the event loop is never held for long: the
 * counters of a million rules and full tables take a while to read.
 */
#ifndef SMC_POLICY_COLLECTION_H
#define SMC_POLICY_COLLECTION_H

#include "kernel/accounts.h"
#include "server/server.h"

#define COLLECTION_RULES_MAX 500 /* rules with series of their own; the others share one name */

/* By side. */
struct collection_counts {
	struct smc_policy_counters side[SMC_POLICY_SIDES];
};

/* A rule with series of its own. */
struct collection_rule {
	uint32_t slot;
	struct collection_counts counts;
};

/* What the tables have: of auto as in auto show, and SMC sockets. */
struct collection_known {
	uint64_t services, subnets, peers;
	uint64_t breakers[SMC_POLICY_PATH_STATES];
	uint64_t connections[SMC_POLICY_MODES]; /* SMC sockets, by enum smc_policy_mode */
};

struct collection {
	/* Those below are valid once it is complete. */
	struct collection_counts all; /* of every rule that is or was, and the default */
	struct collection_counts unmatched; /* the default */
	struct collection_counts others; /* rules in force that have no series of their own */
	struct collection_rule rules[COLLECTION_RULES_MAX];
	size_t n_rules;
	size_t n_others; /* rules that share the name, since they have decided */
	struct collection_known known;
	const struct kernel_fill *fills;
	size_t n_fills;
	uint64_t surveyed; /* CLOCK_MONOTONIC in ns when @known and @fills were complete */
	uint64_t cpu_ns; /* that all parts have taken */
	uint64_t
		held_ns; /* of the CPU, that the longest part of any so far, or an answer, has taken */

	/* Inside. */
	const struct server *server;
	uint8_t *standing; /* by slot: whether it has series of its own */
	uint32_t n_slots;
	struct collection_counts in_force, base;
	struct candidate *candidates;
	size_t n_candidates, candidates_room;
	struct kernel_survey *survey, *last_survey;
	struct collection_known counting;
	uint64_t survey_cpu_ns;
	int stage;
	uint32_t next;
};

/* An empty collection about @server.  NULL: out of memory. */
struct collection *collection_new(const struct server *server);
void collection_free(struct collection *collection);

/* Begin anew. */
void collection_begin(struct collection *collection);

/*
 * Do a part of the work, of some ms at most.  1: there is more, 0: it is complete, or a negative
 * errno: collection_begin() is next.
 */
int collection_step(struct collection *collection);

#endif
