/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON that describes the server, its rules and counters.  Each function
 * returns a new object, NULL when memory is short.
 */
#ifndef SMC_POLICY_REPORT_H
#define SMC_POLICY_REPORT_H

#include <jansson.h>

#include "server/server.h"

/* One rule in force, with its counts: RULE of common/protocol.h. */
json_t *report_rule(const struct server *server, const struct policy_rule *rule);

/* The result of policy-list. */
json_t *report_rules(const struct server *server);

json_t *report_status(const struct server *server);
json_t *report_stats(const struct server *server);

/* The policy in force as configuration text, to be freed. */
char *report_export(const struct server *server);

#endif
