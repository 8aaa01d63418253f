// SPDX-License-Identifier: GPL-2.0-or-later
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
#include "wire/rule_json.h"
#include "common/trust.h"
#include "server/state.h"

#define FILE_NAME "rules.json"
#define NEXT_NAME "rules.json.next"
#define JOURNAL_NAME "rules.journal"
#define FORMAT 2
#define FORMAT_WITHOUT_JOURNAL 1

/* A journal that is longer gives way to a new rules.json. */
#define JOURNAL_MAX (1024 * 1024)

/* ---- reading ---- */

static int damaged(const struct state *state, struct kernel_error *error, const char *what)
{
	return kernel_fail(
		error, -EBADMSG,
		"%s is damaged: %s; repair it, or move it away to start without the rules "
		"that were added by command",
		state->path, what);
}

static int damaged_journal(const struct state *state, struct kernel_error *error, unsigned int line,
			   const char *what)
{
	return kernel_fail(error, -EBADMSG,
			   "%s/" JOURNAL_NAME
			   ":%u is damaged: %s; remove that line, or move the file away to "
			   "start without the rules that it adds and with those that it removes",
			   state->dir_path, line, what);
}

static struct policy_rule *parse_rule(const json_t *json, struct value_error *why)
{
	static const char *const others[] = { "expires", NULL };
	struct policy_rule *rule;

	if (rule_from_json(json, others, &rule, why))
		return NULL;
	rule->origin = POLICY_ORIGIN_COMMAND;
	rule->expires = (uint64_t)json_integer_value(json_object_get(json, "expires"));
	return rule;
}

/* Put @rule, which is taken over, in the place of one of its name. */
static int keep_rule(struct policy *added, struct policy_rule *rule, struct value_error *why)
{
	policy_rule_free(policy_take(added, rule->name));
	if (!policy_put(added, rule))
		return 0;
	policy_rule_free(rule);
	snprintf(why->text, sizeof(why->text), "out of memory");
	return -ENOMEM;
}

static int read_rules(struct state *state, const json_t *root, struct policy *added,
		      struct kernel_error *error)
{
	json_int_t format = json_integer_value(json_object_get(root, "format"));
	const json_t *rules = json_object_get(root, "rules"), *rule;
	struct value_error why;
	size_t i;

	if ((format != FORMAT && format != FORMAT_WITHOUT_JOURNAL) || !json_is_array(rules))
		return damaged(state, error, "not a rules file of this version");
	state->generation = (uint64_t)json_integer_value(json_object_get(root, "generation"));
	if (format == FORMAT)
		state->id = json_integer_value(json_object_get(root, "journal"));
	json_array_foreach(rules, i, rule) {
		struct policy_rule *parsed = parse_rule(rule, &why);

		if (!parsed || keep_rule(added, parsed, &why))
			return damaged(state, error, why.text);
	}
	return 0;
}

/* One line of the journal, put to work on @added as a whole or not at all. */
static int read_change(struct state *state, const json_t *change, struct policy *added,
		       struct value_error *why)
{
	const json_t *gone = json_object_get(change, "gone"), *put = json_object_get(change, "put");
	struct policy_rule *rule = NULL;
	const json_t *name;
	size_t i;

	snprintf(why->text, sizeof(why->text), "not a change of rules");
	if (!json_is_integer(json_object_get(change, "generation")) || (!gone && !put))
		return -EBADMSG;
	json_array_foreach(gone, i, name)
		if (!json_is_string(name))
			return -EBADMSG;
	if (put) {
		rule = parse_rule(put, why);
		if (!rule)
			return -EBADMSG;
	}
	json_array_foreach(gone, i, name)
		policy_rule_free(policy_take(added, json_string_value(name)));
	state->generation = (uint64_t)json_integer_value(json_object_get(change, "generation"));
	return rule ? keep_rule(added, rule, why) : 0;
}

static int cannot_read_journal(const struct state *state, struct kernel_error *error)
{
	int rc = errno ? -errno : -EIO;

	return kernel_fail(error, rc, "cannot read %s/" JOURNAL_NAME ": %s", state->dir_path,
			   strerror(-rc));
}

/*
 * The lines of @file behind the first one.  The last one may have been written in part when the host
 * went down: nobody was told that it is kept.
 */
static int read_changes(struct state *state, FILE *file, struct policy *added,
			struct kernel_error *error)
{
	autofree char *line = NULL;
	struct value_error why;
	size_t size = 0;
	ssize_t length;

	for (unsigned int n = 2; (length = getline(&line, &size, file)) > 0; n++) {
		autojson json_t *change = NULL;
		json_error_t at = { 0 };

		if (line[length - 1] == '\n')
			change = json_loadb(line, (size_t)length, JSON_REJECT_DUPLICATES, &at);
		if (change && read_change(state, change, added, &why))
			return damaged_journal(state, error, n, why.text);
		if (!change &&
		    (json_error_code(&at) == json_error_out_of_memory || getc(file) != EOF))
			return damaged_journal(state, error, n, at.text);
		if (!change) {
			log_warning("%s/" JOURNAL_NAME
				    ":%u: a change that was never complete is left out",
				    state->dir_path, n);
			return 0;
		}
		state->size += length;
	}
	return feof(file) ? 0 : cannot_read_journal(state, error);
}

/* The journal, if it is the one of the rules.json that was read. */
static int read_journal(struct state *state, struct policy *added, struct kernel_error *error)
{
	autoclose int fd = openat(state->dir, JOURNAL_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	autofclose FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	autojson json_t *head = NULL;
	autofree char *line = NULL;
	json_error_t at;
	size_t size = 0;
	ssize_t length;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (!file)
		return cannot_read_journal(state, error);
	steal_fd(fd);
	length = getline(&line, &size, file);
	if (length <= 0 && !feof(file))
		return cannot_read_journal(state, error);
	/* The host went down before there was anything in it. */
	if (length <= 0 || line[length - 1] != '\n')
		return 0;
	head = json_loadb(line, (size_t)length, JSON_REJECT_DUPLICATES, &at);
	if (!json_is_integer(json_object_get(head, "journal")))
		return damaged_journal(state, error, 1, "not the head of a journal");
	if (!state->id || json_integer_value(json_object_get(head, "journal")) != state->id)
		return 0;
	state->size = length;
	return read_changes(state, file, added, error);
}

static int read_file(struct state *state, struct policy *added, struct kernel_error *error)
{
	autoclose int fd = openat(state->dir, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	autojson json_t *root = NULL;
	json_error_t at;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return kernel_fail(error, -errno, "cannot read %s: %s", state->path,
				   strerror(errno));
	root = json_loadfd(fd, JSON_REJECT_DUPLICATES, &at);
	if (!root)
		return damaged(state, error, at.text);
	return read_rules(state, root, added, error);
}

int state_open(struct state *state, const char *dir, struct policy *added,
	       struct kernel_error *error)
{
	char why[TRUST_WHY_SIZE];

	int rc;

	*state = (struct state){ .dir = -1, .journal = -1 };
	snprintf(state->dir_path, sizeof(state->dir_path), "%s", dir);
	snprintf(state->path, sizeof(state->path), "%.*s/" FILE_NAME, PATH_MAX - 32, dir);
	if (mkdir(dir, 0700) && errno != EEXIST)
		return kernel_fail(error, -errno, "cannot create state-dir %s: %s", dir,
				   strerror(errno));
	state->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state->dir < 0)
		return kernel_fail(error, -errno, "cannot open state-dir %s: %s", dir,
				   strerror(errno));
	if (!trust_path(dir, false, why))
		return kernel_fail(error, -EPERM, "state-dir: %s", why);
	rc = read_file(state, added, error);
	return rc ? rc : read_journal(state, added, error);
}

/* What comes now is written into a new journal. */
static void close_journal(struct state *state)
{
	if (state->journal >= 0)
		close(state->journal);
	state->journal = -1;
	state->size = 0;
}

void state_close(struct state *state)
{
	close_journal(state);
	if (state->dir >= 0)
		close(state->dir);
	state->dir = -1;
}

/* ---- writing ---- */

static json_t *write_rule(const struct policy_rule *rule)
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

static json_t *write_rules(const struct policy *added, uint64_t generation, int64_t id)
{
	json_t *rules = json_array();
	const struct policy_rule *rule;

	policy_for_each(rule, added) {
		if (rule->origin == POLICY_ORIGIN_COMMAND &&
		    json_array_append_new(rules, write_rule(rule))) {
			json_decref(rules);
			return NULL;
		}
	}
	return json_pack("{s:i, s:I, s:I, s:o}", "format", FORMAT, "generation",
			 (json_int_t)generation, "journal", (json_int_t)id, "rules", rules);
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
	autojson json_t *root = write_rules(added, generation, id);
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

/* @change as a line of the journal has it; NULL: out of memory. */
static json_t *write_change(const struct state_change *change, uint64_t generation)
{
	autojson json_t *gone = json_array();
	json_t *json;

	for (size_t i = 0; i < change->n_gone; i++)
		if (change->gone[i]->origin == POLICY_ORIGIN_COMMAND &&
		    json_array_append_new(gone, json_string(change->gone[i]->name)))
			return NULL;
	json = json_pack("{s:I, s:O}", "generation", (json_int_t)generation, "gone", gone);
	if (json && change->put && json_object_set_new(json, "put", write_rule(change->put))) {
		json_decref(json);
		return NULL;
	}
	return json;
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
		close_journal(state);
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
	autojson json_t *json = write_change(change, generation);
	autofree char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	size_t length = text ? strlen(text) : 0;
	int rc;

	if (!text)
		return kernel_fail(error, -ENOMEM, "out of memory");
	text[length++] = '\n'; /* in the place of the NUL */
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

int state_prepare(struct state *state, const struct policy *added,
		  const struct state_change *change, uint64_t generation,
		  struct kernel_error *error)
{
	return change && can_append(state) ? prepare_change(state, change, generation, error)
					   : prepare_file(state, added, generation, error);
}

int state_commit(struct state *state, struct kernel_error *error)
{
	if (state->appended) {
		state->size += state->appended;
		state->appended = 0;
		return 0;
	}
	if (renameat(state->dir, NEXT_NAME, state->dir, FILE_NAME) || fsync(state->dir))
		return kernel_fail(error, -errno, "cannot replace %s: %s", state->path,
				   strerror(errno));
	/* The journal there was is not the one of this file, and not read any more. */
	close_journal(state);
	state->id = state->next_id;
	return 0;
}

void state_abort(struct state *state)
{
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
