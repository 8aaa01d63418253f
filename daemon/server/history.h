/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last changes: of each its generation, when and by whom it was made, what it did, and what undoes
 * it.  An entry is one line of JSON, in memory as in the files of server/state.h:
 *
 *	{"generation", "time": us of CLOCK_REALTIME, "way", "rules": how many changed, "text",
 *	 "uid", "pid": of the client, where there was one,
 *	 "undo": [{"name", "rule": as it was before, absent if there was none, "runtime": bool}..],
 *	 "runtime": the rule that was added until the daemon ends, if one was,
 *	 "files": [[NAME, digest before or null, digest after or null]..],
 *	 "default": [before, after], if the default action changed}
 *
 * undo is null where it would take too much room, files where it is too long or not known.
 */
#ifndef SMC_POLICY_HISTORY_H
#define SMC_POLICY_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/rule.h"

#define HISTORY_MAX 100 /* entries */

/* Who makes a change. */
struct author {
	char way[32]; /* words of the command, or what else it is */
	bool known; /* by the two that follow */
	uid_t uid;
	pid_t pid;
};

/* Zero-initialised is empty. */
struct history {
	char *entries[HISTORY_MAX]; /* oldest first */
	size_t n;
	size_t size; /* bytes of all */
};

void history_clear(struct history *history);

/* Put @entry, taken over, behind the others; NULL: nothing.  The oldest give way. */
void history_add(struct history *history, char *entry);

/* The same with an entry of a file; what is none is left out. */
void history_take(struct history *history, const json_t *entry);

/* All entries, oldest first, as JSON; NULL: out of memory. */
json_t *history_entries(const struct history *history);

/*
 * The changes for people, newest first: [{"generation", "time": text, "uid", "pid": null if unknown,
 * "way", "rules", "text"}..].
 */
json_t *history_report(const struct history *history);

/* An entry that is being written. */
struct history_draft {
	json_t *undo, *files; /* NULL: left out */
	json_t *runtime; /* NULL: none */
	size_t size; /* bytes of rules in undo, about */
	size_t rules; /* that changed */
	size_t named; /* of them in text */
	char text[160];
	int default_before, default_after;
};

void history_begin(struct history_draft *draft);
void history_drop(struct history_draft *draft);

/* The rule by command called @name was @before and is @after; NULL: there is none. */
void history_rule(struct history_draft *draft, const char *name, const struct policy_rule *before,
		  const struct policy_rule *after);

/* The same of a rule of a file, by digest. */
void history_file(struct history_draft *draft, const char *name, const uint64_t *before,
		  const uint64_t *after);

/* A rule comes ('+'), goes ('-') or changes ('~') that rollback has nothing to do with. */
void history_name(struct history_draft *draft, char mark, const char *name);

/* What changed in the rules of files is not known. */
void history_forget_files(struct history_draft *draft);

/* Add words to what is told. */
__attribute__((format(printf, 2, 3))) void history_remark(struct history_draft *draft,
							  const char *format, ...);

/*
 * The entry of @draft, which is dropped, for the change by @author that makes @generation.  To be freed;
 * NULL: out of memory.
 */
char *history_end(struct history_draft *draft, uint64_t generation, const struct author *author);

#endif
