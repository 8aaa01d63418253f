/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The story of one connection, between explain.c, which finds out what is known and reports, and
 * explain_steps.c, which goes through the decision.
 */
#ifndef SMC_POLICY_STORY_H
#define SMC_POLICY_STORY_H

#include <jansson.h>

#include "policy/learn.h"
#include "policy/match.h"
#include "server/server.h"

struct story {
	const struct server *server;
	const struct smc_policy_query *query;
	const struct smc_policy_answer *answer;
	const uint8_t *addr; /* of the peer */
	char peer[VALUE_TEXT_SIZE];
	uint64_t now; /* CLOCK_MONOTONIC, ns */

	struct policy_match *matches; /* to be freed */
	size_t n;
	int action; /* of the winner, or the default */

	/* What is remembered of the service, the subnet and the peer; NULL: nothing. */
	struct smc_auto_key key; /* of the peer */
	struct smc_auto_memory memory;
	struct smc_auto_service service;
	struct smc_auto_peer subnet, one;
	struct smc_policy_host host;
	struct smc_policy_path_key path_key;
	struct smc_policy_path path; /* all zero: nothing is known against it */

	struct learn_opinion opinion; /* what auto says, whether it is asked or not */

	json_t *steps, *changes;
};

/* The rule that wins, NULL: none matches. */
static inline const struct policy_rule *story_winner(const struct story *story)
{
	return story->n ? story->matches[0].rule : NULL;
}

/* Fill @story->steps and @story->changes from the rest. */
void story_tell_steps(struct story *story);

#endif
