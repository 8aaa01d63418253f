/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which rules match one connection, in the order of precedence.  The compiled image knows the winner
 * only; this is for telling people why it won.  tests/unit/test_match.c holds the two together.
 */
#ifndef SMC_POLICY_MATCH_H
#define SMC_POLICY_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "policy/rule.h"

/* How a rule matches: of its prefixes the longest that has the peer, of its ranges the narrowest. */
struct policy_match {
	const struct policy_rule *rule; /* borrowed */
	const struct policy_prefix *peers; /* NULL: any peer, length 0 */
	const struct policy_range *ports; /* NULL: any port, 65536 wide */
};

/*
 * List the rules of @policy that match @peer (as in struct policy_prefix), @side (enum smc_policy_side)
 * and service port @port, the winner first.  Returns 0, with @matches to be freed (NULL if there are
 * none) and their number in @n, or -ENOMEM and no list.
 */
int policy_match_list(const struct policy *policy, const uint8_t peer[16], int side, uint16_t port,
		      struct policy_match **matches, size_t *n);

/* Negative: @a goes before @b; positive: after it.  @by: what decides that. */
int policy_match_compare(const struct policy_match *a, const struct policy_match *b,
			 enum policy_precedence *by);

/* Bits of the prefix and ports of the range by which @match is compared. */
unsigned int policy_match_length(const struct policy_match *match);
unsigned int policy_match_width(const struct policy_match *match);

#endif
