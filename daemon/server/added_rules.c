// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules that are added and deleted by command. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "server/internal.h"

static void commit(struct server *server)
{
	struct kernel_error error;

	if (state_commit(&server->state, &error))
		log_error("%s; the change is in force but will be lost at the next start",
			  error.text);
}

int server_commit_added(struct server *server, struct state_change *change,
			struct history_draft *draft, bool durable, bool *changed,
			struct kernel_error *error)
{
	uint64_t generation = server->generation + (draft->rules ? 1 : 0);
	autofree char *entry = history_end(draft, generation, &server->author);
	int rc = 0;

	change->entry = entry;
	if (durable)
		rc = state_prepare(&server->state, &server->added, change, generation, error);
	if (rc)
		return rc;
	rc = server_enforce(server, &server->config, changed, error);
	if (rc && durable)
		state_abort(&server->state);
	else if (durable)
		commit(server);
	else if (!rc)
		state_note(&server->state, &server->added, server->generation, steal_ptr(entry));
	return rc;
}

/* The rule called @name that counts, or that would if its ttl had not ended. */
static const struct policy_rule *find_rule(const struct server *server, const char *name)
{
	const struct policy_rule *rule = policy_find(&server->added, name);

	return rule ? rule : policy_find(&server->config.policy, name);
}

static const char *describe_origin(const struct policy_rule *rule, char *buf, size_t size)
{
	if (rule->origin == POLICY_ORIGIN_FILE)
		snprintf(buf, size, "%s:%u", rule->file, rule->line);
	else
		snprintf(buf, size, "%s",
			 rule->origin == POLICY_ORIGIN_COMMAND ? "policy add"
							       : "policy add --runtime");
	return buf;
}

/* Whether @rule is there already, so that adding it again changes nothing. */
static bool nothing_to_add(const struct policy_rule *before, const struct policy_rule *rule)
{
	return before && policy_rule_equal(before, rule) && !rule->ttl &&
	       (before->origin == rule->origin || before->origin == POLICY_ORIGIN_FILE);
}

/* Put @rule in the place of what @server->added has under its name.  Owns @rule. */
static int put_added(struct server *server, struct policy_rule *rule, bool *changed,
		     struct kernel_error *error)
{
	struct policy_rule *before = policy_take(&server->added, rule->name);
	bool kept = rule->origin == POLICY_ORIGIN_COMMAND;
	bool durable = kept || (before && before->origin == POLICY_ORIGIN_COMMAND);
	struct state_change change = { .put = rule, .gone = &before, .n_gone = before != NULL };
	struct history_draft draft;
	int rc = policy_put(&server->added, rule);

	history_begin(&draft);
	history_rule(&draft, rule->name, before, rule);
	if (rc)
		kernel_fail(error, rc, "out of memory");
	else
		rc = server_commit_added(server, &change, &draft, durable, changed, error);
	history_drop(&draft);
	if (!rc) {
		policy_rule_free(before);
		return 0;
	}
	policy_take(&server->added, rule->name);
	policy_rule_free(rule);
	if (before)
		policy_put(&server->added, before); /* there is room: it was there before */
	return rc;
}

int server_add_rule(struct server *server, struct policy_rule *rule, bool replace, bool *changed,
		    struct kernel_error *error)
{
	const struct policy_rule *before = find_rule(server, rule->name);
	char origin[PATH_MAX + 16];

	*changed = false;
	if (before && !policy_rule_equal(before, rule) && !replace) {
		kernel_fail(
			error, -EEXIST,
			"rule \"%s\" exists with other content (from %s); use --replace to change "
			"it",
			rule->name, describe_origin(before, origin, sizeof(origin)));
		policy_rule_free(rule);
		return -EEXIST;
	}
	if (nothing_to_add(before, rule)) {
		policy_rule_free(rule);
		return 0;
	}
	rule->expires = rule->ttl ? clock_ns(CLOCK_REALTIME) + rule->ttl * NSEC_PER_SEC : 0;
	return put_added(server, rule, changed, error);
}

static int check_deletable(const struct server *server, const char *name,
			   struct kernel_error *error)
{
	const struct policy_rule *rule = find_rule(server, name);
	char origin[PATH_MAX + 16];

	if (!rule)
		return kernel_fail(
			error, -ENOENT,
			"there is no rule \"%s\"; \"smc-ebpf policy list\" shows those that "
			"are",
			name);
	if (rule->origin == POLICY_ORIGIN_FILE)
		return kernel_fail(error, -EPERM,
				   "rule \"%s\" comes from %s; remove it there and run \"smc-ebpf "
				   "reload\"",
				   name, describe_origin(rule, origin, sizeof(origin)));
	return 0;
}

int server_del_rules(struct server *server, const char *const *names, size_t n,
		     struct kernel_error *error)
{
	struct state_change change;
	struct history_draft draft;
	struct policy taken;
	bool durable = false, changed;
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++)
		rc = check_deletable(server, names[i], error);
	if (rc || !n)
		return rc;
	policy_init(&taken);
	history_begin(&draft);
	for (size_t i = 0; i < n && !rc; i++) {
		struct policy_rule *rule = policy_take(&server->added, names[i]);

		if (!rule)
			continue; /* named twice */
		durable |= rule->origin == POLICY_ORIGIN_COMMAND;
		history_rule(&draft, rule->name, rule, NULL);
		rc = policy_put(&taken, rule);
	}
	change = (struct state_change){ .gone = taken.rules, .n_gone = taken.n_rules };
	rc = rc ? kernel_fail(error, rc, "out of memory")
		: server_commit_added(server, &change, &draft, durable, &changed, error);
	history_drop(&draft);
	while (rc && taken.n_rules)
		policy_put(&server->added, taken.rules[--taken.n_rules]);
	policy_clear(&taken);
	return rc;
}
