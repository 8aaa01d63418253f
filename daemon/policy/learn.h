/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `auto` has learned, in user space: bpf/estimate.h with a memory of fixed
 * size.  Whoever has not been seen for the longest time is forgotten first.  No
 * clock of its own and no I/O.
 */
#ifndef SMC_POLICY_LEARN_H
#define SMC_POLICY_LEARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "estimate.h"
#include "policy/value.h"

struct learn;

struct learn_options {
	size_t records; /* room for at least so many services, subnets and peers */
	uint32_t setup_bytes; /* bytes whose transfer on SMC saves one set-up, at least 1 */
	uint32_t half_life; /* of a lesson, seconds, at least 1 */
};

/* A connection from its SYN to its end. */
struct learn_connection {
	uint8_t side; /* enum smc_policy_side */
	uint16_t port; /* service port, host byte order */
	uint8_t peer[16]; /* as in struct policy_prefix */

	/* The rest is learn_open()'s and learn_tell()'s own. */
	uint64_t opened; /* ns */
	bool told;
	bool watched; /* in a storm another one may stand for it */
	struct smc_auto_rates rates;
	uint64_t ticket; /* number of the connection */
	uint32_t share; /* of so many like it one is looked at */
	uint32_t votes;
	bool decided; /* it was told to be SMC */
	int32_t gain; /* as it was told last */
};

/* NULL: out of memory. */
struct learn *learn_new(const struct learn_options *options);
void learn_free(struct learn *learn);

/* Bytes that it takes, which never change. */
size_t learn_size(const struct learn *learn);

/*
 * A connection opens at @now (ns): is SMC worth it?  Returns enum smc_policy_reason:
 * long-lived (only then it is), short-lived or unproven.
 */
int learn_open(struct learn *learn, struct learn_connection *connection, uint64_t now);

/*
 * The connection has carried what is worth @worth bytes (smc_auto_worth()) by @now: so far, or
 * in all if it has @ended.  It may be told again and again, with more each time.
 */
void learn_tell(struct learn *learn, struct learn_connection *connection, uint64_t worth,
		bool ended, uint64_t now);

/* The address bits of @key as a prefix. */
struct policy_prefix learn_prefix(const struct smc_auto_key *key);

/* What auto thinks of the next connection. */
struct learn_opinion {
	int reason; /* enum smc_policy_reason: long-lived (only then SMC), short-lived, unproven */
	int decider; /* enum smc_auto_voter: whose vote decides; -1: none pays, so TCP */
	int32_t gain; /* that is expected, in set-ups, 24.8 */
};

/*
 * The opinion of a connection that would open at @now (ns), of which @memory is known: of a peer
 * or, with NULL for subnet and peer, of one that is unknown.
 */
void learn_judge(const struct smc_auto_memory *memory, uint64_t now, struct learn_opinion *opinion);

/*
 * When a connection that opened at @opened and lives at @now should be told next, if
 * it does not end before: after half a second, one, two, four and so on.
 */
uint64_t learn_next_look(uint64_t opened, uint64_t now);

#endif
