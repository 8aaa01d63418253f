/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a connection gets its verdict, and what would change that: the result of a request explain. */
#ifndef SMC_POLICY_EXPLAIN_H
#define SMC_POLICY_EXPLAIN_H

#include <jansson.h>

#include "server/server.h"

/*
 * The story of @query, to which the program in the kernel has given @answer.  Nothing is counted or
 * changed.  NULL: out of memory.
 */
json_t *explain_connection(const struct server *server, const struct smc_policy_query *query,
			   const struct smc_policy_answer *answer);

#endif
