/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules that were added by command: STATE_DIR/rules.json has them all, and
 * STATE_DIR/rules.journal, if it names the same number as that file, what has changed since, a line
 * a change.  A change is one line more in the journal; when that has become long, a new rules.json
 * is written beside the old one and takes its place in one step.  Both have the history too, each
 * change with what it did.
 */
#ifndef SMC_POLICY_STATE_H
#define SMC_POLICY_STATE_H

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "kernel/error.h"
#include "policy/rule.h"
#include "server/history.h"

struct state {
	int dir; /* STATE_DIR */
	char dir_path[PATH_MAX], path[PATH_MAX]; /* of it and of rules.json, for messages */
	uint64_t generation; /* of the last change that was read */
	int64_t id; /* of rules.json, 0: there is none that a journal could go on from */
	int64_t next_id; /* of the one that is prepared */
	int journal; /* descriptor for writing, -1: not open */
	off_t size; /* of it, as far as it counts; 0: there is none for that id */
	off_t appended; /* what is prepared behind that, 0: nothing is */
	struct history history;
	char *entry; /* of it, of what is prepared; NULL: none */
	struct policy passed; /* rules that ended with an earlier daemon, as far as it is known */
};

/* What a change does to the rules; only those of origin POLICY_ORIGIN_COMMAND are kept. */
struct state_change {
	const struct policy_rule *put; /* new or in the place of one of its name; NULL: none */
	struct policy_rule *const *gone; /* rules that are no more as they were */
	size_t n_gone;
	bool all; /* it is more than these: all rules are written anew */
	const char *entry; /* of the history, NULL: none */
};

/*
 * Open @dir (created with mode 0700 if it is missing) and read the rules into
 * @added, origin POLICY_ORIGIN_COMMAND.  A damaged file is an error, not an
 * empty one: rules must not get lost unseen.
 */
int state_open(struct state *state, const char *dir, struct policy *added,
	       struct kernel_error *error);
void state_close(struct state *state);

/* A rule by command as the files have it, NULL: out of memory; and from there, NULL and @why. */
json_t *state_rule_to_json(const struct policy_rule *rule);
struct policy_rule *state_rule_from_json(const json_t *json, enum policy_origin origin,
					 struct value_error *why);

/* The empty new file @name in STATE_DIR, in the place of any other; NULL and errno. */
FILE *state_create(const struct state *state, const char *name);

/*
 * Write @change, after which the rules are those of @added, durably; @change NULL: write them all
 * anew.  After it either state_commit() or state_abort().
 */
int state_prepare(struct state *state, const struct policy *added,
		  const struct state_change *change, uint64_t generation,
		  struct kernel_error *error);

/* What was prepared is what the next start reads, and its entry is in the history. */
int state_commit(struct state *state, struct kernel_error *error);

/* It is not: drop what was prepared, if anything was. */
void state_abort(struct state *state);

/*
 * Write @entry, taken over (NULL: nothing), of a change after which the rules are those of @added, into
 * the history.  Errors are logged: the change is in force.
 */
void state_note(struct state *state, const struct policy *added, uint64_t generation, char *entry);

#endif
