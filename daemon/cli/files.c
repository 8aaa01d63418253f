// SPDX-License-Identifier: GPL-2.0-or-later
/* policy check and policy diff: configuration files, compared with nothing and with the daemon. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "files/config_files.h"
#include "policy/compile.h"

/* ---- check ---- */

/* What only compiling finds: a policy that is too large. */
static void check_compile(const struct policy *policy, struct policy_errors *errors)
{
	struct policy_image_options options = { 0 };
	struct policy_image image;
	struct policy_rule *rule;
	int rc;

	policy_for_each(rule, policy)
		rule->slot = SMC_POLICY_SLOT_FIRST + (uint32_t)rule_i;
	rc = policy_compile(policy, &options, &image);
	if (rc)
		policy_errors_add(errors, "the policy cannot be compiled: %s", strerror(-rc));
	policy_image_free(&image);
}

static json_t *errors_json(const struct policy_errors *errors)
{
	json_t *list = json_array();

	for (size_t i = 0; i < errors->count; i++)
		json_array_append_new(list, json_text(errors->lines[i]));
	return list;
}

static int print_check_json(int n, char **files, const struct policy_config *config,
			    const struct policy_errors *errors)
{
	json_t *names = json_array();
	autojson json_t *json = NULL;

	for (int i = 0; i < n; i++)
		json_array_append_new(names, json_text(files[i]));
	json = json_pack("{s:b, s:o, s:I, s:o}", "ok", !errors->count, "files", names, "rules",
			 (json_int_t)config->policy.n_rules, "errors", errors_json(errors));
	return cli_print_json(json);
}

int cli_policy_check(struct cli *cli)
{
	struct policy_errors errors = { 0 };
	struct policy_config config;
	int rc = CLI_DONE;

	policy_config_init(&config);
	for (int i = 0; i < cli->n_words; i++)
		config_files_read(cli->words[i], &config, &errors);
	if (!errors.count)
		check_compile(&config.policy, &errors);
	for (size_t i = 0; i < errors.count; i++)
		fprintf(stderr, "%s\n", errors.lines[i]);
	if (cli->json)
		rc = print_check_json(cli->n_words, cli->words, &config, &errors);
	for (int i = 0; i < cli->n_words && !cli->json && !errors.count; i++)
		printf("%s: ok\n", cli->words[i]);
	if (!cli->json && !errors.count)
		printf("%zu rules, default %s\n", config.policy.n_rules,
		       word_name(&words_action, (unsigned int)config.policy.default_action));
	if (errors.count)
		rc = CLI_FAILED;
	policy_errors_clear(&errors);
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
	char now[17] = "", from[64] = "", to[64] = "";

	if (new->peers_file)
		snprintf(now, sizeof(now), "%016" PRIx64, new->peers_digest);
	if (!strcmp(digest ? digest : "", now))
		return;
	if (digest)
		snprintf(from, sizeof(from), "%lld peers (%s)", (long long)peers, digest);
	if (*now)
		snprintf(to, sizeof(to), "%zu peers (%s)", new->n_peers - new->own_peers.n, now);
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

static int print_diff(const json_t *diff)
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
	return cli_finish(CLI_DONE);
}

/* The files of the command line, or those that the daemon reads. */
static int read_files(struct cli *cli, int n, char **files, struct policy_config *config)
{
	struct policy_errors errors = { 0 };
	autojson json_t *status = NULL;
	int rc = n ? CLI_DONE : cli_request(cli, "status", NULL, &status);

	if (rc)
		return rc;
	for (int i = 0; i < n; i++)
		config_files_read(files[i], config, &errors);
	if (!n) {
		const json_t *daemon = json_object_get(status, "daemon");
		const char *file = json_string_value(json_object_get(daemon, "config"));

		config_files_load(file ? file : POLICY_CONFIG_FILE, config, &errors);
	}
	for (size_t i = 0; i < errors.count; i++)
		fprintf(stderr, "%s\n", errors.lines[i]);
	if (errors.count)
		rc = cli_fail("a reload would be refused: correct the %zu error%s above",
			      errors.count, errors.count == 1 ? "" : "s");
	policy_errors_clear(&errors);
	return rc;
}

int cli_policy_diff(struct cli *cli)
{
	autojson json_t *list = NULL;
	autojson json_t *diff = NULL;
	struct policy_config config;
	int rc;

	policy_config_init(&config);
	rc = read_files(cli, cli->n_words, cli->words, &config);
	if (!rc)
		rc = cli_request(cli, "policy-list", NULL, &list);
	if (!rc) {
		diff = compare(list, &config.policy);
		rc = cli->json ? cli_print_json(diff) : print_diff(diff);
	}
	policy_config_clear(&config);
	return rc;
}
