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

/*
 * The CONTEXT (wire/protocol.h) of the service, or of the peer or subnet, whose record is at @key.  NULL:
 * nothing is remembered there.
 */
json_t *lessons_report_service(const struct server *server, const struct smc_auto_key *key);
json_t *lessons_report_peer(const struct server *server, const struct smc_auto_key *key);

/* The key of the record that has of the peer of @key the first @bits: 0 is the service. */
struct smc_auto_key lessons_coarser_key(const struct smc_auto_key *key, uint8_t bits);

/* The prefix that the breaker at @key is for. */
struct policy_prefix lessons_path_prefix(const struct server *server,
					 const struct smc_policy_path_key *key);

/* The BREAKER that @path at @key is. */
json_t *lessons_report_path(const struct server *server, const struct smc_policy_path_key *key,
			    const struct smc_policy_path *path);

/* The COOLDOWN of @host, null if there is none now. */
json_t *lessons_report_cooldown(const struct smc_policy_host *host);

/* A time of CLOCK_MONOTONIC in ns; null for 0. */
json_t *lessons_report_time(uint64_t ns);

/* Count the breaker of @path into @states, by enum smc_policy_path_state, if it would be listed. */
void lessons_count_breaker(const struct smc_policy_path *path, uint64_t *states);

/* The @most services that gained most, as in auto-show.  NULL: out of memory. */
json_t *lessons_services(const struct server *server, size_t most);

/* Whether auto has learned anything from the connections of @peer, or of a subnet. */
bool lessons_any(const struct smc_auto_peer *peer);

/* Whether @rule is about connections of @side to service port @port, of some peer. */
bool lessons_rule_covers(const struct policy_rule *rule, uint8_t side, uint16_t port);

#endif
