/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON that describes the server, its rules and counters.  Each function
 * returns a new object, NULL when memory is short.
 */
#ifndef SMC_POLICY_REPORT_H
#define SMC_POLICY_REPORT_H

#include <jansson.h>

#include "server/server.h"

/* "2026-11-21T10:00:00Z" for seconds since the epoch, null for 0. */
json_t *report_time(uint64_t seconds);

/* An array of @prefixes as text. */
json_t *report_prefixes(const struct policy_prefix *prefixes, size_t n);

/* Where @rule comes from: "FILE:LINE", "command" or "runtime". */
json_t *report_origin(const struct policy_rule *rule);

/* The name of the rule that owns counter slot @slot, or null. */
json_t *report_slot(const struct server *server, uint32_t slot);

/* One rule in force, with its counts: RULE of wire/protocol.h. */
json_t *report_rule(const struct server *server, const struct policy_rule *rule);

/* The result of policy-list. */
json_t *report_rules(const struct server *server);

json_t *report_status(struct server *server);
json_t *report_stats(const struct server *server);

/* Note in @server what namespaces of @netns, looked at just now, degrade. */
void report_note_netns(struct server *server, const struct netns_list *netns);

/* "degraded" of status, with the namespaces as of the last look; and how many lines it has. */
json_t *report_degraded(const struct server *server);
size_t report_count_degraded(const struct server *server);

/* Whether the program that enforces is attached where connections are decided. */
bool report_enforcing(const struct server *server);

/* The policy in force as configuration text, to be freed. */
char *report_export(const struct server *server);

#endif
