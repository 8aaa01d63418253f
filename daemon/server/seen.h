/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is seen of SMC sockets, in the words of the outputs.  JSON: new, NULL when memory is short. */
#ifndef SMC_POLICY_SERVER_SEEN_H
#define SMC_POLICY_SERVER_SEEN_H

#include <jansson.h>

#include "server/server.h"

/*
 * Why an SMC socket that was @told what it says fell back because of @code: a word of policy/causes.h.
 * @speaks: its peer has shown the option elsewhere.  NULL: it did not, or nobody knows.
 */
const char *seen_cause(const struct smc_policy_told *told, uint32_t code, bool speaks);

/* The rule that @told: NULL: none, nobody was asked, or its slot (@epoch) is another one's by now. */
const char *seen_rule(const struct server *server, const struct smc_policy_told *told,
		      uint32_t epoch);

/* The words of @told: null where nobody was asked. */
json_t *seen_verdict(const struct smc_policy_told *told);
json_t *seen_reason(const struct smc_policy_told *told);

/* @addr as in struct policy_prefix, as text. */
json_t *seen_address(const uint8_t addr[16]);

/* "smc-r", "smc-d", "tcp"; null for SMC_POLICY_MODE_UNKNOWN. */
json_t *seen_mode(uint8_t mode);

/* The result of connections (wire/protocol.h), as @arguments of the request narrow it. */
json_t *seen_connections(const struct server *server, const json_t *arguments,
			 struct kernel_error *error);

#endif
