/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What setting SMC up costs on this host, as its clients see it, beside [auto] setup-cost.  The
 * configuration decides; this only tells.
 */
#ifndef SMC_POLICY_COSTS_H
#define SMC_POLICY_COSTS_H

#include <jansson.h>
#include <stddef.h>

struct server;

/* "costs" of auto-show (wire/protocol.h); NULL: out of memory. */
json_t *costs_report(const struct server *server);

/*
 * Write to @text of @size bytes how far setup-cost and what is seen differ, if that is more than three
 * times; "" if not, or if too few set-ups were seen.
 */
void costs_warning(const struct server *server, char *text, size_t size);

/* Called whenever that may have changed: log that warning when it begins to hold. */
void costs_follow(struct server *server);

#endif
