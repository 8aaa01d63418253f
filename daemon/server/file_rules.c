// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The file: a line "rules DEFAULT", then "DIGEST NAME" of each rule, ascending by name, then "end".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "server/file_rules.h"

#define FILE_NAME "rules.files"
#define NEXT_NAME "rules.files.next"
#define RULES_MOST 100000 /* more are not saved */

/* ---- comparing ---- */

/* Rules by name, ascending, one after the other: of a policy or of the file. */
struct source {
	const struct policy *policy; /* NULL: of the file */
	size_t next; /* index in it */
	FILE *file;
	char *line;
	size_t size;
	bool broken; /* the file ended before its end */
	char name[SMC_POLICY_NAME_SIZE]; /* of the rule that it is at, "": there are no more */
	uint64_t digest; /* of a file's */
};

static void advance_file(struct source *source)
{
	source->name[0] = '\0';
	if (source->broken || getline(&source->line, &source->size, source->file) <= 0) {
		source->broken = true;
		return;
	}
	if (!strcmp(source->line, "end\n"))
		return;
	if (sscanf(source->line, "%16" SCNx64 " %63s", &source->digest, source->name) != 2) {
		source->name[0] = '\0';
		source->broken = true;
	}
}

static void advance(struct source *source)
{
	if (!source->policy)
		advance_file(source);
	else if (source->next < source->policy->n_rules)
		strcpy(source->name, source->policy->rules[source->next++]->name);
	else
		source->name[0] = '\0';
}

/* Of a policy: the rule that the source is at. */
static const struct policy_rule *rule_at(const struct source *source)
{
	return source->policy->rules[source->next - 1];
}

static uint64_t digest_at(const struct source *source)
{
	return source->policy ? policy_rule_digest(rule_at(source)) : source->digest;
}

/* Both sources are at rules of the same name. */
static void compare_same(struct history_draft *draft, const struct source *before,
			 const struct source *after)
{
	uint64_t old, new;

	if (before->policy && policy_rule_equal(rule_at(before), rule_at(after)))
		return;
	old = digest_at(before);
	new = digest_at(after);
	if (old != new)
		history_file(draft, after->name, &old, &new);
}

static void compare(struct history_draft *draft, struct source *before, struct source *after)
{
	uint64_t digest;

	advance(before);
	advance(after);
	while (before->name[0] || after->name[0]) {
		int order = !before->name[0]  ? 1
			    : !after->name[0] ? -1
					      : strcmp(before->name, after->name);

		if (!order) {
			compare_same(draft, before, after);
		} else {
			digest = digest_at(order < 0 ? before : after);
			history_file(draft, order < 0 ? before->name : after->name,
				     order < 0 ? &digest : NULL, order < 0 ? NULL : &digest);
		}
		if (order <= 0)
			advance(before);
		if (order >= 0)
			advance(after);
	}
}

void file_rules_compare(struct history_draft *draft, const struct policy *before,
			const struct policy *after)
{
	struct source from = { .policy = before }, to = { .policy = after };

	draft->default_before = before->default_action;
	draft->default_after = after->default_action;
	compare(draft, &from, &to);
}

/* The default action that the first line of @from names, or -1. */
static int read_default(struct source *from)
{
	char word[16] = "";

	if (getline(&from->line, &from->size, from->file) > 0)
		sscanf(from->line, "rules %15s", word);
	return word_find(&words_action, word);
}

void file_rules_compare_saved(struct history_draft *draft, const struct state *state,
			      const struct policy *after)
{
	autoclose int fd = openat(state->dir, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	autofclose FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	struct source from = { .file = file }, to = { .policy = after };
	int action;

	if (file)
		steal_fd(fd);
	action = file ? read_default(&from) : -1;
	if (action < 0) {
		history_forget_files(draft);
		return;
	}
	draft->default_before = action;
	draft->default_after = after->default_action;
	compare(draft, &from, &to);
	if (from.broken)
		history_forget_files(draft);
	free(from.line);
}

/* ---- saving ---- */

static int write_all(FILE *out, const struct policy *policy)
{
	const struct policy_rule *rule;

	fprintf(out, "rules %s\n", word_name(&words_action, (unsigned int)policy->default_action));
	policy_for_each(rule, policy)
		fprintf(out, "%016" PRIx64 " %s\n", policy_rule_digest(rule), rule->name);
	fprintf(out, "end\n");
	return fflush(out) || fsync(fileno(out)) ? -errno : 0;
}

void file_rules_save(const struct state *state, const struct policy *policy)
{
	autofclose FILE *out = NULL;
	int rc;

	if (policy->n_rules > RULES_MOST) {
		unlinkat(state->dir, FILE_NAME, 0);
		return;
	}
	out = state_create(state, NEXT_NAME);
	rc = out ? write_all(out, policy) : -errno;
	if (!rc && renameat(state->dir, NEXT_NAME, state->dir, FILE_NAME))
		rc = -errno;
	if (!rc)
		return;
	unlinkat(state->dir, NEXT_NAME, 0);
	log_warning("cannot write %s/" FILE_NAME
		    ": %s; the history will not know what changes in the "
		    "files while no daemon runs",
		    state->dir_path, strerror(-rc));
}
