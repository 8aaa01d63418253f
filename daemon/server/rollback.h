/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Going back to an earlier generation, as far as the history of the changes reaches. */
#ifndef SMC_POLICY_ROLLBACK_H
#define SMC_POLICY_ROLLBACK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/error.h"

struct server;

/*
 * What rollback_do() with @generation would do:
 *
 *	{"added", "removed": names, "changed": [{"name", "fields": {KEY: {"from", "to"}}}..],
 *	 "files": {"added", "removed", "changed": names} or null, "default": null or {"from", "to"}}
 *
 * The first three are about the rules by command; files and default tell what differs there besides, as
 * if that were to go back too; files is null where it is not known.  NULL and @error if the generation is
 * unknown, or memory is short.
 */
json_t *rollback_preview(const struct server *server, uint64_t generation,
			 struct kernel_error *error);

/*
 * Put the rules by command that @generation had in force, and on disk, as a change of its own.  Rules
 * whose ttl is over stay out.  Returns 0 and whether anything @changed, or a negative errno and @error:
 * then nothing has.
 */
int rollback_do(struct server *server, uint64_t generation, bool *changed,
		struct kernel_error *error);

#endif
