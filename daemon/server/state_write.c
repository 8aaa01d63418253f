// SPDX-License-Identifier: GPL-2.0-or-later
/* Writing what state.c reads. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "server/state_internal.h"

/* A journal that is longer gives way to a new rules.json. */
#define JOURNAL_MAX (1024 * 1024)

json_t *state_rule_to_json(const struct policy_rule *rule)
{
	json_t *json = json_pack("{s:s}", "name", rule->name);

	for (int i = 0; policy_rule_keys[i] && json; i++) {
		autofree char *text = policy_rule_get(rule, policy_rule_keys[i]);

		if (!text ||
		    (*text && json_object_set_new(json, policy_rule_keys[i], json_string(text)))) {
			json_decref(json);
			return NULL;
		}
	}
	if (json && rule->expires)
		json_object_set_new(json, "expires", json_integer((json_int_t)rule->expires));
	return json;
}

/* Those of @added that are of @origin; NULL: out of memory. */
static json_t *write_rules(const struct policy *added, enum policy_origin origin)
{
	json_t *rules = json_array();
	const struct policy_rule *rule;

	policy_for_each(rule, added) {
		if (rule->origin == origin &&
		    json_array_append_new(rules, state_rule_to_json(rule))) {
			json_decref(rules);
			return NULL;
		}
	}
	return rules;
}

/* All rules, and the history with state->entry. */
static json_t *write_all(const struct state *state, const struct policy *added, uint64_t generation,
			 int64_t id)
{
	json_t *history = history_entries(&state->history);

	if (state->entry && history)
		json_array_append_new(history, json_loads(state->entry, 0, NULL));
	return json_pack("{s:i, s:I, s:I, s:o, s:o, s:o}", "format", FORMAT, "generation",
			 (json_int_t)generation, "journal", (json_int_t)id, "rules",
			 write_rules(added, POLICY_ORIGIN_COMMAND), "runtime",
			 write_rules(added, POLICY_ORIGIN_RUNTIME), "history", history);
}

FILE *state_create(const struct state *state, const char *name)
{
	autoclose int fd = -1;
	FILE *file;

	unlinkat(state->dir, name, 0);
	fd = openat(state->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (file)
		steal_fd(fd);
	return file;
}

static int cannot_write(const struct state *state, const char *name, int rc,
			struct kernel_error *error)
{
	return kernel_fail(error, rc,
			   "cannot write %s/%s: %s; nothing was changed, use --runtime for a rule "
			   "that need not survive",
			   state->dir_path, name, strerror(-rc));
}

/* All rules, beside the file in force. */
static int prepare_file(struct state *state, const struct policy *added, uint64_t generation,
			struct kernel_error *error)
{
	int64_t id = (int64_t)(clock_ns(CLOCK_REALTIME) & INT64_MAX);
	autojson json_t *root = write_all(state, added, generation, id);
	autofclose FILE *out = NULL;

	if (!root)
		return kernel_fail(error, -ENOMEM, "out of memory");
	out = state_create(state, NEXT_NAME);
	if (!out || json_dumpf(root, out, JSON_INDENT(1)) || fflush(out) || fsync(fileno(out))) {
		int rc = errno ? -errno : -EIO;

		state_abort(state);
		return cannot_write(state, NEXT_NAME, rc, error);
	}
	state->next_id = id;
	return 0;
}

/* Whether @rule, which is gone, is to be named: it was kept, and @put does not take its place. */
static bool is_named(const struct policy_rule *rule, const struct policy_rule *put)
{
	bool replaced =
		put && put->origin == POLICY_ORIGIN_COMMAND && !strcmp(put->name, rule->name);

	return rule->origin == POLICY_ORIGIN_COMMAND && !replaced;
}

/* @change as a line of the journal has it, but for the history; NULL: out of memory. */
static json_t *write_change(const struct state_change *change, uint64_t generation)
{
	const struct policy_rule *put = change->put;
	autojson json_t *gone = json_array();
	json_t *json;

	for (size_t i = 0; i < change->n_gone; i++)
		if (is_named(change->gone[i], put) &&
		    json_array_append_new(gone, json_string(change->gone[i]->name)))
			return NULL;
	json = json_pack("{s:I, s:O}", "generation", (json_int_t)generation, "gone", gone);
	if (json && put && put->origin == POLICY_ORIGIN_COMMAND &&
	    json_object_set_new(json, "put", state_rule_to_json(put))) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* The line of @change with state->entry, its length into @length; to be freed, NULL: out of memory. */
static char *write_line(const struct state *state, const struct state_change *change,
			uint64_t generation, size_t *length)
{
	autojson json_t *json = write_change(change, generation);
	autofree char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	char *line;
	int rc;

	if (!text)
		return NULL;
	if (state->entry)
		rc = asprintf(&line, "%.*s,\"history\":%s}\n", (int)strlen(text) - 1, text,
			      state->entry);
	else
		rc = asprintf(&line, "%s\n", text);
	*length = (size_t)rc;
	return rc < 0 ? NULL : line;
}

/* A new journal; state->size is then what its first line takes. */
static int create_journal(struct state *state)
{
	FILE *file = state_create(state, JOURNAL_NAME);
	int length = -1;

	if (!file)
		return -errno;
	length = fprintf(file, "{\"format\": %d, \"journal\": %" PRId64 "}\n", FORMAT, state->id);
	if (length < 0 || fflush(file) || (state->journal = dup(fileno(file))) < 0 ||
	    fsync(state->dir)) {
		int rc = errno ? -errno : -EIO;

		fclose(file);
		state_close_journal(state);
		return rc;
	}
	fclose(file);
	state->size = length;
	return 0;
}

/* @text of @length bytes behind what the journal has, durably. */
static int append(struct state *state, const char *text, size_t length)
{
	int rc = state->size ? 0 : create_journal(state);
	ssize_t written;

	if (rc)
		return rc;
	/* What a change that was never complete has left there. */
	if (ftruncate(state->journal, state->size))
		return -errno;
	written = pwrite(state->journal, text, length, state->size);
	if (written == (ssize_t)length && !fdatasync(state->journal))
		return 0;
	return written < 0 || written == (ssize_t)length ? -errno : -ENOSPC;
}

static int prepare_change(struct state *state, const struct state_change *change,
			  uint64_t generation, struct kernel_error *error)
{
	size_t length = 0;
	autofree char *text = write_line(state, change, generation, &length);
	int rc;

	if (!text)
		return kernel_fail(error, -ENOMEM, "out of memory");
	state->appended = (off_t)length;
	rc = append(state, text, length);
	if (!rc)
		return 0;
	state_abort(state);
	return cannot_write(state, JOURNAL_NAME, rc, error);
}

/*
 * Whether the next change can go to the journal, or to a new one.  Somebody may have removed files, or
 * made them shorter.
 */
static bool can_append(struct state *state)
{
	struct stat st;

	if (!state->id || state->size > JOURNAL_MAX ||
	    fstatat(state->dir, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW))
		return false;
	if (state->size && state->journal < 0)
		state->journal =
			openat(state->dir, JOURNAL_NAME, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return !state->size ||
	       (!fstat(state->journal, &st) && st.st_nlink && st.st_size >= state->size);
}

static int write_prepared(struct state *state, const struct policy *added,
			  const struct state_change *change, uint64_t generation,
			  struct kernel_error *error)
{
	return change && !change->all && can_append(state)
		       ? prepare_change(state, change, generation, error)
		       : prepare_file(state, added, generation, error);
}

int state_prepare(struct state *state, const struct policy *added,
		  const struct state_change *change, uint64_t generation,
		  struct kernel_error *error)
{
	free(state->entry);
	state->entry = change && change->entry ? strdup(change->entry) : NULL;
	return write_prepared(state, added, change, generation, error);
}

static int replace_file(struct state *state, struct kernel_error *error)
{
	if (renameat(state->dir, NEXT_NAME, state->dir, FILE_NAME) || fsync(state->dir))
		return kernel_fail(error, -errno, "cannot replace %s: %s", state->path,
				   strerror(errno));
	/* The journal there was is not the one of this file, and not read any more. */
	state_close_journal(state);
	state->id = state->next_id;
	return 0;
}

int state_commit(struct state *state, struct kernel_error *error)
{
	int rc = 0;

	if (state->appended)
		state->size += state->appended;
	else
		rc = replace_file(state, error);
	state->appended = 0;
	history_add(&state->history, steal_ptr(state->entry));
	return rc;
}

void state_note(struct state *state, const struct policy *added, uint64_t generation, char *entry)
{
	struct state_change change = { .entry = entry };
	struct kernel_error error;
	int rc = entry ? state_prepare(state, added, &change, generation, &error) : 0;

	if (!entry)
		return;
	if (!rc)
		rc = state_commit(state, &error);
	else
		history_add(&state->history, steal_ptr(state->entry));
	if (rc)
		log_warning("cannot write the history in %s: %s; a restart of smc-policyd forgets "
			    "generation %" PRIu64 " there",
			    state->dir_path, strerror(-rc), generation);
	free(entry);
}

void state_abort(struct state *state)
{
	free(state->entry);
	state->entry = NULL;
	if (!state->appended) {
		unlinkat(state->dir, NEXT_NAME, 0);
		return;
	}
	state->appended = 0;
	/* What cannot be taken back must not be read: the next change writes the file anew. */
	if (state->journal < 0 || ftruncate(state->journal, state->size) ||
	    fdatasync(state->journal))
		state->id = 0;
}
