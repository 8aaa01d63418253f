/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events on their way to the clients that monitor: decisions, fallbacks and closes from the kernel's ring
 * buffer, what becomes of breakers and of the cool-down, and changes of the policy.
 */
#ifndef SMC_POLICY_MONITORING_H
#define SMC_POLICY_MONITORING_H

#include <jansson.h>
#include <stdbool.h>

#include "kernel/error.h"
#include "server/filter.h"

struct monitoring; /* of one client */
struct monitors; /* all of them; in struct server, NULL while there are none */
struct server;

/* Begins now.  NULL and @error: there are SMC_POLICY_READERS already, or no memory. */
struct monitoring *monitoring_new(struct server *server, const struct filter *filter,
				  struct kernel_error *error);
void monitoring_free(struct monitoring *monitoring);

/* Whether anything waits to be told. */
bool monitoring_waits(const struct monitoring *monitoring);

/*
 * Take some of what waits: {"events", "end"} of wire/protocol.h; @end: all, it is the last.  NULL: out
 * of memory.
 */
json_t *monitoring_take(struct monitoring *monitoring, bool end);

/* Take what the ring buffer has now. */
void monitoring_drain(struct server *server);

/* Another generation of the policy is in force. */
void monitoring_tell_policy(struct server *server);

#endif
