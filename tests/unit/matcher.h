/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contract's matching, written down as plainly as possible: every way in
 * which a rule can match is compared with every other.  Slow; for tests.
 */
#ifndef TESTS_UNIT_MATCHER_H
#define TESTS_UNIT_MATCHER_H

#include "policy/rule.h"

/*
 * The rule that wins for @peer (as in struct policy_prefix), @side and service
 * port @port, or NULL: none matches and the default action holds.
 */
const struct policy_rule *matcher_find(const struct policy *policy, const uint8_t peer[16],
				       int side, unsigned int port);

/* The counter slot and the action of what matcher_find() says. */
void matcher_ask(const struct policy *policy, const uint8_t peer[16], int side, unsigned int port,
		 uint32_t *slot, int *action);

#endif
