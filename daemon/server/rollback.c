// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "server/internal.h"
#include "server/rollback.h"

/* ---- the rules of then ---- */

static int unknown(const struct history *history, uint64_t generation, struct kernel_error *error)
{
	autojson json_t *oldest = history->n ? json_loads(history->entries[0], 0, NULL) : NULL;

	return kernel_fail(error, -ENOENT,
			   "generation %" PRIu64 " is not in the history, which begins with "
			   "generation %lld; \"smc-ebpf policy history\" lists it",
			   generation,
			   (long long)json_integer_value(json_object_get(oldest, "generation")));
}

/* Put what @item of an "undo" says into @rules. */
static int undo_item(struct policy *rules, const json_t *item)
{
	const json_t *json = json_object_get(item, "rule");
	const char *name = json_string_value(json_object_get(item, "name"));
	bool runtime = json_is_true(json_object_get(item, "runtime"));
	struct policy_rule *rule = NULL;
	struct value_error why;

	if (!name)
		return -EBADMSG;
	if (json)
		rule = state_rule_from_json(
			json, runtime ? POLICY_ORIGIN_RUNTIME : POLICY_ORIGIN_COMMAND, &why);
	if (json && !rule)
		return -EBADMSG;
	policy_rule_free(policy_take(rules, name));
	return rule ? policy_put(rules, rule) : 0;
}

static int undo_entry(struct policy *rules, const json_t *entry, struct kernel_error *error)
{
	const json_t *undo = json_object_get(entry, "undo"), *item;
	int rc = json_is_array(undo) ? 0 : -ENODATA;
	size_t i;

	json_array_foreach(undo, i, item)
		if (!rc)
			rc = undo_item(rules, item);
	return rc ? kernel_fail(error, rc,
				"what generation %lld replaced was too much to be kept, or is "
				"damaged: the history cannot go back before it",
				(long long)json_integer_value(json_object_get(entry, "generation")))
		  : 0;
}

/* What is true of the rules of files, from the newest entry back to the one behind @generation. */
struct files_then {
	json_t *names; /* NAME: [then, now], digests or null */
	json_t *action; /* the default of then as a number, NULL: as now */
	bool unknown;
};

static void undo_files(struct files_then *then, const json_t *entry)
{
	const json_t *files = json_object_get(entry, "files"), *item;
	size_t i;

	then->unknown |= !json_is_array(files);
	json_array_foreach(files, i, item) {
		const char *name = json_string_value(json_array_get(item, 0));
		json_t *pair = name ? json_object_get(then->names, name) : NULL;

		if (pair)
			json_array_set(pair, 0, json_array_get(item, 1));
		else if (name)
			json_object_set_new(then->names, name,
					    json_pack("[O, O]", json_array_get(item, 1),
						      json_array_get(item, 2)));
	}
	if (!json_object_get(entry, "default"))
		return;
	json_decref(then->action);
	then->action = json_incref(json_array_get(json_object_get(entry, "default"), 0));
}

/* A copy of the rules by command that are there; those whose ttl is over are not. */
static int copy_rules(const struct policy *from, struct policy *to)
{
	const struct policy_rule *rule;

	policy_init(to);
	policy_for_each(rule, from) {
		struct policy_rule *copy = policy_rule_copy(rule);
		int rc = copy ? policy_put(to, copy) : -ENOMEM;

		if (rc) {
			policy_rule_free(copy);
			return rc;
		}
		copy->expires = rule->expires;
	}
	return 0;
}

/* Take those out of @rules whose ttl is over. */
static void drop_ended(struct policy *rules)
{
	for (size_t i = rules->n_rules; i-- > 0;)
		if (rules->rules[i]->expires &&
		    rules->rules[i]->expires <= clock_ns(CLOCK_REALTIME))
			policy_rule_free(policy_take(rules, rules->rules[i]->name));
}

/*
 * The rules by command of @generation into @rules, to be cleared in any case, and what is known of those of
 * files into @then.
 */
static int find_rules(const struct server *server, uint64_t generation, struct policy *rules,
		      struct files_then *then, struct kernel_error *error)
{
	const struct history *history = &server->state.history;
	int rc = copy_rules(&server->added, rules);
	uint64_t at = server->generation + 1;

	if (rc)
		return kernel_fail(error, rc, "out of memory");
	for (size_t i = history->n; i-- > 0 && !rc;) {
		autojson json_t *entry = json_loads(history->entries[i], 0, NULL);
		uint64_t made = (uint64_t)json_integer_value(json_object_get(entry, "generation"));

		if (made <= generation) {
			at = generation;
			break;
		}
		at = made;
		rc = undo_entry(rules, entry, error);
		undo_files(then, entry);
	}
	/* Before the oldest entry there was the generation before it. */
	if (!rc && (generation > server->generation || generation + 1 < at))
		rc = unknown(history, generation, error);
	drop_ended(rules);
	return rc;
}

/* ---- what differs ---- */

static json_t *changed_fields(const struct policy_rule *from, const struct policy_rule *to)
{
	json_t *fields = json_object();

	for (int i = 0; policy_rule_keys[i]; i++) {
		autofree char *old = policy_rule_get(from, policy_rule_keys[i]);
		autofree char *new = policy_rule_get(to, policy_rule_keys[i]);

		if (old && new &&strcmp(old, new))
			json_object_set_new(fields, policy_rule_keys[i],
					    json_pack("{s:s, s:s}", "from", old, "to", new));
	}
	return fields;
}

static json_t *compare_rules(const struct policy *now, const struct policy *then)
{
	json_t *added = json_array(), *removed = json_array(), *changed = json_array();
	const struct policy_rule *rule, *other;

	policy_for_each(rule, then) {
		other = policy_find(now, rule->name);
		if (!other)
			json_array_append_new(added, json_string(rule->name));
		else if (!policy_rule_equal(rule, other))
			json_array_append_new(changed,
					      json_pack("{s:s, s:o}", "name", rule->name, "fields",
							changed_fields(other, rule)));
	}
	policy_for_each(rule, now)
		if (!policy_find(then, rule->name))
			json_array_append_new(removed, json_string(rule->name));
	return json_pack("{s:o, s:o, s:o}", "added", added, "removed", removed, "changed", changed);
}

static json_t *compare_files(const struct files_then *then)
{
	json_t *added = json_array(), *removed = json_array(), *changed = json_array(), *pair;
	json_t *files = json_pack("{s:o, s:o, s:o}", "added", added, "removed", removed, "changed",
				  changed);
	const char *name;

	json_object_foreach(then->names, name, pair) {
		json_t *old = json_array_get(pair, 0), *new = json_array_get(pair, 1);

		if (!json_equal(old, new))
			json_array_append_new(json_is_null(new)   ? added
					      : json_is_null(old) ? removed
								  : changed,
					      json_string(name));
	}
	if (!then->unknown)
		return files;
	json_decref(files);
	return json_null();
}

static const char *action_name(json_int_t action)
{
	return word_name(&words_action, (unsigned int)action);
}

static json_t *compare_defaults(const struct server *server, const struct files_then *then)
{
	int now = server->config.policy.default_action;
	json_int_t old = then->action ? json_integer_value(then->action) : now;

	if (old == now)
		return json_null();
	return json_pack("{s:s, s:s}", "from", action_name(now), "to", action_name(old));
}

json_t *rollback_preview(const struct server *server, uint64_t generation,
			 struct kernel_error *error)
{
	struct files_then then = { .names = json_object() };
	struct policy rules;
	json_t *json = NULL;

	if (!find_rules(server, generation, &rules, &then, error)) {
		json = compare_rules(&server->added, &rules);
		json_object_set_new(json, "files", compare_files(&then));
		json_object_set_new(json, "default", compare_defaults(server, &then));
	}
	policy_clear(&rules);
	json_decref(then.names);
	json_decref(then.action);
	return json;
}

/* ---- going back ---- */

static bool same_rules(const struct policy *a, const struct policy *b)
{
	if (!server_same_rules(a, b))
		return false;
	for (size_t i = 0; i < a->n_rules; i++)
		if (a->rules[i]->origin != b->rules[i]->origin)
			return false;
	return true;
}

static void describe(struct history_draft *draft, const struct policy *before,
		     const struct policy *after)
{
	const struct policy_rule *rule, *other;

	history_begin(draft);
	policy_for_each(rule, after) {
		other = policy_find(before, rule->name);
		if (!other || !policy_rule_equal(rule, other) || rule->origin != other->origin)
			history_rule(draft, rule->name, other, rule);
	}
	policy_for_each(rule, before)
		if (!policy_find(after, rule->name))
			history_rule(draft, rule->name, rule, NULL);
}

int rollback_do(struct server *server, uint64_t generation, bool *changed,
		struct kernel_error *error)
{
	struct files_then then = { .names = json_object() };
	struct state_change change = { .all = true };
	struct policy rules, before;
	struct history_draft draft;
	int rc = find_rules(server, generation, &rules, &then, error);

	*changed = false;
	json_decref(then.names);
	json_decref(then.action);
	if (rc || same_rules(&rules, &server->added)) {
		policy_clear(&rules);
		return rc;
	}
	describe(&draft, &server->added, &rules);
	history_remark(&draft, "as in generation %" PRIu64, generation);
	before = server->added;
	server->added = rules;
	rc = server_commit_added(server, &change, &draft, true, changed, error);
	if (rc) {
		rules = server->added;
		server->added = before;
	}
	policy_clear(rc ? &rules : &before);
	return rc;
}
