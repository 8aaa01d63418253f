/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits: how many connections may be SMC, of one rule or of the whole host.  Beyond a
 * limit a connection gets tcp.  The same keys in [rule NAME], [budget] and `policy add`.
 */
#ifndef SMC_POLICY_LIMITS_H
#define SMC_POLICY_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/value.h"

/* All zero: no limit. */
struct policy_limits {
	struct policy_rate rate; /* of new SMC connections; count 0: no limit */
	uint32_t connections; /* SMC connections that live at a time, plus 1; 0: no limit */
	uint64_t memory; /* bytes of their buffers on this host; 0: no limit */
	uint32_t rtt_us; /* smoothed round-trip time to the peer; 0: no limit */
};

#define POLICY_CONNECTIONS_MAX 1000000000u

/* "max-rate", "max-connections", "max-memory", "max-rtt"; NULL-terminated. */
extern const char *const policy_limit_keys[];

/*
 * Set the limit @key from its text, "none" for no limit.  -ENOENT: no such limit;
 * -EINVAL, -ENOMEM and @error as in value.h.
 */
int policy_limits_set(struct policy_limits *limits, const char *key, const char *text,
		      struct value_error *error);

/*
 * Write the limit @key as policy_limits_set() takes it to @buf of VALUE_TEXT_SIZE bytes,
 * "" if there is none.  False: no such limit.
 */
bool policy_limits_get(const struct policy_limits *limits, const char *key, char *buf);

/* Whether anything is limited. */
bool policy_limits_any(const struct policy_limits *limits);

bool policy_limits_equal(const struct policy_limits *a, const struct policy_limits *b);

/*
 * What an image says of @limits, as enum smc_policy_image_limits, where one SMC connection
 * takes @connection_memory bytes, at least 1.
 */
void policy_limits_words(const struct policy_limits *limits, uint64_t connection_memory,
			 uint32_t words[]);

#endif
