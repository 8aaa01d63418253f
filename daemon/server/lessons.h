/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What auto and the breakers have learned, for people: described as JSON (wire/protocol.h has
 * the fields) and forgotten.  Nothing is kept here: every call reads the kernel's maps.
 */
#ifndef SMC_POLICY_LESSONS_H
#define SMC_POLICY_LESSONS_H

#include <jansson.h>

#include "server/server.h"

/*
 * The result of auto-show: all of it, or (@prefix not NULL) the peers inside @prefix, the subnets
 * and breakers that share addresses with it and the services that these belong to.  The @most
 * peers, and as many subnets, that gained most.  NULL: out of memory.
 */
json_t *lessons_show(const struct server *server, const struct policy_prefix *prefix, size_t most);

/*
 * "learned" of status: counts, the services that gained most, what keeps SMC off.  NULL: out of
 * memory.
 */
json_t *lessons_summary(const struct server *server);

/* "learned" of an auto rule: its services.  NULL: out of memory. */
json_t *lessons_of_rule(const struct server *server, const struct policy_rule *rule);

/*
 * Forget all services, peers, subnets, breakers and the cool-down, or (@prefix not NULL) the peers,
 * subnets and breakers inside @prefix; how many of each into @counts.  Returns 0, or a negative
 * errno and @error.
 */
int lessons_forget(const struct server *server, const struct policy_prefix *prefix, json_t **counts,
		   struct kernel_error *error);

/* Count the breaker of @path into @states, by enum smc_policy_path_state, if it would be listed. */
void lessons_count_breaker(const struct smc_policy_path *path, uint64_t *states);

/* The @most services that gained most, as in auto-show.  NULL: out of memory. */
json_t *lessons_services(const struct server *server, size_t most);

/* The peers that @key of a breaker or of the account of fallbacks stands for. */
struct policy_prefix lessons_path_prefix(const struct server *server,
					 const struct smc_policy_path_key *key);

/* Whether auto has learned anything from the connections of @peer, or of a subnet. */
bool lessons_any(const struct smc_auto_peer *peer);

/* Whether @rule is about connections of @side to service port @port, of some peer. */
bool lessons_rule_covers(const struct policy_rule *rule, uint8_t side, uint16_t port);

#endif
