// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/rule_json.h"
#include "common/trust.h"
#include "server/state.h"

#define FILE_NAME "rules.json"
#define NEXT_NAME "rules.json.next"
#define FORMAT 1

/* ---- reading ---- */

static int damaged(const struct state *state, struct kernel_error *error, const char *what)
{
	return kernel_fail(
		error, -EBADMSG,
		"%s is damaged: %s; repair it, or move it away to start without the rules "
		"that were added by command",
		state->path, what);
}

static int read_rule(const struct state *state, const json_t *json, struct policy *added,
		     struct kernel_error *error)
{
	struct value_error why;
	struct policy_rule *rule;

	if (rule_from_json(json, &rule, &why))
		return damaged(state, error, why.text);
	rule->origin = POLICY_ORIGIN_COMMAND;
	rule->expires = (uint64_t)json_integer_value(json_object_get(json, "expires"));
	if (policy_put(added, rule)) {
		policy_rule_free(rule);
		return damaged(state, error, "out of memory");
	}
	return 0;
}

static int read_rules(struct state *state, const json_t *root, struct policy *added,
		      struct kernel_error *error)
{
	const json_t *rules = json_object_get(root, "rules"), *rule;
	size_t i;
	int rc;

	if (json_integer_value(json_object_get(root, "format")) != FORMAT || !json_is_array(rules))
		return damaged(state, error, "not a rules file of this version");
	state->generation = (uint64_t)json_integer_value(json_object_get(root, "generation"));
	json_array_foreach(rules, i, rule) {
		rc = read_rule(state, rule, added, error);
		if (rc)
			return rc;
	}
	return 0;
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

	*state = (struct state){ .dir = -1 };
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
	return read_file(state, added, error);
}

void state_close(struct state *state)
{
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

static json_t *write_rules(const struct policy *added, uint64_t generation)
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
	return json_pack("{s:i, s:I, s:o}", "format", FORMAT, "generation", (json_int_t)generation,
			 "rules", rules);
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

int state_prepare(struct state *state, const struct policy *added, uint64_t generation,
		  struct kernel_error *error)
{
	autojson json_t *root = write_rules(added, generation);
	autofclose FILE *out = NULL;

	if (!root)
		return kernel_fail(error, -ENOMEM, "out of memory");
	out = state_create(state, NEXT_NAME);
	if (!out || json_dumpf(root, out, JSON_INDENT(1)) || fflush(out) || fsync(fileno(out))) {
		int rc = errno ? -errno : -EIO;

		state_abort(state);
		return kernel_fail(
			error, rc,
			"cannot write %s.next: %s; nothing was changed, use --runtime for a "
			"rule that need not survive",
			state->path, strerror(-rc));
	}
	return 0;
}

int state_commit(struct state *state, struct kernel_error *error)
{
	if (renameat(state->dir, NEXT_NAME, state->dir, FILE_NAME) || fsync(state->dir))
		return kernel_fail(error, -errno, "cannot replace %s: %s", state->path,
				   strerror(errno));
	return 0;
}

void state_abort(struct state *state)
{
	unlinkat(state->dir, NEXT_NAME, 0);
}
