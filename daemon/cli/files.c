// SPDX-License-Identifier: GPL-2.0-or-later
/* policy check and policy diff: configuration files, compared with nothing and with the daemon. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/plural.h"
#include "files/config_files.h"
#include "policy/check.h"

/* ---- check ---- */

static json_t *lines_json(const struct policy_errors *errors)
{
	json_t *list = json_array();

	for (size_t i = 0; i < errors->count; i++)
		json_array_append_new(list, json_text(errors->lines[i]));
	return list;
}

/* What a check has found. */
struct findings {
	struct policy_errors errors, warnings;
};

static void clear_findings(struct findings *findings)
{
	policy_errors_clear(&findings->errors);
	policy_errors_clear(&findings->warnings);
}

static void print_findings(const struct findings *findings)
{
	for (size_t i = 0; i < findings->errors.count; i++)
		fprintf(stderr, "%s\n", findings->errors.lines[i]);
	for (size_t i = 0; i < findings->warnings.count; i++)
		cli_warn(findings->warnings.lines[i]);
}

static int print_check_json(int n, char **files, const struct policy_config *config,
			    const struct findings *findings)
{
	json_t *names = json_array();
	autojson json_t *json = NULL;

	for (int i = 0; i < n; i++)
		json_array_append_new(names, json_text(files[i]));
	json = json_pack("{s:b, s:o, s:I, s:o, s:o}", "ok", !findings->errors.count, "files", names,
			 "rules", (json_int_t)config->policy.n_rules, "errors",
			 lines_json(&findings->errors), "warnings",
			 lines_json(&findings->warnings));
	return cli_print_json(json);
}

static void print_check(int n, char **files, const struct policy *policy)
{
	for (int i = 0; i < n; i++)
		printf("%s: ok\n", files[i]);
	printf("%zu %s, default %s\n", policy->n_rules, plural(policy->n_rules, "rule", "rules"),
	       word_name(&words_action, (unsigned int)policy->default_action));
}

int cli_policy_check(struct cli *cli)
{
	struct findings found = { 0 };
	struct policy_config config;
	int rc = CLI_DONE;

	policy_config_init(&config);
	for (int i = 0; i < cli->n_words; i++)
		config_files_read(cli->words[i], &config, &found.errors);
	if (!found.errors.count)
		policy_check(&config.policy, &found.errors, &found.warnings);
	print_findings(&found);
	if (cli->json)
		rc = print_check_json(cli->n_words, cli->words, &config, &found);
	else if (!found.errors.count)
		print_check(cli->n_words, cli->words, &config.policy);
	if (found.errors.count)
		rc = CLI_FAILED;
	else if (cli_value(cli, "strict") && found.warnings.count)
		rc = cli_fail("--strict refuses what there are warnings about");
	clear_findings(&found);
	policy_config_clear(&config);
	return cli_finish(rc);
}

/* ---- diff ---- */

/* What differs in peers-files: their content, not where it lies. */
static void compare_lists(const json_t *old, const struct policy_rule *new, json_t *fields)
{
	const json_t *file = json_object_get(old, POLICY_PEERS_FILE);
	const char *digest = json_string_value(json_object_get(file, "digest"));
	json_int_t peers = cli_number(file, "peers");
	size_t n = new->n_peers - new->own_peers.n;
	char now[17] = "", from[64] = "", to[64] = "";

	if (new->peers_file)
		snprintf(now, sizeof(now), "%016" PRIx64, new->peers_digest);
	if (!strcmp(digest ? digest : "", now))
		return;
	if (digest)
		snprintf(from, sizeof(from), "%lld %s (%s)", (long long)peers,
			 plural((unsigned long long)peers, "peer", "peers"), digest);
	if (*now)
		snprintf(to, sizeof(to), "%zu %s (%s)", n, plural(n, "peer", "peers"), now);
	json_object_set_new(fields, POLICY_PEERS_FILE,
			    json_pack("{s:s, s:s}", "from", from, "to", to));
}

/* {KEY: {"from", "to"}} where the daemon's @old differs from @new; empty if nowhere. */
static json_t *changed_fields(const json_t *old, const struct policy_rule *new)
{
	json_t *fields = json_object();

	for (int i = 0; policy_rule_keys[i]; i++) {
		const char *key = policy_rule_keys[i];
		autofree char *from = cli_property(old, key);
		autofree char *to = policy_rule_get(new, key);

		if (from && to && strcmp(from, to))
			json_object_set_new(fields, key,
					    json_pack("{s:s, s:s}", "from", from, "to", to));
	}
	compare_lists(old, new, fields);
	return fields;
}

/* Rules of files have a place as origin, the others a word. */
static bool from_file(const json_t *rule)
{
	const char *origin = json_string_value(json_object_get(rule, "origin"));

	return origin && strcmp(origin, "command") && strcmp(origin, "runtime");
}

static const json_t *find_rule(const json_t *rules, const char *name)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
		if (!strcmp(cli_text(rule, "name"), name))
			return rule;
	return NULL;
}

static void compare_rule(const json_t *rules, const struct policy_rule *new, json_t *added,
			 json_t *changed)
{
	const json_t *old = find_rule(rules, new->name);
	json_t *fields;

	if (!old) {
		json_array_append_new(added, json_string(new->name));
		return;
	}
	if (!from_file(old))
		return; /* hidden by a rule that was added by command, before and after */
	fields = changed_fields(old, new);
	if (json_object_size(fields))
		json_array_append_new(changed,
				      json_pack("{s:s, s:o}", "name", new->name, "fields", fields));
	else
		json_decref(fields);
}

static json_t *compare(const json_t *list, const struct policy *policy)
{
	const json_t *rules = json_object_get(list, "rules"), *old;
	json_t *added = json_array(), *removed = json_array(), *changed = json_array();
	const char *now = json_string_value(json_object_get(list, "default"));
	const char *then = word_name(&words_action, (unsigned int)policy->default_action);
	const struct policy_rule *rule;
	size_t i;

	policy_for_each(rule, policy)
		compare_rule(rules, rule, added, changed);
	json_array_foreach(rules, i, old) {
		const char *name = cli_text(old, "name");

		if (from_file(old) && !policy_find(policy, name))
			json_array_append_new(removed, json_string(name));
	}
	return json_pack("{s:o, s:o, s:o, s:o}", "added", added, "removed", removed, "changed",
			 changed, "default",
			 now && strcmp(now, then) ? json_pack("{s:s, s:s}", "from", now, "to", then)
						  : json_null());
}

static void print_change(const char *what, const json_t *change, const char *key)
{
	const char *from = json_string_value(json_object_get(change, "from"));
	const char *to = json_string_value(json_object_get(change, "to"));

	printf("~ %s:%s%s %s -> %s\n", what, key ? " " : "", key ? key : "", *from ? from : "none",
	       *to ? to : "none");
}

static void print_changes(const json_t *diff)
{
	json_t *change = json_object_get(diff, "default"), *item, *fields;
	const char *key;
	size_t i;

	if (!json_is_null(change))
		print_change("default", change, NULL);
	json_array_foreach(json_object_get(diff, "added"), i, item)
		printf("+ %s\n", cli_string(item));
	json_array_foreach(json_object_get(diff, "removed"), i, item)
		printf("- %s\n", cli_string(item));
	json_array_foreach(json_object_get(diff, "changed"), i, item) {
		fields = json_object_get(item, "fields");
		json_object_foreach(fields, key, change)
			print_change(cli_text(item, "name"), change, key);
	}
	if (json_is_null(json_object_get(diff, "default")) &&
	    !json_array_size(json_object_get(diff, "added")) &&
	    !json_array_size(json_object_get(diff, "removed")) &&
	    !json_array_size(json_object_get(diff, "changed")))
		printf("no changes\n");
}

/* The files of the command line, or those that the daemon reads. */
static int read_files(struct cli *cli, int n, char **files, struct policy_config *config,
		      struct policy_errors *errors)
{
	autojson json_t *status = NULL;
	int rc = n ? CLI_DONE : cli_request(cli, "status", NULL, &status);

	if (rc)
		return rc;
	for (int i = 0; i < n; i++)
		config_files_read(files[i], config, errors);
	if (!n) {
		const json_t *daemon = json_object_get(status, "daemon");
		const char *file = json_string_value(json_object_get(daemon, "config"));

		config_files_load(file ? file : POLICY_CONFIG_FILE, config, errors);
	}
	return CLI_DONE;
}

/* Put the RULE @json, which was added by command, into @policy.  Returns 0 or a negative errno. */
static int put_added(struct policy *policy, const json_t *json)
{
	struct policy_rule *rule = policy_rule_new(cli_text(json, "name"));
	struct value_error error;
	int rc = rule ? 0 : -ENOMEM;

	for (int i = 0; !rc && policy_rule_keys[i]; i++) {
		autofree char *text = cli_property(json, policy_rule_keys[i]);

		if (!text)
			rc = -ENOMEM;
		else if (*text)
			rc = policy_rule_set(rule, policy_rule_keys[i], text, &error);
	}
	if (!rc)
		rc = policy_rule_check(rule, &error);
	if (!rc) {
		rule->origin = POLICY_ORIGIN_COMMAND;
		rc = policy_put(policy, rule);
	}
	if (rc)
		policy_rule_free(rule);
	return rc;
}

/* What a check of @policy together with the rules of @list that were added by command finds. */
static void check_merged(struct policy *policy, const json_t *list, struct findings *found)
{
	const json_t *rule;
	int rc = 0;
	size_t i;

	json_array_foreach(json_object_get(list, "rules"), i, rule)
		if (!rc && !from_file(rule))
			rc = put_added(policy, rule);
	if (rc)
		policy_errors_add(&found->errors, "cannot take over the rules in force: %s",
				  strerror(-rc));
	else
		policy_check(policy, &found->errors, &found->warnings);
}

/* @config is changed: rules that were added by command come into it. */
static int diff_files(const struct cli *cli, const json_t *list, struct policy_config *config,
		      struct findings *found)
{
	autojson json_t *diff = compare(list, &config->policy);

	check_merged(&config->policy, list, found);
	json_object_set_new(diff, "warnings", lines_json(&found->warnings));
	return cli_print(cli, diff, print_changes);
}

/* ---- against the history ---- */

static void print_files(const char *mark, const json_t *names)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
		printf("%s %s (of a file, not rolled back)\n", mark, cli_string(name));
}

void cli_print_rollback(const json_t *diff)
{
	const json_t *files = json_object_get(diff, "files");

	print_changes(diff);
	print_files("+", json_object_get(files, "added"));
	print_files("-", json_object_get(files, "removed"));
	print_files("~", json_object_get(files, "changed"));
	if (!json_is_object(files))
		puts("what changed in the files since is not known");
}

static int diff_generation(struct cli *cli)
{
	if (cli->n_words)
		return cli_usage(cli, "give --generation or files, not both");
	return cli_ask(cli, cli_print_rollback);
}

int cli_policy_diff(struct cli *cli)
{
	autojson json_t *list = NULL;
	struct findings found = { 0 };
	struct policy_config config;
	size_t n;
	int rc;

	if (cli_value(cli, "generation"))
		return diff_generation(cli);
	policy_config_init(&config);
	rc = read_files(cli, cli->n_words, cli->words, &config, &found.errors);
	if (!rc && !found.errors.count)
		rc = cli_request(cli, "policy-list", NULL, &list);
	if (!rc && list)
		rc = diff_files(cli, list, &config, &found);
	print_findings(&found);
	n = found.errors.count;
	if (!rc && n)
		rc = cli_fail("a reload would be refused: correct the %zu %s above", n,
			      plural(n, "error", "errors"));
	clear_findings(&found);
	policy_config_clear(&config);
	return rc;
}
