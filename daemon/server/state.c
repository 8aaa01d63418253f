// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening and reading; state_write.c writes. */
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
#include "common/json.h"
#include "common/log.h"
#include "wire/rule_json.h"
#include "common/trust.h"
#include "server/state_internal.h"

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

struct policy_rule *state_rule_from_json(const json_t *json, enum policy_origin origin,
					 struct value_error *why)
{
	static const char *const others[] = { "expires", NULL };
	struct policy_rule *rule;

	if (rule_from_json(json, others, &rule, why))
		return NULL;
	rule->origin = origin;
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

/* ---- the history ---- */

/* Put the rule until the daemon's end that @json has, if it is one, into state->passed. */
static void take_passed(struct state *state, const json_t *json)
{
	struct value_error why;
	struct policy_rule *rule =
		json ? state_rule_from_json(json, POLICY_ORIGIN_RUNTIME, &why) : NULL;

	if (rule)
		keep_rule(&state->passed, rule, &why);
}

/* Follow what @entry did to the rules that last until the daemon's end. */
static void follow_passed(struct state *state, const json_t *entry)
{
	const json_t *undo = json_object_get(entry, "undo"), *item;
	size_t i;

	if (!json_is_array(undo))
		policy_clear(&state->passed); /* which ones are gone is not known */
	json_array_foreach(undo, i, item) {
		const char *name = json_string_value(json_object_get(item, "name"));

		if (name)
			policy_rule_free(policy_take(&state->passed, name));
	}
	take_passed(state, json_object_get(entry, "runtime"));
}

/* What a rules.json has of the history; without it all else is as it is. */
static void read_history(struct state *state, const json_t *root)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(root, "history"), i, item)
		history_take(&state->history, item);
	json_array_foreach(json_object_get(root, "runtime"), i, item)
		take_passed(state, item);
}

/* ---- rules.json and the journal ---- */

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
		struct policy_rule *parsed =
			state_rule_from_json(rule, POLICY_ORIGIN_COMMAND, &why);

		if (!parsed || keep_rule(added, parsed, &why))
			return damaged(state, error, why.text);
	}
	read_history(state, root);
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
		rule = state_rule_from_json(put, POLICY_ORIGIN_COMMAND, why);
		if (!rule)
			return -EBADMSG;
	}
	json_array_foreach(gone, i, name)
		policy_rule_free(policy_take(added, json_string_value(name)));
	state->generation = (uint64_t)json_integer_value(json_object_get(change, "generation"));
	if (json_is_object(json_object_get(change, "history"))) {
		history_take(&state->history, json_object_get(change, "history"));
		follow_passed(state, json_object_get(change, "history"));
	}
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
	policy_init(&state->passed);
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

void state_close_journal(struct state *state)
{
	if (state->journal >= 0)
		close(state->journal);
	state->journal = -1;
	state->size = 0;
}

void state_close(struct state *state)
{
	state_close_journal(state);
	if (state->dir >= 0)
		close(state->dir);
	state->dir = -1;
	history_clear(&state->history);
	policy_clear(&state->passed);
	free(state->entry);
	state->entry = NULL;
}
