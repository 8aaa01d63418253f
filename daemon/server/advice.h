/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SMC_POLICY_ADVICE_H
#define SMC_POLICY_ADVICE_H

#include <jansson.h>

struct server;

/*
 * The result of recommend (wire/protocol.h): rules from what was learned.  Works on every
 * backend, and where there is no SMC.  NULL: out of memory.
 */
json_t *advice_report(const struct server *server);

#endif
