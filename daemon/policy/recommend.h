/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules that what was learned speaks for: for services that are worth SMC, as a whole or from some
 * peers, and against those that never are.  No I/O.
 */
#ifndef SMC_POLICY_RECOMMEND_H
#define SMC_POLICY_RECOMMEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/value.h"
#include "smc_policy_auto.h"
#include "smc_policy_maps.h"

#define RECOMMEND_ENOUGH 10 /* connections; fewer prove nothing */
/*
 * A rule is better than auto if it gains so many set-ups more, and a tenth more, in so many lessons: less
 * may be what learning took, or chance.
 */
#define RECOMMEND_BETTER_GAIN 10
#define RECOMMEND_BETTER_SHARE 10
#define RECOMMEND_BETTER_LESSONS 50
#define RECOMMEND_PEERS_MAX 64 /* in one rule, those that matter most */

/* What came by of a service, a subnet or a peer. */
struct recommend_context {
	struct smc_auto_key key;
	struct smc_auto_tally tally;
	bool predictable; /* a service: the votes of some context pay */
	int32_t expected; /* a service: gain of its next connection, 24.8; 0: too little is known */
	/* A service, in the lessons that are remembered, 24.8: what auto's decisions and SMC for all gain. */
	int64_t decided, always;
	uint32_t lessons; /* so many are remembered */
};

/* A service for which a rule would have done better than auto. */
struct recommend_better {
	struct smc_auto_key key;
	int action; /* SMC_POLICY_ALLOW or SMC_POLICY_DENY */
	int64_t gain; /* by so much, 24.8 */
	uint32_t lessons; /* in so many lessons */
};

struct recommendation {
	char name[SMC_POLICY_NAME_SIZE];
	uint8_t side; /* enum smc_policy_side */
	uint16_t port;
	int action; /* enum smc_policy_action */
	struct policy_prefix *peers; /* none: any */
	size_t n_peers;
	struct smc_auto_tally tally; /* of the connections that it is about */
	int32_t expected; /* gain of the next one, 24.8, where too few have closed; else 0 */
	uint64_t live; /* of these, how many there are now; the caller's */
};

struct recommend_list {
	struct recommendation *items; /* what to accelerate, then what not to, the most first */
	size_t n;
	uint64_t connections; /* that all was learned from */
	size_t services; /* seen often enough */
	size_t undecided; /* of these, for how many no rule can be proposed */
	struct recommend_better *better; /* the most first */
	size_t n_better;
};

/*
 * Propose rules from @n contexts, services, subnets and peers in any order, which get sorted.
 * Returns 0 and a @list to be cleared, or -ENOMEM.
 */
int recommend(struct recommend_context *contexts, size_t n, struct recommend_list *list);
void recommend_clear(struct recommend_list *list);

/*
 * Set-ups that @one saves beside its opposite, by what it was learned from, or for those that live
 * now where few have closed; 24.8.
 */
int64_t recommend_gain(const struct recommendation *one);

/* What is needed to put a recommendation into words. */
struct recommend_units {
	uint32_t setup_cost; /* ns */
	uint64_t connection_memory; /* bytes of buffers */
};

/* @list as configuration, each rule below its evidence.  To be freed; NULL: out of memory. */
char *recommend_text(const struct recommend_list *list, const struct recommend_units *units);

#endif
