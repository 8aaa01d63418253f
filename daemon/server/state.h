/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules that were added by command, kept in STATE_DIR/rules.json.  A change
 * is written beside the file first and takes its place in one step.
 */
#ifndef SMC_POLICY_STATE_H
#define SMC_POLICY_STATE_H

#include <limits.h>
#include <stdio.h>

#include "kernel/error.h"
#include "policy/rule.h"

struct state {
	int dir; /* STATE_DIR */
	char path[PATH_MAX]; /* of the file, for messages */
	uint64_t generation; /* when it was written */
};

/*
 * Open @dir (created with mode 0700 if it is missing) and read the rules into
 * @added, origin POLICY_ORIGIN_COMMAND.  A damaged file is an error, not an
 * empty one: rules must not get lost unseen.
 */
int state_open(struct state *state, const char *dir, struct policy *added,
	       struct kernel_error *error);
void state_close(struct state *state);

/* The empty new file @name in STATE_DIR, in the place of any other; NULL and errno. */
FILE *state_create(const struct state *state, const char *name);

/* Write the command rules of @added durably beside the file in force. */
int state_prepare(struct state *state, const struct policy *added, uint64_t generation,
		  struct kernel_error *error);

/* Put what was prepared in the place of the file. */
int state_commit(struct state *state, struct kernel_error *error);

/* Drop what was prepared, if anything was. */
void state_abort(struct state *state);

#endif
