/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What to tell about the policy in force although it was accepted: rules that never decide, and that it
 * is suspended.
 */
#ifndef SMC_POLICY_WARNINGS_H
#define SMC_POLICY_WARNINGS_H

#include <jansson.h>
#include <stddef.h>

#include "policy/check.h"

struct server;

/* Zero-initialised is empty. */
struct warnings {
	struct policy_shadow *never; /* ascending by rule, by index in server->in_force */
	size_t n;
};

/*
 * Find them in @image, compiled from @policy and not yet freed, into @warnings, which is empty.  When
 * memory is short it stays so, and the log says it.
 */
void warnings_find(struct warnings *warnings, const struct policy *policy,
		   const struct policy_image *image);
void warnings_clear(struct warnings *warnings);

/* Log the rules in force that never decide, one line each. */
void warnings_log(const struct server *server);

/* All as JSON, a list of texts; @name: of rules only what concerns the one called so, NULL: all. */
json_t *warnings_report(const struct server *server, const char *name);

/* Of a rule in force: null, or {"beaten_by": NAME|null} if it never decides. */
json_t *warnings_never(const struct server *server, const struct policy_rule *rule);

#endif
